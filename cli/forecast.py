"""`resell forecast [ACCOUNT]`: what falls due on the upstream accounts, against what is there."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import Column, number, print_fields, print_json, print_table, shown, whole
from cli.session import AsJson, run_async
from cli.source import opened_source

if TYPE_CHECKING:
    from orders.money.forecast_views import DemandView, ForecastView


def add_commands(app: typer.Typer) -> None:
    app.command()(forecast)


def forecast(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="name of an upstream account; without it: all of them")
    ] = None,
    hours: Annotated[int | None, typer.Option(help="look so far ahead; 72 unless given", min=1, max=8784)] = None,
    days: Annotated[int | None, typer.Option(help="the same in days, and each day is shown", min=1, max=366)] = None,
    as_json: AsJson = False,
) -> None:
    """Show what falls due on the upstream accounts, against their balance and credit. Nothing is asked of them."""
    found = run_async(_forecasts(account, hours, days))
    if as_json:
        return print_json(found[0] if account is not None else found)
    if account is None:
        rows = [[one.upstream, one.summary] for one in found]
        return print_table([whole("upstream"), Column("forecast")], rows, nothing="no upstream accounts")
    _print(found[0])
    if days is not None:
        print()
        _print_days(found[0])
    return None


async def _forecasts(account: str | None, hours: int | None, days: int | None) -> list["ForecastView"]:
    async with opened_source() as source:
        return await source.forecasts(account, hours, days)


def _print(view: "ForecastView") -> None:
    print_fields(
        [
            ("upstream", view.upstream),
            ("forecast", view.summary),
            ("until", f"{shown(view.until)} UTC"),
            ("balance", f"{view.balance} at {shown(view.balance_at)} UTC" if view.balance else "not known"),
            ("credit", view.credit_limit),
            ("free", view.free),
            ("orders in line", _demand(view.line)),
            ("renewed automatically", _demand(view.automatic)),
            ("renewed by the upstream", _demand(view.by_upstream)),
            ("left", view.left),
            ("if the shops prolong", _demand(view.if_shops_prolong)),
            ("then short", _then(view)),
            ("cost not known", "; ".join(f"{one.count} ({one.of.value}): {one.why}" for one in view.unknown)),
            ("no exchange rate", "; ".join(f"{one.amount} ({one.of.value})" for one in view.not_converted)),
        ]
    )


def _demand(view: "DemandView") -> str:
    return f"{view.amount} for {view.count}" if view.count else ""


def _then(view: "ForecastView") -> str:
    at = view.short_at_if_shops_prolong
    return f"{shown(at)} UTC" if at is not None and view.if_shops_prolong.count else ""


def _print_days(view: "ForecastView") -> None:
    columns = [whole("day"), number("due"), number("left"), number("if shops prolong"), number("left then")]
    rows = [
        [one.day, one.due, one.left, one.if_shops_prolong, one.left_if_shops_prolong]
        for one in view.points
        if one.due.amount or one.if_shops_prolong.amount
    ]
    print_table(columns, rows, nothing="nothing falls due")
