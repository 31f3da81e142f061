"""The migrations of the schema, one file each in `versions/`. This imports nothing, because `resell --version` asks."""

from pathlib import Path

NEWEST_REVISION = max(file.name[:4] for file in (Path(__file__).parent / "versions").glob("[0-9]*.py"))
"""The newest of the migrations that this program brings."""
