"""Operations as they are shown, with the stages they have passed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from pydantic import Field
from sqlalchemy import ColumnElement, and_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.enums import FailureClass, OperationKind, Role, Stage
from models.explanations import explain
from models.messages import DecisionKind
from models.money import Money
from models.order import Operation, StageEntry, Task
from models.parameters import public
from orders.access.ownership import belongs_to_visible
from orders.access.roles import OPERATOR, Requester, holders
from orders.accounts.views import known_upstream
from orders.decisions.allowed import Facts, Traces, allowed_decisions, person_may
from orders.decisions.facts import facts_of_all
from orders.errors import NotFound, existing
from orders.lifecycle.slowness import in_words
from orders.lifecycle.stages import TRIED_AGAIN
from orders.lifecycle.waiting_reasons import upstream_says, what_is_ahead
from orders.money.refund_views import refunded
from orders.reading.documents import Document, WorkflowLinks, money
from orders.reading.filters import either
from orders.reading.paging import Page, PageRequest, page_with
from orders.reading.sorting import Listing, created_between, last_created_before
from orders.services import naming
from orders.webhooks.redaction import price_for_shop, reason_for_shop, waits_for_shop, without_secrets

_NOUN = "operation"
OperationSort = Literal["created_at", "-created_at"]
BEFORE_ALL = -1
"""Below the id of every stage."""


class DecisionView(Document):
    """A decision that the caller may take now."""

    decision: DecisionKind
    needs: list[str] = Field(description="fields to send with it")
    may: list[str] = Field(description="optional fields that change its effect")
    effect: str = Field(description="what it does")
    roles: list[Role] = Field(description="who may take it")


class OperationView(Document):
    """One thing to do to a service, and its stage."""

    number: int
    service: int = Field(description="number of the service")
    kind: OperationKind
    stage: Stage
    stage_since: datetime
    waits_for: str
    upstream_says: str | None = Field(
        description="what the upstream was last seen to show of its item, with its own key for the cause; null: "
        "nothing is waited for there, or nothing was seen yet"
    )
    slow_since: datetime | None = Field(
        description="since when its confirmation takes longer than usual at this upstream; null: it does not"
    )
    usual_seconds: int | None = Field(description="what was usual when it was found to be slow")
    next_step: str = Field(description="what happens next automatically")
    tries: int = Field(description="number of failed attempts in this stage")
    next_try_at: datetime | None = Field(
        description="time of the next automatic attempt; null: there is none. A time that has passed waits for a worker"
    )
    person_may: str = Field(description="what you may do, in a sentence")
    allowed_decisions: list[DecisionView] = Field(description="what you may decide now; anything else is refused")
    failure_class: FailureClass | None = Field(description="the class of the failure that led to this stage")
    upstream: str | None = Field(description="name of the upstream account; null when done by hand")
    parameters: dict[str, str] = Field(description="what it was asked to do")
    reference: str | None = Field(description="the shop's own name of it, as the request gave it; null: it gave none")
    metadata: dict[str, str] = Field(description="the shop's own values, as the request gave them")
    cost: Money | None = Field(
        description="what the upstream charges for it, and what is set aside for it; null for storefronts"
    )
    price: dict[str, str] = Field(
        description="how `cost` came about: `source` (quote, catalogue, refusal, none), what was `quoted`, `expected`, "
        "`agreed` and `accepted`, the `selling` price, the `rate` used, and which checks were `skipped`, and why. "
        "Storefronts get the `selling` price alone, once the upstream was asked"
    )
    refunded: list[Money] = Field(
        default=[], description="what the upstream paid back for it, by currency; for operators only"
    )
    agreed_cost_limit: Money | None = Field(
        description="the most that the upstream may charge, as was agreed. Storefronts get what they named themselves"
    )
    quote: str | None = Field(description="the quote that it was ordered by; null: it named none")
    actor: str = Field(description="who requested it")
    called_off_at: datetime | None = Field(description="since when nothing of it is sent any more; null: it is wanted")
    called_off_by: str | None
    workflow_id: str
    workflow_url: str = Field(description="the workflow in Temporal UI; empty for a storefront")
    workflow_started_at: datetime | None = Field(description="null while Temporal has not been reached")
    created_at: datetime
    ended_at: datetime | None


class StagePassed(Document):
    """A stage that an operation entered, and why."""

    id: int = Field(description="grows from entry to entry; the event id of the stream")
    stage: Stage
    at: datetime
    reason: str
    waits_for: str
    next_step: str
    person_may: str


class OperationDetail(OperationView):
    """An operation with all its stages."""

    request_id: str | None = Field(
        default=None,
        description="`X-Request-Id` of the request that began it, by which the log is searched; null: no request did, "
        "or, for a storefront, it was not its own",
    )
    task: int | None = Field(description="number of the task that goes with it")
    stages: list[StagePassed] = Field(description="oldest first")
    history_begins_at: datetime | None = Field(
        description="since when `stages` is whole: those between the acceptance and then have been removed by age; "
        "null: all are there"
    )


def _next_step(operation: Operation, facts: Facts) -> str:
    if operation.stage is Stage.RETRYING and facts.traces is Traces.NONE and not facts.called_off:
        return f"{operation.next_step}. Nothing has been sent for it so far"
    return operation.next_step


def _shown(
    links: WorkflowLinks,
    facts: Mapping[int, Facts],
    requester: Requester,
    says: Mapping[int, str] | None = None,
    refunds: Mapping[int, list[Money]] | None = None,
) -> Callable[[Operation], OperationView]:
    reports, came_back = says or {}, refunds or {}

    def show(operation: Operation) -> OperationView:
        view = show_all(operation)
        if requester.is_staff:
            return view
        update = _for_shop(operation, reports.get(operation.id, ""))
        if operation.actor != requester.name:  # what somebody else wrote on their request
            update |= {"reference": None, "metadata": {}, "agreed_cost_limit": None}
        return view.model_copy(update=update)

    def show_all(operation: Operation) -> OperationView:
        his = replace(requester, asked_for_it=operation.actor == requester.name)
        workflow_id = naming.workflow_id(operation.service_id, operation.kind, operation.id)
        return OperationView(
            number=operation.id,
            service=operation.service_id,
            kind=operation.kind,
            stage=operation.stage,
            stage_since=operation.stage_since,
            waits_for=_why_it_lasts(operation, operation.waits_for, reports.get(operation.id, "")),
            upstream_says=None if operation.stage is Stage.QUEUED else reports.get(operation.id),
            slow_since=operation.slow_since,
            usual_seconds=operation.usual_seconds,
            next_step=_next_step(operation, facts[operation.id]),
            tries=operation.tries if operation.stage in TRIED_AGAIN else 0,
            next_try_at=operation.next_try_at if operation.stage in TRIED_AGAIN else None,
            person_may=person_may(facts[operation.id], his),
            allowed_decisions=[
                DecisionView(
                    decision=one.decision,
                    needs=list(one.needs),
                    may=list(one.may),
                    effect=one.effect,
                    roles=list(holders(one.right)),
                )
                for one in allowed_decisions(facts[operation.id], his)
            ],
            failure_class=operation.failure_class,
            upstream=operation.upstream_name or None,
            parameters=public(operation.parameters),
            reference=operation.reference or None,
            metadata=operation.shop_metadata,
            cost=money(operation.cost_amount, operation.cost_currency),
            price=operation.price,
            refunded=came_back.get(operation.id, []),
            agreed_cost_limit=money(operation.agreed_limit_amount, operation.agreed_limit_currency),
            quote=operation.quote,
            actor=operation.actor,
            called_off_at=operation.called_off_at,
            called_off_by=operation.called_off_by or None,
            workflow_id=workflow_id,
            workflow_url=links.to(workflow_id),
            workflow_started_at=operation.workflow_started_at,
            created_at=operation.created_at,
            ended_at=operation.ended_at,
        )

    return show


def _for_shop(operation: Operation, says: str) -> dict[str, object]:
    """What a storefront reads in other words."""
    why = operation.stage, operation.reason, operation.failure_class
    plain = without_secrets(says)
    waits_for = _why_it_lasts(operation, waits_for_shop(*why, operation.called_off_at), plain)
    shown = None if operation.stage is Stage.QUEUED else plain or None
    told = {"waits_for": waits_for, "upstream_says": shown, "workflow_url": ""}
    money_of_ours = {"cost": None, "price": price_for_shop(operation.price)}
    if operation.quote is not None:  # the limit may be what we would have paid by the quote
        money_of_ours["agreed_cost_limit"] = None
    return {**told, **money_of_ours}


async def _causes(session: AsyncSession, operations: Sequence[Operation]) -> dict[int, str]:
    return {**await upstream_says(session, operations), **await what_is_ahead(session, operations)}


async def _refunds(
    session: AsyncSession, operations: Sequence[Operation], requester: Requester
) -> dict[int, list[Money]]:
    """None for a shop: it sees no sums of ours."""
    return await refunded(session, [one.id for one in operations]) if requester.is_staff else {}


def _why_it_lasts(operation: Operation, waits_for: str, says: str) -> str:
    """With what the upstream shows, or what runs before it, while nothing else says why it lasts."""
    if operation.stage is Stage.QUEUED:
        return f"{waits_for}; {says}" if says else waits_for
    if operation.stage is not Stage.AWAITING_CONFIRMATION:
        return waits_for
    return "; ".join(words for words in (waits_for, says, in_words(operation)) if words)


async def find_operation(
    session: AsyncSession, links: WorkflowLinks, number: int, requester: Requester = OPERATOR
) -> OperationDetail:
    """The document for `requester`. Raises NotFound, also for what the requester may not see."""
    query = select(Operation).where(Operation.id == existing(_NOUN, number), belongs_to_visible(Operation, requester))
    operation = (await session.exec(query)).one_or_none()
    if operation is None:
        raise NotFound(_NOUN, number)
    task = (await session.exec(select(Task.id).where(Task.operation_id == number))).one_or_none()
    stages = await stages_after(session, number, requester=requester)
    says = await _causes(session, [operation])
    facts, refunds = await facts_of_all(session, [operation]), await _refunds(session, [operation], requester)
    view = _shown(links, facts, requester, says, refunds)(operation)
    is_his = requester.is_staff or operation.actor == requester.name
    return OperationDetail(
        **dict(view),
        request_id=operation.request_id if is_his else None,
        task=task,
        stages=stages,
        history_begins_at=operation.history_begins_at,
    )


async def list_operations(
    session: AsyncSession,
    links: WorkflowLinks,
    ask: PageRequest,
    requester: Requester = OPERATOR,
    *,
    stage: Sequence[Stage] | None = None,
    service: Sequence[int] | None = None,
    kind: Sequence[OperationKind] | None = None,
    upstream: Sequence[str] | None = None,
    slow: Sequence[bool] | None = None,
    reference: Sequence[str] | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    ended_after: datetime | None = None,
    ended_before: datetime | None = None,
    sort: OperationSort = "-created_at",
) -> Page[OperationView]:
    """A page of the operations that the requester may see. Raises InvalidField for a wrong cursor, or an upstream that
    does not exist; storefronts do not learn which do. `slow`: whether they are slower than usual."""
    query = select(Operation).where(
        belongs_to_visible(Operation, requester),
        *created_between(Operation, created_after, created_before),
        *_ended_between(ended_after, ended_before),
    )
    if reference and not requester.is_staff:  # what others wrote on their requests is theirs
        query = query.where(Operation.actor == requester.name)
    if (wanted := either(slow)) is not None:
        is_slow = col(Operation.slow_since).is_not(None)
        query = query.where(is_slow if wanted else ~is_slow)
    if upstream is not None and requester.is_staff:
        upstream = [await known_upstream(session, one) for one in upstream]
    listing: Listing[Operation] = Listing(
        _NOUN,
        query,
        col(Operation.id),
        lambda row: row.id,
        (
            (Operation.stage, stage),
            (Operation.service_id, service),
            (Operation.kind, kind),
            (Operation.reference, reference),
            (Operation.upstream_name, upstream),
        ),
    )
    rows = await listing.rows(session, ask, sort)
    facts, says = await facts_of_all(session, rows), await _causes(session, rows)
    refunds = await _refunds(session, rows, requester)
    return page_with(ask, rows, lambda row: listing.cursor(row, sort), _shown(links, facts, requester, says, refunds))


async def operations_by_number(
    session: AsyncSession, links: WorkflowLinks, numbers: Collection[int], requester: Requester = OPERATOR
) -> dict[int, OperationView]:
    """Those of these that the requester may see, by number, in as many statements as a page takes."""
    query = select(Operation).where(col(Operation.id).in_(numbers), belongs_to_visible(Operation, requester))
    rows = (await session.exec(query)).all()
    facts, says = await facts_of_all(session, rows), await _causes(session, rows)
    show = _shown(links, facts, requester, says, await _refunds(session, rows, requester))
    return {row.id: show(row) for row in rows}


def _ended_between(after: datetime | None, before: datetime | None) -> list[ColumnElement[bool]]:
    """What has ended before a moment was also created before it."""
    at = col(Operation.ended_at)
    found: list[ColumnElement[bool]] = [] if after is None else [at >= after]
    if before is not None:
        found += [at < before, col(Operation.id) <= last_created_before(Operation, before)]
    return found


async def stages_after(
    session: AsyncSession, operation: int, entry_id: int = BEFORE_ALL, requester: Requester = OPERATOR
) -> list[StagePassed]:
    """The stages that an operation entered after the entry with this id, oldest first. One indexed read. Raises
    NotFound, also for what the requester may not see."""
    found = await session.exec(
        select(Operation, StageEntry)
        .outerjoin(StageEntry, and_(col(StageEntry.operation_id) == col(Operation.id), col(StageEntry.id) > entry_id))
        .where(Operation.id == operation, belongs_to_visible(Operation, requester))
        .order_by(col(StageEntry.id))
    )
    rows = found.all()
    if not rows:
        raise NotFound(_NOUN, operation)
    entered = [_stage_passed(entry, row, requester) for row, entry in rows if entry is not None]
    if entry_id == BEFORE_ALL:
        return first_stage(rows[0][0], entered) + entered
    return entered


def first_stage(operation: Operation, entered: Sequence[StagePassed]) -> list[StagePassed]:
    """The acceptance of an opening, which says what its operation says already and so is no row of its own.

    Empty where it is one: older openings have it, and operations that may have to queue at first.
    """
    if operation.kind is not OperationKind.OPEN or (entered and entered[0].stage is Stage.ACCEPTED):
        return []
    accepted = StageEntry(id=0, operation_id=operation.id, stage=Stage.ACCEPTED, at=operation.created_at)
    return [_stage_passed(accepted, operation)]


def show_new(links: WorkflowLinks, operation: Operation, requester: Requester = OPERATOR) -> OperationView:
    """An opening that was accepted just now: nothing of it is to be read."""
    facts = Facts(kind=operation.kind, stage=operation.stage, number=operation.id)
    return _shown(links, {operation.id: facts}, requester)(operation)


def _stage_passed(entry: StageEntry, operation: Operation, requester: Requester = OPERATOR) -> StagePassed:
    called_off = operation.called_off_at is not None and entry.at >= operation.called_off_at
    reason = entry.reason
    if not requester.is_staff:
        is_the_last = (entry.stage, entry.reason) == (operation.stage, operation.reason)
        reason = reason_for_shop(entry.stage, reason, operation.failure_class if is_the_last else None)
    explanation = explain(entry.stage, reason, called_off=called_off)
    return StagePassed(
        id=entry.id,
        stage=entry.stage,
        at=entry.at,
        reason=reason,
        waits_for=explanation.waits_for,
        next_step=explanation.next_step,
        person_may=explanation.person_may if requester.is_staff else explanation.shop_may,
    )
