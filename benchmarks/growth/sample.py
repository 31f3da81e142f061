"""One operation of each kind, carried out by everything that runs in production: which rows does it leave behind?"""

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from sqlmodel import SQLModel, col, select
from temporalio.client import Client

from benchmarks.growth.receiver import receiving
from benchmarks.installation import Installation
from benchmarks.load import together
from benchmarks.options import Options, TemporalStore
from benchmarks.ordering import PLAN, ByStarter, Followed
from benchmarks.running import progress
from models.columns import utc_now
from models.database import Database
from models.enums import DeliveryState, OperationKind, RenewalOwner, Source, Stage
from models.events import UpstreamEvent
from models.order import Operation, Service
from models.renewal_terms import RenewalTerms
from models.term import Term
from models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookMessage
from orders.renewals.walking import Way, walk
from orders.services import naming
from orders.services.history import Origin, changing
from orders.webhooks import endpoints
from settings import Settings
from stack.processes import StackFailed
from starter import Resellflow

Row = dict[str, Any]
Keys = dict[str, set[tuple[Any, ...]]]
PATIENCE = 180.0
SECRET = "GROWTH_WEBHOOK_SECRET"


@dataclass(frozen=True)
class Sample:
    """What one operation has left."""

    kind: OperationKind
    service: int
    item: str
    """Number of the service's item at the upstream."""
    mark: str
    name: str
    day: date
    """On which it was carried out."""
    rows: Mapping[str, list[Row]] = field(repr=False)
    """Table → its new rows, in the order of their numbers."""
    history_events: int = 0
    history_bytes: int = 0
    """The size of its workflow's history, by the Temporal server."""

    def counts(self) -> dict[str, int]:
        return {table: len(rows) for table, rows in sorted(self.rows.items())}


def tables() -> list[sa.Table]:
    """All of them, those that others refer to first."""
    return [table for table in SQLModel.metadata.sorted_tables if table.name != "alembic_version"]


async def keys(database: Database) -> Keys:
    """The primary key of each row that is there."""
    async with database.read() as session:
        connection = await session.connection()
        return {
            table.name: {tuple(row) for row in await connection.execute(sa.select(*table.primary_key))}
            for table in tables()
        }


async def new_rows(database: Database, before: Keys) -> dict[str, list[Row]]:
    """The rows that have been added since, of each table that has some."""
    found: dict[str, list[Row]] = {}
    async with database.read() as session:
        connection = await session.connection()
        for table in tables():
            names = [column.name for column in table.primary_key]
            every = (await connection.execute(sa.select(table).order_by(*table.primary_key))).mappings()
            added = [dict(row) for row in every if tuple(row[name] for name in names) not in before[table.name]]
            if added:
                found[table.name] = added
    return found


async def take(database: Database, before: Keys, kind: OperationKind, number: int) -> Sample:
    """The sample of an operation on the service with this number, which has nothing under way any more."""
    async with database.read() as session:
        service = await session.get_one(Service, number)
    return Sample(
        kind=kind,
        service=number,
        item=service.upstream_number or "",
        mark=service.mark,
        name=service.name,
        day=utc_now().date(),
        rows=await new_rows(database, before),
    )


async def samples() -> list[Sample]:
    """An opening, an automatic renewal with its announcement, and a closing. Raises StackFailed if one fails."""
    options = Options(round_trip_ms=5, opening_delay=0.3, temporal_store=TemporalStore.MEMORY)
    os.environ |= {"RESELL_WEBHOOK_PRIVATE": "true", SECRET: "whsec_" + "Z" * 32}
    with tempfile.TemporaryDirectory(prefix="resellflow-growth-") as name, receiving() as address:
        url = f"sqlite:///{Path(name) / 'resellflow.db'}"
        async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
            installation = Installation(options, Path(name), url, http)
            async with installation.supervisor as supervisor:
                return await supervisor.guard(_story(installation, http, url, address))


async def _story(installation: Installation, http: httpx.AsyncClient, url: str, address: str) -> list[Sample]:
    progress("One operation of each kind")
    await together(installation.start_temporal(), installation.start_simulator(), installation.prepare_database())
    database = Database(url)
    try:
        async with database.write() as session:
            endpoint = WebhookEndpoint(name="shop", url=address, secret_env=SECRET)
            await endpoints.add_endpoint(session, endpoint, private=True, actor="benchmark")
        await installation.start_workers()
        client = await installation.connect()
        resellflow = Resellflow(database, client, Settings(database_url=url))
        shop = Followed(ByStarter(resellflow), client, database, PATIENCE)
        await shop.place_and_wait(PLAN)  # the first learns what the later ones know
        teller = _Teller(database, client)
        number = 0

        async def opening() -> int:
            nonlocal number
            number = (await shop.place_and_wait(PLAN)).service
            return number

        async def renewal() -> int:
            await _renew(database, number)
            return number

        async def closing() -> int:
            await resellflow.close_service(number, key="growth-close")
            return number

        opened = await teller.sample(OperationKind.OPEN, opening)
        await _end_term(database, http, installation, number, opened.item)
        await teller.settled()
        return [
            opened,
            await teller.sample(OperationKind.PROLONG, renewal),
            await teller.sample(OperationKind.CLOSE, closing),
        ]
    finally:
        await database.close()


async def _end_term(database: Database, http: httpx.AsyncClient, parts: Installation, number: int, item: str) -> None:
    """Its term ends in three days, at the upstream and, by its poller, here; and it is ours to renew."""
    ends_on = utc_now().date() + timedelta(days=3)
    answer = await http.patch(f"{parts.simulator.root}/items/{item}", json={"expiredate": ends_on.isoformat()})
    answer.raise_for_status()

    async def known() -> bool:
        async with database.read() as session:
            return (await session.get_one(Service, number)).expires_on == ends_on

    await _until(known, "the end of the term is not known")
    async with database.write() as session:
        service = await session.get_one(Service, number)
        async with changing(session, service, Origin("benchmark", "renewed_automatically", source=Source.PERSON)):
            service.renewed_by = RenewalOwner.AUTOMATIC
        session.add(service)


async def _renew(database: Database, number: int) -> None:
    """Announced on one day, and asked for on the next."""
    await walk(database, Way(), RenewalTerms())
    async with database.write() as session:
        term = (await session.exec(select(Term).where(Term.service_id == number))).one()
        term.announced_on = utc_now().date() - timedelta(days=1)
    await walk(database, Way(), RenewalTerms())


class _Teller:
    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    async def sample(self, kind: OperationKind, carry_out: Callable[[], Awaitable[int]]) -> Sample:
        await self.settled()
        before = await keys(self._database)
        service = await carry_out()
        await self.settled()
        found = await take(self._database, before, kind, service)
        workflow = naming.workflow_id(service, kind, found.rows["operation"][0]["id"])
        described = await self._client.get_workflow_handle(workflow).describe()
        size = described.raw_description.workflow_execution_info.history_size_bytes
        return Sample(**vars(found) | {"history_events": described.history_length, "history_bytes": size})

    async def settled(self) -> None:
        """Until nothing is under way: no operation, no event for one, no message."""
        await _until(self._is_settled, "what has begun does not end")

    async def _is_settled(self) -> bool:
        unfinished = (
            select(Operation.id).where(col(Operation.ended_at).is_(None)),
            select(UpstreamEvent.id).where(
                col(UpstreamEvent.operation_id).is_not(None), col(UpstreamEvent.delivered_at).is_(None)
            ),
            select(WebhookMessage.id).where(col(WebhookMessage.spread_at).is_(None)),
            select(WebhookDelivery.id).where(col(WebhookDelivery.state) == DeliveryState.PENDING),
        )
        async with self._database.read() as session:
            if any([(await session.exec(one.limit(1))).first() for one in unfinished]):
                return False
            last = (await session.exec(select(Operation).order_by(col(Operation.id).desc()).limit(1))).one()
        if last.stage is not Stage.COMPLETED:
            raise StackFailed(f"operation {last.id} was not completed: {last.stage.value}, {last.waits_for}")
        workflow = naming.workflow_id(last.service_id, last.kind, last.id)
        return (await self._client.get_workflow_handle(workflow).describe()).close_time is not None


async def _until(true: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not await true():
        if time.monotonic() > ends:
            raise StackFailed(f"{otherwise} within {PATIENCE:g} s")
        await asyncio.sleep(0.2)


def moved(value: Any, days: timedelta) -> Any:
    """A time or a day of the sample on another day; any other value as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC) + days
    return value + days if isinstance(value, date) else value
