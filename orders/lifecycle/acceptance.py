"""Accepting an operation: the one place that writes its rows, and that knows an idempotency key again.

Callers decide and check: `intake` for a new service, `requests` for a service that is there, `followups` for what an
operation leaves to be done.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from models import rows
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.enums import OperationKind
from models.order import IntakeKey, Operation, Service, StageEntry, Task
from models.periods import has_next_term
from orders import audit
from orders.errors import OrderKeyReused
from orders.lifecycle.lines import tell
from orders.services import naming
from telemetry import tracing
from telemetry.fields import new_id, request_id


@dataclass(frozen=True)
class NewRows:
    """A service that was ordered just now, and what belongs to it."""

    service: Service
    operation: Operation
    plan: TariffPlan
    module: ProcessingModule
    account: UpstreamAccount | None


@dataclass(frozen=True)
class AcceptedOrder:
    service: int
    operation: int
    kind: OperationKind
    upstream: str
    created: bool
    """False: this key had made the order before."""
    stepped_aside: "AcceptedOrder | None" = None
    """The operation that let this urgent one go first. Its workflow is to be signalled."""
    queued: bool = False
    """Another operation of the service runs: its workflow starts when its turn comes."""
    started_at: datetime | None = None
    """When whoever accepted it started its workflow. None: not then; the sweep starts it."""
    rows: NewRows | None = None
    """What was written for a new service, so that nobody need read it to show it."""
    called_off: "AcceptedOrder | None" = None
    """The opening of which nothing is sent any more. Its workflow is to be signalled."""
    request_id: str | None = None
    """See `Operation.request_id`; so is the next."""
    traceparent: str | None = None

    @property
    def workflow_id(self) -> str:
        return naming.workflow_id(self.service, self.kind, self.operation)


def known(operation: Operation) -> AcceptedOrder:
    """An operation that was accepted earlier."""
    return AcceptedOrder(operation.service_id, operation.id, operation.kind, operation.upstream_name, created=False)


@dataclass(frozen=True)
class Key:
    """An idempotency key: the same client, key and body give the same operation, for ever."""

    client: str
    key: str
    body_hash: str


def hash_of(body: Mapping[str, object]) -> str:
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


async def accepted_before(session: AsyncSession, key: Key) -> AcceptedOrder | None:
    """What this key made earlier. Raises KeyReused if that had another body."""
    entry = await session.get(IntakeKey, (key.client, key.key))
    if entry is None:
        return None
    if entry.body_hash != key.body_hash:
        raise OrderKeyReused(key.key, entry.operation_id)
    return known(await session.get_one(Operation, entry.operation_id))


@dataclass(frozen=True)
class CatalogueTerms:
    """What of the catalogue a new service rests on."""

    plan: TariffPlan
    module: ProcessingModule
    account: UpstreamAccount | None
    """None: done by hand."""
    mapping: PlanMapping
    period: MappedPeriod


def new_service(number: int, tag: str, terms: CatalogueTerms, *, customer: str, owner: str | None) -> Service:
    """The row of a service to be, without what was asked for it. `tag`: the installation's, for the mark."""
    now = utc_now()
    return Service(
        id=number,
        customer=customer,
        owner=owner,
        plan_id=terms.plan.id,
        product_type=terms.plan.product_type,
        module_id=terms.module.id,
        account_id=terms.account.id if terms.account else None,
        name="",
        mark=naming.mark(tag, number),
        period_months=terms.period.period_months,
        renewal_owner=terms.mapping.renewal_owner,
        renews_automatically=terms.mapping.renews_automatically
        and has_next_term(terms.period.period_months)
        and has_next_term(terms.period.upstream_period),
        cost_amount=terms.period.cost_amount,
        cost_currency=terms.period.cost_currency,
        status_since=now,
        created_at=now,
    )


async def write(
    session: AsyncSession,
    operation: Operation,
    key: Key,
    *,
    department: str,
    title: str,
    facts: audit.Facts,
    because: str = "",
    service: Service | None = None,
) -> int:
    """Insert the operation with its task, key, first stage and audit entry. Returns its number.

    `service`: a new one, inserted before; both have their numbers then. `because`: the reason of the first stage. The
    acceptance of an opening is no stage entry (see `lifecycle.views.first_stage`). Raises sqlalchemy's IntegrityError
    where the key was used at the same moment, or another operation of the service began.
    """
    operation.asked_with = key.key
    operation.request_id, operation.traceparent = request_id() or new_id(), tracing.traceparent()
    await session.flush()
    new: list[SQLModel] = [] if service is None else [service]
    if operation.id is None:
        operation.id = await rows.insert_numbered(session, operation)
    else:
        new.append(operation)
    new.append(IntakeKey(client=key.client, key=key.key, body_hash=key.body_hash, operation_id=operation.id))
    if operation.kind is not OperationKind.OPEN:
        new.append(StageEntry(operation_id=operation.id, stage=operation.stage, reason=because))
    new.append(Task(operation_id=operation.id, service_id=operation.service_id, department=department, title=title))
    action = "order_accepted" if operation.kind is OperationKind.OPEN else "operation_accepted"
    new.append(audit.entry("operation", operation.id, action, by=key.client, facts=facts))
    await rows.insert(session, *new)
    tell(session, operation, operation.stage, because)
    return operation.id
