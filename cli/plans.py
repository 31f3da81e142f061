"""`resell plans`: what can be ordered, and for how much."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, Cursor, Limit, group
from cli.printing import Column, print_fields, print_json, whole
from cli.session import AsJson, run_async
from cli.source import opened_source

if TYPE_CHECKING:
    from orders.plans.availability_views import AvailabilityView
    from orders.plans.views import PlanAddon, PlanDetail, PlanPeriod, PlanView
    from orders.views import Page, PageRequest


def add_commands(app: typer.Typer) -> None:
    group(app, "plans", "List the tariff plans: what can be ordered, and for how much.", plans, show)


def plans(
    context: typer.Context,
    product_type: Annotated[list[str] | None, typer.Option(metavar="TYPE", help="only of this product type")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="only those on sale, or not")] = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None

    async def read(ask: "PageRequest") -> "Page[PlanView]":
        return await _plans(ask, product_type, active)

    return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


LISTING = Listing(
    "orders.plans.views:PlanView",
    [Column("plan"), whole("type"), whole("orderable"), Column("prices"), Column("availability")],
    lambda one: [one.name, one.product_type, one.orderable, _prices(one), _availability(one.availability)],
    "no plans",
)


async def _plans(ask: "PageRequest", product_type: list[str] | None, active: bool | None) -> "Page[PlanView]":
    async with opened_source() as source:
        return await source.plans(ask, product_type, active)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="name of the plan")], as_json: AsJson = False
) -> None:
    """Show a plan: prices, add-ons, costs, what it may be changed to. With --json also the schema of an order."""
    plan = run_async(_plan(name))
    if as_json:
        return print_json(plan)
    return print_fields(
        [
            ("plan", plan.name),
            ("type", plan.product_type),
            ("orderable", plan.orderable or f"no: {plan.not_orderable_because}"),
            ("availability", _availability(plan.availability)),
            ("resources", plan.resources),
            ("prices", _prices(plan)),
            ("renewal", ", ".join(_renewal(one) for one in plan.periods)),
            *(("add-on", _addon(one)) for one in plan.addons),
            ("templates", [one.name for one in plan.templates]),
            ("needed parameters", plan.parameters["required"]),
            ("may change to", [_change(one.plan, one.why) for one in plan.may_change_to]),
            *_mappings(plan),
        ]
    )


async def _plan(name: str) -> "PlanDetail":
    async with opened_source() as source:
        return await source.plan(name)


def _prices(plan: "PlanView") -> str:
    return ", ".join(f"{one.in_words}: {one.price}" for one in plan.periods)


def _renewal(one: "PlanPeriod") -> str:
    days = "a day" if one.renewal_lead_days == 1 else f"{one.renewal_lead_days} days"
    by = {
        "automatic": f"automatic, {days} before the end",
        "storefront": "by the storefront",
        "upstream": "by the upstream",
    }
    return (
        f"{one.in_words}: {one.renewal_price}, {by[one.renewal_owner]}"
        if one.renewal_owner
        else f"{one.in_words}: none"
    )


def _availability(view: "AvailabilityView") -> str:
    since = f" since {view.known_since:%Y-%m-%d %H:%M:%S}" if view.known_since is not None else ""
    return f"{view.status.value}{since}" + f" ({view.reason})" * bool(view.reason)


def _addon(addon: "PlanAddon") -> str:
    values = {
        "quantity": f"{addon.min} to {'any' if addon.max is None else addon.max}, in steps of {addon.step}",
        "switch": "on or off",
        "choice": ", ".join(f"{one.name} ({one.price or 'no price'})" for one in addon.choices),
    }[addon.kind.value]
    above = f" above {addon.included}" * bool(addon.included)
    return f"{addon.name}: {values}" + f"; {addon.price} a month{above}" * (addon.price is not None)


def _change(plan: str, why: str) -> str:
    return f"{plan} (by a person: {why})" if why else plan


def _mappings(plan: "PlanDetail") -> list[tuple[str, object]]:
    return [
        (
            "bought by",
            f"{one.module}: {f'tariff {one.tariff} of {one.account}' if one.account else 'people'}, "
            + ", ".join(f"{cost.months}: {cost.cost}{' (taken)' if cost.taken else ''}" for cost in one.costs)
            + f"; {_availability(one.availability)}",
        )
        for one in plan.mappings or ()
    ]
