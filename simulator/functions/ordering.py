"""``{type}.order.param``: the quote, the order that is paid at once, and the order that goes into the cart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from simulator.call import Call, typed_function, whole_number
from simulator.cart import put
from simulator.catalogue import PROJECT, Pricelist
from simulator.document import Document, Node, done
from simulator.entities import Account, Item, Operation, Status
from simulator.errors import PanelError, bad_value, limit, missed
from simulator.functions.cart import cart_answer
from simulator.functions.catalogue import tariff_choice
from simulator.functions.order_details import checked_details, checked_ip, checked_name
from simulator.functions.order_form import (
    addons_of,
    datacenter_of,
    order_quote,
    ordered_autoprolong,
    period_of,
    tariff_of,
)
from simulator.functions.services import checked_remoteid
from simulator.knobs import OrderAnswer
from simulator.lifecycle import start_opening

QUICK: Final = "quickbasket"
"""The button that ends the order of a certificate or domain; any other one leads to another step of the wizard."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """A checked order."""

    tariff: Pricelist
    period: int
    datacenter: int
    domain: str
    licname: str
    ip: str
    ostempl: str
    recipe: str
    addons: dict[int, str]
    autoprolong: str
    remoteid: str
    count: int
    details: dict[str, str]


@typed_function("order.param", "order")
def order(call: Call) -> Document:
    """The order form: a quote without ``sok``, an order with it."""
    account = call.client
    if call.func.endswith(".order") and not call.text("pricelist"):
        return tariff_choice(call)
    if not call.sent or (call.itemtype.is_registered and call.text("clicked_button") != QUICK):
        return order_quote(call)
    spec = _checked(call)
    if call.text("skipbasket") == "on" and call.world.settings.skipbasket == "honoured":
        return _buy(call, account, spec)
    return _into_cart(call, account, spec)


# -- checking


def _count_of(call: Call, tariff: Pricelist) -> int:
    value = call.text("order_count") or "1"
    count = whole_number(value)
    if not count:
        raise bad_value("order_count", value)
    if count > tariff.max_multiple_order_count:
        raise limit("order_count", value)
    return count


def _one_of(call: Call, name: str, allowed: list[str], default: str) -> str:
    value = call.text(name)
    if not value:
        return default
    if value not in allowed:
        raise bad_value(name, value)
    return value


def _checked(call: Call) -> _Spec:
    tariff = tariff_of(call)
    period = period_of(call, tariff, required=True)
    datacenter = datacenter_of(call, tariff, required=True)
    if call.text("project") and call.text("project") != str(PROJECT):
        raise missed("project", call.text("project"))
    if call.text("promocode"):
        raise missed("promocode", call.text("promocode"))
    if call.world.settings.licence_agreement_required and call.text("licence_agreement") != "on":
        raise bad_value("licence_agreement", call.text("licence_agreement"))
    return _Spec(
        tariff=tariff,
        period=period,
        datacenter=datacenter,
        domain=checked_name(call, tariff),
        licname=call.text("licname"),
        ip=checked_ip(call.text("ip")) if call.itemtype.is_licence and not call.itemtype.is_module else "",
        ostempl=_one_of(call, "ostempl", tariff.ostempl, tariff.ostempl[0] if tariff.ostempl else ""),
        recipe=_one_of(call, "recipe", ["null", *tariff.recipes], "null"),
        addons=addons_of(call, tariff),
        autoprolong=ordered_autoprolong(call, tariff, period),
        remoteid=checked_remoteid(call, call.text("remoteid")),
        count=_count_of(call, tariff),
        details=checked_details(call),
    )


# -- ordering


def _new_item(call: Call, spec: _Spec, account: Account) -> Item:
    number = call.world.new_id()
    licence = call.itemtype.is_licence
    settings, now = call.world.settings, call.world.clock.now()
    seen, listed = settings.commit_delay, settings.commit_delay + settings.list_lag
    domain = "" if licence else spec.domain or f"{call.itemtype.value}{number}.upstream.example"
    item = Item(
        id=number,
        account=account.id,
        type=call.itemtype,
        pricelist=spec.tariff.id,
        period=spec.period,
        status=Status.ORDERED,
        createdate=now,
        cost=call.world.price(spec.tariff, spec.period, spec.addons),
        currency=spec.tariff.currency,
        name=spec.licname if licence else domain,
        domain=domain,
        licname=spec.licname if licence else "",
        ip=spec.ip,
        datacenter=spec.datacenter,
        ostempl=spec.ostempl,
        recipe=spec.recipe,
        addons=spec.addons,
        autoprolong=spec.autoprolong,
        remoteid=spec.remoteid,
        details=dict(spec.details),
        visible_from=now + timedelta(seconds=seen) if seen else None,
        listed_from=now + timedelta(seconds=listed) if settings.list_lag else None,
    )
    call.world.record(item, call.func, account.name)
    call.world.touch(item)
    return item


def _buy(call: Call, account: Account, spec: _Spec) -> Document:
    """Charge the account at once and begin to open."""
    world, settings = call.world, call.world.settings
    price = world.price(spec.tariff, spec.period, spec.addons)
    try:
        world.require_money(account, price * spec.count, spec.tariff.currency)
    except PanelError:
        if settings.not_enough_money == "ordered_row":
            _leave_unpaid(call, _new_item(call, spec, account))
        raise
    items = [_new_item(call, spec, account) for _ in range(spec.count)]
    for item in items:
        world.charge(item, Operation.OPEN, price, f"Order of {spec.tariff.name} #{item.id}")
        start_opening(world, item)
    old_licence = call.itemtype.is_licence and call.dialect == 5
    answer = settings.licence_orders_return if old_licence else settings.orders_return
    target = call.itemtype.value
    match answer:
        case OrderAnswer.NONE:
            return done(target=target)
        case OrderAnswer.ID | OrderAnswer.ITEM_ID:
            return done(Node(answer.value, ", ".join(str(item.id) for item in items)), target=target)


def _leave_unpaid(call: Call, item: Item) -> None:
    item.unpaid = True
    if call.world.settings.unpaid_rows == "payable":
        put(call.world, item, Operation.OPEN, item.cost, item.period)


def _into_cart(call: Call, account: Account, spec: _Spec) -> Document:
    """Leave services with status *ordered* that wait in the cart to be paid."""
    items = [_new_item(call, spec, account) for _ in range(spec.count)]
    rows = [put(call.world, item, Operation.OPEN, item.cost, spec.period) for item in items]
    return cart_answer(call, rows, old_tag="billorder.id")
