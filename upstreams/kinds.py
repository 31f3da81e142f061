"""Which kinds of upstreams are installed: the entry points of the group `resellflow.upstreams`."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from upstreams.adapter import Adapter, AnyAdapter

GROUP = "resellflow.upstreams"


class UnknownKind(LookupError):
    """No adapter of this kind is installed. The message names those that are."""

    def __init__(self, kind: str) -> None:
        there = f"there is {', '.join(kinds())}" if kinds() else "none is installed; run `make install`"
        super().__init__(f'there is no kind of upstream "{kind}"; {there}')


def kinds() -> tuple[str, ...]:
    """The kinds that are installed, in order of their names. Loads none of them."""
    return tuple(_installed())


@cache
def adapter_of(kind: str) -> AnyAdapter:
    """The adapter of this kind. Raises UnknownKind."""
    entry = _installed().get(kind)
    if entry is None:
        raise UnknownKind(kind)
    adapter = entry.load()
    if not isinstance(adapter, Adapter) or adapter.kind != kind:
        raise TypeError(f'entry point "{kind}" ({entry.value}) has to name an Adapter of that kind')
    return adapter


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}
