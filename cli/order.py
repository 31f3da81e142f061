"""`resell order PLAN`: order a service, and follow it if asked to."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.placing import CLIENT, DryRun, Key, Limit, QuoteOption, Wait, place, sum_of_money, would_be
from cli.session import AsJson, valid

Addons = Annotated[
    list[str] | None,
    typer.Option("--addon", metavar="NAME=VALUE", help="e.g. ram=2, backup=on, support=pro; may be repeated"),
]

Reference = Annotated[str | None, typer.Option(help="your own name of it, repeated in documents and messages")]
Metadata = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="a value of your own, repeated in the same places; may be repeated"),
]


def add_commands(app: typer.Typer) -> None:
    app.command()(order)


def order(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="name of a tariff plan")],
    customer: Annotated[str, typer.Option(help="your own name for the customer")],
    period: Annotated[int, typer.Option(metavar="MONTHS", help="months; one of the plan's periods")],
    domain: Annotated[str | None, typer.Option(help="host or domain name (default: a generated name)")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="e.g. template=debian-12; may be repeated")
    ] = None,
    addon: Addons = None,
    cost_limit: Limit = None,
    reference: Reference = None,
    metadata: Metadata = None,
    quote: QuoteOption = None,
    key: Key = None,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Order a service.

    An accepted order can't be lost. If Temporal is away, the order starts automatically when Temporal is back.
    """
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
        reference=reference,
        metadata=pairs(metadata, "--metadata"),
        quote=quote,
    )
    place(
        lambda resellflow, used: resellflow.place_order(request, key=used, client=CLIENT),
        doing="placing the order",
        key=key,
        wait=wait,
        as_json=as_json,
        dry_run=(lambda one, used: one.try_order(request, would_be, key=used, client=CLIENT)) if dry_run else None,
    )


def pairs(texts: Sequence[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` texts as a dictionary."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
        if name.strip() in found:
            raise typer.BadParameter(f"{name.strip()!r} is given twice", param_hint=option)
        found[name.strip()] = value
    return found


def addon_values(texts: Sequence[str] | None) -> dict[str, int | str]:
    """`NAME=VALUE` texts of add-ons: a quantity, on or off, or the name of a choice."""
    from orders.services.addons import from_text

    return {name: from_text(text) for name, text in pairs(texts, "--addon").items()}
