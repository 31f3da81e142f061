"""Adopting: a new service that is an item which the upstream has already. Nothing is bought."""

import hashlib
import json

from sqlalchemy.exc import IntegrityError
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry, Installation
from models.catalogue import MappedPeriod, UpstreamAccount
from models.database import Database
from models.events import UpstreamSnapshot
from models.invariants import required
from models.numbers import next_number
from models.order import Service
from orders import audit
from orders.audit import ADOPTED
from orders.errors import InvalidField, Refused
from orders.lifecycle.acceptance import CatalogueTerms, new_service
from orders.linking.fit import check_free, differences, differing_mark, origin_of_request, outcome_of, renewed_by
from orders.linking.item import ReadItem, locked_snapshot
from orders.linking.requests import AdoptRequest, Outcome
from orders.linking.target import Target
from orders.services import addons
from orders.services.history import changing
from orders.services.state import apply_snapshot
from orders.settlement import intents
from upstreams.port import UpstreamItem


async def adopt(
    database: Database, target: Target, request: AdoptRequest, seen: ReadItem, *, actor: str, client: str, key: str
) -> Outcome:
    """A new service that is this item. Raises Refused or InvalidField, and changes nothing then.

    The same client, key and request for the same item give the same service.
    """
    request.checked()
    try:
        return await _adopt(database, target, request, seen, actor, client, key)
    except IntegrityError:  # as with a link, or by the same request, sent twice at once
        return await _adopt(database, target, request, seen, actor, client, key)


async def _adopt(
    database: Database, target: Target, request: AdoptRequest, seen: ReadItem, actor: str, client: str, key: str
) -> Outcome:
    async with database.write() as session:
        snapshot = await locked_snapshot(session, target, seen)
        # Behind the lock: the same request, sent twice at once, may have been done while this one waited for it.
        earlier = await adopted_before(session, client, key, target.account.name, seen.form.number, request)
        if earlier is not None:
            return earlier
        period = _period_of(target, seen.form, request.period_months)
        differing = differences(target, seen.form, period.period_months, None)
        differing += await differing_mark(session, target, seen.form, None)
        await check_free(session, target, seen.form, None)
        outcome = outcome_of(target, request, seen.form, differing, None)
        if request.dry_run:
            await session.rollback()
            return outcome
        origin = origin_of_request(actor, ADOPTED, request, differing)
        service = await _new_service(session, target, request, period, seen.form, snapshot)
        async with changing(session, service, origin):
            apply_snapshot(service, snapshot)
            await intents.tie(session, service, snapshot.number, origin)
        outcome = outcome.model_copy(update={"service": service.id, "mark": service.mark, "created": True})
        _write_key(session, target, outcome, request, client, key)
        return outcome


async def adopted_before(
    session: AsyncSession, client: str, key: str, upstream: str, number: str, request: AdoptRequest
) -> Outcome | None:
    """What this key made earlier. Raises Refused if that was something else."""
    if request.dry_run:
        return None
    found = await session.exec(
        select(AuditEntry).where(
            AuditEntry.subject == UpstreamAccount.__tablename__,
            AuditEntry.action == ADOPTED,
            AuditEntry.actor == client,
        )
    )
    entry = next((one for one in found.all() if one.detail.get("key") == key), None)
    if entry is None:
        return None
    if entry.detail["request"] != _request_hash(upstream, number, request):
        raise Refused(
            f"Idempotency-Key {key!r} was used to adopt item {entry.detail['item']} as service "
            f"{entry.detail['service']}; something else needs a new key"
        )
    service = await session.get_one(Service, int(entry.detail["service"]))
    return Outcome(
        service=service.id,
        upstream=upstream,
        product_type=service.product_type,
        upstream_number=number,
        differences=[],
        done=True,
        mark=service.mark,
    )


def _period_of(target: Target, item: UpstreamItem, months: int | None) -> MappedPeriod:
    """The period asked for, or the one that the item shows. Raises InvalidField."""
    periods = {of: row for of, row in target.periods.items() if not row.retired}
    offered = ", ".join(str(one) for one in sorted(periods)) or "no period at all"
    if months is not None and months not in periods:
        raise InvalidField("period_months", f"{target.plan.name!r} is mapped for {offered}")
    fitting = [row for row in periods.values() if str(row.upstream_period) == item.period]
    if months is not None:
        return periods[months]
    if len(fitting) != 1:
        shown = f"shows period {item.period}" if item.period else "does not show its period"
        raise InvalidField("period_months", f"the item {shown}; say which of {offered} it is")
    return fitting[0]


async def _new_service(
    session: AsyncSession,
    target: Target,
    request: AdoptRequest,
    period: MappedPeriod,
    item: UpstreamItem,
    snapshot: UpstreamSnapshot,
) -> Service:
    mapping = required(target.mapping, "the mapping that has the period")
    number = (await session.exec(select(next_number(session.get_bind().dialect.name, Service)))).one()
    tag = (await session.get_one(Installation, 1)).tag
    terms = CatalogueTerms(target.plan, target.module, target.account, mapping, period)
    service = new_service(number, tag, terms, customer=request.customer, owner=None)  # bought past every storefront
    service.name, service.name_is_ours = snapshot.name or item.name or service.mark, False
    service.addons = addons.had(mapping, item.raw)
    service.renewed_by = renewed_by(item, service.renewed_by)
    session.add(service)
    await session.flush()
    return service


def _write_key(
    session: AsyncSession, target: Target, outcome: Outcome, request: AdoptRequest, client: str, key: str
) -> None:
    audit.record(
        session,
        str(UpstreamAccount.__tablename__),
        target.account_id,
        ADOPTED,
        by=client,
        facts={
            "service": outcome.service,
            "item": outcome.upstream_number,
            "key": key,
            "request": _request_hash(target.account.name, outcome.upstream_number, request),
        },
    )


def _request_hash(upstream: str, number: str, request: AdoptRequest) -> str:
    asked = request.model_dump(mode="json", exclude={"dry_run"})
    canonical = json.dumps({**asked, "upstream": upstream, "number": number}, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
