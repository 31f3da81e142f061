"""`resell webhooks`: who is notified of what happens, how that goes, and once more what did not arrive."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.exporting import Format, Listing
from cli.failures import Failure
from cli.listing import DEFAULT_LIMIT, HIGHEST_NUMBER, Cursor, Limit, OfService
from cli.printing import (
    Column,
    number,
    print_fields,
    print_json,
    print_table,
    print_text,
    short,
    shown,
    under_way,
    whole,
)
from cli.session import AsJson, opened_database, os_user, run_async
from models.enums import DeliveryState
from settings import load_settings

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from models.webhooks import WebhookEndpoint
    from orders.views import DeliveryDetail, DeliveryView, Page, PageRequest, WebhookView

T = TypeVar("T")

TEST_SECONDS = 15.0

Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the webhook")]
Delivery = Annotated[int, typer.Argument(metavar="DELIVERY", help="number of the delivery", max=HIGHEST_NUMBER)]
Endpoint = Annotated[list[str] | None, typer.Option("--endpoint", metavar="NAME", help="only to this webhook")]


def add_commands(app: typer.Typer) -> None:
    about = "Webhooks: who receives messages, whether they arrive, and sending them again."
    group = typer.Typer(help=about, invoke_without_command=True, rich_markup_mode=None)
    group.callback(help=about)(listing)
    group.command("list")(list_all)
    group.command()(add)
    group.command()(remove)
    group.command()(pause)
    group.command()(resume)
    group.command("test")(try_out)
    group.command()(deliveries)
    group.command()(show)
    group.command()(replay)
    group.command()(secret)
    group.command("replace-secret")(replace_secret)
    app.add_typer(group, name="webhooks")


# Endpoints.


def listing(context: typer.Context, written: Format = None, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_all(written, as_json)


LISTING = Listing(
    "orders.views:WebhookView",
    [Column("name"), whole("state"), number("pending"), number("given up"), Column("owner"), Column("url"),
     Column("types")],
    lambda one: [one.name, _state(one), one.pending, one.given_up, one.owner or "", one.url, one.types or "all"],
    "no webhooks",
)  # fmt: skip
DELIVERIES = Listing(
    "orders.views:DeliveryView",
    [number("number"), Column("webhook"), number("service"), Column("type"), whole("state"), number("tries"),
     whole("happened (UTC)"), whole("next try (UTC)")],
    lambda one: [one.number, one.webhook, one.service, one.type, one.state.value, one.attempts, one.happened_at,
                 short(one.next_attempt_at)],
    "no deliveries",
)  # fmt: skip


def list_all(written: Format = None, as_json: AsJson = False) -> None:
    """List the webhooks, and why some of them fail."""
    views = run_async(_webhooks())
    LISTING.show_all(views, written=written, as_json=as_json)
    for one in views:
        if one.failing_since is not None and not as_json and written is None:
            print_text(f"{one.name}: failing since {shown(one.failing_since)} UTC: {one.failure}")


def _state(view: "WebhookView") -> str:
    if not view.active:
        return "off"
    return "failing" if view.failing_since else "well"


async def _webhooks() -> "list[WebhookView]":
    from orders.views import list_webhooks

    async with opened_database() as database, database.read() as session:
        return await list_webhooks(session)


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a name of your own")],
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…")],
    secret_env: Annotated[
        str | None,
        typer.Option(metavar="VARIABLE", help="environment variable of the workers that contains the secret"),
    ] = None,
    secret_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="file with the secret on the workers' machine")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="only messages of this type; may be repeated")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(metavar="STOREFRONT", help="name of a storefront's token; only messages about its services"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a webhook. From now on it receives messages about what happens. Without a place where its secret stands, a
    secret is made, kept sealed in the database, and shown once."""
    from models.webhooks import WebhookEndpoint
    from orders.access.tokens import check_storefront
    from orders.webhooks import endpoints
    from orders.webhooks.sealing import Sealer

    settings = load_settings()
    made_here = secret_env is None and secret_file is None and settings.webhook_key_file
    sealer = Sealer.of(settings.webhook_key_file) if made_here else None

    async def work(session: "AsyncSession") -> str:
        endpoint = WebhookEndpoint(
            name=name.strip(),
            url=url.strip(),
            owner=owner,
            secret_env=secret_env,
            secret_file=secret_file,
            kinds=kind or [],
        )
        await check_storefront(session, owner, settings.storefront_tokens)
        given: dict[str, Any] = {"private": settings.webhook_private, "actor": os_user()}
        if sealer is not None:
            return await endpoints.add_with_secret(session, endpoint, sealer=sealer, **given)
        await endpoints.add_endpoint(session, endpoint, **given)
        return ""

    made = _write(work)
    if as_json:
        return print_json({"name": name} | ({"secret": made} if made else {}))
    print_text(f"webhook {name} is added; try it: resell webhooks test {name}")
    return _print_secret(made) if made else None


def _print_secret(made: str) -> None:
    print_text("its secret, which is shown only now:")
    print(made)


def replace_secret(
    name: Name,
    overlap_hours: Annotated[
        int, typer.Option(help="how long messages are signed with the secrets before it, too", min=0, max=7 * 24)
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a new secret for a webhook whose secret is kept in the database, and show it once."""
    from orders.webhooks import endpoints
    from orders.webhooks.sealing import Sealer

    sealer, overlap = Sealer.of(load_settings().webhook_key_file), timedelta(hours=overlap_hours)
    made = _change(
        name,
        lambda session, endpoint: endpoints.replace_secret(
            session, endpoint, sealer=sealer, overlap=overlap, actor=os_user()
        ),
    )
    return print_json({"name": name, "secret": made}) if as_json else _print_secret(made)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a webhook, with its deliveries and their log."""
    from orders.webhooks import endpoints

    _change(name, lambda session, endpoint: endpoints.remove_endpoint(session, endpoint, actor=os_user()))
    _say(as_json, f"webhook {name} is removed", name=name)


def pause(name: Name, as_json: AsJson = False) -> None:
    """Send nothing to a webhook until it is resumed. Messages are kept for it meanwhile."""
    from orders.webhooks import endpoints

    _change(name, lambda session, endpoint: endpoints.pause(session, endpoint, actor=os_user()))
    _say(as_json, f"webhook {name} is paused", name=name)


def resume(name: Name, as_json: AsJson = False) -> None:
    """Resume after a pause, or after its receiver was repaired. All waiting messages are sent at once."""
    from orders.webhooks import endpoints

    count = _change(name, lambda session, endpoint: endpoints.resume(session, endpoint, actor=os_user()))
    _say(as_json, f"webhook {name} goes on; {count} on their way", name=name, pending=count)


def try_out(name: Name, as_json: AsJson = False) -> None:
    """Send a ping and wait for the first attempt. The exit status is 0 only if it was delivered. A worker must run."""
    from orders.webhooks import endpoints

    async def ping(session: "AsyncSession", endpoint: "WebhookEndpoint") -> int:
        return (await endpoints.ping(session, endpoint)).id

    delivery = _change(name, ping)
    with under_way(f"waiting for webhook {name}"):
        found = run_async(_tried(delivery))
    if as_json:
        print_json(found)
    else:
        _print_delivery(found)
        if not found.log:
            print("no try yet: does a worker run, and is the webhook switched on?")
    raise typer.Exit(0 if found.state is DeliveryState.DELIVERED else 1)


async def _tried(delivery: int) -> "DeliveryDetail":
    until = time.monotonic() + TEST_SECONDS
    while True:
        found = await _delivery(delivery)
        if found.log or time.monotonic() >= until:
            return found
        await asyncio.sleep(0.2)


def secret(as_json: AsJson = False) -> None:
    """Generate a secret. Store it where the workers find it; the receiver needs it, too."""
    from orders.webhooks.sealing import new_secret

    made = new_secret()
    if as_json:
        return print_json({"secret": made})
    return print(made)


# Deliveries.


def deliveries(
    endpoint: Endpoint = None,
    state: Annotated[
        list[DeliveryState] | None,
        typer.Option(metavar="STATE", help=f"only in this state: {', '.join(DeliveryState)}"),
    ] = None,
    service: OfService = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the messages that were sent or are on their way, newest first."""

    async def read(ask: "PageRequest") -> "Page[DeliveryView]":
        from orders.views import list_deliveries

        async with opened_database() as database, database.read() as session:
            return await list_deliveries(session, ask, webhook=endpoint, state=state, service=service)

    return DELIVERIES.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


def show(delivery: Delivery, as_json: AsJson = False) -> None:
    """Show a delivery: its content and the result of every attempt."""
    found = run_async(_delivery(delivery))
    if as_json:
        return print_json(found)
    return _print_delivery(found)


def _print_delivery(found: "DeliveryDetail") -> None:
    print_fields(
        [
            ("delivery", f"{found.number} to {found.webhook}"),
            ("state", found.state.value),
            ("next try", f"{shown(found.next_attempt_at)} UTC" if found.next_attempt_at else ""),
            ("type", found.type),
            ("id", found.message_id),
            ("service", found.service),
            ("happened", f"{shown(found.happened_at)} UTC"),
        ]
    )
    print()
    print_json(found.data)
    print()
    columns = [whole("tried (UTC)"), number("status"), number("ms"), Column("error"), Column("answer")]
    rows = [[one.at, one.status_code, one.duration_ms, one.error, one.answer] for one in found.log]
    print_table(columns, rows, nothing="no tries")


async def _delivery(delivery: int) -> "DeliveryDetail":
    from orders.views import find_delivery

    async with opened_database() as database, database.read() as session:
        return await find_delivery(session, delivery)


def replay(
    delivery: Annotated[
        int | None, typer.Argument(metavar="[DELIVERY]", help="only this one", max=HIGHEST_NUMBER)
    ] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="NAME", help="to this webhook")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="all messages since this time: 2026-03-01T12:00, or 90m, 24h, 3d")
    ] = None,
    given_up: Annotated[bool, typer.Option("--given-up", help="all messages that were given up")] = False,
    as_json: AsJson = False,
) -> None:
    """Send again: one delivery, or all of a webhook since a time or that were given up. The ids stay the same."""
    from orders.webhooks import replay

    match (delivery, endpoint, since, given_up):
        case (int(), None, None, False):
            _write(lambda session: replay.replay_one(session, delivery, actor=os_user()))
            count = 1
        case (None, str(), str(), False):
            moment = _moment(since)
            count = _change(endpoint, lambda session, to: replay.replay_since(session, to, moment, actor=os_user()))
        case (None, str(), None, True):
            count = _change(endpoint, lambda session, to: replay.replay_given_up(session, to, actor=os_user()))
        case _:
            raise Failure("name a delivery; or a webhook (--endpoint) with --since or --given-up")
    _say(as_json, f"{count} on their way once more", replayed=count)


def _moment(text: str) -> datetime:
    from orders.tasks.views import age

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.now(UTC) - age("since", text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# In one transaction.


def _change(name: str, work: "Callable[[AsyncSession, WebhookEndpoint], Awaitable[T]]") -> T:
    """Do something with a webhook. Raises NotFound."""
    from orders.webhooks.endpoints import endpoint_named

    async def with_endpoint(session: "AsyncSession") -> T:
        return await work(session, await endpoint_named(session, name))

    return _write(with_endpoint)


def _write(work: "Callable[[AsyncSession], Awaitable[T]]") -> T:
    async def transaction() -> T:
        async with opened_database() as database, database.write() as session:
            return await work(session)

    return run_async(transaction())


def _say(as_json: bool, sentence: str, **document: object) -> None:
    if as_json:
        print_json(document)
    else:
        print_text(sentence)
