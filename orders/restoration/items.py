"""What the upstreams show of this installation: the items with a mark of ours, and the highest number in them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import ProcessingModule, UpstreamAccount
from models.database import Database
from models.enums import ModuleKind, ServiceStatus
from models.events import UpstreamSnapshot
from models.order import Service
from orders.errors import InvalidField
from orders.restoration import marks
from upstreams.connections import Connections
from upstreams.errors import ConnectionUnhealthy, Rejected, Scope
from upstreams.port import Upstream, UpstreamItem

_WAITS_FOR_ITS_ITEM = (ServiceStatus.ORDERED, ServiceStatus.PROCESSING)


@dataclass(frozen=True)
class MarkedItem:
    """An item with a mark that has a tag of this database."""

    upstream: str
    product_type: str
    number: str
    status: str
    name: str
    mark: str
    service: int
    """The number in the mark."""
    is_orphan: bool
    """No service is this item, and none with this mark waits for its item."""


@dataclass(frozen=True)
class Marked:
    """What one account shows."""

    items: list[MarkedItem]
    incomplete: list[str]
    """Lists that may lack items, and why."""


async def accounts_to_read(session: AsyncSession, without: Collection[str]) -> list[tuple[UpstreamAccount, list[str]]]:
    """Each account with its product types. Raises InvalidField for a name in `without` that there is not."""
    found = await session.exec(
        select(UpstreamAccount, ProcessingModule.product_type)
        .join(ProcessingModule, col(ProcessingModule.account_id) == col(UpstreamAccount.id))
        .where(ProcessingModule.kind == ModuleKind.UPSTREAM)
        .order_by(UpstreamAccount.name, ProcessingModule.product_type)
        .distinct()
    )
    types: dict[str, list[str]] = {}
    accounts: dict[str, UpstreamAccount] = {}
    for account, product_type in found.all():
        accounts[account.name] = account
        types.setdefault(account.name, []).append(product_type)
    unknown = sorted(set(without) - accounts.keys())
    if unknown:
        raise InvalidField("without", f"there is no upstream account {unknown[0]!r} with a processing module")
    return [(accounts[name], types[name]) for name in types if name not in without]


async def marked_items(
    database: Database, connections: Connections, account: UpstreamAccount, product_types: Sequence[str]
) -> Marked:
    """Read every list of the account. Raises the errors of `upstreams.errors`."""
    upstream = await connections.to(account)
    async with database.read() as session:
        tags = await marks.tags(session)
        services = (await session.exec(select(Service).where(Service.account_id == account.id))).all()
        known = await session.exec(
            select(UpstreamSnapshot.product_type, UpstreamSnapshot.number).where(
                UpstreamSnapshot.account_id == account.id
            )
        )
        seen_before = set(known.all())
    linked = {(one.product_type, one.upstream_number) for one in services}
    wanted = {one.mark for one in services if one.upstream_number is None and one.status in _WAITS_FOR_ITS_ITEM}
    items, incomplete = [], []
    for product_type in product_types:
        listing = await upstream.list_items(product_type)
        if not listing.complete:
            incomplete.append(f"{account.name}, {product_type}: {listing.incomplete_because or 'not complete'}")
        for row in listing.items:
            key = (product_type, row.number)
            mark = row.mark
            if not mark and key not in seen_before and key not in linked:
                mark = await _mark_in_form(upstream, row)
            service = marks.service_of(mark, tags)
            if mark is None or service is None:
                continue
            orphan = key not in linked and mark not in wanted
            status = row.status.name.lower()
            items.append(
                MarkedItem(account.name, product_type, row.number, status, row.name, mark, service, is_orphan=orphan)
            )
    return Marked(items, incomplete)


async def _mark_in_form(upstream: Upstream, row: UpstreamItem) -> str | None:
    """Where the list shows none. None: the upstream does not let us read it."""
    try:
        return (await upstream.read_item(row.product_type, row.number)).mark
    except Rejected:
        return None
    except ConnectionUnhealthy as error:
        if error.scope is Scope.ACCOUNT:
            raise
        return None
