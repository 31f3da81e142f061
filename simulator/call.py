"""One request to the panel, and the table of functions that answer requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.document import Document, Format
from simulator.entities import Account, Item
from simulator.errors import access, missed
from simulator.itemtypes import ItemType
from simulator.world import World

CLIENT_LEVEL: Final = 16


@dataclass(slots=True)
class Call:
    """A request whose caller is known."""

    world: World
    func: str
    params: dict[str, str]
    lang: str
    format: Format
    account: Account | None
    dialect: int = 5
    itemtype: ItemType = ItemType.VDS
    typed: bool = False
    """Whether the function belongs to a product type."""

    @property
    def sent(self) -> bool:
        """Whether the form was sent (``sok=ok``) rather than opened."""
        return self.params.get("sok") == "ok"

    @property
    def client(self) -> Account:
        """The caller; an anonymous one has no right to go on."""
        if self.account is None:
            raise access(self.func)
        return self.account

    def text(self, name: str) -> str:
        """A parameter, stripped; empty when absent."""
        return self.params.get(name, "").strip()

    def item(self, *, of_type: bool = True) -> Item:
        """The caller's service named by ``elid``, or the error that there is none."""
        return self._item(self.text("elid"), of_type=of_type)

    def items(self, *, of_type: bool = True) -> list[Item]:
        """The caller's services named by ``elid``: one number, or several joined by commas."""
        return [self._item(elid.strip(), of_type=of_type) for elid in self.text("elid").split(",")]

    def _item(self, elid: str, *, of_type: bool) -> Item:
        number = whole_number(elid)
        item = None if number is None else self.world.items.get(number)
        obj = self.itemtype.value if of_type else "item"
        if item is None or item.account != self.client.id or item.id in self.world.hidden:
            raise missed(obj, elid)
        if of_type and item.type is not self.itemtype:
            raise missed(obj, elid)
        return item


def whole_number(text: str) -> int | None:
    """A number in plain digits, or nothing."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


Function = Callable[[Call], Document]

plain_functions: Final[dict[str, Function]] = {}
"""Functions with a name of their own, such as ``whoami``."""

typed_functions: Final[dict[str, Function]] = {}
"""Functions of a product type, by what follows the type: ``""`` is the list, ``edit`` the form."""

anonymous_functions: Final[set[str]] = set()
"""Functions that answer without authentication."""


def function(*names: str, anonymous: bool = False) -> Callable[[Function], Function]:
    """Register a function under its names."""

    def register(handler: Function) -> Function:
        for name in names:
            plain_functions[name] = handler
            if anonymous:
                anonymous_functions.add(name)
        return handler

    return register


def typed_function(*actions: str) -> Callable[[Function], Function]:
    """Register what a product type does, by what follows the type's name."""

    def register(handler: Function) -> Function:
        for action in actions:
            typed_functions[action] = handler
        return handler

    return register
