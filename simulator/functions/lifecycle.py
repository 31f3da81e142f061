"""Calls that change the life of a service: prolong, suspend, resume, delete."""

from __future__ import annotations

from datetime import date, timedelta

from simulator.call import Call, function, typed_function, whole_number
from simulator.cart import put
from simulator.catalogue import Pricelist, period_caption
from simulator.document import Document, Node, done, fields, form, slist
from simulator.entities import Item, Operation, Pending, Status, SuspendReason
from simulator.errors import PanelError, Param, access, bad_value
from simulator.functions.cart import cart_answer
from simulator.functions.lists import tparams
from simulator.functions.quoting import sentence, summaries
from simulator.functions.services import goes_into_cart
from simulator.functions.states import living
from simulator.lifecycle import after_period, begin

MINIMUM_TERM_DAYS = 30


# -- prolong


@function("service.prolong")
def prolong(call: Call) -> Document:
    """Renew for a period: a form with the new date and the price, or the renewal itself, paid from the balance."""
    item = living(call.item(of_type=False), Status.ACTIVE, Status.SUSPENDED)
    tariff = call.world.pricelists[item.pricelist]
    period = _renewal_period(call, item, tariff)
    start = item.expiredate or call.world.clock.today()
    _not_too_early(call, start)
    until = after_period(start, period)
    price = call.world.renewal_price(tariff, item, period)
    if not call.sent:
        return _renewal_form(call, item, tariff, period, until)
    if goes_into_cart(call, call.world.settings.prolong_cart):
        return cart_answer(call, [put(call.world, item, Operation.PROLONG, price, period)])
    call.world.require_money(call.client, price, item.currency)
    call.world.charge(item, Operation.PROLONG, price, f"Renewal of {item.label}")
    call.world.record(item, call.func, call.client.name)
    begin(call.world, item, Pending(operation=Operation.PROLONG, expiredate=until))
    answer = Node("doc", children=[Node("newexpiredate", until.isoformat() if until else "")])
    return done(answer)


def _renewal_period(call: Call, item: Item, tariff: Pricelist) -> int:
    value = call.text("period") or ("" if call.sent else str(item.period if item.period > 0 else 1))
    period = whole_number(value)
    if not period or period not in tariff.prices:
        raise bad_value("period", value)
    return period


def _not_too_early(call: Call, expiredate: date) -> None:
    days = call.world.settings.prolong_not_before_days
    if days is None:
        return
    earliest = expiredate - timedelta(days=days)
    if call.world.clock.today() < earliest:
        raise PanelError("prolong_not_before", None, Param("value", earliest.isoformat()))


def _renewal_form(call: Call, item: Item, tariff: Pricelist, period: int, until: date | None) -> Document:
    price = tariff.renewal_price(period, item.addons)
    values = [
        ("elid", str(item.id)),
        ("title_name", f"{tariff.name} #{item.id}"),
        ("expiredate", item.expiredate.isoformat() if item.expiredate else ""),
        ("newexpiredate", until.isoformat() if until else ""),
        ("period", str(period)),
        ("status", str(item.status.value)),
        ("suspendpenaltywarn", ""),
        ("orderinfo", sentence(call, tariff.name, call.world.discounted(price), tariff.currency)),
    ]
    periods = [(str(p), period_caption(p, call.lang)) for p in tariff.prices if p > 0]
    tables = summaries(call, [(tariff.name, price)], tariff.currency, new_form=False)
    return form([*tparams(call), *fields(values), slist("period", periods), *tables])


# -- suspend and resume


@typed_function("suspend")
def suspend(call: Call) -> Document:
    """Stop services; one that is stopped already stays so."""
    items = [living(item, Status.ACTIVE, Status.SUSPENDED) for item in _items_with_rights(call)]
    if call.world.settings.suspend_needs_sok and not call.sent:
        return form([*tparams(call), Node("elid", call.text("elid"))])
    for item in items:
        if item.status is Status.ACTIVE:
            item.suspended_by_client = True
            call.world.record(item, call.func, call.client.name)
            reason = call.world.settings.client_suspend_reason
            begin(call.world, item, Pending(operation=Operation.SUSPEND, reason=reason))
    return done(target=call.itemtype.value)


@typed_function("resume")
def resume(call: Call) -> Document:
    """Start services again, unless staff or the end of their term stopped them."""
    items = [living(item, Status.ACTIVE, Status.SUSPENDED) for item in _items_with_rights(call)]
    if call.world.settings.suspend_needs_sok and not call.sent:
        return form([*tparams(call), Node("elid", call.text("elid"))])
    stopped = [item for item in items if item.status is Status.SUSPENDED]
    for item in stopped:
        _check_may_resume(call, item)
    for item in stopped:
        call.world.record(item, call.func, call.client.name)
        begin(call.world, item, Pending(operation=Operation.RESUME))
    return done(target=call.itemtype.value)


def _check_may_resume(call: Call, item: Item) -> None:
    expired = item.expiredate is not None and item.expiredate <= call.world.clock.today()
    own = item.suspended_by_client or item.reason is SuspendReason.AUTO
    if item.reason is SuspendReason.ABUSE or expired or not own:
        raise access(call.func)


def _items_with_rights(call: Call) -> list[Item]:
    settings = call.world.settings
    if settings.suspend_resume == "access" or call.itemtype in settings.suspend_refused_for:
        raise access(call.func)
    return call.items()


# -- the end


@typed_function("delete")
def delete(call: Call) -> Document:
    """Close services; whether money comes back is a knob."""
    any_state = (Status.ORDERED, Status.ACTIVE, Status.SUSPENDED, Status.PROCESSING)
    items = [living(item, *any_state) for item in call.items()]
    if call.world.settings.delete_needs_sok and not call.sent:
        return form([*tparams(call), Node("elid", call.text("elid"))])
    for item in items:
        _check_may_delete(call, item)
    for item in items:
        call.world.record(item, call.func, call.client.name)
        begin(call.world, item, Pending(operation=Operation.CLOSE))
    return done(target=call.itemtype.value)


def _check_may_delete(call: Call, item: Item) -> None:
    match call.world.settings.delete:
        case "confirmation":
            raise PanelError("confirm", "phone")
        case "minimum_term":
            left = MINIMUM_TERM_DAYS - (call.world.clock.today() - item.createdate.date()).days
            if left > 0:
                least = Param("least", str(MINIMUM_TERM_DAYS))
                raise PanelError("pricelist_min_order", "pricelist", least, Param("left", str(left)))
        case "allowed":
            pass
