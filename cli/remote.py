"""The same over the storefront API: what commands show, and what they ask for. The token says who acts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, RootModel

from models.enums import AtEndOfTerm, OperationKind, Stage
from models.messages import Decision, DecisionKind, DecisionResult, TaskCompletion
from orders.decisions.batch_views import BatchView
from orders.lifecycle.acceptance import AcceptedOrder
from orders.money.forecast_views import ForecastView
from orders.money.refund_views import RefundView
from orders.operations.registry import operation_type
from orders.plans.views import PlanDetail, PlanView
from orders.quotes.views import QuoteView
from orders.services.addons import from_text
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
    StagePassed,
    TaskDetail,
    TaskView,
    TaskWanted,
    UpstreamView,
)
from orders.webhooks.feed_views import Feed, FeedRequest
from resellflow_client import AsyncClient, Call, ProblemError, models

if TYPE_CHECKING:
    from cli.waiting import Followed
    from orders.decisions.batches import BatchRequest
    from orders.lifecycle.intake import ServiceRequest
    from orders.operations.requests import OperationRequest
    from orders.tasks.work import By

V = TypeVar("V", bound=BaseModel)
_ADDON = "addon."
"""Begins the name of an add-on among the parameters of a decision."""


def as_view(view: type[V], answer: BaseModel) -> V:
    """What the API answered, as the document that the commands print."""
    return view.model_validate_json(answer.model_dump_json(exclude_unset=True))


@contextmanager
def _unless_forbidden() -> Iterator[None]:
    """For the parts of a document that a storefront is not shown."""
    try:
        yield
    except ProblemError as problem:
        if problem.status != HTTPStatus.FORBIDDEN:
            raise


class ApiSource:
    """Raises ProblemError with the sentence that the command would say beside the database."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    # What is shown.

    async def services(self, ask: PageRequest, *, containing: str | None = None, **wanted: Any) -> Page[ServiceView]:
        answer = await self._client.list_of_services(**_of(ask), q=containing, **wanted)
        return as_view(Page[ServiceView], answer)

    async def service(self, number: int) -> ServiceView:
        return as_view(ServiceView, await self._client.show_service(number))

    async def history(self, ask: PageRequest, service: int) -> Page[HistoryEntry]:
        return as_view(Page[HistoryEntry], await self._client.history_of_service(service, **_of(ask)))

    async def operations(self, ask: PageRequest, *, slow: bool | None = None, **wanted: Any) -> Page[OperationView]:
        several = None if slow is None else [slow]
        answer = await self._client.list_of_operations(**_of(ask), slow=several, **wanted)
        return as_view(Page[OperationView], answer)

    async def operation(self, number: int) -> OperationDetail:
        return as_view(OperationDetail, await self._client.show_operation(number))

    async def audit_of_operation(self, ask: PageRequest, number: int) -> Page[AuditView]:
        with _unless_forbidden():
            return as_view(Page[AuditView], await self._client.audit_of_operation(number, **_of(ask)))
        return Page[AuditView](items=[], next_cursor=None)

    async def intents(self, operation: int) -> list[IntentView]:
        with _unless_forbidden():
            found = await self._client.intents_of_operation(operation)
            return [as_view(IntentView, one) for one in found.items]
        return []

    async def tasks(self, ask: PageRequest, wanted: TaskWanted) -> Page[TaskView]:
        answer = await self._client.list_of_tasks(**_of(ask), **_several(vars(wanted), "taken", "overdue"))
        return as_view(Page[TaskView], answer)

    async def task(self, number: int) -> TaskDetail:
        return as_view(TaskDetail, await self._client.show_task(number))

    async def incidents(self, ask: PageRequest, *, is_open: bool | None = None, **wanted: Any) -> Page[IncidentView]:
        several = None if is_open is None else [is_open]
        answer = await self._client.list_of_incidents(**_of(ask), open=several, **wanted)
        return as_view(Page[IncidentView], answer)

    async def incident(self, number: int) -> IncidentView:
        return as_view(IncidentView, await self._client.show_incident(number))

    async def refunds(self, ask: PageRequest, **wanted: Any) -> Page[RefundView]:
        return as_view(Page[RefundView], await self._client.list_of_refunds(**_of(ask), **wanted))

    async def events(self, ask: FeedRequest) -> Feed:
        given: dict[str, Any] = {"type": ask.types, "service": ask.services, "start": ask.start}
        answer = await self._client.list_of_all_events(limit=ask.limit, cursor=ask.cursor, **given)
        return as_view(Feed, answer)

    async def plans(self, ask: PageRequest, product_type: Sequence[str] | None, active: bool | None) -> Page[PlanView]:
        several = None if active is None else [active]
        answer = await self._client.list_of_plans(**_of(ask), product_type=product_type, active=several)
        return as_view(Page[PlanView], answer)

    async def plan(self, name: str) -> PlanDetail:
        return as_view(PlanDetail, await self._client.show_plan(name))

    async def forecasts(self, account: str | None, hours: int | None, days: int | None) -> list[ForecastView]:
        names = [one.name for one in await self.upstreams()] if account is None else [account]
        return [as_view(ForecastView, await self._client.show_forecast(name, hours=hours, days=days)) for name in names]

    async def upstreams(self) -> list[UpstreamView]:
        return [as_view(UpstreamView, one) for one in (await self._client.list_of_upstreams()).items]

    async def look(self, operation: int) -> "Followed":
        from cli.waiting import Followed

        view = await self.operation(operation)
        return Followed.of_views(view, await self.service(view.service))

    async def follow(self, operation: int, say: Callable[[str], None]) -> "Followed":
        from cli.waiting import WAIT_ENDS, stage_line

        entered: list[StagePassed] = []
        async with aclosing(self._client.follow(operation)) as stages:
            async for passed in stages:
                entry = as_view(StagePassed, passed)
                entered.append(entry)
                say(stage_line(entry))
                if entry.stage in WAIT_ENDS and (await self.operation(operation)).stages[-1].id == entry.id:
                    break
        return (await self.look(operation)).having(entered)

    async def quote(self, asked: "ServiceRequest | OperationRequest", service: int | None) -> QuoteView:
        kind = OperationKind.OPEN if service is None else asked.kind  # type: ignore[union-attr]  # of a service it has a kind
        body = _given(kind=kind.value, service=service, **_written(asked))
        call = Call[models.QuoteView]("POST", "/v1/quotes", {200: models.QuoteView}, body=body)
        found = await self._client.send(call)
        return as_view(QuoteView, found)

    # What is asked for.

    async def place_order(self, request: "ServiceRequest", *, key: str, client: str) -> AcceptedOrder:
        return await self._accepted("POST", "/v1/services", _written(request), key)

    async def ask(self, service: int, asked: "OperationRequest", *, key: str, client: str) -> AcceptedOrder:
        return await self._accepted(*_address(service, asked), _written(asked), key)

    async def try_order(
        self, request: "ServiceRequest", show: object, *, key: str, client: str
    ) -> tuple[ServiceView, OperationView]:
        return await self._tried("POST", "/v1/services", _written(request), key)

    async def try_asking(
        self, service: int, asked: "OperationRequest", show: object, *, key: str, client: str
    ) -> tuple[ServiceView, OperationView]:
        return await self._tried(*_address(service, asked), _written(asked), key)

    async def _accepted(self, method: str, path: str, body: dict[str, Any], key: str) -> AcceptedOrder:
        answer = await self._client.answer(_order(method, path, body, key))
        operation = as_view(OperationView, answer.body.operation)
        return AcceptedOrder(
            operation.service,
            operation.number,
            operation.kind,
            operation.upstream or "",
            created=answer.status == 201,
            started_at=operation.workflow_started_at,
        )

    async def _tried(self, method: str, path: str, body: dict[str, Any], key: str) -> tuple[ServiceView, OperationView]:
        found = await self._client.send(_order(method, path, body, key, dry_run=True))
        return as_view(ServiceView, found.service), as_view(OperationView, found.operation)

    # What is decided.

    async def decide(self, operation: int, kind: DecisionKind, decision: Decision) -> DecisionResult:
        taken = await self._client.send(
            Call[models.DecisionTaken](
                "POST",
                f"/v1/operations/{{number}}/{_DECISIONS[kind]}",
                {200: models.DecisionTaken},
                parts={"number": operation},
                body=_given(**_of_decision(kind, decision)),
            )
        )
        return DecisionResult(stage=Stage(taken.stage), message=taken.message)

    async def preview_batch(self, asked: "BatchRequest", actor: str) -> BatchView:
        body = models.BatchRequest.model_validate(_written(asked))
        return as_view(BatchView, await self._client.preview_batch(body))

    async def run_batch(self, number: int, actor: str) -> BatchView:
        while True:
            view = as_view(BatchView, await self._client.run_batch(number))
            if view.finished or "planned" not in view.counts:
                return view

    async def take_task(self, task: int, by: "By") -> None:
        await self._client.take_task(task, models.ActingOnTask.model_validate(_acting(by)))

    async def release_task(self, task: int, by: "By") -> None:
        await self._client.release_task(task, models.ActingOnTask.model_validate(_acting(by)))

    async def hand_over_task(self, task: int, person: str, by: "By") -> None:
        await self._client.hand_over_task(task, models.HandOver.model_validate({"to": person, **_acting(by)}))

    async def note_on_task(self, task: int, text: str, by: "By") -> None:
        await self._client.note_on_task(task, models.TaskNote.model_validate({"note": text, **_acting(by)}))

    async def complete_task(self, task: int, completion: TaskCompletion, *, override: str = "") -> DecisionResult:
        said = {"note": completion.note or None, "expires_on": completion.expires_on, "reason": override or None}
        given = {name: value for name, value in said.items() if value is not None} | {"override": bool(override)}
        return await self._ended(await self._client.complete_task(task, models.TaskDone.model_validate(given)))

    async def reject_task(self, task: int, decision: Decision, *, override: bool = False) -> DecisionResult:
        body = models.TaskRejected(reason=decision.reason, override=override)
        return await self._ended(await self._client.reject_task(task, body))

    async def _ended(self, ended: models.TaskEnded) -> DecisionResult:
        operation = await self._client.show_operation(ended.operation)
        return DecisionResult(stage=Stage(operation.stage), message=ended.message)

    async def close_incident(self, number: int, actor: str, note: str) -> IncidentView:
        body = models.IncidentClosing(note=note)
        return as_view(IncidentView, await self._client.close_an_incident(number, body))

    async def assign_refund(self, number: int, operation: int, actor: str, reason: str) -> RefundView:
        body = models.RefundAssignment(operation=operation, reason=reason)
        return as_view(RefundView, await self._client.assign_refund(number, body))

    async def ignore_refund(self, number: int, actor: str, reason: str) -> RefundView:
        return as_view(RefundView, await self._client.ignore_refund(number, models.RefundIgnoring(reason=reason)))

    async def set_renewal(self, service: int, what: AtEndOfTerm, actor: str, reason: str | None) -> bool:
        """Whether that changed anything."""
        before = await self.service(service)
        body = models.RenewalChange(at_end_of_term=models.AtEndOfTerm(what.value), reason=reason)
        return as_view(ServiceView, await self._client.set_renewal(service, body)) != before

    async def set_reference(self, service: int, given: dict[str, Any], actor: str) -> ServiceView:
        body = models.ReferenceChange.model_validate(given)
        return as_view(ServiceView, await self._client.set_reference(service, body))


_DECISIONS = {
    DecisionKind.RETRY: "retry",
    DecisionKind.CORRECT_AND_RETRY: "correct",
    DecisionKind.MARK_DONE: "mark-done",
    DecisionKind.CANCEL: "cancel",
    DecisionKind.ACCEPT_PRICE: "accept-price",
    DecisionKind.LOOK_NOW: "look-now",
}
"""Where each is decided, below the operation."""


class _Body(RootModel[dict[str, Any]]):
    """A body as it is sent."""


def _given(**values: Any) -> _Body:
    return _Body({name: value for name, value in values.items() if value is not None})


def _written(request: BaseModel) -> dict[str, Any]:
    return request.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def _address(service: int, asked: "OperationRequest") -> tuple[str, str]:
    """Method and path."""
    route = operation_type(asked.kind).route
    if route is None:
        raise LookupError(f"{asked.kind.value} is not asked of a service")
    return route.method, f"/v1/services/{service}{route.path}"


def _order(
    method: str, path: str, body: dict[str, Any], key: str, *, dry_run: bool | None = None
) -> Call[models.OrderAccepted]:
    answers = {201: models.OrderAccepted, 200: models.OrderAccepted}
    return Call(method, path, answers, query={"dry_run": dry_run}, body=_Body(body), key=key)


def _of_decision(kind: DecisionKind, decision: Decision) -> dict[str, Any]:
    """The body of a decision: what it may have, and only what is said."""
    said: dict[str, Any] = {"reason": decision.reason}
    for name in ("nothing_was_bought", "it_is_paid", "what_is_paid_stays", "upstream_number"):
        if value := getattr(decision, name):
            said[name] = value
    if kind is DecisionKind.ACCEPT_PRICE and "price" in decision.parameters:
        said["price"] = decision.parameters["price"]
    elif decision.parameters:
        addons = {name.removeprefix(_ADDON): name for name in decision.parameters if name.startswith(_ADDON)}
        said["addons"] = {name: from_text(decision.parameters[full]) for name, full in addons.items()}
        plain = {name: value for name, value in decision.parameters.items() if not name.startswith(_ADDON)}
        said |= {"parameters": plain}
    return said


def _acting(by: "By") -> dict[str, Any]:
    return ({"override": True} if by.override else {}) | ({"reason": by.reason} if by.reason else {})


def _of(ask: PageRequest) -> dict[str, Any]:
    return {"limit": ask.limit, "cursor": ask.cursor}


def _several(wanted: Mapping[str, Any], *switches: str) -> dict[str, Any]:
    """The filters; the API takes several values of what the command has one of."""
    return {name: [value] if name in switches and value is not None else value for name, value in wanted.items()}
