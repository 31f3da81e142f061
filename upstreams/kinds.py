"""Which kinds of upstreams are installed: the entry points of the group `resellflow.upstreams`."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from upstreams.adapter import Adapter, AnyAdapter

GROUP = "resellflow.upstreams"
_FOLDERS = Path(__file__).parent
NONE_INSTALLED = "none is installed; run `make install`"


class UnknownKind(LookupError):
    """There is no adapter of this kind. The message says why, and names those that there are."""


def kinds() -> tuple[str, ...]:
    """The kinds that are installed, in order of their names. Loads none of them."""
    return tuple(_installed())


@cache
def adapter_of(kind: str) -> AnyAdapter:
    """The adapter of this kind. Raises UnknownKind."""
    entry = _installed().get(kind)
    if entry is None:
        there = f"there is {', '.join(kinds())}" if kinds() else NONE_INSTALLED
        raise UnknownKind(f'there is no kind of upstream "{kind}"; {not_installed(kind) or there}')
    try:
        adapter = entry.load()
    except (ImportError, AttributeError) as error:
        raise UnknownKind(f'the adapter of "{kind}" ({entry.value}) can\'t be loaded: {error}') from error
    if not isinstance(adapter, Adapter) or adapter.kind != kind:
        raise UnknownKind(f'the entry point "{kind}" ({entry.value}) names no adapter of that kind')
    return adapter


def not_installed(kind: str) -> str:
    """What is to be done where the folder of the kind is there and its entry point is not; empty: it is not."""
    if kind in kinds() or not kind.isidentifier() or not (_FOLDERS / kind / "__init__.py").is_file():
        return ""
    return f"the folder upstreams/{kind} is there, so run `make install` after its new entry point in pyproject.toml"


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}
