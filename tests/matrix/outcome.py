"""What became of an order: by the upstream's charges and items, and by our rows."""

from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import func
from sqlmodel import col, select
from temporalio.client import WorkflowExecutionStatus

from models.enums import IncidentKind, IntentState, OperationKind, ReservationState, ServiceStatus, Stage, TaskState
from models.events import UpstreamEvent
from models.incident import Incident
from models.order import Operation, Reservation, Service, Task
from orders.lifecycle.acceptance import AcceptedOrder
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually
from tests.matrix.cells import NEVER

CHARGED_AS = {
    OperationKind.OPEN: "open",
    OperationKind.PROLONG: "prolong",
    OperationKind.CHANGE_PLAN: "changepricelist",
    OperationKind.SET_PARAMETERS: "setparam",
}
STATUS = {OperationKind.SUSPEND: 3, OperationKind.CLOSE: 4}
OURS = {2: ServiceStatus.ACTIVE, 3: ServiceStatus.SUSPENDED, 4: ServiceStatus.CLOSED}
DELETED = 4


class Ending(StrEnum):
    """How it ended, and in what time. The page explains the words."""

    GOES_ON = "goes on"
    FOUND = "found"
    TRIED_AGAIN = "tried again"
    SENT_AGAIN = "sent again"
    CAUSE_GONE = "when the cause is gone"
    TASK_CLOSED = "task, closed automatically"
    PERSON = "person"
    TASK = "task"
    TWICE_REPORTED = "twice, reported"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Outcome:
    ending: Ending
    problems: tuple[str, ...] = ()
    """What is not as intended. Empty unless it failed, or was done twice and reported."""
    reason: str = ""
    """What a person is asked, or the kind of the incident."""
    only_twice: bool = False
    """It has ended, and nothing else is wrong than that the upstream has done it twice."""

    @property
    def is_fine(self) -> bool:
        return self.ending is not Ending.FAILED

    def not_promised(self) -> "Outcome":
        """The same, where the upstream has broken what the promise rests on: twice is allowed, if people are told."""
        return replace(self, ending=Ending.TWICE_REPORTED) if self.only_twice and self.reason else self


@dataclass
class Before:
    """The upstream before an order, to compare with."""

    items: dict[str, dict[str, Any]]
    charges: int
    incidents: int
    """The number of the last incident."""

    @classmethod
    async def of(cls, shop: Shop) -> "Before":
        async with shop.database.read() as session:
            last = (await session.exec(select(func.max(Incident.id)))).one() or 0
        items = {str(one["id"]): one for one in await shop.upstream.items()}
        return cls(items, len(await shop.upstream.charges()), last)


@dataclass
class Asked:
    """An order, and what it was to come to."""

    kind: OperationKind
    order: AcceptedOrder
    before: Before
    item: str = ""
    """The number of the item at the upstream; empty for an opening."""
    addons: dict[str, int] = field(default_factory=dict)


async def judge(shop: Shop, asked: Asked, *, cause_gone: bool = False) -> Outcome:
    """Called when the operation has ended or waits for a person. `cause_gone`: it did so only after the cause was."""
    operation = await shop.operation(asked.order.operation)
    twice, problems = await _problems_upstream(shop, asked, ended=operation.stage is Stage.COMPLETED)
    match operation.stage:
        case Stage.COMPLETED:
            problems += await _stuck(shop, asked)
            problems += await _other_than_upstream(shop, asked)
            if twice or problems:
                incident = await _incident(shop, asked)
                reason = IncidentKind(incident).value if incident else ""
                return Outcome(Ending.FAILED, (*twice, *problems), reason, only_twice=not problems)
            return Outcome(Ending.CAUSE_GONE if cause_gone else await _ending(shop, operation))
        case Stage.NEEDS_ATTENTION | Stage.AWAITING_MANUAL_TASK:
            problems += twice
            if not (operation.reason and operation.waits_for):
                problems.append("no reason or no next step is shown")
            kind = Ending.PERSON if operation.stage is Stage.NEEDS_ATTENTION else Ending.TASK
            why = operation.failure_class.value if operation.failure_class else ""
            return Outcome(Ending.FAILED if problems else kind, tuple(problems), why)
        case stage:
            return Outcome(Ending.FAILED, (f"is {stage.value}: {operation.reason}", *twice, *problems))


async def _ending(shop: Shop, operation: Operation) -> Ending:
    states = {intent.state for intent in await shop.intents(operation.id)}
    stages = await shop.stages(operation.id)
    if {Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK} & set(stages):
        return Ending.TASK_CLOSED
    if IntentState.NOT_DONE in states:
        return Ending.SENT_AGAIN
    if Stage.OUTCOME_UNKNOWN in stages or IntentState.REFUSED in states:
        return Ending.FOUND
    if IntentState.NOT_SENT in states or Stage.RETRYING in stages:
        return Ending.TRIED_AGAIN
    return Ending.GOES_ON


async def charges_of(shop: Shop, asked: Asked, name: str) -> int:
    items = {str(one["id"]): one for one in await shop.upstream.items()}
    charges = (await shop.upstream.charges())[asked.before.charges :]
    mine = [one for one in charges if one["operation"] == CHARGED_AS.get(asked.kind)]
    if asked.kind is OperationKind.OPEN:
        return sum(items.get(str(one["item"]), {}).get("domain") == name for one in mine)
    return sum(str(one["item"]) == asked.item for one in mine)


async def _problems_upstream(shop: Shop, asked: Asked, *, ended: bool) -> tuple[list[str], list[str]]:
    """Charges and items that are not as intended: what was done twice, and all else. Where it waits for a person,
    nobody has decided yet: then it was done once at most."""
    twice: list[str] = []
    problems: list[str] = []
    service = await shop.service(asked.order.service)
    charged, wanted = await charges_of(shop, asked, service.name), int(asked.kind in CHARGED_AS)
    if charged != wanted and (ended or charged > wanted):
        (twice if charged == 2 * wanted else problems).append(f"charged {charged} times instead of {wanted}")
    items = await shop.upstream.items()
    if asked.kind is OperationKind.OPEN:
        live = [one for one in items if one["domain"] == service.name and one["status"] != DELETED]
        if len(live) > 1 or (ended and not live):
            (twice if len(live) == 2 else problems).append(f"{len(live)} items instead of 1")
        return twice, problems
    if ended:
        item = next(one for one in items if str(one["id"]) == asked.item)
        problems += _differences(asked, item)
        expiry = date.fromisoformat(item["expiredate"])
        if asked.kind is not OperationKind.CHANGE_PLAN and expiry != _expiry(asked):
            twice_prolonged = charged == 2 and expiry == _expiry(asked, terms=2)
            words = f"expires {expiry} instead of {_expiry(asked)}"
            (twice if twice_prolonged else problems).append(words)
    return twice, problems


def _expiry(asked: Asked, terms: int = 1) -> date:
    """The intended expiry; `terms`: how often it was carried out."""
    before = date.fromisoformat(asked.before.items[asked.item]["expiredate"])
    return before + relativedelta(months=terms * int(asked.kind is OperationKind.PROLONG))


def _differences(asked: Asked, item: dict[str, Any]) -> list[str]:
    before = asked.before.items[asked.item]
    wanted: dict[str, Any] = {
        "status": STATUS.get(asked.kind, 2),
        "pricelist": 59 if asked.kind is OperationKind.CHANGE_PLAN else before["pricelist"],
    }
    return [f"{key} is {item[key]} instead of {value}" for key, value in wanted.items() if item[key] != value]


async def _other_than_upstream(shop: Shop, asked: Asked) -> list[str]:
    """Our service, where it differs from the item. What the next look brings is waited for."""
    number = asked.order.service

    async def differences() -> list[str]:
        service = await shop.service(number)
        items = {str(one["id"]): one for one in await shop.upstream.items()}
        item = items.get(service.upstream_number or "")
        if item is None:
            return ["our service has no item"]
        return _between(service, item, asked)

    return await _once_empty(differences)


def _between(service: Service, item: dict[str, Any], asked: Asked) -> list[str]:
    problems = []
    if service.status is not OURS.get(item["status"]):
        problems.append(f"our service is {service.status.value}, the item has status {item['status']}")
    if service.expires_on != date.fromisoformat(item["expiredate"]):
        problems.append(f"our service expires {service.expires_on}, the item {item['expiredate']}")
    if asked.addons and service.addons != asked.addons:
        problems.append(f"our service has the add-ons {service.addons}")
    return problems


async def _stuck(shop: Shop, asked: Asked) -> list[str]:
    """What an ended operation must not leave: held money, an open question, an event, a task, a workflow."""

    async def left() -> list[str]:
        number = asked.order.operation
        async with shop.database.read() as session:
            held = await session.exec(
                select(Reservation.state).where(
                    Reservation.operation_id == number, col(Reservation.state) != ReservationState.RELEASED
                )
            )
            events = await session.exec(
                select(UpstreamEvent.id).where(
                    UpstreamEvent.operation_id == number, col(UpstreamEvent.delivered_at).is_(None)
                )
            )
            tasks = await session.exec(select(Task.id).where(Task.operation_id == number, Task.state == TaskState.OPEN))
            found = {"reservation": held.all(), "undelivered event": events.all(), "open task": tasks.all()}
        problems = [f"a {name} is left" for name, rows in found.items() if rows]
        if any(not intent.state.is_settled for intent in await shop.intents(number)):
            problems.append("an unsettled intent is left")
        run = await shop.handle(asked.order).describe()
        if run.status is not WorkflowExecutionStatus.COMPLETED:
            problems.append(f"the workflow is {run.status.name if run.status else 'unknown'}")
        return problems

    return await _once_empty(left)


async def _once_empty(problems: Any) -> list[str]:
    """None, as soon as there are none; after a generous while, those that stay."""
    last: list[str] = []

    async def empty() -> bool:
        nonlocal last
        last = await problems()
        return not last

    try:
        await assert_eventually(empty, timeout=NEVER, interval=0.2)
    except AssertionError:
        return last
    return []


async def _incident(shop: Shop, asked: Asked) -> str:
    """The incident that reports what was done twice; empty if none comes."""
    kinds = (IncidentKind.LATE_YES, IncidentKind.SECOND_ITEM, IncidentKind.OTHER_TERM)

    async def reported() -> str:
        async with shop.database.read() as session:
            found = await session.exec(
                select(Incident.kind).where(
                    Incident.service_id == asked.order.service,
                    col(Incident.kind).in_(kinds),
                    col(Incident.id) > asked.before.incidents,
                )
            )
            return found.first() or ""

    try:
        return str(await assert_eventually(reported, timeout=NEVER, interval=0.3))
    except AssertionError:
        return ""
