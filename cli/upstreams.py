"""`resell upstreams`, `resell orphans`: the accounts at the selling systems, and what lies there that is not ours."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, Limit, page_request
from cli.printing import Column, number, print_text, short, shown, whole
from cli.session import AsJson, opened_database, run_async
from cli.source import opened_source

if TYPE_CHECKING:
    from orders.views import OrphanView, UpstreamView


def add_commands(app: typer.Typer) -> None:
    app.command()(upstreams)
    app.command()(orphans)


def upstreams(written: Format = None, as_json: AsJson = False) -> None:
    """List upstream accounts: their health, their money, the last poll."""
    views = run_async(_upstreams())
    UPSTREAMS.show_all(views, written=written, as_json=as_json)
    if not as_json and written is None:
        for view in views:
            for sentence in _troubles(view):
                print_text(f"{view.name}: {sentence}")


UPSTREAMS = Listing(
    "orders.views:UpstreamView",
    [Column("name"), whole("health"), number("balance"), number("free"), number("waiting orders"), number("orphans"),
     whole("polled (UTC)")],
    lambda one: _upstream_row(one),
    "no upstream accounts",
)  # fmt: skip


def _upstream_row(view: "UpstreamView") -> list[object]:
    funds = view.funds
    return [
        view.name,
        view.health.value,
        funds.balance if funds else "none" if "balance" in view.capabilities.absent else "not read yet",
        funds.free if funds else "",
        funds.waiting_orders if funds else "",
        view.orphans,
        short(view.polled_at) or "never",
    ]


def _breaker(of: str) -> str:
    return "requests" if of == "account" else f'requests of the kind "{of}"'


def _troubles(view: "UpstreamView") -> list[str]:
    found = list(view.problems)
    if view.unhealthy_reason:
        found.insert(0, f"unhealthy since {shown(view.unhealthy_since)} UTC: {view.unhealthy_reason}")
    if view.unreachable_reason:
        found.insert(0, f"unreachable since {shown(view.unreachable_since)} UTC: {view.unreachable_reason}")
    if view.paused:
        found.insert(
            0, f"paused by {view.paused.by} since {shown(view.paused.since)} UTC, nothing is sent: {view.paused.reason}"
        )
    found += [
        f"the list of {one.product_type} can't be read since {shown(one.since)} UTC: {one.reason}"
        for one in view.failing_lists
    ]
    found += [
        f"{_breaker(one.of)} have not been answered since {shown(one.since)} UTC, the next one goes at "
        f"{shown(one.next_try)} UTC: {one.reason}"
        for one in view.circuits
    ]
    if view.left_alone_until:
        found.append(f"it has asked to be left alone until {shown(view.left_alone_until)} UTC")
    if view.low_balance:
        found += [
            f"{view.funds.free if view.funds else 'less'} are free, and module {one.name} wants {one.minimal_balance}"
            for one in view.processing_modules
            if one.low_balance
        ]
    if view.hints and view.hints.unread:
        found.append(f"{view.hints.unread} push hints are unread since {shown(view.hints.unread_since)} UTC")
    for held in view.held_back:
        one = held.examples[0]
        found.append(
            f"{held.rows} of the rows of {held.product_type} are held back, whole or in part: {one.number}: {one.why}"
        )
    if view.funds and view.funds.waiting_orders:
        found.append(f"orders wait for {view.funds.waiting}")
    return found


async def _upstreams() -> "list[UpstreamView]":
    async with opened_source() as source:
        return await source.upstreams()


def orphans(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="only items of this upstream account")] = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    as_json: AsJson = False,
) -> None:
    """List items at the upstreams that belong to no service of ours."""
    found = run_async(_orphans(name, limit, whole_list=written is not None))
    return ORPHANS.show_all(found, written=written, as_json=as_json)


ORPHANS = Listing(
    "orders.views:OrphanView",
    [Column("upstream"), whole("type"), number("item"), whole("status"), Column("name"), Column("mark"),
     Column("tariff"), whole("expires"), whole("first seen (UTC)")],
    lambda one: [one.upstream, one.product_type, one.number, one.status, one.name, one.remoteid, one.pricelist,
                 one.expires_on, short(one.first_seen_at)],
    "no orphans",
)  # fmt: skip


async def _orphans(name: str | None, limit: int, *, whole_list: bool) -> "list[OrphanView]":
    """The newest of each upstream account, or all."""
    from orders.reading.paging import HIGHEST_LIMIT
    from orders.views import list_orphans, list_upstreams

    found: list[OrphanView] = []
    async with opened_database() as database, database.read() as session:
        for one in [name] if name is not None else [view.name for view in await list_upstreams(session)]:
            cursor: str | None = None
            while True:
                page = await list_orphans(
                    session, page_request(HIGHEST_LIMIT if whole_list else limit, cursor), upstream=one
                )
                found += page.items
                cursor = page.next_cursor
                if cursor is None or not whole_list:
                    break
    return found
