"""`resell notifications`: the channels of people, how each is, and a trial message."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.exporting import Format, write_rows
from cli.failures import Failure
from cli.printing import Column, print_json, print_table, shown, whole
from cli.session import AsJson, opened_database, run_async
from settings import load_settings

if TYPE_CHECKING:
    from models.notifications import NotificationChannel
    from orders.notifications.channels import Channel, Channels

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help="its name in the file of the channels")]
FIELDS = ("name", "causes", "roles", "quiet", "loud", "digest", "time_zone", "quiet_now", "last_sent_at",
          "last_failed_at", "last_failure", "failing_since", "state")  # fmt: skip


def add_commands(app: typer.Typer) -> None:
    group = typer.Typer(help="Channels that tell people what needs them: how each is; a trial.", no_args_is_help=True,
                        rich_markup_mode=None)  # fmt: skip
    group.command("list")(list_all)
    group.command("test")(trial)
    app.add_typer(group, name="notifications")


def _channels() -> "Channels":
    from orders.notifications.channels import read_channels

    return read_channels(load_settings().notifications_file)


def list_all(written: Format = None, as_json: AsJson = False) -> None:
    """List the channels of the file: what each is for, and whether it works."""
    channels = _channels().channels
    states = run_async(_states()) if channels else {}
    found = [_document(one, states.get(one.name)) for one in channels]
    if written is not None:
        return write_rows(FIELDS, found, written)
    if as_json:
        return print_json({"items": found})
    columns = [
        whole("channel"),
        Column("causes"),
        Column("quiet"),
        whole("digest"),
        whole("last sent (UTC)"),
        Column("state"),
    ]
    rows: list[list[object]] = [
        [one["name"], one["causes"] if len(str(one["causes"])) < 40 else "all", one["quiet"] or "never",
         one["digest"] or "none", one["last_sent_at"] or "never", one["state"]]
        for one in found
    ]  # fmt: skip
    return print_table(
        columns, rows, nothing="nobody is told; RESELL_NOTIFICATIONS_FILE names the file of the channels"
    )


async def _states() -> "dict[str, NotificationChannel]":
    from sqlmodel import select

    from models.notifications import NotificationChannel

    async with opened_database() as database, database.read() as session:
        return {row.name: row for row in (await session.exec(select(NotificationChannel))).all()}


def _document(channel: "Channel", state: "NotificationChannel | None") -> dict[str, object]:
    from models.columns import utc_now
    from orders.inbox.causes import Cause

    failing = state is not None and state.failing_since is not None
    return {
        "name": channel.name,
        "causes": "all" if channel.causes == frozenset(Cause) else ", ".join(sorted(channel.causes)),
        "roles": ", ".join(sorted(channel.roles)),
        "quiet": None if channel.quiet is None else "{:%H:%M}-{:%H:%M}".format(*channel.quiet),
        "loud": ", ".join(sorted(channel.loud)),
        "digest": None if channel.digest is None else f"{channel.digest:%H:%M}",
        "time_zone": channel.time_zone,
        "quiet_now": channel.is_quiet(utc_now()),
        "last_failed_at": None if state is None else state.last_failed_at,
        "last_failure": None if state is None else state.last_failure,
        "last_sent_at": None if state is None else state.last_sent_at,
        "failing_since": None if state is None else state.failing_since,
        "state": f"fails since {shown(state.failing_since)}: {state.last_error}" if state and failing else "works",
    }


def trial(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="its name in the file of the channels")],
) -> None:
    """Send a trial message through a channel."""
    from orders.notifications.posting import post
    from orders.notifications.watching import TITLE, TRIAL

    channels = _channels()
    found = channels.named(channel)
    if found is None:
        known = ", ".join(one.name for one in channels.channels) or "there is none"
        raise Failure(f"there is no channel {channel}; known are: {known}")
    error = run_async(post(found, TITLE, TRIAL))
    if error is not None:
        raise Failure(f"the channel {channel} does not work: {error}")
    print(f"sent through {channel}")
