"""What the work at hand is for: fields that every line of the log gets while they are bound.

The first of them is the id of the request that began it (`X-Request-Id`). It is kept with the operation, so whoever
works for that later, in another process, binds it again.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

REQUEST = "request"
HEADER = "X-Request-Id"
LONGEST_ID = 128
"""Characters."""
_SANE = re.compile(rf"[A-Za-z0-9._:+/=@-]{{1,{LONGEST_ID}}}", re.ASCII)

Field = str | int
_bound: ContextVar[Mapping[str, Field]] = ContextVar("telemetry_fields", default=MappingProxyType({}))


def bound() -> Mapping[str, Field]:
    """All fields that are bound here."""
    return _bound.get()


def bind(**fields: Field | None) -> None:
    """From now on, in this task and in those that it starts. None leaves a field as it is."""
    _bound.set(_with(fields))


@contextmanager
def with_fields(**fields: Field | None) -> Iterator[None]:
    """The same for a block."""
    token = _bound.set(_with(fields))
    try:
        yield
    finally:
        _bound.reset(token)


def _with(fields: Mapping[str, Field | None]) -> Mapping[str, Field]:
    return {**_bound.get(), **{name: value for name, value in fields.items() if value is not None}}


def request_id() -> str | None:
    """The id of the request that is worked for. None: no request began it, or it is not known."""
    found = _bound.get().get(REQUEST)
    return str(found) if found else None


def is_for_an_operation() -> bool:
    return "operation" in _bound.get()


def is_sane(text: str) -> bool:
    """Whether it may be the id of a request: it goes into logs and headers as it is."""
    return _SANE.fullmatch(text) is not None


def new_id() -> str:
    return uuid.uuid4().hex
