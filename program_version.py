"""Which Resellflow this is: the number of its release, and the commit that it was made of, where that is known.

VERSION is the one place of the number: pyproject.toml, the API, the metrics and the log take it from here, so a program
says what it is, whatever else is installed beside it. Between two releases it is the number of the next one with
`.dev0`.
"""

import subprocess
from functools import cache
from pathlib import Path

VERSION = "0.2.0.dev0"

_WRITTEN = "$Format:%H$"
"""`git archive` and the image's build put the commit in this place. In a working copy nobody has."""
_DIGITS = 12
_PATIENCE_SECONDS = 5.0


@cache
def commit() -> str:
    """The first twelve digits of the commit; empty: nobody knows."""
    if not _WRITTEN.startswith("$"):
        return _WRITTEN[:_DIGITS]
    here = Path(__file__).parent
    if not (here / ".git").exists():  # in a repository of somebody else, it would be their commit
        return ""
    asked = ["git", "-C", str(here), "rev-parse", f"--short={_DIGITS}", "HEAD"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=_PATIENCE_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def in_words() -> str:
    """`0.1.0 (commit 0123456789ab)`, for people."""
    return f"{VERSION} (commit {commit()})" if commit() else VERSION
