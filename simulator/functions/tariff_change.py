"""``service.changepricelist``: another tariff, as a wizard of three steps or in one shot."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from simulator import money
from simulator.call import Call, function
from simulator.catalogue import Pricelist
from simulator.document import Document, Node, done, fields, form, leads_to, slist
from simulator.entities import Item, Operation, Pending, Status
from simulator.errors import PanelError, Param, bad_value
from simulator.functions.lists import tparams
from simulator.functions.states import living
from simulator.lifecycle import begin, cost_after
from simulator.money import cents

DAYS_PER_MONTH = 30


@dataclass(frozen=True, slots=True)
class _Change:
    """A checked change of tariff."""

    item: Item
    old: Pricelist
    new: Pricelist
    cost: Decimal
    """Cost of a period on the new tariff."""
    extra: Decimal
    """What the rest of the paid time costs more; a cheaper tariff pays nothing back."""

    @property
    def disk_differs(self) -> bool:
        """Whether somebody has to look after the disk."""
        return self.old.resources.get("disk") != self.new.resources.get("disk")


@function("service.changepricelist")
def change(call: Call) -> Document:
    """The tariffs to choose from; with ``pricelist`` and ``sok`` the change itself."""
    item = living(call.item(of_type=False), Status.ACTIVE)
    if call.sent and call.text("pricelist"):
        change = _checked(call, item)
        return _commit(call, change) if call.world.settings.tariff_change == "one_shot" else _next(call, "pricelist")
    choices = [(str(tariff.id), tariff.name) for tariff in _choices(call, item)]
    return form([*tparams(call), Node("elid", str(item.id)), slist("pricelist", choices)])


@function("service.changepricelist.pricelist")
def quote(call: Call) -> Document:
    """The second step: what the change costs; sent, it only leads to the last one."""
    change = _checked(call, living(call.item(of_type=False), Status.ACTIVE))
    if call.sent and call.func.endswith(".pricelist"):
        return _next(call, "getmoney")
    item, style = change.item, call.world.settings.money_style
    day = item.expiredate.isoformat() if item.expiredate else ""
    extra = money.text(change.extra, item.currency, style)
    values = [
        ("elid", str(item.id)),
        ("pricelist", str(change.new.id)),
        ("money_info", extra),
        ("oldprice", money.text(item.cost, item.currency, style)),
        ("newprice", money.text(change.cost, item.currency, style)),
        ("oldpricelist", change.old.name),
        ("newpricelist", change.new.name),
        ("oldexpiredate", day),
        ("newexpiredate", day),
    ]
    return form([*tparams(call), *fields(values)])


@function("service.changepricelist.getmoney")
def confirm(call: Call) -> Document:
    """The last step: with ``sok`` the change is paid and begun."""
    if not call.sent:
        return quote(call)
    return _commit(call, _checked(call, living(call.item(of_type=False), Status.ACTIVE)))


def _next(call: Call, step: str) -> Document:
    """Nothing is done yet: the wizard goes on."""
    chosen = f"elid={call.text('elid')}&pricelist={call.text('pricelist')}"
    return leads_to(f"service.changepricelist.{step}&{chosen}")


def _choices(call: Call, item: Item) -> list[Pricelist]:
    return [
        tariff
        for tariff in call.world.pricelists.values()
        if tariff.type is item.type and tariff.active and tariff.id != item.pricelist and item.period in tariff.prices
    ]


def _checked(call: Call, item: Item) -> _Change:
    value = call.text("pricelist")
    new = next((tariff for tariff in _choices(call, item) if str(tariff.id) == value), None)
    if new is None:
        raise bad_value("pricelist", value)
    if call.text("period") and call.text("period") != str(item.period):
        raise bad_value("period", call.text("period"))
    old = call.world.pricelists[item.pricelist]
    cost = cost_after(call.world, item, old, new)
    difference = max(cost - item.cost, Decimal(0))
    left = (item.expiredate - call.world.clock.today()).days if item.expiredate else 0
    paid = max(item.period, 1) * DAYS_PER_MONTH
    extra = cents(difference * min(max(left, 0), paid) / paid)
    return _Change(item, old, new, cost, extra)


def _commit(call: Call, change: _Change) -> Document:
    item, world = change.item, call.world
    knob = world.settings.disk_change
    if change.disk_differs and knob == "refused":
        raise PanelError("forbidden", "pricelist", Param("value", str(change.new.id)))
    if change.extra > 0:
        world.require_money(call.client, change.extra, item.currency)
        world.charge(item, Operation.CHANGEPRICELIST, change.extra, f"Change of {item.label} to {change.new.name}")
    world.record(item, call.func, call.client.name)
    pending = Pending(operation=Operation.CHANGEPRICELIST, pricelist=change.new.id)
    begin(world, item, pending, by_hand=change.disk_differs and knob == "manual")
    return done(Node("elid", str(item.id)))
