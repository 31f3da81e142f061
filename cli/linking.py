"""`resell link`, `resell adopt`: what was bought by hand at an upstream becomes a service's, or a service."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.decisions import Actor
from cli.life import Service
from cli.printing import print_json, print_text, under_way
from cli.session import AsJson, acting_as, opened_database, run_async, valid
from settings import load_settings

if TYPE_CHECKING:
    from orders.linking.linker import Linker
    from orders.linking.requests import AdoptRequest, LinkRequest, Outcome

Item = Annotated[str, typer.Argument(metavar="UPSTREAM-NUMBER", help="number of the item at the upstream")]
UpstreamName = Annotated[str | None, typer.Option(metavar="NAME", help="name of the upstream account")]
Force = Annotated[bool, typer.Option("--force", help="do it in spite of the differences; needs a reason")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only report the differences; change nothing")]
Reason = Annotated[str | None, typer.Option(help="why; written to the audit log")]
Key = Annotated[
    str | None,
    typer.Option(help="your own name for this request; the same key never makes a second service (default: generated)"),
]


def add_commands(app: typer.Typer) -> None:
    app.command()(link)
    app.command()(adopt)


def link(
    service: Service,
    item: Item,
    upstream: UpstreamName = None,
    force: Force = False,
    dry_run: DryRun = False,
    reason: Reason = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Link a service to an item at its upstream. The item is read and compared; nothing is bought."""
    from orders.linking.requests import LinkRequest

    request = valid(LinkRequest, upstream_number=item, upstream=upstream, reason=reason, force=force, dry_run=dry_run)
    with under_way(f"reading item {item}"):
        outcome = run_async(_link(service, request, acting_as(actor)))
    _say(outcome, f"service {service} is item {item} at {outcome.upstream}", as_json)


async def _link(service: int, request: "LinkRequest", actor: str) -> "Outcome":
    async with _linker() as linker:
        return await linker.link(service, request, actor=actor)


def adopt(
    item: Item,
    plan: Annotated[str, typer.Option(help="the tariff plan that the new service has")],
    customer: Annotated[str, typer.Option(help="the storefront's own name for the customer who has it")],
    period: Annotated[
        int | None, typer.Option(metavar="MONTHS", help="months (default: the period that the upstream shows)")
    ] = None,
    upstream: UpstreamName = None,
    force: Force = False,
    dry_run: DryRun = False,
    reason: Reason = None,
    actor: Actor = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make a service from an item at an upstream. The item is read and compared; nothing is bought."""
    from orders.linking.requests import AdoptRequest

    request = valid(
        AdoptRequest,
        plan=plan,
        customer=customer,
        period_months=period,
        reason=reason,
        force=force,
        dry_run=dry_run,
    )
    used = key or f"cli-{secrets.token_hex(8)}"
    with under_way(f"reading item {item}"):
        outcome = run_async(_adopt(item, request, upstream, acting_as(actor), used))
    _say(outcome, f"item {item} at {outcome.upstream} is service {outcome.service or '(a new one)'}", as_json)


async def _adopt(item: str, request: "AdoptRequest", upstream: str | None, actor: str, key: str) -> "Outcome":
    async with _linker() as linker:
        return await linker.adopt(item, request, upstream=upstream, actor=actor, client="cli", key=key)


@asynccontextmanager
async def _linker() -> "AsyncIterator[Linker]":
    from orders.linking.linker import Linker
    from upstreams.connections import Connections

    settings = load_settings()
    connections = Connections.of(settings)
    async with connections, opened_database(settings) as database:
        yield Linker(database, connections)


def _say(outcome: "Outcome", sentence: str, as_json: bool) -> None:
    if as_json:
        return print_json(outcome)
    for difference in outcome.differences:
        print_text(f"{'overruled' if outcome.done else 'differs'}: {difference}")
    if not outcome.done:
        print_text(f"dry run, nothing is changed: {sentence}, if it is linked")
    elif outcome.mark_problem:
        print_text(f"{sentence}; our mark {outcome.mark} is not set: {outcome.mark_problem}")
    else:
        print_text(f"{sentence}; it carries our mark {outcome.mark}")
    return None
