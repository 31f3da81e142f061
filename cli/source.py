"""What the commands show, from the database or over an API: the same documents, by the same names.

`opened_source` gives what commands read from, `opened_office` what they act by.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from cli import api
from cli.session import opened_database, opened_resellflow, valid, workflow_links
from models.enums import AtEndOfTerm, Role
from settings import load_settings

if TYPE_CHECKING:
    from cli.remote import ApiSource
    from cli.waiting import Followed
    from models.database import Database
    from models.messages import Decision, DecisionKind, DecisionResult
    from orders.decisions.batch_views import BatchView
    from orders.decisions.batches import BatchRequest
    from orders.lifecycle.intake import ServiceRequest
    from orders.money.forecast_views import ForecastView
    from orders.money.refund_views import RefundView
    from orders.operations.requests import OperationRequest
    from orders.plans.views import PlanDetail, PlanView
    from orders.quotes.views import QuoteView
    from orders.views import (
        AuditView,
        HistoryEntry,
        IncidentView,
        IntentView,
        OperationDetail,
        OperationView,
        Page,
        PageRequest,
        ServiceView,
        TaskDetail,
        TaskView,
        TaskWanted,
        UpstreamView,
    )
    from orders.webhooks.feed_views import Feed, FeedRequest
    from starter import Resellflow

    Source: TypeAlias = "DatabaseSource | ApiSource"
    Office: TypeAlias = Resellflow | ApiSource


@asynccontextmanager
async def opened_source() -> AsyncIterator["Source"]:
    """What is read from."""
    if (chosen := api.chosen()) is not None:
        from cli.remote import ApiSource

        async with api.opened_client(chosen) as client:
            yield ApiSource(client)
    else:
        async with opened_database() as database:
            yield DatabaseSource(database)


@asynccontextmanager
async def opened_office() -> AsyncIterator["Office"]:
    """What is acted by."""
    if api.chosen() is not None:
        async with opened_source() as source:
            yield cast("ApiSource", source)
    else:
        async with opened_resellflow() as resellflow:
            yield resellflow


def source_of(office: "Office") -> "Source":
    """What is read from by who acts."""
    return cast("ApiSource", office) if api.chosen() else DatabaseSource(cast("Resellflow", office).database)


async def run_batch(office: "Office", number: int, actor: str) -> "BatchView":
    """Carry a batch out to its end."""
    if api.chosen():
        return await cast("ApiSource", office).run_batch(number, actor)
    from orders.access.roles import Requester
    from orders.decisions import batches
    from orders.decisions.batch_views import find_batch

    resellflow, requester = cast("Resellflow", office), Requester(Role.ADMIN, actor)

    async def decide(operation: int, kind: "DecisionKind", decision: "Decision") -> "DecisionResult":
        return await resellflow.decide(operation, kind, decision, requester)

    while True:
        await batches.run(resellflow.database, number, decide, requester)
        async with resellflow.database.read() as session:
            view = await find_batch(session, number)
        if view.finished or "planned" not in view.counts:
            return view


class DatabaseSource:
    """The documents, read from the database. Raises NotFound and InvalidField as `orders.views` does."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def services(self, ask: "PageRequest", **wanted: Any) -> "Page[ServiceView]":
        from orders.views import list_services

        async with self._database.read() as session:
            return await list_services(session, ask, **wanted)

    async def service(self, number: int) -> "ServiceView":
        from orders.views import find_service

        async with self._database.read() as session:
            return await find_service(session, number)

    async def history(self, ask: "PageRequest", service: int) -> "Page[HistoryEntry]":
        from orders.views import list_history

        async with self._database.read() as session:
            return await list_history(session, ask, service=service)

    async def operations(self, ask: "PageRequest", *, slow: bool | None = None, **wanted: Any) -> "Page[OperationView]":
        from orders.views import list_operations

        several = None if slow is None else [slow]
        async with self._database.read() as session:
            return await list_operations(session, workflow_links(), ask, slow=several, **wanted)

    async def operation(self, number: int) -> "OperationDetail":
        from orders.views import find_operation

        async with self._database.read() as session:
            return await find_operation(session, workflow_links(), number)

    async def audit_of_operation(self, ask: "PageRequest", number: int) -> "Page[AuditView]":
        from orders.views import list_audit

        async with self._database.read() as session:
            return await list_audit(session, ask, subject="operation", number=number)

    async def intents(self, operation: int) -> "list[IntentView]":
        from orders.views import list_intents

        async with self._database.read() as session:
            return await list_intents(session, operation)

    async def look(self, operation: int) -> "Followed":
        from cli.waiting import look

        return await look(self._database, operation)

    async def follow(self, operation: int, say: Callable[[str], None]) -> "Followed":
        from cli.waiting import follow

        return await follow(self._database, operation, say)

    async def tasks(self, ask: "PageRequest", wanted: "TaskWanted") -> "Page[TaskView]":
        from orders.views import list_tasks

        async with self._database.read() as session:
            return await list_tasks(session, ask, wanted)

    async def task(self, number: int) -> "TaskDetail":
        from orders.views import find_task

        async with self._database.read() as session:
            return await find_task(session, number)

    async def incidents(self, ask: "PageRequest", **wanted: Any) -> "Page[IncidentView]":
        from orders.views import list_incidents

        async with self._database.read() as session:
            return await list_incidents(session, ask, **wanted)

    async def incident(self, number: int) -> "IncidentView":
        from orders.views import find_incident

        async with self._database.read() as session:
            return await find_incident(session, number)

    async def refunds(self, ask: "PageRequest", **wanted: Any) -> "Page[RefundView]":
        from orders.money.refund_views import list_refunds

        async with self._database.read() as session:
            return await list_refunds(session, ask, **wanted)

    async def events(self, ask: "FeedRequest") -> "Feed":
        from orders.installation import source_of as name_of
        from orders.webhooks.feed_views import read_feed

        name = await name_of(self._database)
        async with self._database.read() as session:
            return await read_feed(session, ask, name)

    async def plans(
        self, ask: "PageRequest", product_type: Sequence[str] | None, active: bool | None
    ) -> "Page[PlanView]":
        from orders.access.roles import OPERATOR
        from orders.plans.views import list_plans

        wanted = None if active is None else [active]
        async with self._database.read() as session:
            terms = load_settings().renewal_terms()
            return await list_plans(session, ask, OPERATOR, terms, product_type=product_type, active=wanted)

    async def plan(self, name: str) -> "PlanDetail":
        from orders.access.roles import OPERATOR
        from orders.operations.requests import Rules
        from orders.plans.views import find_plan

        settings = load_settings()
        async with self._database.read() as session:
            return await find_plan(
                session, name, OPERATOR, Rules(settings.manual_plan_changes), settings.renewal_terms()
            )

    async def forecasts(self, account: str | None, hours: int | None, days: int | None) -> "list[ForecastView]":
        from orders.money.forecast.terms import Basis
        from orders.money.forecast_views import find_forecast, horizon, list_forecasts

        settings = load_settings()
        span, basis = horizon(hours, days), Basis(settings.rates(), settings.renewal_terms())
        async with self._database.read() as session:
            if account is None:
                return list(await list_forecasts(session, span, basis))
            return [await find_forecast(session, account, span, basis)]

    async def upstreams(self) -> "list[UpstreamView]":
        from orders.views import list_upstreams

        async with self._database.read() as session:
            return await list_upstreams(session)

    async def quote(self, asked: "ServiceRequest | OperationRequest", service: int | None) -> "QuoteView":
        from orders.access.roles import OPERATOR
        from orders.lifecycle.intake import ServiceRequest
        from orders.quotes.views import QuoteRules, quote_change, quote_order
        from upstreams.connections import Connections

        settings = load_settings()
        rules = QuoteRules.of(settings)
        async with Connections.of(settings) as connections:
            if isinstance(asked, ServiceRequest):
                return await quote_order(self._database, connections, rules, asked, OPERATOR)
            return await quote_change(self._database, connections, rules, service or 0, asked, OPERATOR)

    # What is decided with the database alone.

    async def preview_batch(self, asked: "BatchRequest", actor: str) -> "BatchView":
        from orders.access.roles import Requester
        from orders.decisions import batches
        from orders.decisions.batch_views import find_batch

        made = await batches.preview(self._database, asked, Requester(Role.ADMIN, actor))
        async with self._database.read() as session:
            return await find_batch(session, made)

    async def close_incident(self, number: int, actor: str, note: str) -> "IncidentView":
        from orders.errors import existing
        from orders.incidents.record import checked_note, close_incident

        async with self._database.write() as session:
            await close_incident(session, existing("incident", number), actor=actor, note=checked_note(note))
        return await self.incident(number)

    async def assign_refund(self, number: int, operation: int, actor: str, reason: str) -> "RefundView":
        from orders.errors import existing
        from orders.money.refund_views import find_refund
        from orders.money.refunds.deciding import assign

        async with self._database.write() as session:
            await assign(session, existing("refund", number), operation=operation, actor=actor, reason=reason)
        async with self._database.read() as session:
            return await find_refund(session, number)

    async def ignore_refund(self, number: int, actor: str, reason: str) -> "RefundView":
        from orders.errors import existing
        from orders.money.refund_views import find_refund
        from orders.money.refunds.deciding import ignore

        async with self._database.write() as session:
            await ignore(session, existing("refund", number), actor=actor, reason=reason)
        async with self._database.read() as session:
            return await find_refund(session, number)

    async def set_reference(self, service: int, given: dict[str, Any], actor: str) -> "ServiceView":
        from orders.services.references import ReferenceChange, change_reference

        await change_reference(self._database, service, valid(ReferenceChange, **given), actor=actor)
        return await self.service(service)

    async def set_renewal(self, service: int, what: AtEndOfTerm, actor: str, reason: str | None) -> bool:
        """Whether that changed anything."""
        from orders.renewals.stopping import RenewalChange, change_renewal

        change = valid(RenewalChange, at_end_of_term=what, reason=reason)
        return await change_renewal(self._database, service, change, actor=actor)
