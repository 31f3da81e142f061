"""Faults that can be laid in the way of requests."""

from __future__ import annotations

import asyncio
import codecs
import fnmatch
import itertools
import random
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class FaultKind(StrEnum):
    """What the client gets instead of a good answer."""

    CUT = "cut"
    """The connection is closed without a byte of an answer."""
    RESET = "reset"
    """The connection is reset (TCP RST)."""
    TRUNCATE = "truncate"
    """The head and half of the body, then the connection is closed."""
    STALL = "stall"
    """The good answer, ``seconds`` late. ``before``: it is carried out after the wait; ``after``: before the wait."""
    HANG = "hang"
    """Nothing for ``seconds``, then the connection is closed. ``before``: never carried out; ``after``: carried out."""
    TRICKLE = "trickle"
    """The good answer, byte after byte, so that the whole of it takes ``seconds``."""
    HTTP_429 = "http_429"
    """Too many requests: a gateway's error page."""
    HTTP_502 = "http_502"
    """A gateway's error page."""
    HTTP_503 = "http_503"
    """A gateway's error page."""
    HTML = "html"
    """An anti-robot page with status 200."""
    GARBAGE = "garbage"
    """Status 200 and a body that is no XML and no JSON."""
    ERROR = "error"
    """A panel error of a chosen type."""
    OK = "ok"
    """A bare ``ok``. ``before``: nothing was done, as where a deletion wants a phone call first."""
    REWRITE = "rewrite"
    """The good answer, written otherwise: see ``rewrites``, ``status``, ``headers`` and ``charset``."""


class FaultError(BaseModel):
    """The error that a fault of the kind ``error`` answers with."""

    model_config = ConfigDict(extra="forbid")

    type: str = "query"
    object: str | None = None
    params: dict[str, str] = Field(default_factory=dict)
    text: str | None = None


class FaultSpec(BaseModel):
    """Which requests are hit, when, how, and how often."""

    model_config = ConfigDict(extra="forbid")

    function: str = "*"
    """Shell pattern over the function name, such as ``*.order.param``."""
    kind: FaultKind
    when: Literal["before", "after"] = "before"
    """Before or after the request is carried out."""
    sok: bool | None = None
    """Only requests that commit (true) or only reads (false)."""
    account: str | None = None
    """Only requests of this login."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Only requests whose parameters match these shell patterns."""
    skip: int = Field(default=0, ge=0)
    """Let so many matching requests pass first."""
    times: int | None = Field(default=None, ge=1)
    """Hit so many requests, then be gone; without it, hit for ever."""
    probability: float = Field(default=1.0, ge=0, le=1)
    seconds: float = Field(default=30.0, ge=0)
    """How long a stall or a hang takes."""
    until_removed: bool = False
    """A stall or a hang ends as soon as the fault is taken away, and not before; `seconds` do not count."""
    retry_after: str | None = None
    """The header ``Retry-After`` of a 429 or 503."""
    error: FaultError = FaultError()
    rewrites: list[tuple[str, str]] = []
    """For a rewrite: regular expressions, and what stands in their place in the answer's text, one after another."""
    status: int = Field(default=200, ge=200, le=599)
    """For a rewrite: the status of the answer."""
    headers: dict[str, str] = Field(default_factory=dict)
    """For a rewrite: further headers, or other values for those that are there."""
    charset: str = "utf-8"
    """For a rewrite: how the text is encoded, in Python's name for it."""

    @field_validator("rewrites")
    @classmethod
    def _are_expressions(cls, rewrites: list[tuple[str, str]]) -> list[tuple[str, str]]:
        for pattern, _ in rewrites:
            try:
                re.compile(pattern)
            except re.error as wrong:
                raise ValueError(f"{pattern!r} is no regular expression: {wrong}") from wrong
        return rewrites

    @field_validator("charset")
    @classmethod
    def _is_a_charset(cls, name: str) -> str:
        try:
            codecs.lookup(name)
        except LookupError as unknown:
            raise ValueError(f"{name!r} is no character set that Python knows") from unknown
        return name

    def rewritten(self, text: str) -> bytes:
        """The answer's text as a rewrite writes it."""
        for pattern, put in self.rewrites:
            text = re.sub(pattern, put, text)
        return text.encode(self.charset, "replace")


class Fault(FaultSpec):
    """A fault that was laid."""

    id: int
    hits: int = 0

    def matches(self, params: Mapping[str, str], account: str | None) -> bool:
        """Whether a request is one of those to be hit."""
        if not fnmatch.fnmatchcase(params.get("func", ""), self.function):
            return False
        if self.sok is not None and self.sok is not (params.get("sok") == "ok"):
            return False
        if self.account is not None and self.account != account:
            return False
        return all(fnmatch.fnmatchcase(params.get(name, ""), value) for name, value in self.parameters.items())


class Faults:
    """The faults in force; not kept over a restart."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._removed: dict[int, asyncio.Event] = {}
        self._numbers = itertools.count(1)

    def add(self, spec: FaultSpec) -> Fault:
        """Lay a fault."""
        fault = Fault(id=next(self._numbers), **spec.model_dump())
        self._faults[fault.id] = fault
        self._removed[fault.id] = asyncio.Event()
        return fault

    def all(self) -> list[Fault]:
        """The faults in force, spent ones included."""
        return list(self._faults.values())

    def remove(self, number: int) -> bool:
        """Take one away; returns whether it was there."""
        removed = self._removed.pop(number, None)
        if removed is not None:
            removed.set()
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        """Take all away."""
        for number in list(self._faults):
            self.remove(number)

    def removal(self, fault: Fault) -> asyncio.Event | None:
        """Set once the fault is taken away; None if it is away already."""
        return self._removed.get(fault.id)

    def pick(self, params: Mapping[str, str], account: str | None) -> Fault | None:
        """The first fault that hits this request; counts the hit."""
        for fault in self._faults.values():
            if fault.times is not None and fault.hits >= fault.times:
                continue
            if not fault.matches(params, account):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.probability < 1 and random.random() >= fault.probability:  # noqa: S311 - no secret
                continue
            fault.hits += 1
            return fault
        return None
