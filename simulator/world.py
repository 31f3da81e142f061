"""The panel's whole state, and what changes it: money that comes and goes, and what services go through."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from simulator.catalogue import Pricelist
from simulator.entities import Account, Charge, Event, HistoryEntry, Item, Operation, Payment
from simulator.errors import not_enough_money
from simulator.itemtypes import ItemType
from simulator.money import cents, convert
from simulator.state import FIRST_ITEM, AccountSpec, State

__all__ = ["FIRST_ITEM", "AccountSpec", "World"]


class World(State):
    """Everything there is, with the operations that keep it consistent."""

    # -- accounts and money

    def top_up(self, account: Account, amount: Decimal, currency: str | None = None) -> Payment:
        """Money comes in."""
        purse = account.purse(currency) if currency else account.subaccounts[0]
        purse.balance += amount
        self.touch(account)
        return self.add_payment(account, amount, purse.currency)

    def add_payment(self, account: Account, amount: Decimal, currency: str, *, refund: bool = False) -> Payment:
        """Note in the list of payments what came in or went back."""
        payment = Payment(
            id=self.new_id(),
            account=account.id,
            amount=amount,
            currency=currency,
            created=self.clock.now(),
            refund=refund,
        )
        self.touch(payment)
        return payment

    def price(self, tariff: Pricelist, period: int, addons: Mapping[int, str]) -> Decimal:
        """What the account pays for a period: the list price less the discount."""
        return self.discounted(tariff.price(period, dict(addons)))

    def renewal_price(self, tariff: Pricelist, item: Item, period: int) -> Decimal:
        """What the account pays for one more period of a service."""
        return self.discounted(tariff.renewal_price(period, item.addons))

    def discounted(self, amount: Decimal) -> Decimal:
        """A list price less the discount."""
        return cents(amount * (100 - self.settings.discount_percent) / 100)

    def require_money(self, account: Account, amount: Decimal, currency: str) -> None:
        """Raise ``not_enough_money`` unless the account can pay."""
        purse = account.purse(currency)
        needed = convert(amount, currency, purse.currency)
        if needed > purse.available:
            raise not_enough_money(needed, purse)

    def charge(self, item: Item, operation: Operation, amount: Decimal, description: str) -> Charge:
        """Take money for a service (or give it back, when negative)."""
        account = self.accounts[item.account]
        purse = account.purse(item.currency)
        taken = convert(amount, item.currency, purse.currency)
        purse.balance -= taken
        charge = Charge(
            id=self.new_id(),
            account=account.id,
            item=item.id,
            operation=operation,
            amount=taken,
            currency=purse.currency,
            remoteid=item.remoteid,
            description=description,
            time=self.clock.now(),
        )
        self.touch(account)
        self.touch(charge)
        return charge

    # -- services

    def owned_by(self, account: Account, itemtype: ItemType) -> dict[int, Item]:
        """The services of an account, by ascending number."""
        return self.owned.setdefault((account.id, itemtype), {})

    def record(self, item: Item, action: str, user: str = "system") -> None:
        """Add a line to a service's history."""
        item.history.append(HistoryEntry(time=self.clock.now(), action=action, user=user))
        if self.news is not None:
            self.news.append((item.id, action))
        if self.settings.event_queue == "on" and action.startswith(("service.post", "item.")):
            self.add_event(item.account, item.id, action)

    def add_event(self, account: int, item: int, action: str) -> Event:
        """Put a change into an account's queue."""
        event = Event(id=self.new_id(), account=account, item=item, action=action, time=self.clock.now())
        self.touch(event)
        return event
