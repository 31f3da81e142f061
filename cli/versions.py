"""`resell versions`: which versions of the workers there are; which one gets new orders, or a share of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from cli.failures import Failure
from cli.listing import group
from cli.printing import number, print_json, print_table, print_text, short, whole
from cli.session import AsJson, run_async
from settings import load_settings

if TYPE_CHECKING:
    from temporalio.client import Client

BuildId = Annotated[str, typer.Argument(metavar="BUILD_ID", help="RESELL_BUILD_ID of the workers")]


class _VersionView(BaseModel):
    build_id: str
    status: str
    since: datetime
    percentage: float
    """Share of the new orders."""
    orders: int
    """Orders that run and stay with it."""
    workers: bool
    """Whether workers have asked for its work within the last minutes."""


def add_commands(app: typer.Typer) -> None:
    versions_group = group(
        app, "versions", "List the versions of the workers; choose which one gets new orders.", versions
    )
    versions_group.command()(current)
    versions_group.command()(ramp)


def versions(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is not None:
        return None
    found = run_async(_versions())
    if as_json:
        return print_json({"items": found})
    columns = [
        whole("build id"),
        whole("status"),
        whole("since (UTC)"),
        number("new orders"),
        number("orders"),
        whole("workers"),
    ]
    rows = [
        [
            one.build_id,
            one.status,
            short(one.since),
            f"{one.percentage:g} %",
            one.orders,
            "yes" if one.workers else "no",
        ]
        for one in found
    ]
    return print_table(columns, rows, nothing="no worker has a build id (RESELL_BUILD_ID)")


async def _versions() -> list[_VersionView]:
    from temporal.versions.deployment import builds_at_work, count_orders, find_deployment
    from temporal.versions.watching import SILENT_AFTER

    settings = load_settings()
    async with _temporal() as client:
        deployment = await find_deployment(client, settings.deployment)
        if deployment is None:
            return []
        at_work = await builds_at_work(client, deployment.name, settings.task_queue, SILENT_AFTER)
        shares = {deployment.current: 100 - deployment.percentage}
        if deployment.ramping is not None:
            shares[deployment.ramping] = deployment.percentage
        return [
            _VersionView(
                build_id=one.build_id,
                status=one.status.value,
                since=one.since,
                percentage=shares.get(one.build_id, 0),
                orders=await count_orders(client, deployment.name, one.build_id),
                workers=one.build_id in at_work,
            )
            for one in deployment.versions
        ]


def current(
    build_id: Annotated[str | None, typer.Argument(metavar="BUILD_ID", help="RESELL_BUILD_ID of the workers")] = None,
    none: Annotated[bool, typer.Option("--none", help="workers without a build id")] = False,
) -> None:
    """Have new orders go to this version. Orders under way stay with theirs."""
    if (build_id is None) != none:
        raise Failure("give a BUILD_ID, or --none for workers without one")
    run_async(_set_current(build_id or ""))
    print_text(f"new orders go to version {build_id}" if build_id else "new orders go to workers without a build id")


async def _set_current(build_id: str) -> None:
    from temporal.versions.deployment import set_current

    async with _temporal() as client:
        await set_current(client, load_settings().deployment, build_id)


def ramp(
    build_id: BuildId,
    percentage: Annotated[float, typer.Argument(min=0, max=100, help="share of the new orders; 0 ends the ramp")],
) -> None:
    """Have a share of the new orders go to this version, and the others to the current one."""
    run_async(_set_ramping(build_id, percentage))
    print_text(f"{percentage:g} % of the new orders go to version {build_id}")


async def _set_ramping(build_id: str, percentage: float) -> None:
    from temporal.versions.deployment import set_ramping

    async with _temporal() as client:
        await set_ramping(client, load_settings().deployment, build_id if percentage else "", percentage)


@asynccontextmanager
async def _temporal() -> AsyncIterator["Client"]:
    """A client; what Temporal refuses is a Failure."""
    from temporalio.service import RPCError

    from temporal.client import connect_client
    from temporal.outage import is_away
    from temporal.updates import TemporalUnavailable
    from temporal.versions.deployment import ChoiceNotKnown

    try:
        yield await connect_client()
    except ChoiceNotKnown as error:
        raise Failure(str(error)) from error
    except (RPCError, RuntimeError) as error:  # the second: it could not connect
        if isinstance(error, RPCError) and not is_away(error):
            raise Failure(f"Temporal refuses it: {error.message}") from error
        raise TemporalUnavailable(str(error)) from error
