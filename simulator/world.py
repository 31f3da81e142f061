"""The panel's whole state, and what changes it: money that comes and goes, and what services go through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from simulator.catalogue import Pricelist
from simulator.entities import Account, Charge, Event, HistoryEntry, Item, Operation, Payment
from simulator.errors import not_enough_money
from simulator.itemtypes import ItemType
from simulator.knobs import Refunds
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

    def pay_back(
        self, item: Item, amount: Decimal, form: Refunds, names: str = "item", currency: str | None = None
    ) -> None:
        """Give money back for a service, and note it in one of the forms that there are."""
        account = self.accounts[item.account]
        purse = account.purse(currency or item.currency)
        given = amount if currency else convert(amount, item.currency, purse.currency)
        named = {"item": "", "mark": item.remoteid, "domain": item.label, "nothing": ""}[names]
        text = f"Refund {named}".strip()
        charges = [one for one in self.charges.values() if one.item == item.id]
        charge = max(charges, key=lambda one: one.id, default=None)
        match form:
            case Refunds.NONE:
                return
            case Refunds.EXPENSE:
                refund = self.charge(item, Operation.REFUND, Decimal(0), text)
                refund.amount, refund.currency, refund.names_item = -given, purse.currency, names == "item"
                self.touch(refund)
            case Refunds.PAYMENT:
                payment = self.add_payment(account, given, purse.currency, refund=True)
                payment.text, payment.item = text, item.id if names == "item" else 0
                self.touch(payment)
            case Refunds.REDUCED if charge is not None:
                charge.amount -= given
                self.touch(charge)
            case Refunds.GONE if charge is not None:
                given = charge.amount
                self.remove(charge)
        purse.balance += given
        self.touch(account)

    def pay_back_at_the_end(self, item: Item) -> None:
        """What the panel gives back for a service that has ended, now or after a while."""
        if self.settings.refund_delay and item.refund_due is None:
            item.refund_due = self.clock.now() + timedelta(seconds=self.settings.refund_delay)
            return
        amount = cents(item.cost * self.settings.refund_percent / 100)
        self.pay_back(item, amount, self.settings.refunds, self.settings.refunds_name)

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
