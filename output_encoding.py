"""Lets output be written whatever the encoding of the terminal, pipe or file is."""

import codecs
import io
import sys

_PLAINLY = "resellflow.plainly"
_PLAIN = str.maketrans(
    {"→": "->", "←": "<-", "…": "...", "–": "-", "—": "-", "×": "x", "·": "-", "≤": "<=", "≥": ">=", "\u00a0": " "}
)


def replace_unencodable() -> None:
    """From now on characters that an output cannot encode are replaced: by plain ones, or by their number.

    Python does as much for stderr. To a stdout in ASCII or Latin-1, a `→` would end a command after its work was done.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAINLY)


def encodes_everything(stream: object) -> bool:
    """Whether every character can be written there as it is."""
    encoding = getattr(stream, "encoding", None)
    return encoding is None or codecs.lookup(encoding).name.startswith("utf")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(_PLAINLY, _plainly)
