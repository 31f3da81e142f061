"""Settings, clock, tariffs and reset."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from pydantic import AwareDatetime
from starlette.requests import Request

from simulator.admin.bench import Bench, Body, NotFound, Result, Unusable, body
from simulator.catalogue import Pricelist
from simulator.clock import add_months
from simulator.knobs import Settings


async def health(bench: Bench, request: Request) -> Result:
    """Whether it runs, and how much it holds."""
    world = bench.world
    return {"status": "ok", "accounts": len(world.accounts), "items": len(world.items), "charges": len(world.charges)}


async def read_settings(bench: Bench, request: Request) -> Result:
    """Every knob."""
    return bench.world.settings


async def change_settings(bench: Bench, request: Request) -> Result:
    """Set the knobs that are named; the others stay."""
    given = await request.json()
    if not isinstance(given, dict):
        raise Unusable("an object of knobs is needed")
    settings = Settings.model_validate({**bench.world.settings.model_dump(), **given})
    bench.world.change_settings(settings)
    bench.world.schedule_all()
    return settings


class ClockMove(Body):
    """How to move the clock; the parts add up, ``set`` and ``reset`` come first."""

    set: AwareDatetime | None = None
    reset: bool = False
    advance_seconds: float = 0
    advance_days: float = 0
    advance_months: int = 0


async def read_clock(bench: Bench, request: Request) -> Result:
    """The panel's time."""
    clock = bench.world.clock
    return {"now": clock.now(), "offset_seconds": clock.offset.total_seconds()}


async def move_clock(bench: Bench, request: Request) -> Result:
    """Move the panel's clock; what has become due happens at once."""
    move = await body(request, ClockMove)
    clock = bench.world.clock
    if move.reset:
        clock.offset = timedelta()
    if move.set is not None:
        clock.set(move.set)
    clock.advance(timedelta(seconds=move.advance_seconds, days=move.advance_days))
    if move.advance_months:
        now = clock.now()
        clock.set(datetime.combine(add_months(now.date(), move.advance_months), time.min, UTC) + _time_of_day(now))
    bench.world.move_clock()
    bench.world.schedule_all()
    return await read_clock(bench, request)


def _time_of_day(moment: datetime) -> timedelta:
    return moment - datetime.combine(moment.date(), time.min, UTC)


async def reset(bench: Bench, request: Request) -> Result:
    """Back to a first start: accounts of the command line, no items, no faults, default knobs, real time."""
    bench.world.reset()
    bench.panel.gate.forget()
    bench.faults.clear()
    bench.log.clear()
    return {"status": "reset"}


async def list_pricelists(bench: Bench, request: Request) -> Result:
    """The catalogue."""
    return {"pricelists": list(bench.world.pricelists.values())}


class PricelistPatch(Body):
    """What may be changed about a tariff; prices of periods that are not named stay."""

    name: str | None = None
    active: bool | None = None
    prices: dict[int, Decimal] | None = None
    renewal_prices: dict[int, Decimal] | None = None
    datacenters: list[int] | None = None
    ostempl: list[str] | None = None
    currency: str | None = None
    resources: dict[str, str] | None = None


async def change_pricelist(bench: Bench, request: Request) -> Result:
    """Change a tariff: services that were ordered keep their cost."""
    tariff = bench.world.pricelists.get(int(request.path_params["id"]))
    if tariff is None:
        raise NotFound(f"no pricelist {request.path_params['id']}")
    given = (await body(request, PricelistPatch)).model_dump(exclude_none=True)
    if "prices" in given:
        given["prices"] = {**tariff.prices, **given["prices"]}
    changed = Pricelist.model_validate({**tariff.model_dump(), **given})
    bench.world.touch(changed)
    return changed
