"""`resell upstream`: check one account, read it now, pause it, resume it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.decisions import Actor
from cli.printing import print_fields, print_json, print_text, under_way
from cli.session import AsJson, acting_as, opened_database, run_async, valid
from models.enums import Knowledge
from settings import load_settings

if TYPE_CHECKING:
    from catalogue.capabilities import CheckedUpstream
    from models.catalogue import UpstreamAccount


T = TypeVar("T")
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the upstream account")]
Reason = Annotated[str, typer.Option(help="why; written to the audit log")]


def add_commands(app: typer.Typer) -> None:
    upstream = typer.Typer(help="One upstream account.", no_args_is_help=True, rich_markup_mode=None)
    upstream.callback()(_group)
    upstream.command()(check)
    upstream.command()(pause)
    upstream.command()(resume)
    upstream.command()(read)
    app.add_typer(upstream, name="upstream")


def _group() -> None:
    """One upstream account."""


def check(name: Name, as_json: AsJson = False) -> None:
    """Connect, read everything that can be read, and store what was learned. Nothing is changed or bought.

    The exit status is 0 if orders can be carried out: the balance and the list of every product type can be read.
    """
    with under_way(f"asking upstream {name}"):
        checked = run_async(_check(name))
    if as_json:
        print_json(_as_json(checked))
    else:
        _print(checked)
    raise typer.Exit(0 if checked.usable else 1)


def read(
    name: Name,
    item: Annotated[str | None, typer.Option(metavar="NUMBER", help="one item, instead of the balance")] = None,
    product_type: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="its product type, where the account has several")
    ] = None,
) -> None:
    """Read the balance of an account, or one item of it, now. Nothing is changed or bought."""
    with under_way(f"asking upstream {name}"):
        print_text(run_async(_read(name, item, product_type)))


async def _read(name: str, item: str | None, product_type: str | None) -> str:
    from orders.accounts.reading_now import ReadingNow
    from orders.views import find_upstream
    from upstreams.connections import Connections

    settings = load_settings()
    async with Connections.of(settings) as connections, opened_database(settings) as database:
        reading = ReadingNow(database, connections)
        if item is not None:
            chosen, seen = await reading.item(name, item, product_type)
            return (
                f"{name} has no {chosen} {item}" if seen is None else f"{chosen} {item} is {seen.status.name.lower()}"
            )
        await reading.balance(name)
        async with database.read() as session:
            funds = (await find_upstream(session, name)).funds
        return f"the balance of {name} is {funds.balance if funds else 'not known'}"


def pause(name: Name, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Have nothing sent to an upstream until it is resumed. Reads go on; operations wait, and say why."""
    from orders.accounts.pausing import pause as begin

    under_way = run_async(_decided(begin, name, acting_as(actor), reason))
    if as_json:
        return print_json({"name": name, "paused": True, "under_way": under_way})
    words = f"; {under_way} requests that were written down before go on to their end" if under_way else ""
    return print_text(f"upstream {name} is paused: nothing is sent from now on{words}")


def resume(name: Name, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Have things sent to an upstream again. The operations that wait continue automatically."""
    from orders.accounts.pausing import resume as end

    run_async(_decided(end, name, acting_as(actor), reason))
    if as_json:
        return print_json({"name": name, "paused": False})
    return print_text(f"upstream {name} is resumed: what waits continues automatically")


async def _decided(decide: Callable[..., Awaitable[T]], name: str, actor: str, reason: str) -> T:
    from orders.accounts.pausing import Why

    why = valid(Why, reason=reason)
    async with opened_database() as database, database.write() as session:
        return await decide(session, name, why, actor=actor)


async def _check(name: str) -> "CheckedUpstream":
    from catalogue.capabilities import check_upstream
    from upstreams.connections import Connections

    settings = load_settings()
    connections = Connections.of(settings)
    async with connections, opened_database(settings) as database:
        return await check_upstream(database, connections, name)


def _print(checked: "CheckedUpstream") -> None:
    found, account = checked.found, checked.account
    print_fields(
        [
            ("upstream", f"{account.name} ({account.url}{_generation(account)})"),
            ("balance", _balance(checked)),
            ("read by", _balance_call(checked)),
            ("lists", ", ".join(_lists(checked)) or "none: no processing module uses this account"),
            ("lists show marks", _knowledge(account.lists_show_marks, "no item to see it on")),
            ("forms show marks", _knowledge(account.forms_show_marks, "no item to see it on")),
            ("orders return a number", _knowledge(account.orders_return_number, "learned from the first order")),
        ]
    )
    for words in checked.absent.values():
        print(f"absent: {words}")
    for problem in found.problems:
        print_text(f"problem: {problem}")
    print("orders can be carried out" if checked.usable else "orders can't be carried out like this")


def _generation(account: "UpstreamAccount") -> str:
    dialect = account.settings.get("dialect")
    return f", dialect {dialect}" if dialect else ""


def _balance(checked: "CheckedUpstream") -> object:
    if checked.found.balance is not None:
        return checked.found.balance
    return "none is kept there" if "balance" in checked.absent else "can't be read"


def _balance_call(checked: "CheckedUpstream") -> object:
    return checked.account.learned.get("balance_call") if checked.found.balance is not None else None


def _lists(checked: "CheckedUpstream") -> list[str]:
    readable = set(checked.found.listable_types)
    return [
        product_type if product_type in readable else f"{product_type} (can't be read)"
        for product_type in checked.product_types
    ]


def _knowledge(known: Knowledge, why_not: str) -> str:
    return f"not known yet ({why_not})" if known is Knowledge.UNKNOWN else known.value


def _as_json(checked: "CheckedUpstream") -> object:
    found, account = checked.found, checked.account
    return {
        "name": account.name,
        "url": account.url,
        "usable": checked.usable,
        "balance": {"amount": found.balance.amount, "currency": found.balance.currency} if found.balance else None,
        "balance_call": _balance_call(checked),
        "product_types": checked.product_types,
        "listable_types": found.listable_types,
        "lists_show_remoteid": account.lists_show_marks,
        "forms_show_remoteid": account.forms_show_marks,
        "orders_return_number": account.orders_return_number,
        "absent": checked.absent,
        "problems": found.problems,
        "checked_at": account.checked_at,
    }
