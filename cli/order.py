"""`resell order PLAN`: order a service, and follow it if asked to."""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.printing import print_json, say_on, under_way
from cli.session import AsJson, opened_resellflow, run_async, valid
from models.enums import Stage

if TYPE_CHECKING:
    from cli.waiting import Followed
    from models.order import Operation
    from orders.intake import AcceptedOrder, ServiceRequest

CLIENT = "cli"
"""Whose keys the keys of this command are. One for all users: the same key never makes two orders."""


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
    accepted, followed = run_async(_order(request, used_key, wait=wait, say=say_on(as_json)))
    if as_json:
        print_json(_as_json(accepted, followed, used_key))
    elif wait:
        typer.echo("\n".join(followed.end()))
    raise typer.Exit(0 if not wait or followed.completed else 1)


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


async def _order(
    request: "ServiceRequest", key: str, *, wait: bool, say: Callable[[str], None]
) -> "tuple[AcceptedOrder, Followed]":
    from cli.waiting import follow, look

    async with opened_resellflow() as resellflow:
        with under_way("placing the order"):
            accepted = await resellflow.place_order(request, key=key, client=CLIENT)
        before = "" if accepted.created else ", made before with this key"
        say(f"service {accepted.service}, operation {accepted.operation}{before} (key {key})")
        if wait:
            return accepted, await follow(resellflow.database, accepted.operation, say)
        now = await look(resellflow.database, accepted.operation)
        say(_what_next(now.operation))
        return accepted, now


def _what_next(operation: "Operation") -> str:
    if operation.stage is Stage.ACCEPTED and operation.workflow_started_at is None:
        return "Temporal can't be reached just now; the order is accepted and starts by itself when it is back"
    return f"{operation.stage.value}; look again with: resell operations show {operation.id}"


def _as_json(accepted: "AcceptedOrder", followed: "Followed", key: str) -> object:
    return {
        "service": accepted.service,
        "operation": accepted.operation,
        "kind": accepted.kind,
        "upstream": accepted.upstream,
        "workflow_id": accepted.workflow_id,
        "key": key,
        "created": accepted.created,
        "stage": followed.operation.stage,
        "upstream_number": followed.service.upstream_number,
        "stages": [{"stage": entry.stage, "at": entry.at, "reason": entry.reason} for entry in followed.stages],
    }
