"""Calls that change the life of a service: prolong, suspend, resume, delete, restart, a new password."""

from __future__ import annotations

from datetime import date, timedelta

from simulator import money
from simulator.call import Call, function, typed_function, whole_number
from simulator.catalogue import Pricelist, period_caption
from simulator.document import Document, Node, Shape, done, fields, form, slist, table
from simulator.entities import CartRow, Item, Operation, Pending, Status, SuspendReason
from simulator.errors import PanelError, Param, access, bad_value, missed
from simulator.functions.lists import tparams
from simulator.lifecycle import after_period, begin
from simulator.money import cents

MINIMUM_TERM_DAYS = 30


def living(item: Item, *allowed: Status) -> Item:
    """A deleted service is missed; one in another state than these refuses."""
    if item.status is Status.DELETED:
        raise missed(item.type.value, str(item.id))
    if item.status not in allowed:
        raise bad_value("status", str(item.status.value))
    return item


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
    price = cents(tariff.price(period, item.addons))
    if not call.sent:
        return _renewal_form(call, item, tariff, period, until)
    if call.text("clicked_button") == "basket" or call.world.settings.skipbasket == "ignored":
        row = CartRow(
            id=call.world.new_id(),
            account=call.client.id,
            item=item.id,
            operation=Operation.PROLONG,
            amount=price,
            currency=item.currency,
            period=period,
            created=call.world.clock.now(),
        )
        call.world.touch(row)
        if call.world.settings.cart_answer != "number":
            return done()
        return done(Node("billorder", str(row.id)), target="basket")
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
    shown = money.text(tariff.price(period, item.addons), tariff.currency, call.world.settings.money_style)
    values = [
        ("elid", str(item.id)),
        ("title_name", f"{tariff.name} #{item.id}"),
        ("expiredate", item.expiredate.isoformat() if item.expiredate else ""),
        ("newexpiredate", until.isoformat() if until else ""),
        ("period", str(period)),
        ("status", str(item.status.value)),
        ("suspendpenaltywarn", ""),
        ("orderinfo", f"{tariff.name}: {shown}"),
    ]
    periods = [(str(p), period_caption(p, call.lang)) for p in tariff.prices if p > 0]
    total = table("total_summary", [[("name", tariff.name), ("cost", shown)]])
    return form([*tparams(call), *fields(values), slist("period", periods), total])


# -- suspend and resume


@typed_function("suspend")
def suspend(call: Call) -> Document:
    """Stop a service; one that is stopped already stays so."""
    item = living(_item_with_rights(call), Status.ACTIVE, Status.SUSPENDED)
    if call.world.settings.suspend_needs_sok and not call.sent:
        return form([*tparams(call), Node("elid", str(item.id))])
    if item.status is Status.ACTIVE:
        item.suspended_by_client = True
        call.world.record(item, call.func, call.client.name)
        reason = call.world.settings.client_suspend_reason
        begin(call.world, item, Pending(operation=Operation.SUSPEND, reason=reason))
    return done(target=call.itemtype.value)


@typed_function("resume")
def resume(call: Call) -> Document:
    """Start a service again, unless staff or its end of term stopped it."""
    item = living(_item_with_rights(call), Status.ACTIVE, Status.SUSPENDED)
    if call.world.settings.suspend_needs_sok and not call.sent:
        return form([*tparams(call), Node("elid", str(item.id))])
    if item.status is Status.SUSPENDED:
        expired = item.expiredate is not None and item.expiredate <= call.world.clock.today()
        if item.reason is SuspendReason.ABUSE or expired or not (_own(item) or item.reason is SuspendReason.AUTO):
            raise access(call.func)
        call.world.record(item, call.func, call.client.name)
        begin(call.world, item, Pending(operation=Operation.RESUME))
    return done(target=call.itemtype.value)


def _own(item: Item) -> bool:
    return item.suspended_by_client


def _item_with_rights(call: Call) -> Item:
    if call.world.settings.suspend_resume == "access":
        raise access(call.func)
    return call.item()


# -- the end


@typed_function("delete")
def delete(call: Call) -> Document:
    """Close a service; nothing is paid back."""
    item = living(call.item(), Status.ORDERED, Status.ACTIVE, Status.SUSPENDED, Status.PROCESSING)
    if not call.sent:
        return form([*tparams(call), Node("elid", str(item.id))])
    match call.world.settings.delete:
        case "confirmation":
            raise PanelError("confirm", "phone")
        case "minimum_term":
            earliest = item.createdate.date() + timedelta(days=MINIMUM_TERM_DAYS)
            if call.world.clock.today() < earliest:
                raise PanelError("minimum_term", None, Param("value", earliest.isoformat()))
        case "allowed":
            pass
    call.world.record(item, call.func, call.client.name)
    begin(call.world, item, Pending(operation=Operation.CLOSE))
    return done(target=call.itemtype.value)


# -- small things


@function("service.reboot", "service.hardreboot")
@typed_function("reboot", "hardreboot")
def reboot(call: Call) -> Document:
    """Restart an active service."""
    item = living(call.item(of_type=not call.func.startswith("service.")), Status.ACTIVE)
    call.world.record(item, call.func, call.client.name)
    call.world.touch(item)
    return done()


@function("service.changepassword")
def change_password(call: Call) -> Document:
    """Set a service's password; the result is told in a banner."""
    item = living(call.item(of_type=False), Status.ACTIVE)
    if not call.sent:
        return form([*tparams(call), Node("elid", str(item.id)), Node("passwd"), Node("confirm")])
    if not call.params.get("passwd") or call.params["passwd"] != call.params.get("confirm"):
        raise bad_value("confirm", "")
    item.password = call.params["passwd"]
    call.world.record(item, call.func, call.client.name)
    call.world.touch(item)
    return Document(Shape.RESULT, [Node("banner", "The password was changed"), Node("ok")])
