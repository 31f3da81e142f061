"""The catalogue of the embedded stack: made from the sample, and left alone as soon as somebody has edited it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

SAMPLE: Final = Path(__file__).with_name("sample.toml")
_SIMULATOR: Final = re.compile(r'(?m)^url = "(http://127\.0\.0\.1:\d+)/billmgr"$')
_LOCAL: Final = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+")


def write(directory: Path, simulator_url: str, values: Mapping[str, str]) -> str:
    """Write `catalogue.toml`, unless it was edited. Returns what a person should know about that; empty: nothing.

    `values`: what else the sample wants to have filled in.
    """
    file, mark = directory / "catalogue.toml", directory / "catalogue.sha256"
    wanted = _filled(simulator_url, values)
    found = file.read_bytes() if file.exists() else None
    if found is not None and found != wanted and not _is_ours(found, mark, values):
        return _kept(file, found, simulator_url)
    file.write_bytes(wanted)
    mark.write_text(_digest(wanted) + "\n", encoding="ascii")
    return ""


def _filled(simulator_url: str, values: Mapping[str, str]) -> bytes:
    sample = Template(SAMPLE.read_text(encoding="utf-8"))
    return sample.substitute(values, simulator_url=simulator_url).encode()


def _is_ours(found: bytes, mark: Path, values: Mapping[str, str]) -> bool:
    """Whether it is as a stack wrote it: by its mark, or, from a time without marks, by being the sample."""
    if mark.exists():
        return mark.read_text(encoding="ascii", errors="replace").strip() == _digest(found)
    address = _SIMULATOR.search(found.decode(errors="replace"))
    return address is not None and found == _filled(address[1], values)


def _kept(file: Path, found: bytes, simulator_url: str) -> str:
    text = f"  {file.name} was edited: it stays as it is, and is loaded so."
    named = sorted(set(_LOCAL.findall(found.decode(errors="replace"))) - {simulator_url})
    if named:
        text += f" It names {', '.join(named)}; this stack's simulator is at {simulator_url}."
    return f"{text} To have the sample again, remove {file}."


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
