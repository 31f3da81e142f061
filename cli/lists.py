"""`resell services`, `operations`, each with `show N`."""

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import decisions, history, retention, service_admin, upstreams
from cli.days import day
from cli.evidence import found_by
from cli.exporting import Format, Listing
from cli.listing import DEFAULT_LIMIT, Cursor, Limit, Number, OfService, group, page_request
from cli.prices import EXPECTED_PRICE, UPSTREAM_PRICE, price_in_words, price_label
from cli.printing import Column, number, print_fields, print_json, print_table, short, shown, whole
from cli.session import AsJson, run_async
from cli.source import opened_source
from models.enums import OperationKind, ServiceStatus, Stage

if TYPE_CHECKING:
    from orders.views import (
        AuditView,
        DecisionView,
        IntentView,
        OperationDetail,
        OperationView,
        Page,
        PageRequest,
        ServiceView,
    )

OfReference = Annotated[
    list[str] | None, typer.Option("--reference", metavar="TEXT", help="only with this reference; may be repeated")
]


class ServiceOrder(StrEnum):
    NEWEST = "-created_at"
    OLDEST = "created_at"
    EXPIRES_FIRST = "expires_on"
    EXPIRES_LAST = "-expires_on"


def add_commands(app: typer.Typer) -> None:
    services_group = group(app, "services", "List the services of customers, newest first.", services, show_service)
    history.add_commands(services_group)
    service_admin.add_commands(services_group)
    operations_group = group(
        app, "operations", "List operations on services, newest first; decide about one.", operations,
        show_operation,
    )  # fmt: skip
    decisions.add_commands(operations_group)
    upstreams.add_commands(app)
    retention.add_commands(app)


# Services.


def services(
    context: typer.Context,
    status: Annotated[
        list[ServiceStatus] | None,
        typer.Option(metavar="STATUS", help=f"only in this status: {', '.join(ServiceStatus)}"),
    ] = None,
    customer: Annotated[list[str] | None, typer.Option(help="only services of this customer")] = None,
    plan: Annotated[list[str] | None, typer.Option(help="only of this tariff plan")] = None,
    expires_after: Annotated[date | None, day("only if the term ends on a later day")] = None,
    expires_before: Annotated[date | None, day("only if the term ends on an earlier day")] = None,
    reference: OfReference = None,
    search: Annotated[
        str | None, typer.Option(help="text in name, address, item number, mark, customer or reference")
    ] = None,
    sort: Annotated[
        ServiceOrder, typer.Option(help=f"{', '.join(ServiceOrder)}; with - the other way", metavar="BY")
    ] = ServiceOrder.NEWEST,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None
    ends = {"expires_after": expires_after, "expires_before": expires_before}
    found = {**ends, "reference": reference, "containing": search, "sort": sort.value}

    async def read(ask: "PageRequest") -> "Page[ServiceView]":
        return await _services(ask, status, customer, plan, found)

    return SERVICES.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


SERVICES = Listing(
    "orders.views:ServiceView",
    [number("number"), whole("status"), Column("plan"), Column("customer"), Column("name"), Column("upstream"),
     number("item"), whole("expires")],
    lambda one: [
        one.number,
        one.status.value,
        one.plan,
        one.customer,
        one.name,
        one.upstream.name if one.upstream else "(by hand)",
        one.upstream.number if one.upstream else None,
        one.expires_on,
    ],
    "no services",
)  # fmt: skip


async def _services(
    ask: "PageRequest",
    status: list[ServiceStatus] | None,
    customer: list[str] | None,
    plan: list[str] | None,
    found: "dict[str, Any]",
) -> "Page[ServiceView]":
    async with opened_source() as source:
        return await source.services(ask, customer=customer, status=status, plan=plan, **found)


_RENEWED = {
    "storefront": "prolonged when its shop asks",
    "automatic": "renewed automatically",
    "upstream": "renewed by the upstream",
}
_AT_END = {"renew": "", "expire": "expires: its shop stopped the renewal", "close": "is closed: its shop wants it so"}
_KEY_WORDS = {None: "", True: "has come; read it with licence-key", False: "has not come yet"}


def show_service(service: Number, as_json: AsJson = False) -> None:
    """Show a service and what was done to it."""
    view, done = run_async(_service(service))
    if as_json:
        return print_json(view)
    from models.periods import has_next_term, period_in_words

    renewed = _RENEWED[view.renewal_owner] if has_next_term(view.period_months) else "never renewed"
    print_fields(
        [
            ("service", view.number),
            ("status", f"{view.status.value} since {shown(view.status_since)} UTC"),
            ("suspended by", view.suspend_reason),
            ("customer", view.customer),
            ("plan", f"{view.plan} ({view.product_type})"),
            ("name", f"{view.name}{' (made up)' if view.name_is_ours else ''}"),
            ("address", view.ip),
            ("expires on", view.expires_on),
            ("licence key", _KEY_WORDS[view.key_ready]),
            ("period", f"{period_in_words(view.period_months)}, {renewed}"),
            ("at its end", _AT_END[view.at_end_of_term]),
            ("parameters", view.parameters),
            ("add-ons", view.addons),
            ("reference", view.reference),
            ("metadata", view.metadata),
            ("upstream", f"{view.upstream.name}, item {view.upstream.number or '(none yet)'}" if view.upstream else ""),
            (UPSTREAM_PRICE if view.upstream and view.upstream.number else EXPECTED_PRICE, view.cost),
            ("mark there", view.mark),
            ("module", view.processing_module),
            ("home module", view.home_processing_module),
            ("ordered", f"{shown(view.created_at)} UTC"),
            ("INCIDENTS", ", ".join(f"{one} (resell incidents show {one})" for one in view.open_incidents)),
        ]
    )
    print()
    return OPERATIONS.table(done.items)


async def _service(service: int) -> "tuple[ServiceView, Page[OperationView]]":
    async with opened_source() as source:
        view = await source.service(service)
        return view, await source.operations(page_request(DEFAULT_LIMIT), service=[service])


# Operations.


def operations(
    context: typer.Context,
    stage: Annotated[
        list[Stage] | None, typer.Option(metavar="STAGE", help=f"only in this stage: {', '.join(Stage)}")
    ] = None,
    service: OfService = None,
    kind: Annotated[
        list[OperationKind] | None, typer.Option(metavar="KIND", help=f"only of this kind: {', '.join(OperationKind)}")
    ] = None,
    upstream: Annotated[list[str] | None, typer.Option(help="only at this upstream account")] = None,
    slow: Annotated[
        bool | None,
        typer.Option("--slow/--not-slow", help="only operations that take longer than usual (or only the others)"),
    ] = None,
    reference: OfReference = None,
    written: Format = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is not None:
        return None

    async def read(ask: "PageRequest") -> "Page[OperationView]":
        return await _operations(ask, stage, service, kind, upstream, slow, reference)

    return OPERATIONS.show(read, written=written, limit=limit, cursor=cursor, as_json=as_json)


async def _operations(
    ask: "PageRequest",
    stage: list[Stage] | None,
    service: list[int] | None,
    kind: list[OperationKind] | None,
    upstream: list[str] | None,
    slow: bool | None,
    reference: list[str] | None,
) -> "Page[OperationView]":
    async with opened_source() as source:
        return await source.operations(
            ask, stage=stage, service=service, kind=kind, upstream=upstream, slow=slow, reference=reference
        )


OPERATIONS = Listing(
    "orders.views:OperationView",
    [number("number"), number("service"), whole("kind"), whole("stage"), whole("since (UTC)"), Column("upstream"),
     Column("waits for")],
    lambda one: [
        one.number,
        one.service,
        one.kind.value,
        f"{one.stage.value}{' (slow)' if one.slow_since else ''}",
        short(one.stage_since),
        one.upstream or "(by hand)",
        _why(one),
    ],
    "no operations",
)  # fmt: skip


def _why(one: "OperationView") -> str:
    """What it waits for; of one that is over, what is still not as it should be."""
    return "" if one.stage is Stage.CANCELLED or one.waits_for == "nothing" else one.waits_for


def show_operation(operation: Number, as_json: AsJson = False) -> None:
    """Show an operation: its stages, what it waits for, what a person may do, who did what."""
    view, audit, intents = run_async(_operation(operation))
    if as_json:
        return print_json({**view.model_dump(), "intents": intents, "audit": audit})
    print_fields(
        [
            ("operation", f"{view.number}: {view.kind.value} service {view.service}"),
            ("stage", f"{view.stage.value} since {shown(view.stage_since)} UTC"),
            ("waits for", view.waits_for),
            ("upstream says", view.upstream_says),
            ("slow since", f"{shown(view.slow_since)} UTC" if view.slow_since else ""),
            ("next", view.next_step),
            ("failed attempts", _times(view.tries)),
            ("next attempt", f"{shown(view.next_try_at)} UTC" if view.next_try_at else ""),
            ("a person may", view.person_may),
            ("decisions", "; ".join(f"{one.decision.value} ({_needed(one)})" for one in view.allowed_decisions)),
            ("called off", f"by {view.called_off_by}, {shown(view.called_off_at)} UTC" if view.called_off_at else ""),
            ("failure", view.failure_class.value if view.failure_class else ""),
            ("upstream", view.upstream or "(by hand)"),
            ("requested", view.parameters),
            ("reference", view.reference),
            ("metadata", view.metadata),
            (price_label(view.price), view.cost),
            ("price check", price_in_words(view.price)),
            ("agreed at most", view.agreed_cost_limit),
            ("paid back", ", ".join(map(str, view.refunded))),
            ("requested by", f"{view.actor}, {shown(view.created_at)} UTC"),
            ("request id", view.request_id),
            ("task", view.task),
            ("workflow", view.workflow_id + ("" if view.workflow_started_at else " (not started yet)")),
            ("in Temporal UI", view.workflow_url),
        ]
    )
    print()
    if view.history_begins_at is not None:
        print(f"the stages before {shown(view.history_begins_at)} UTC have been removed, as they are old")
    print_table(
        [whole("entered (UTC)"), whole("stage"), Column("reason")],
        [[f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], entry.stage.value, entry.reason] for entry in view.stages],
        nothing="no stages",
    )
    if intents:
        print()
        print_table(
            [number("call"), whole("written (UTC)"), whole("state"), whole("mark"), Column("what was found")],
            [[one.attempt, one.written_at, one.state.value, one.mark, found_by(one)] for one in intents],
            nothing="no calls",
        )
    print()
    return print_table(
        [whole("at (UTC)"), Column("who"), whole("did"), Column("more")],
        [[entry.at, entry.actor, entry.action, entry.detail] for entry in audit],
        nothing="no audit entries",
    )


def _times(tries: int) -> str:
    return "" if tries == 0 else "once" if tries == 1 else f"{tries} times"


def _needed(decision: "DecisionView") -> str:
    needs = f"needs {', '.join(decision.needs)}" if decision.needs else "needs nothing"
    may = f", may have {', '.join(decision.may)}" if decision.may else ""
    return f"{needs}{may}; for {', '.join(decision.roles)}"


async def _operation(operation: int) -> "tuple[OperationDetail, list[AuditView], list[IntentView]]":
    async with opened_source() as source:
        view = await source.operation(operation)
        audit = await source.audit_of_operation(page_request(200), operation)
        return view, audit.items[::-1], await source.intents(operation)
