"""Asking for an operation from the shell: once per key, followed to its end if wanted."""

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import print_json, print_text, say_on, under_way
from cli.session import run_async, workflow_links
from cli.source import opened_office, source_of
from models.enums import Stage

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from cli.source import Office
    from cli.waiting import Followed
    from models.money import Money
    from orders.lifecycle.acceptance import AcceptedOrder
    from orders.views import OperationView, ServiceView

CLIENT = "cli"
"""Owner of the keys of these commands. One for all users: the same key never makes two orders."""

Key = Annotated[
    str | None,
    typer.Option(help="your own name for this request; the same key never makes a second order (default: generated)"),
]
Limit = Annotated[
    str | None,
    typer.Option(
        "--cost-limit",
        metavar="SUM",
        help='the most that the upstream may charge, like "10.00 EUR"; a higher price waits for a person',
    ),
]
QuoteOption = Annotated[
    str | None,
    typer.Option(
        "--quote",
        metavar="ID",
        help="the quote that it is ordered by (`resell quote`); a higher price waits for a person",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only check whether it would be accepted; nothing is written")]
Wait = Annotated[
    bool, typer.Option("--wait", help="show each stage until the end; the exit status is 0 only if it was completed")
]


def sum_of_money(text: str | None, option: str) -> "Money | None":
    """A sum as people write it, `10.00 EUR`."""
    if text is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from models.money import Money
    from orders.money.limits import CostLimit

    found: TypeAdapter[Money] = TypeAdapter(CostLimit)
    try:
        return found.validate_python(text.strip())
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint=option) from None


def place(
    ask: "Callable[[Office, str], Awaitable[AcceptedOrder]]",
    *,
    doing: str,
    key: str | None,
    wait: bool,
    as_json: bool,
    dry_run: "Callable[[Office, str], Awaitable[tuple[ServiceView, OperationView]]] | None" = None,
) -> None:
    """Ask with a key, say what was accepted, and leave: status 0, or with `wait` only if it was completed. `dry_run`:
    only finds out what would be accepted."""
    if dry_run is not None:
        service, operation = run_async(_try(dry_run, key or "dry-run"))
        if as_json:
            return print_json({"service": service, "operation": operation})
        at = f"at {operation.upstream}" if operation.upstream else "by hand"
        return print_text(f"it would be accepted: {operation.kind.value} of {service.plan} {at}; nothing was written")
    used_key = key or f"cli-{secrets.token_hex(8)}"
    accepted, followed = run_async(_place(ask, used_key, doing=doing, wait=wait, say=say_on(as_json)))
    if as_json:
        print_json(_as_json(accepted, followed, used_key))
    elif wait:
        print_text("\n".join(followed.end()))
    raise typer.Exit(0 if not wait or followed.completed else 1)


async def _try(
    dry_run: "Callable[[Office, str], Awaitable[tuple[ServiceView, OperationView]]]", key: str
) -> "tuple[ServiceView, OperationView]":
    async with opened_office() as office:
        return await dry_run(office, key)


async def would_be(session: "AsyncSession", accepted: "AcceptedOrder") -> "tuple[ServiceView, OperationView]":
    """Both documents, within the transaction that is rolled back."""
    from orders.views import find_operation, find_service

    service = await find_service(session, accepted.service)
    return service, await find_operation(session, workflow_links(), accepted.operation)


async def _place(
    ask: "Callable[[Office, str], Awaitable[AcceptedOrder]]",
    key: str,
    *,
    doing: str,
    wait: bool,
    say: Callable[[str], None],
) -> "tuple[AcceptedOrder, Followed]":
    async with opened_office() as office:
        with under_way(doing):
            accepted = await ask(office, key)
        before = "" if accepted.created else ", made before with this key"
        say(f"service {accepted.service}, operation {accepted.operation}{before} (key {key})")
        source = source_of(office)
        if wait:
            return accepted, await source.follow(accepted.operation, say)
        now = await source.look(accepted.operation)
        say(_what_next(accepted, now))
        return accepted, now


def _what_next(accepted: "AcceptedOrder", operation: "Followed") -> str:
    look_again = f"look again with: resell operations show {operation.number}"
    if accepted.created and accepted.started_at is None and operation.stage is Stage.ACCEPTED:
        return f"accepted, and not begun yet: it starts in a moment, or when Temporal is back; {look_again}"
    return f"{operation.stage.value}; {look_again}"


def _as_json(accepted: "AcceptedOrder", followed: "Followed", key: str) -> object:
    return {
        "service": accepted.service,
        "operation": accepted.operation,
        "kind": accepted.kind,
        "upstream": accepted.upstream,
        "workflow_id": accepted.workflow_id,
        "key": key,
        "created": accepted.created,
        "stage": followed.stage,
        "upstream_number": followed.upstream_number,
        "cost": followed.cost,
        "stages": [{"stage": entry.stage, "at": entry.at, "reason": entry.reason} for entry in followed.stages],
    }
