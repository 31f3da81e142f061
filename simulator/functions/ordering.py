"""``{type}.order.param``: the quote, the order that is paid at once, and the order that goes into the cart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from simulator import money
from simulator.call import Call, typed_function, whole_number
from simulator.catalogue import DATACENTERS, PROJECT, RECIPES, Pricelist, period_caption
from simulator.document import Document, Node, done, fields, form, slist, table
from simulator.entities import Account, CartRow, Item, Operation, Status
from simulator.errors import PanelError, bad_value, limit, missed
from simulator.functions.catalogue import tariff_choice
from simulator.functions.lists import tparams
from simulator.functions.order_form import (
    addon_caption,
    autoprolong_choices,
    checked_addon,
    checked_autoprolong,
    checked_details,
    checked_ip,
    checked_name,
    period_field,
    tariff_of,
)
from simulator.functions.services import checked_remoteid
from simulator.knobs import OrderAnswer
from simulator.lifecycle import start_opening
from simulator.money import cents

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

    @property
    def price(self) -> Decimal:
        """Of one service."""
        return cents(self.tariff.price(self.period, self.addons))


@typed_function("order.param", "order")
def order(call: Call) -> Document:
    """The order form: a quote without ``sok``, an order with it."""
    account = call.client
    if call.func.endswith(".order") and not call.text("pricelist"):
        return tariff_choice(call)
    if not call.sent or (call.itemtype.is_registered and call.text("clicked_button") != QUICK):
        return _quote(call)
    spec = _checked(call)
    if call.text("skipbasket") == "on" and call.world.settings.skipbasket == "honoured":
        return _buy(call, account, spec)
    return _into_cart(call, account, spec)


# -- checking


def _period_of(call: Call, tariff: Pricelist, *, required: bool) -> int:
    name = period_field(call)
    value = call.text(name)
    if not value and not required:
        return 1 if 1 in tariff.prices else next(iter(tariff.prices))
    for period in tariff.prices:
        if str(period) == value:
            return period
    raise bad_value(name, value)


def _datacenter_of(call: Call, tariff: Pricelist, *, required: bool) -> int:
    if not tariff.datacenters:
        return 0
    value = call.text("datacenter")
    if not value and not required:
        return tariff.datacenters[0]
    number = whole_number(value)
    if number is None or number not in tariff.datacenters:
        raise bad_value("datacenter", value)
    return number


def _addons_of(call: Call, tariff: Pricelist) -> dict[int, str]:
    chosen = {addon.id: addon.default for addon in tariff.addons}
    for name, value in call.params.items():
        number = whole_number(name.removeprefix("addon_"))
        if number is None or not name.startswith("addon_"):
            continue
        addon = tariff.addon(number)
        if addon is not None:
            chosen[addon.id] = checked_addon(addon, value.strip())
        elif call.world.settings.unknown_addon == "refuse":
            raise bad_value(name, value)
    return chosen


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
    period = _period_of(call, tariff, required=True)
    datacenter = _datacenter_of(call, tariff, required=True)
    if call.text("project") and call.text("project") != str(PROJECT):
        raise missed("project", call.text("project"))
    if call.text("promocode"):
        raise missed("promocode", call.text("promocode"))
    if call.world.settings.licence_agreement_required and call.text("licence_agreement") != "on":
        raise bad_value("licence_agreement", call.text("licence_agreement"))
    default_renewal = "on" if call.world.settings.default_autoprolong == "period" else "off"
    autoprolong = call.text("autoprolong") or default_renewal
    return _Spec(
        tariff=tariff,
        period=period,
        datacenter=datacenter,
        domain=checked_name(call, tariff),
        licname=call.text("licname"),
        ip=checked_ip(call.text("ip")) if call.itemtype.is_licence else "",
        ostempl=_one_of(call, "ostempl", tariff.ostempl, tariff.ostempl[0] if tariff.ostempl else ""),
        recipe=_one_of(call, "recipe", ["null", *tariff.recipes], "null"),
        addons=_addons_of(call, tariff),
        autoprolong=checked_autoprolong(tariff, autoprolong, period),
        remoteid=checked_remoteid(call, call.text("remoteid")),
        count=_count_of(call, tariff),
        details=checked_details(call),
    )


# -- the quote


def _quote(call: Call) -> Document:
    """The form as it stands for these values, with what it would cost."""
    tariff = tariff_of(call)
    period = _period_of(call, tariff, required=False)
    addons = _addons_of(call, tariff)
    price = cents(tariff.price(period, addons))
    base = cents(tariff.prices[period])
    style = call.world.settings.money_style
    total = money.text(price, tariff.currency, style)
    caption = period_caption(period, call.lang)
    word = "Итого" if call.lang == "ru" else "Total"
    nodes = [
        *tparams(call),
        *fields(
            [
                ("pricelist", str(tariff.id)),
                (period_field(call), str(period)),
                ("datacenter", str(_datacenter_of(call, tariff, required=False) or "")),
                ("domain", call.text("domain")),
                ("autoprolong", str(period) if period > 0 else "null"),
                ("orderinfo", f"{tariff.description}; {caption}. {word}: {total}"),
                *((f"addon_{number}", value) for number, value in addons.items()),
            ]
        ),
        slist(period_field(call), [(str(p), period_caption(p, call.lang)) for p in tariff.prices]),
        slist("autoprolong", autoprolong_choices(tariff, call.lang)),
    ]
    if tariff.datacenters:
        nodes.append(slist("datacenter", [(str(d), DATACENTERS[d]) for d in tariff.datacenters]))
    if tariff.ostempl:
        nodes.append(slist("ostempl", [(name, name) for name in tariff.ostempl], valuegroup="Linux"))
        nodes.append(slist("recipe", [(name, RECIPES[name]) for name in tariff.recipes], depend=tariff.ostempl[0]))
    nodes += [addon_caption(addon) for addon in tariff.addons if addon.values]
    if call.world.settings.quote == "full":
        shown_base = money.text(base, tariff.currency, style)
        shown_extra = money.text(price - base, tariff.currency, style)
        nodes.append(
            table(
                "pricelist_summary",
                [
                    [("name", tariff.name), ("cost", shown_base)],
                    *([[("name", "Add-ons"), ("cost", shown_extra)]] if price != base else []),
                ],
            )
        )
        nodes.append(table("discount_summary", []))
        nodes.append(table("total_summary", [[("name", word), ("cost", total)]]))
    return form(nodes)


# -- ordering


def _new_item(call: Call, spec: _Spec, account: Account) -> Item:
    number = call.world.new_id()
    licence = call.itemtype.is_licence
    delay = call.world.settings.commit_delay
    now = call.world.clock.now()
    domain = "" if licence else spec.domain or f"{call.itemtype.value}{number}.upstream.example"
    item = Item(
        id=number,
        account=account.id,
        type=call.itemtype,
        pricelist=spec.tariff.id,
        period=spec.period,
        status=Status.ORDERED,
        createdate=now,
        cost=spec.price,
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
        visible_from=now + timedelta(seconds=delay) if delay else None,
    )
    call.world.record(item, call.func, account.name)
    call.world.touch(item)
    return item


def _buy(call: Call, account: Account, spec: _Spec) -> Document:
    """Charge the account at once and begin to open."""
    try:
        call.world.require_money(account, spec.price * spec.count, spec.tariff.currency)
    except PanelError:
        if call.world.settings.not_enough_money == "ordered_row":
            _new_item(call, spec, account)
        raise
    items = [_new_item(call, spec, account) for _ in range(spec.count)]
    for item in items:
        call.world.charge(item, Operation.OPEN, spec.price, f"Order of {spec.tariff.name} #{item.id}")
        start_opening(call.world, item)
    settings = call.world.settings
    answer = settings.licence_orders_return if call.itemtype.is_licence else settings.orders_return
    target = call.itemtype.value
    match answer:
        case OrderAnswer.NONE:
            return done(target=target)
        case OrderAnswer.ID | OrderAnswer.ITEM_ID:
            return done(Node(answer.value, ", ".join(str(item.id) for item in items)), target=target)


def _into_cart(call: Call, account: Account, spec: _Spec) -> Document:
    """Leave a service with status *ordered* that waits in the cart to be paid."""
    item = _new_item(call, spec, account)
    row = CartRow(
        id=call.world.new_id(),
        account=account.id,
        item=item.id,
        operation=Operation.OPEN,
        amount=spec.price,
        currency=spec.tariff.currency,
        period=spec.period,
        created=call.world.clock.now(),
    )
    call.world.touch(row)
    match call.world.settings.cart_answer:
        case "bare":
            return done()
        case "item":
            return done(Node("item.id", str(item.id)))
        case "number":
            pass
    if call.dialect == 6:
        return done(Node("lineitem.id", str(row.id)), target="cart")
    return done(Node("billorder.id", str(row.id)), target="basket")
