"""The panel: takes a request's parameters, finds who is calling and which function, answers a document."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from simulator import functions
from simulator.call import (
    CLIENT_LEVEL,
    Call,
    Function,
    anonymous_functions,
    plain_functions,
    typed_functions,
)
from simulator.document import Document, Format, Node, Shape
from simulator.entities import ItemType
from simulator.errors import PanelError, access, missed
from simulator.lifecycle import advance
from simulator.rendering import Style, render
from simulator.sessions import Gate
from simulator.world import World

_REGISTERED: Final = functions.__all__  # importing the package registered them
_V2: Final = "v2."
_SWITCHES: Final = frozenset({"suspend", "resume", "reboot", "hardreboot"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller, and how to speak of it in the request log."""

    body: str
    format: Format
    outcome: str
    """``ok``, or the error as ``type`` or ``type/object``."""
    account: str | None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    """A function that was found by name."""

    handler: Function
    dialect: int
    itemtype: ItemType | None


class Panel:
    """The functions over the state. One request at a time, from beginning to end."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gate = Gate(world)

    def handle(self, params: dict[str, str], cookies: Mapping[str, str], peer: str) -> Answer:
        """Answer one request; whatever it changed is kept before the answer leaves."""
        fmt = format_of(params.get("out", ""))
        lang = "ru" if params.get("lang") == "ru" else "en"
        func = params.get("func", "")
        self._user: str | None = None
        advance(self.world)
        try:
            document, outcome = self._document(func, params, cookies, peer, lang, fmt), "ok"
        except PanelError as error:
            user = self._user or "anonymous"
            level = CLIENT_LEVEL if self._user else 0
            document, outcome = error.document(func=func, user=user, level=level, lang=lang), str(error)
        self.world.commit()
        settings = self.world.settings
        style = Style(settings.single_row == "bare", settings.bjson_error_text == "object")
        return Answer(render(document, fmt, style), fmt, outcome, self._user, document.new_session)

    def _document(
        self, func: str, params: dict[str, str], cookies: Mapping[str, str], peer: str, lang: str, fmt: Format
    ) -> Document:
        if func == "auth":
            return self._log_in(params, peer)
        account, filters = self.gate.identify(params, cookies, peer, func)
        if account is not None:
            self._user = account.name
        elif func not in anonymous_functions:
            raise PanelError("auth")
        target = _find(func)
        if target is None or not self._speaks(func, target):
            raise self._unknown(func)
        call = Call(
            world=self.world,
            func=func,
            params=params,
            lang=lang,
            format=fmt,
            account=account,
            dialect=target.dialect,
            itemtype=target.itemtype or ItemType.VDS,
            session_filters=filters,
        )
        return target.handler(call)

    def _log_in(self, params: dict[str, str], peer: str) -> Document:
        session = self.gate.log_in(params, peer)
        self._user = self.world.accounts[session.account].name
        attributes = {"id": session.id, "level": str(CLIENT_LEVEL)}
        return Document(Shape.RESULT, [Node("auth", session.id, attributes)], new_session=session.id)

    def _speaks(self, func: str, target: _Target) -> bool:
        """Whether the panel knows an order function by this name. Some types have one name in both dialects."""
        if ".order" not in func or target.itemtype is None or not target.itemtype.has_new_forms:
            return True
        return target.dialect in self.world.settings.dialects

    def _unknown(self, func: str) -> PanelError:
        match self.world.settings.unknown_function:
            case "missed":
                return missed("func", func)
            case "access":
                return access(func)
            case "not_implemented":
                return PanelError("not_implemented", "func")


@functools.cache
def _find(func: str) -> _Target | None:
    if func in plain_functions:
        return _Target(plain_functions[func], 5, None)
    name = func.removeprefix(_V2)
    dialect = 6 if name != func else 5
    head, _, action = name.partition(".")
    if head not in set(ItemType) or action not in typed_functions:
        return None
    itemtype = ItemType(head)
    if dialect == 6 and (not action.startswith("order") or not itemtype.has_new_forms):
        return None
    if itemtype.is_registered and action in _SWITCHES:
        return None
    if action == "checkip" and not itemtype.is_licence:
        return None
    return _Target(typed_functions[action], dialect, itemtype)


def format_of(out: str) -> Format:
    try:
        return Format(out)
    except ValueError:
        return Format.XML
