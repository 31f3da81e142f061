"""`resell quote order|prolong|change|change-plan`: what a request would cost, without making it."""

from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.life import Service, option_of, value_of, with_options
from cli.order import Addons, addon_values, pairs
from cli.placing import Limit, sum_of_money
from cli.printing import print_fields, print_json
from cli.session import AsJson, run_async, valid
from cli.source import opened_source

if TYPE_CHECKING:
    from orders.lifecycle.intake import ServiceRequest
    from orders.operations.base import AnyOperation
    from orders.operations.requests import OperationRequest
    from orders.quotes.views import QuoteView

ABOUT = "See what an order, a renewal or a change would cost. Nothing is ordered."


class _WithOperations(TyperGroup):
    """Has a command for each operation that may cost something. Their classes are loaded when one is looked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_charged()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        known = super().get_command(ctx, cmd_name)
        if known is not None or cmd_name not in (charged := _charged()):
            return known
        return _command(charged[cmd_name])


def _charged() -> dict[str, "AnyOperation"]:
    from orders.operations.registry import OPERATIONS

    return {kind.command: one for kind, one in OPERATIONS.items() if one.charges and one.route is not None}


def add_commands(app: typer.Typer) -> None:
    quotes = typer.Typer(help=ABOUT, cls=_WithOperations, no_args_is_help=True, rich_markup_mode=None)
    quotes.callback(help=ABOUT)(_group)
    quotes.command("order")(order)
    app.add_typer(quotes, name="quote")


def _group() -> None:
    """Makes it a group also while it has one command of its own."""


def order(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="name of a tariff plan")],
    period: Annotated[int, typer.Option(metavar="MONTHS", help="months; one of the plan's periods")],
    customer: Annotated[str, typer.Option(help="your own name for the customer")],
    domain: Annotated[str | None, typer.Option(help="host or domain name")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="e.g. template=debian-12; may be repeated")
    ] = None,
    addon: Addons = None,
    cost_limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """What an order would cost."""
    from orders.lifecycle.intake import ServiceRequest

    request = valid(
        ServiceRequest,
        plan=plan,
        period_months=period,
        customer=customer,
        domain=domain,
        parameters=pairs(param, "--param"),
        addons=addon_values(addon),
        agreed_cost_limit=sum_of_money(cost_limit, "--cost-limit"),
    )
    _show(run_async(_quote(request, None)), as_json=as_json)


def _command(operation: "AnyOperation") -> Any:
    kind, model = operation.kind, operation.request_model
    fields = {name: field for name, field in model.model_fields.items() if name not in ("quote", "reason")}

    def ask(service: int, as_json: bool, **given: Any) -> None:
        asked = model.of(**{name: value_of(name, field, given[name]) for name, field in fields.items()})
        _show(run_async(_quote(asked, service)), as_json=as_json)

    options: dict[str, tuple[Any, Any]] = {"service": (Service, Parameter.empty)}
    options |= {name: option_of(name, field) for name, field in fields.items()} | {"as_json": (AsJson, False)}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(kind.command, help=f"{kind.purpose}: what it would cost.")(with_options(ask, options))
    return typer.main.get_command(app)


async def _quote(asked: "ServiceRequest | OperationRequest", service: int | None) -> "QuoteView":
    async with opened_source() as source:
        return await source.quote(asked, service)


def _show(quote: "QuoteView", *, as_json: bool) -> None:
    """Leaves with status 1 if the request would be refused."""
    if as_json:
        print_json(quote)
    else:
        selling = quote.selling
        parts = [f"{one.what}: {one.price or 'no price'}" for one in selling.parts] if selling else []
        print_fields(
            [
                ("quote", quote.id),
                ("refused", [f"{one.field}: {one.detail}" if one.field else one.detail for one in quote.problems]),
                ("selling price", (selling.total or selling.missing) if selling else None),
                ("made of", parts),
                ("upstream price", quote.cost),
                ("margin", quote.margin),
                ("could not be asked", quote.upstream_said),
                ("expires", quote.next_expiry),
                ("money", quote.money.value if quote.possible else None),
                ("needs a person", quote.why_a_person),
                ("valid until", quote.valid_until),
            ]
        )
    raise typer.Exit(0 if quote.possible else 1)
