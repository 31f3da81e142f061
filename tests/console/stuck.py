"""A shop in the morning: something of every cause waits for a person."""

from datetime import timedelta

from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.drift import Drift
from models.enums import DriftKind, FailureClass, IncidentKind, IntentState, Stage, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Intent, Operation
from orders.incidents.record import raise_incident
from orders.tasks import manual
from tests.storefront.api import Api

IN_STAGES = {
    1: Stage.NEEDS_ATTENTION,
    2: Stage.OUTCOME_UNKNOWN,
    3: Stage.WAITING_FOR_FUNDS,
    5: Stage.AWAITING_CONFIRMATION,
}
TASK_OF, INCIDENT_OF = 4, 6
HOSTILE = "<img src=x onerror=alert(1)>"


async def everything_stuck(api: Api, times: int = 1) -> None:
    """Operations 1 to 6, and six more for each further time: of each cause one, and one drift, orphan and account that
    is not well. The oldest comes first by its number."""
    for number in range(6 * times):
        await api.order(f"cart-{number}", customer=f"c-{number + 1}{HOSTILE if number == 0 else ''}")
    began = utc_now() - timedelta(days=1)
    for first in range(0, 6 * times, 6):
        for place, stage in IN_STAGES.items():
            await api.enter(first + place, stage, f"because of {place}")
        async with api.database.write() as session:
            await manual.open_task(session, first + TASK_OF, "the upstream can't do it by itself")
            message = f"a yes came late for {first + INCIDENT_OF}"
            at = first + INCIDENT_OF
            await raise_incident(session, IncidentKind.LATE_YES, message, about=str(at), service=at, operation=at)
            for place in IN_STAGES:
                operation = await session.get_one(Operation, first + place)
                operation.stage_since = began + timedelta(minutes=first + place)
            refused = await session.get_one(Operation, first + 1)
            refused.failure_class = FailureClass.REJECTED
            slow = await session.get_one(Operation, first + 5)
            slow.slow_since, slow.usual_seconds = began + timedelta(minutes=first + 5), 60
            sent = {"password": "********", "period": "1"}
            intent = Intent(operation_id=first + 1, account_id=1, attempt=1, mark="m", request=sent)
            intent.state, intent.message = IntentState.REFUSED, "no such template"
            session.add(intent)
            session.add(_drift(first + 5))
            session.add(_orphan(first))
    async with api.database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        account.unhealthy_reason, account.unhealthy_since = "the password is refused", began


def _drift(service: int) -> Drift:
    return Drift(
        account_id=1, product_type="vds", item=str(4000 + service), kind=DriftKind.PLAN, service_id=service,
        ours="VDS-1", theirs="VDS-9",
    )  # fmt: skip


def _orphan(number: int) -> UpstreamSnapshot:
    return UpstreamSnapshot(
        account_id=1, product_type="vds", number=str(9000 + number), status=int(UpstreamStatus.ACTIVE), name="nobody's",
    )  # fmt: skip
