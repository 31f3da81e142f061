"""Licence keys. A key is the customer's secret: it is read when somebody asks for it, and kept nowhere.

What is kept is whether it has come (`key_ready` of the item's form, `upstreams.port.KEY_READY`). While it has not, the
poller reads the form now and then; that it has come is an event like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.database import Database
from models.enums import ServiceStatus, Source, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from models.product_types import PRODUCT_TYPES
from orders import audit
from orders.access.ownership import visible_service
from orders.access.roles import OPERATOR, Requester
from orders.errors import Refused
from orders.services.history import SUBJECT
from upstreams.connections import Connections
from upstreams.port import KEY_READY

KEYED = frozenset(name for name, product_type in PRODUCT_TYPES.items() if product_type.has_key)
HANDED_OUT = "licence_key_read"
_IN_SERVICE = (int(UpstreamStatus.ACTIVE), int(UpstreamStatus.SUSPENDED))


@dataclass(frozen=True)
class Awaited:
    """An item of ours whose key has not come yet."""

    product_type: str
    upstream_number: str
    since: datetime
    """When it was last seen to change: it was opened, or lost its key."""


@dataclass(frozen=True)
class Licence:
    """Where the key of a service is to be read."""

    account: UpstreamAccount
    product_type: str
    upstream_number: str


async def awaited(session: AsyncSession, account_id: int) -> list[Awaited]:
    found = await session.exec(
        select(UpstreamSnapshot.product_type, UpstreamSnapshot.number, UpstreamSnapshot.changed_at).where(
            UpstreamSnapshot.account_id == account_id,
            col(UpstreamSnapshot.product_type).in_(KEYED),
            col(UpstreamSnapshot.service_id).is_not(None),
            col(UpstreamSnapshot.gone).is_(False),
            col(UpstreamSnapshot.status).in_(_IN_SERVICE),
            col(UpstreamSnapshot.form)[KEY_READY].as_string() == "no",
        )
    )
    return [Awaited(*row) for row in found.all()]


async def ready(session: AsyncSession, services: Iterable[Service]) -> dict[int, bool]:
    """Service number -> whether its key has come; those of which nothing is known are left out."""
    wanted = {service.id: service for service in services if service.product_type in KEYED}
    if not wanted:
        return {}
    found = await session.exec(select(UpstreamSnapshot).where(col(UpstreamSnapshot.service_id).in_(wanted)))
    return {
        row.service_id: row.form[KEY_READY] == "yes"
        for row in found.all()
        if row.service_id is not None and KEY_READY in row.form and row.number == wanted[row.service_id].upstream_number
    }


async def licence(session: AsyncSession, number: int, requester: Requester) -> Licence:
    """Raises NotFound, or Refused for a service that can't have a key there."""
    service = await visible_service(session, number, requester)
    if service.product_type not in KEYED:
        raise Refused(f"service {number} is a {service.product_type}; it has no licence key")
    if service.status is ServiceStatus.CLOSED:
        raise Refused(f"service {number} is closed")
    account = await session.get(UpstreamAccount, service.account_id) if service.account_id else None
    if account is None or service.upstream_number is None:
        raise Refused(f"service {number} has no item at an upstream (yet), so no key")
    return Licence(account, service.product_type, service.upstream_number)


def note_handed_out(session: AsyncSession, number: int, actor: str) -> None:
    """Who was given the key, for the audit."""
    audit.record(session, SUBJECT, number, HANDED_OUT, by=actor, facts={"source": Source.PERSON.value})


class KeyReader:
    """Reads a key for somebody who waits for the answer. No Temporal activity: it must be in no history."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def read(self, service: int, *, actor: str, requester: Requester = OPERATOR) -> SecretStr:
        """Raises NotFound, Refused while it has not come, or an UpstreamError."""
        async with self._database.read() as session:
            there = await licence(session, service, requester)
        upstream = await self._connections.to(there.account)
        key = await upstream.read_licence_key(there.product_type, there.upstream_number)
        if key is None:
            raise Refused(
                f"the key of service {service} has not come yet; Resellflow looks for it and sends a webhook when it "
                "comes"
            )
        async with self._database.write() as session:
            note_handed_out(session, service, actor)
        return key
