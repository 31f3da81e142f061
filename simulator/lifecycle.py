"""What happens to services automatically: opening, keys, expiry.

Nothing runs in the background. Every step has a due time, and all steps that are due are taken when the next request
arrives, as of their due times; so a restart or a moved clock changes nothing.
"""

from __future__ import annotations

import heapq
import secrets
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from simulator.call import whole_number
from simulator.catalogue import DAY, LIFETIME, TRIAL, Pricelist
from simulator.clock import add_months
from simulator.entities import Item, Operation, Pending, Status, SuspendReason
from simulator.errors import PanelError
from simulator.itemtypes import Family, ItemType
from simulator.knobs import AddonsOnChange, Opening, Refunds
from simulator.world import World

TRIAL_DAYS = 14
CERTIFICATE_REQUESTED, CERTIFICATE_ISSUED, CERTIFICATE_FAILED = "3", "5", "6"
"""``service_status`` of a certificate."""
DOMAIN_GONE, DOMAIN_DELEGATED = "0", "2"
"""``domainstatus``."""


def advance(world: World) -> None:
    """Take every step that is due."""
    now = world.clock.now()
    while world.due and world.due[0][0] <= now:
        _, number = heapq.heappop(world.due)
        item = world.items.get(number)
        if item is not None:
            _step(world, item, now)


def _step(world: World, item: Item, now: datetime) -> None:
    if item.visible_from is not None and item.visible_from <= now:
        item.visible_from = None
        world.hidden.discard(item.id)
        world.touch(item)
    if item.listed_from is not None and item.listed_from <= now:
        item.listed_from = None
        world.unlisted.discard(item.id)
        world.touch(item)
    if item.lickey_due is not None and item.lickey_due <= now:
        item.lickey_due = None
        item.lickey = new_key(item)
        world.touch(item)
    if item.refund_due is not None and item.refund_due <= now:
        world.pay_back_at_the_end(item)
        item.refund_due = None
        world.touch(item)
    if item.pending is not None and item.pending.due is not None and item.pending.due <= now:
        finish(world, item, item.pending.due)
    if item.expiredate is not None and item.status is Status.ACTIVE and item.expiredate <= now.date():
        _expire(world, item)


def _expire(world: World, item: Item) -> None:
    if world.settings.expiry == "ignored":
        return
    account = world.accounts[item.account]
    tariff = world.pricelists[item.pricelist]
    period = whole_number(item.autoprolong)
    if period and period in tariff.prices:
        price = world.renewal_price(tariff, item, period)
        try:
            world.require_money(account, price, item.currency)
        except PanelError:
            pass
        else:
            world.charge(item, Operation.PROLONG, price, f"Automatic renewal of {item.label}")
            item.expiredate = after_period(item.expiredate or world.clock.today(), period)
            world.record(item, "service.postprolong")
            world.touch(item)
            return
    suspend(world, item, SuspendReason.AUTO)


def after_period(day: date, period: int) -> date | None:
    """The day on which a period that begins on ``day`` ends; ``None`` for a lifetime."""
    match period:
        case _ if period == LIFETIME:
            return None
        case _ if period == TRIAL:
            return day + timedelta(days=TRIAL_DAYS)
        case _ if period == DAY:
            return day + timedelta(days=1)
        case _:
            return add_months(day, period)


def start_opening(world: World, item: Item) -> None:
    """A paid order goes on to be opened, after the processing delay."""
    delay = world.settings.processing_delay
    now = world.clock.now()
    if delay:
        item.status = Status.ORDERED
        item.pending = Pending(operation=Operation.OPEN, due=now + timedelta(seconds=delay))
    else:
        _process_opening(world, item, now)
    world.touch(item)


def _process_opening(world: World, item: Item, moment: datetime) -> None:
    item.status = Status.PROCESSING
    item.cause = "5_open"
    delay = world.settings.opening_delay
    if item.type.family is Family.CERTIFICATE:
        item.details["service_status"] = CERTIFICATE_REQUESTED
        delay += world.settings.certificate_delay
    due = moment + timedelta(seconds=delay)
    match Opening.NO_MODULE if _not_connected(world, item) else world.settings.opening:
        case Opening.AUTO:
            item.pending = Pending(operation=Operation.OPEN, due=due)
        case Opening.MANUAL:
            item.pending = Pending(operation=Operation.OPEN)
        case Opening.NO_MODULE:
            item.pending = Pending(operation=Operation.OPEN)
            item.cause = "service_nosuitable"
        case Opening.REFUSED:
            item.pending = Pending(operation=Operation.REFUND, due=due)


def _not_connected(world: World, item: Item) -> bool:
    """Some external products are only connected when they are to be renewed for the period that was ordered."""
    picky = world.settings.external_renewal == "as_ordered" and item.type is ItemType.SOFTEXTERNAL
    return picky and item.autoprolong != str(item.period)


def begin(world: World, item: Item, pending: Pending, *, by_hand: bool = False) -> None:
    """Start an operation on a living service; it ends after the operation delay, or by hand."""
    delay = world.settings.operation_delay
    now = world.clock.now()
    item.pending = pending
    if not delay and not by_hand:
        finish(world, item, now)
        return
    if world.settings.operation_shown:
        item.status = Status.PROCESSING
        item.cause = "5_need_configure" if by_hand else f"5_{pending.operation.value}"
    pending.due = None if by_hand else now + timedelta(seconds=delay)
    world.touch(item)


def finish(world: World, item: Item, moment: datetime) -> None:
    """End the operation that is running on a service."""
    pending, item.pending = item.pending, None
    if pending is None:
        return
    match pending.operation:
        case Operation.OPEN if item.status is Status.ORDERED:
            _process_opening(world, item, moment)
        case Operation.OPEN:
            _open(world, item, moment)
        case Operation.REFUND:
            if world.settings.refunds is Refunds.NONE:
                world.charge(item, Operation.REFUND, -item.cost, f"Refund of {item.label}")
            else:
                world.pay_back_at_the_end(item)
            _set(item, Status.DELETED)
            if item.type.family is Family.CERTIFICATE:
                item.details["service_status"] = CERTIFICATE_FAILED
            world.record(item, "service.postopeninterrupt")
        case Operation.SUSPEND:
            item.reason = pending.reason or SuspendReason.STAFF
            _set(item, Status.SUSPENDED)
            world.record(item, "service.postsuspend")
        case Operation.CLOSE:
            close(world, item)
            return
        case Operation.RESUME | Operation.PROLONG | Operation.SETPARAM | Operation.CHANGEPRICELIST:
            _apply(world, item, pending)
            world.record(item, f"service.post{pending.operation.value}")
    world.touch(item)


def _apply(world: World, item: Item, pending: Pending) -> None:
    if pending.expiredate is not None:
        item.expiredate = pending.expiredate
    if pending.pricelist is not None:
        change_tariff(world, item, world.pricelists[pending.pricelist])
    if pending.addons is not None:
        item.addons = {**item.addons, **pending.addons}
        item.cost = world.price(world.pricelists[item.pricelist], item.period, item.addons)
    resumes = pending.operation is Operation.RESUME or (
        pending.operation is Operation.PROLONG and item.reason is SuspendReason.AUTO
    )
    still_suspended = item.reason is not None and not resumes
    if not still_suspended:
        item.reason = None
        item.suspended_by_client = False
    _set(item, Status.SUSPENDED if still_suspended else Status.ACTIVE)


def change_tariff(world: World, item: Item, tariff: Pricelist) -> None:
    """Put a service on another tariff; what becomes of its add-ons is a knob."""
    old = world.pricelists[item.pricelist]
    addons = addons_after(world.settings.addons_on_change, item, old, tariff)
    item.cost = cost_after(world, item, old, tariff)
    item.pricelist, item.addons = tariff.id, addons


def addons_after(rule: AddonsOnChange, item: Item, old: Pricelist, new: Pricelist) -> dict[int, str]:
    """The add-ons that a service will have on another tariff."""
    defaults = {addon.id: addon.default for addon in new.addons}
    match rule:
        case AddonsOnChange.LOST:
            return defaults
        case AddonsOnChange.KEPT:
            return defaults | item.addons
        case AddonsOnChange.MAPPED:
            values = {addon.intname: item.addons[addon.id] for addon in old.addons if addon.id in item.addons}
            return {addon.id: addon.nearest(values.get(addon.intname, addon.default)) for addon in new.addons}


def cost_after(world: World, item: Item, old: Pricelist, new: Pricelist) -> Decimal:
    """What a period of the service will cost on another tariff."""
    rule = world.settings.addons_on_change
    cost = world.price(new, item.period, addons_after(rule, item, old, new))
    if rule is AddonsOnChange.KEPT:
        cost += world.discounted(old.price(item.period, item.addons) - old.prices[item.period])
    return cost


def _set(item: Item, status: Status) -> None:
    item.status = status
    item.cause = ""
    item.pending = None


def _open(world: World, item: Item, moment: datetime) -> None:
    day = moment.astimezone(UTC).date()
    _set(item, Status.ACTIVE)
    item.opendate = day
    item.expiredate = after_period(day, item.period)
    match item.type.family:
        case Family.SERVER:
            item.ip = item.ip or address(item)
            item.username = item.username or "root"
            item.password = item.password or secrets.token_urlsafe(9)
        case Family.HOSTING:
            item.ip = item.ip or "198.51.100.20"
            item.username = item.username or f"u{item.id}"
            item.password = item.password or secrets.token_urlsafe(9)
        case Family.LICENCE:
            order_key(world, item, moment)
        case Family.CERTIFICATE:
            item.details["service_status"] = CERTIFICATE_ISSUED
        case Family.DOMAIN:
            item.details["domainstatus"] = DOMAIN_DELEGATED
    world.record(item, "service.postopen")


def suspend(world: World, item: Item, reason: SuspendReason) -> None:
    """Suspend at once, for a reason."""
    item.reason = reason
    _set(item, Status.SUSPENDED)
    world.record(item, "service.postsuspend")
    world.touch(item)


def close(world: World, item: Item) -> None:
    """Delete: the row stays listed as deleted, or vanishes, as the panel is set; money may come back."""
    world.pay_back_at_the_end(item)
    if world.settings.deleted_rows == "vanish":
        world.remove(item)
        return
    _set(item, Status.DELETED)
    if item.type.family is Family.DOMAIN:
        item.details["domainstatus"] = DOMAIN_GONE
    item.reason = None
    world.empty_cart_of(item)
    world.record(item, "service.postclose")
    world.touch(item)


def address(item: Item) -> str:
    """A service's own address, from the range for benchmarks."""
    return f"198.{18 + (item.id >> 16) % 2}.{(item.id >> 8) & 255}.{item.id & 255}"


def order_key(world: World, item: Item, moment: datetime) -> None:
    """A licence's key comes after a while."""
    item.lickey = ""
    item.lickey_due = moment + timedelta(seconds=world.settings.licence_key_delay)


def new_key(item: Item) -> str:
    """A fresh licence key."""
    return f"{item.id}-{secrets.token_hex(6).upper()}"
