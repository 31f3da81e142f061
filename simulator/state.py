"""What the panel stores, in memory and in its file, and when an automatic step is due."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator

from simulator.agenda import own_steps
from simulator.catalogue import Pricelist
from simulator.clock import Clock
from simulator.document import Row
from simulator.entities import Account, CartRow, Charge, Event, Item, Payment, Subaccount
from simulator.itemtypes import ItemType
from simulator.knobs import Settings
from simulator.money import cents
from simulator.store import Store
from simulator.tariffs import default_catalogue

FIRST_ITEM = 900001
_NOT_SHOWN = frozenset({"latency_ms", "opening", "opening_delay"})
"""Knobs that no row of a list shows, turned while a load runs: 100,000 rows written anew take seconds."""


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account to be made when it is not there yet."""

    name: str
    password: str
    balance: Decimal
    currency: str


class _Meta(BaseModel):
    """The single values of the state."""

    next_id: int = FIRST_ITEM
    clock_offset: float = 0
    settings: Annotated[Settings, BeforeValidator(Settings.known)] = Settings()


class State:
    """State in memory, written through to the store.

    A function changes entities, calls ``touch`` for each, and ``commit`` writes them all in one transaction before
    the answer leaves.
    """

    def __init__(self, path: Path | None, accounts: Iterable[AccountSpec]) -> None:
        self._store = Store(path)
        self._specs = list(accounts)
        self.clock = Clock()
        self.news: deque[tuple[int, str]] | None = None
        """Changes of services (number, function) that a handler has not received yet; none: there is no handler."""
        self._load()

    def _load(self) -> None:
        self.meta = _Meta()
        self.accounts: dict[int, Account] = {}
        self.items: dict[int, Item] = {}
        self.owned: dict[tuple[int, ItemType], dict[int, Item]] = {}
        self.payments: dict[int, Payment] = {}
        self.charges: dict[int, Charge] = {}
        self.cart: dict[int, CartRow] = {}
        self.events: dict[int, Event] = {}
        self.pricelists: dict[int, Pricelist] = {}
        self.row_cache: dict[int, dict[str, Row]] = {}
        self.hidden: set[int] = set()
        """Services that nothing shows yet."""
        self.unlisted: set[int] = set()
        """Services that lists do not show yet, though their forms are there."""
        self.due: list[tuple[datetime, int]] = []
        self._changed: dict[tuple[str, int], BaseModel] = {}
        self._removed: set[tuple[str, int]] = set()
        for body in self._store.load("meta"):
            self.meta = _Meta.model_validate_json(body)
        self.clock.offset = timedelta(seconds=self.meta.clock_offset)
        for pricelist in default_catalogue():
            self.pricelists[pricelist.id] = pricelist
        for body in self._store.load("pricelist"):
            pricelist = Pricelist.model_validate_json(body)
            self.pricelists[pricelist.id] = pricelist
        self.accounts = {a.id: a for a in map(Account.model_validate_json, self._store.load("account"))}
        self.payments = {p.id: p for p in map(Payment.model_validate_json, self._store.load("payment"))}
        self.charges = {c.id: c for c in map(Charge.model_validate_json, self._store.load("charge"))}
        self.cart = {r.id: r for r in map(CartRow.model_validate_json, self._store.load("cart"))}
        self.events = {e.id: e for e in map(Event.model_validate_json, self._store.load("event"))}
        for item in map(Item.model_validate_json, self._store.load("item")):
            self._index(item)
            self.schedule(item)
        for spec in self._specs:
            if self.account_named(spec.name) is None:
                self.add_account(spec)
        self.commit()

    # -- keeping

    @property
    def settings(self) -> Settings:
        """The knobs."""
        return self.meta.settings

    def change_settings(self, settings: Settings) -> None:
        """Set the knobs; rows are written anew where they may look different now."""
        before, after = self.meta.settings.model_dump(), settings.model_dump()
        self.meta.settings = settings
        if any(after[name] != before[name] for name in after.keys() - _NOT_SHOWN):
            self.row_cache.clear()
        self._changed["meta", 0] = self.meta

    def move_clock(self) -> None:
        """Keep where the clock was moved to."""
        self.meta.clock_offset = self.clock.offset.total_seconds()
        self._changed["meta", 0] = self.meta

    def new_id(self) -> int:
        """The next number; numbers are never used twice."""
        number = self.meta.next_id
        self.meta.next_id += 1
        self._changed["meta", 0] = self.meta
        return number

    def touch(self, entity: Account | Item | Payment | Charge | CartRow | Event | Pricelist) -> None:
        """Note that an entity was made or changed."""
        match entity:
            case Account():
                self.accounts[entity.id] = entity
                self._changed["account", entity.id] = entity
            case Item():
                if entity.id not in self.items:
                    self._index(entity)
                self.row_cache.pop(entity.id, None)
                self.schedule(entity)
                self._changed["item", entity.id] = entity
            case Payment():
                self.payments[entity.id] = entity
                self._changed["payment", entity.id] = entity
            case Charge():
                self.charges[entity.id] = entity
                self._changed["charge", entity.id] = entity
            case CartRow():
                self.cart[entity.id] = entity
                self._changed["cart", entity.id] = entity
            case Event():
                self.events[entity.id] = entity
                self._changed["event", entity.id] = entity
            case Pricelist():
                self.pricelists[entity.id] = entity
                self.row_cache.clear()
                self._changed["pricelist", entity.id] = entity

    def remove(self, entity: Item | CartRow | Event | Charge) -> None:
        """Take an entity out of the state altogether."""
        match entity:
            case Item():
                del self.items[entity.id]
                del self.owned[entity.account, entity.type][entity.id]
                self.row_cache.pop(entity.id, None)
                self._forget("item", entity.id)
                self.empty_cart_of(entity)
            case CartRow():
                del self.cart[entity.id]
                self._forget("cart", entity.id)
            case Event():
                del self.events[entity.id]
                self._forget("event", entity.id)
            case Charge():
                del self.charges[entity.id]
                self._forget("charge", entity.id)

    def empty_cart_of(self, item: Item) -> None:
        """Take everything that concerns a service out of the cart."""
        for row in [row for row in self.cart.values() if row.item == item.id]:
            self.remove(row)

    def _forget(self, kind: str, number: int) -> None:
        self._changed.pop((kind, number), None)
        self._removed.add((kind, number))

    def commit(self) -> None:
        """Write what changed since the last time."""
        if not self._changed and not self._removed:
            return
        if self._store.keeps:
            saved = [(kind, number, entity.model_dump_json()) for (kind, number), entity in self._changed.items()]
            self._store.write(saved, self._removed)
        self._changed = {}
        self._removed = set()

    def reset(self) -> None:
        """Back to the state of a first start."""
        self._store.clear()
        self._load()

    def close(self) -> None:
        """Write and close the file."""
        self.commit()
        self._store.close()

    # -- who and what there is

    def account_named(self, name: str) -> Account | None:
        """The account with that login."""
        return next((account for account in self.accounts.values() if account.name == name), None)

    def add_account(self, spec: AccountSpec) -> Account:
        """A new customer; the opening balance is not a payment."""
        number = max(self.accounts, default=76) + 1
        account = Account(
            id=number,
            name=spec.name,
            password=spec.password,
            realname=f"{spec.name.capitalize()} Ltd",
            email=f"{spec.name}@example.test",
            subaccounts=[Subaccount(id=number * 10 + 1, currency=spec.currency, balance=cents(spec.balance))],
        )
        self.touch(account)
        return account

    def schedule_all(self) -> None:
        """Make the agenda anew, as the clock or the rules have changed."""
        self.due.clear()
        for item in self.items.values():
            self.schedule(item)

    def schedule(self, item: Item) -> None:
        """Put the service's next own step on the agenda."""
        for moment in own_steps(item):
            heapq.heappush(self.due, (moment, item.id))
        if item.visible_from is not None:
            self.hidden.add(item.id)
        if item.listed_from is not None:
            self.unlisted.add(item.id)

    def _index(self, item: Item) -> None:
        self.items[item.id] = item
        self.owned.setdefault((item.account, item.type), {})[item.id] = item
