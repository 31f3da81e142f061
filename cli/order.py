"""`resell order PLAN`: order a service, and follow it if asked to."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.placing import CLIENT, Key, Limit, Wait, place, sum_of_money
from cli.session import AsJson, valid


def add_commands(app: typer.Typer) -> None:
    app.command()(order)


def order(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="name of a tariff plan")],
    customer: Annotated[str, typer.Option(help="your name of the customer")],
    period: Annotated[int, typer.Option(metavar="MONTHS", help="months; one of the plan's periods")],
    domain: Annotated[str | None, typer.Option(help="host or domain name (default: made up)")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="e.g. template=debian-12; may be repeated")
    ] = None,
    addon: Annotated[list[str] | None, typer.Option(metavar="NAME=COUNT", help="e.g. ram=2; may be repeated")] = None,
    cost_limit: Limit = None,
    key: Key = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Order a service.

    Once it is accepted it can't be lost: is Temporal away, it starts by itself when Temporal is back.
    """
    from orders.intake import ServiceRequest

    request = valid(
        ServiceRequest,
        plan=plan,
        period_months=period,
        customer=customer,
        domain=domain,
        parameters=pairs(param, "--param"),
        addons={name: count(name, text) for name, text in pairs(addon, "--addon").items()},
        agreed_cost_limit=sum_of_money(cost_limit, "--cost-limit"),
    )
    place(
        lambda resellflow, used: resellflow.place_order(request, key=used, client=CLIENT),
        doing="placing the order",
        key=key,
        wait=wait,
        as_json=as_json,
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


def count(name: str, text: str) -> int:
    """The quantity of an add-on."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{name}={text}: the count is a whole number", param_hint="--addon") from None
