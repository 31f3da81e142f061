"""Orders that wait to be paid: putting them there, paying them, and what happens then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from simulator.entities import Account, CartRow, Item, Operation, Pending, Status
from simulator.errors import PanelError
from simulator.lifecycle import after_period, begin, start_opening
from simulator.world import World


def rows_of(world: World, account: Account) -> list[CartRow]:
    """What waits in an account's cart, oldest first."""
    return [row for row in world.cart.values() if row.account == account.id]


def put(
    world: World,
    item: Item,
    operation: Operation,
    amount: Decimal,
    period: int,
    addons: Mapping[int, str] | None = None,
) -> CartRow:
    """Put an order, a renewal or a change into the cart of the service's owner."""
    row = CartRow(
        id=world.new_id(),
        account=item.account,
        item=item.id,
        operation=operation,
        amount=amount,
        currency=item.currency,
        period=period,
        created=world.clock.now(),
        addons=dict(addons or {}),
        billorder=_billorder(world, item.account),
    )
    world.touch(row)
    return row


def _billorder(world: World, account: int) -> int:
    """The number under which the account pays what is in its cart: one for all, or each row its own."""
    if world.settings.billorder == "own":
        return 0
    waiting = (row.billorder for row in world.cart.values() if row.account == account and row.billorder)
    return next(waiting, None) or world.new_id()


def pay(world: World, account: Account, rows: Iterable[CartRow]) -> None:
    """Pay rows from the balance, all or none; too little money leaves everything in the cart."""
    rows = list(rows)
    for currency in {row.currency for row in rows}:
        total = sum((row.amount for row in rows if row.currency == currency), start=Decimal(0))
        world.require_money(account, total, currency)
    for row in rows:
        item = world.items[row.item]
        world.charge(item, row.operation, row.amount, f"{row.operation.value} of {item.label}")
        world.remove(row)
        _carry_out(world, row, item)


def _carry_out(world: World, row: CartRow, item: Item) -> None:
    match row.operation:
        case Operation.PROLONG:
            expiredate = after_period(item.expiredate or world.clock.today(), row.period)
            begin(world, item, Pending(operation=Operation.PROLONG, expiredate=expiredate))
        case Operation.SETPARAM:
            begin(world, item, Pending(operation=Operation.SETPARAM, addons=row.addons))
        case _:
            item.unpaid = False
            start_opening(world, item)


def pay_what_waits(world: World, account: Account) -> None:
    """Pay from new money what waits: the cart's rows, then what was refused for want of money and left there."""
    for row in rows_of(world, account):
        try:
            pay(world, account, [row])
        except PanelError:
            return
    for item in [item for item in world.items.values() if item.account == account.id and item.unpaid]:
        if item.status is not Status.ORDERED:
            continue
        try:
            world.require_money(account, item.cost, item.currency)
        except PanelError:
            return
        world.charge(item, Operation.OPEN, item.cost, f"Order of {item.label}")
        item.unpaid = False
        start_opening(world, item)
