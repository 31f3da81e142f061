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
from simulator.document import Document, Format, Node, Shape, form, leads_to
from simulator.entities import Account
from simulator.errors import PanelError, Param, access, missed
from simulator.functions.domains import OF_DOMAINS
from simulator.itemtypes import Family, ItemType
from simulator.lifecycle import advance
from simulator.rendering import Style, render
from simulator.sessions import Gate, Session
from simulator.world import World

_REGISTERED: Final = functions.__all__  # importing the package registered them
_V2: Final = "v2."
_SUB_TYPE: Final = "vds.vps"
_SWITCHES: Final = frozenset({"suspend", "resume", "reboot", "hardreboot", "start", "stop"})
_NOT_LOADED: Final = "The module __value__ is not loaded"
SECOND_FACTOR_FORM: Final = "totp.confirm"


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
        lang = self.language(params)
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
        style = Style(
            settings.single_row == "bare", settings.bjson_error_text == "object", settings.sjson_values == "object"
        )
        return Answer(render(document, fmt, style), fmt, outcome, self._user, document.new_session)

    def language(self, params: Mapping[str, str]) -> str:
        """The language of the answer: English unless Russian is asked for, or the panel has nothing else."""
        return "ru" if "ru" in (params.get("lang"), self.world.settings.language) else "en"

    def _document(
        self, func: str, params: dict[str, str], cookies: Mapping[str, str], peer: str, lang: str, fmt: Format
    ) -> Document:
        if func == "auth":
            return self._log_in(params, peer)
        caller = self.gate.identify(params, cookies, peer, func)
        account = caller.account
        if account is not None:
            self._user = account.name
            if caller.half_open:
                return self._second_factor(func, params, account)
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
            typed=target.itemtype is not None,
        )
        return target.handler(call)

    def _log_in(self, params: dict[str, str], peer: str) -> Document:
        return self._session_answer(self.gate.log_in(params, peer))

    def _session_answer(self, session: Session) -> Document:
        self._user = self.world.accounts[session.account].name
        attributes = {"id": session.id, "level": str(CLIENT_LEVEL)}
        return Document(Shape.RESULT, [Node("auth", session.id, attributes)], new_session=session.id)

    def _second_factor(self, func: str, params: dict[str, str], account: Account) -> Document:
        """Until the second factor is given every function succeeds, does nothing, and leads to its form."""
        if func != SECOND_FACTOR_FORM:
            return leads_to(SECOND_FACTOR_FORM)
        if params.get("sok") != "ok":
            return form([Node("qrcode")])
        return self._session_answer(self.gate.confirm(account, params.get("qrcode", "")))

    def _speaks(self, func: str, target: _Target) -> bool:
        """Whether the panel has the product type, and knows its order function by this name."""
        settings, itemtype = self.world.settings, target.itemtype
        if itemtype is None:
            return True
        if itemtype not in settings.types:
            return False
        if func.startswith(_SUB_TYPE) and settings.server_list != _SUB_TYPE:
            return False
        if ".order" not in func or (itemtype.has_one_name and target.dialect == 5):
            return True
        return target.dialect in settings.dialects

    def _unknown(self, func: str) -> PanelError:
        match self.world.settings.unknown_function:
            case "missed":
                return missed("func", func)
            case "access":
                return access(func)
            case "not_implemented":
                return PanelError("not_implemented", "func")
            case "not_loaded":
                module = Param("value", func.removeprefix(_V2).partition(".")[0])
                return PanelError("missed", "module", Param("object", "module"), module, text=_NOT_LOADED)


@functools.cache
def _find(func: str) -> _Target | None:
    if func in plain_functions:
        return _Target(plain_functions[func], 5, None)
    name = func.removeprefix(_V2)
    dialect = 6 if name != func else 5
    if name.startswith(f"{_SUB_TYPE}."):
        name = f"{ItemType.VDS.value}.{name.removeprefix(f'{_SUB_TYPE}.')}"
    head, _, action = name.partition(".")
    itemtype = next((one for one in ItemType if one.value == head), None)
    if itemtype is None or action not in typed_functions:
        return None
    if dialect == 6 and (not action.startswith("order") or not itemtype.has_new_forms):
        return None
    return _Target(typed_functions[action], dialect, itemtype) if _has(itemtype, action) else None


def _has(itemtype: ItemType, action: str) -> bool:
    """Whether a product type has what only some have."""
    if action in _SWITCHES:
        return not itemtype.is_registered
    if action in OF_DOMAINS:
        return itemtype.family is Family.DOMAIN
    if action == "vps":
        return itemtype is ItemType.VDS
    return action != "checkip" or itemtype.is_licence


def format_of(out: str) -> Format:
    try:
        return Format(out)
    except ValueError:
        return Format.XML
