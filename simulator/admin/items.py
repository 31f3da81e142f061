"""Services, changed by hand as the panel's staff could."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field
from starlette.requests import Request

from simulator.admin.bench import Bench, Body, NotFound, Result, Unusable, body
from simulator.cart import put
from simulator.entities import Item, Operation, Status, SuspendReason
from simulator.functions.columns import status_message
from simulator.itemtypes import ItemType
from simulator.knobs import Refunds
from simulator.lifecycle import after_period, change_tariff, finish
from simulator.money import cents

_FILTERS: dict[str, Callable[[Bench, Item], str]] = {
    "account": lambda bench, item: bench.world.accounts[item.account].name,
    "remoteid": lambda _, item: item.remoteid,
    "type": lambda _, item: item.type.value,
    "status": lambda _, item: str(item.status.value),
    "domain": lambda _, item: item.domain,
    "licname": lambda _, item: item.licname,
    "name": lambda _, item: item.name,
    "pricelist": lambda _, item: str(item.pricelist),
}


def _shown(bench: Bench, item: Item) -> dict[str, object]:
    return {
        **item.model_dump(),
        "account": bench.world.accounts[item.account].name,
        "status_msg": status_message(item),
        "pricelist_name": bench.world.pricelists[item.pricelist].name,
    }


async def list_items(bench: Bench, request: Request) -> Result:
    """Services, narrowed by any of the filters as query parameters."""
    wanted = dict(request.query_params)
    unknown = sorted(set(wanted) - set(_FILTERS))
    if unknown:
        raise Unusable(f"no such filter: {', '.join(unknown)}")
    chosen = [
        item
        for item in bench.world.items.values()
        if all(_FILTERS[name](bench, item) == value for name, value in wanted.items())
    ]
    return {"count": len(chosen), "items": [_shown(bench, item) for item in chosen]}


async def read_item(bench: Bench, request: Request) -> Result:
    """One service."""
    return _shown(bench, bench.item(request.path_params["id"]))


class NewItem(Body):
    """A service that nobody ordered."""

    account: str
    type: ItemType
    pricelist: int
    period: int = 1
    status: Status = Status.ACTIVE
    reason: SuspendReason | None = None
    domain: str = ""
    licname: str = ""
    name: str | None = None
    ip: str = ""
    remoteid: str = ""
    autoprolong: str = "null"
    createdate: datetime | None = None
    expiredate: date | None = None
    cost: Decimal | None = None
    addons: dict[int, str] = Field(default_factory=dict)


class NewItems(NewItem):
    """Several items that are alike; ``domain`` and ``licname`` are preceded by each one's number."""

    count: int = Field(ge=1, le=1_000_000)


async def create_item(bench: Bench, request: Request) -> Result:
    """Make a service by hand; nothing is charged."""
    return _shown(bench, _made(bench, await body(request, NewItem)))


async def create_items(bench: Bench, request: Request) -> Result:
    """Make many services at once; what a file keeps of them is written in one transaction."""
    new = await body(request, NewItems)
    first = bench.world.meta.next_id
    for number in range(1, new.count + 1):
        named = {name: f"{number}-{value}" for name in ("domain", "licname") if (value := getattr(new, name))}
        _made(bench, new.model_copy(update=named))
    return {"count": new.count, "first": first, "last": bench.world.meta.next_id - 1}


def _made(bench: Bench, new: NewItem) -> Item:
    world = bench.world
    account = bench.account(new.account)
    tariff = world.pricelists.get(new.pricelist)
    if tariff is None or new.period not in tariff.prices or tariff.type is not new.type:
        raise Unusable(f"no tariff {new.pricelist} of type {new.type.value} with period {new.period}")
    today = world.clock.today()
    item = Item(
        id=world.new_id(),
        account=account.id,
        type=new.type,
        pricelist=tariff.id,
        period=new.period,
        status=new.status,
        reason=new.reason,
        createdate=new.createdate or world.clock.now(),
        opendate=today,
        expiredate=new.expiredate or after_period(today, new.period),
        cost=tariff.price(new.period, new.addons) if new.cost is None else new.cost,
        currency=tariff.currency,
        name=new.name if new.name is not None else new.licname or new.domain,
        domain=new.domain,
        licname=new.licname,
        ip=new.ip,
        remoteid=new.remoteid,
        autoprolong=new.autoprolong,
        datacenter=tariff.datacenters[0] if tariff.datacenters else 0,
        ostempl=tariff.ostempl[0] if tariff.ostempl else "",
        addons=new.addons,
    )
    world.record(item, "item.edit", "staff")
    world.touch(item)
    return item


class Clone(Body):
    """How the second service for one order differs; ``charge``: it is paid like the first."""

    remoteid: str | None = None
    domain: str | None = None
    charge: bool = False


async def clone_item(bench: Bench, request: Request) -> Result:
    """Make a second service of the same mark, names and everything, as a duplicated order leaves it."""
    item, world = bench.item(request.path_params["id"]), bench.world
    given = await body(request, Clone)
    changed: dict[str, object] = {"id": world.new_id(), "createdate": world.clock.now(), "history": []}
    if given.remoteid is not None:
        changed["remoteid"] = given.remoteid
    if given.domain is not None:
        changed |= {"domain": given.domain, "name": given.domain}
    twin = item.model_copy(update=changed, deep=True)
    if given.charge:
        world.charge(twin, Operation.OPEN, twin.cost, f"Order of {twin.label}")
    world.record(twin, "item.edit", "staff")
    world.touch(twin)
    return _shown(bench, twin)


class NewRefund(Body):
    """What is paid back for a service, and how that is listed."""

    amount: Decimal
    form: Refunds = Refunds.EXPENSE
    names: Literal["item", "mark", "domain", "nothing"] = "item"
    currency: str | None = None


async def pay_back(bench: Bench, request: Request) -> Result:
    """Give money back for a service, as the panel's staff could; with ``currency`` on another subaccount."""
    item = bench.item(request.path_params["id"])
    given = await body(request, NewRefund)
    bench.world.pay_back(item, cents(given.amount), given.form, given.names, given.currency)
    return _shown(bench, item)


class NewCartRow(Body):
    """What waits to be paid for a service."""

    operation: Operation = Operation.OPEN
    amount: Decimal | None = None
    period: int | None = None
    addons: dict[int, str] = Field(default_factory=dict)


async def put_into_cart(bench: Bench, request: Request) -> Result:
    """Put an order, a renewal or a change into the cart of the service's owner, as if somebody else had asked."""
    item = bench.item(request.path_params["id"])
    given = await body(request, NewCartRow)
    if given.operation not in (Operation.OPEN, Operation.PROLONG, Operation.SETPARAM):
        raise Unusable(f"{given.operation.value} is nothing that waits in a cart")
    amount = item.cost if given.amount is None else given.amount
    return put(bench.world, item, given.operation, amount, given.period or item.period, given.addons)


class ItemPatch(Body):
    """What may be changed by hand; fields that are not named stay."""

    status: Status | None = None
    reason: SuspendReason | None = None
    cause: str | None = None
    expiredate: date | None = None
    extend_months: int | None = None
    pricelist: int | None = None
    period: int | None = None
    cost: Decimal | None = None
    ip: str | None = None
    name: str | None = None
    domain: str | None = None
    licname: str | None = None
    lickey: str | None = None
    remoteid: str | None = None
    autoprolong: str | None = None
    username: str | None = None
    password: str | None = None
    ostempl: str | None = None
    datacenter: int | None = None
    addons: dict[int, str] | None = None
    resources: dict[str, str] | None = None
    details: dict[str, str] | None = None
    billdaily: bool | None = None
    stopped: bool | None = None


async def change_item(bench: Bench, request: Request) -> Result:
    """Change a service by hand. A reason suspends; a status other than processing ends what was running."""
    item = bench.item(request.path_params["id"])
    patch = await body(request, ItemPatch)
    tariff = bench.world.pricelists[item.pricelist]
    if patch.period is not None and patch.period not in tariff.prices:
        raise Unusable(f"tariff {tariff.id} has no period {patch.period}")
    given = patch.model_dump(exclude_unset=True, exclude={"extend_months"})
    if patch.pricelist is not None:
        _change_tariff(bench, item, patch.pricelist)
    if patch.extend_months is not None:
        given["expiredate"] = after_period(item.expiredate or bench.world.clock.today(), patch.extend_months)
    if patch.reason is not None and patch.status is None:
        given["status"] = Status.SUSPENDED
    if "status" in given and given["status"] is not Status.PROCESSING:
        item.pending = None
        item.suspended_by_client = False
        given.setdefault("cause", "")
        if given["status"] is Status.SUSPENDED:
            given.setdefault("reason", SuspendReason.STAFF)
        else:
            given["reason"] = None
    for name, value in given.items():
        setattr(item, name, value)
    bench.world.record(item, "item.edit", "staff")
    bench.world.touch(item)
    return _shown(bench, item)


def _change_tariff(bench: Bench, item: Item, number: int) -> None:
    tariff = bench.world.pricelists.get(number)
    if tariff is None or tariff.type is not item.type or item.period not in tariff.prices:
        raise Unusable(f"no tariff {number} of type {item.type.value} with period {item.period}")
    change_tariff(bench.world, item, tariff)


async def delete_item(bench: Bench, request: Request) -> Result:
    """``?how=deleted`` (default) leaves a row with status 4, ``?how=vanish`` leaves nothing."""
    item = bench.item(request.path_params["id"])
    how = request.query_params.get("how", "deleted")
    match how:
        case "vanish":
            bench.world.remove(item)
            return None
        case "deleted":
            item.status, item.cause, item.reason, item.pending = Status.DELETED, "", None, None
            bench.world.empty_cart_of(item)
            bench.world.record(item, "service.postclose", "staff")
            bench.world.touch(item)
            return None
        case _:
            raise Unusable(f"how is 'deleted' or 'vanish', not {how!r}")


async def finish_operation(bench: Bench, request: Request) -> Result:
    """Finish by hand what is running on a service, above all an opening."""
    item = bench.item(request.path_params["id"])
    if item.pending is None:
        raise Unusable(f"nothing is running on item {item.id}")
    finish(bench.world, item, bench.world.clock.now())
    if item.id not in bench.world.items:
        raise NotFound(f"item {item.id} is closed and gone")
    return _shown(bench, item)
