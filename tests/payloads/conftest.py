import base64
from collections.abc import Callable
from pathlib import Path

import pytest

KeyFile = Callable[..., str]


def key_line(name: str, seed: int = 0) -> str:
    return f"{name} {base64.b64encode(bytes([seed] * 32)).decode()}"


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    """Writes these lines into a file, and tells where it is."""

    def write(*lines: str) -> str:
        file = tmp_path / "payload.keys"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(file)

    return write
