"""`resell events`: all that webhooks send, oldest first."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exporting import Format, Listing
from cli.listing import Cursor, OfService
from cli.printing import Column, number, print_json, whole
from cli.session import AsJson, run_async
from cli.source import opened_source
from models.enums import MessageType

if TYPE_CHECKING:
    from orders.views import Page, PageRequest
    from orders.webhooks.feed_views import Feed, FeedRequest


def add_commands(app: typer.Typer) -> None:
    app.command()(events)


def events(
    kind: Annotated[
        list[MessageType] | None, typer.Option("--type", metavar="TYPE", help="only of this type; may be repeated")
    ] = None,
    service: OfService = None,
    from_now: Annotated[bool, typer.Option("--from-now", help="show none, only the cursor for those to come")] = False,
    written: Format = None,
    limit: Annotated[int, typer.Option(help="show at most this many", min=1, max=200)] = 200,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List what the webhooks send, oldest first, whether there is a webhook or not."""
    from orders.webhooks.feed_views import FeedRequest

    if written is not None:

        async def read(page: "PageRequest") -> "Page[Any]":
            """Pages that end where the list ends now."""
            from orders.views import Page

            after = page.cursor or cursor
            feed = await _events(FeedRequest(page.limit, after, "now" if from_now else "oldest", kind, service))
            return Page(items=feed.items, next_cursor=feed.next_cursor if feed.more else None)

        return LISTING.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)
    ask = FeedRequest(limit, cursor, "now" if from_now else "oldest", kind, service)
    feed = run_async(_events(ask))
    if as_json:
        return print_json(feed)
    LISTING.table(feed.items)
    return print(f"{'there are more' if feed.more else 'for what comes later'}: --cursor {feed.next_cursor}")


LISTING = Listing(
    "orders.webhooks.feed_views:Event",
    [whole("at (UTC)"), number("service"), whole("type"), Column("data")],
    lambda one: [one.time, one.subject, one.type, one.data],
    "no events",
)


async def _events(ask: "FeedRequest") -> "Feed":
    async with opened_source() as source:
        return await source.events(ask)
