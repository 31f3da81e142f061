"""`resell order PLAN`: order a service, and follow it if asked to."""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import print_json, under_way
from cli.session import AsJson, opened_resellflow, run_async, valid
from models.enums import Stage

if TYPE_CHECKING:
    from models.order import Operation, Service
    from orders.intake import AcceptedOrder, ServiceRequest
    from orders.views import StagePassed

CLIENT = "cli"
"""Whose keys the keys of this command are. One for all users: the same key never makes two orders."""


def add_commands(app: typer.Typer) -> None:
    app.command()(order)


@dataclass(frozen=True)
class _Followed:
    accepted: "AcceptedOrder"
    operation: "Operation"
    service: "Service"
    stages: "tuple[StagePassed, ...]"


def order(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="name of a tariff plan")],
    customer: Annotated[str, typer.Option(help="your name of the customer")],
    period: Annotated[int, typer.Option(metavar="MONTHS", help="months; one of the plan's periods")],
    domain: Annotated[str | None, typer.Option(help="host or domain name (default: made up)")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="e.g. template=debian-12; may be repeated")
    ] = None,
    addon: Annotated[list[str] | None, typer.Option(metavar="NAME=COUNT", help="e.g. ram=2; may be repeated")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="your own name of this order: repeated with it, it stays one order (default: made up)"),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="show each stage until the end; status 0 only if it was completed")
    ] = False,
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
        addons={name: _count(name, text) for name, text in pairs(addon, "--addon").items()},
    )
    used_key = key or f"cli-{secrets.token_hex(8)}"
    followed = run_async(_order(request, used_key, wait=wait, lines_to_stderr=as_json))
    if as_json:
        print_json(_as_json(followed, used_key))
    elif wait:
        _print_end(followed)
    raise typer.Exit(0 if not wait or followed.operation.stage is Stage.COMPLETED else 1)


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


def _count(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{name}={text}: the count is a whole number", param_hint="--addon") from None


async def _order(request: "ServiceRequest", key: str, *, wait: bool, lines_to_stderr: bool) -> _Followed:
    from cli.waiting import stages_entered
    from models.order import Operation, Service

    def say(text: str) -> None:
        print(text, file=sys.stderr if lines_to_stderr else sys.stdout, flush=True)

    async with opened_resellflow() as resellflow:
        with under_way("placing the order"):
            accepted = await resellflow.place_order(request, key=key, client=CLIENT)
        before = "" if accepted.created else ", made before with this key"
        say(f"service {accepted.service}, operation {accepted.operation}{before} (key {key})")
        entries: list[StagePassed] = []
        if wait:
            async for entry in stages_entered(resellflow.database, accepted.operation):
                entries.append(entry)
                say(f"{entry.at:%H:%M:%S}  {entry.stage.value}{f': {entry.reason}' if entry.reason else ''}")
        async with resellflow.database.read() as session:
            operation = await session.get_one(Operation, accepted.operation)
            service = await session.get_one(Service, accepted.service)
        if not wait:
            say(_what_next(operation))
        return _Followed(accepted, operation, service, tuple(entries))


def _what_next(operation: "Operation") -> str:
    if operation.stage is Stage.ACCEPTED and operation.workflow_started_at is None:
        return "Temporal can't be reached just now; the order is accepted and starts by itself when it is back"
    return f"{operation.stage.value}; look again with: resell operations show {operation.id}"


def _print_end(followed: _Followed) -> None:
    operation, service = followed.operation, followed.service
    if operation.stage is Stage.COMPLETED:
        seconds = ((operation.ended_at or operation.stage_since) - operation.created_at).total_seconds()
        item = f" as item {service.upstream_number}" if service.upstream_number else ""
        typer.echo(f"service {service.id} is {service.status.value}{item} after {seconds:.1f} s")
    else:
        typer.echo(f"{operation.stage.value}; a person may {operation.person_may}")
        typer.echo(f"more: resell operations show {operation.id}")


def _as_json(followed: _Followed, key: str) -> object:
    accepted, operation = followed.accepted, followed.operation
    return {
        "service": accepted.service,
        "operation": accepted.operation,
        "kind": accepted.kind,
        "upstream": accepted.upstream,
        "workflow_id": accepted.workflow_id,
        "key": key,
        "created": accepted.created,
        "stage": operation.stage,
        "upstream_number": followed.service.upstream_number,
        "stages": [{"stage": entry.stage, "at": entry.at, "reason": entry.reason} for entry in followed.stages],
    }
