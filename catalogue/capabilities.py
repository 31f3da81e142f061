"""What an upstream can do, found out by reading from it, and written down with its account."""

import logging
from dataclasses import dataclass

from sqlmodel import col, select

from models.catalogue import ProcessingModule, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import Knowledge, ModuleKind
from orders.accounts.notes import record_health
from orders.errors import NotFound
from upstreams.connections import Connections
from upstreams.errors import UpstreamError
from upstreams.kinds import adapter_of
from upstreams.port import Findings, Learned

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckedUpstream:
    account: UpstreamAccount
    """The state after the check."""
    product_types: tuple[str, ...]
    """What its processing modules are for."""
    found: Findings

    @property
    def absent(self) -> dict[str, str]:
        """What this kind of upstream can't do, and what follows from that."""
        return dict(adapter_of(self.account.kind).capabilities.absent())

    @property
    def usable(self) -> bool:
        """Orders can be carried out: the balance can be read, where there is one, and every list, and no problem that
        was found prevents them.
        """
        unreadable = self.found.balance is None and "balance" not in self.absent
        return not (unreadable or self.found.stops_orders) and set(self.found.listable_types) == set(self.product_types)


async def check_upstream(database: Database, connections: Connections, name: str) -> CheckedUpstream:
    """Read the balance, each list and one form per list, and keep what that shows.

    What only our own orders can prove (that lists return our marks and names) is not touched. Raises NotFound, or
    UpstreamError if the upstream can't be talked to at all; that is written down as its problem, too.
    """
    async with database.read() as session:
        account = (await session.exec(select(UpstreamAccount).where(UpstreamAccount.name == name))).one_or_none()
        if account is None:
            raise NotFound("upstream account", name)
        types = await session.exec(
            select(ProcessingModule.product_type)
            .where(ProcessingModule.account_id == account.id, ProcessingModule.kind == ModuleKind.UPSTREAM)
            .distinct()
            .order_by(col(ProcessingModule.product_type))
        )
        product_types = tuple(types.all())
    try:
        upstream = await connections.to(account)
        found = await upstream.check(product_types)
    except UpstreamError as error:
        await _keep(database, account, Findings(problems=(error.message,)))
        raise
    if await record_health(database, account.id, None):
        log.info("upstream %s is well again: a check by hand has found it so", name)
    return CheckedUpstream(await _keep(database, account, found, upstream.learned), product_types, found)


async def _keep(
    database: Database, account: UpstreamAccount, found: Findings, learned: Learned | None = None
) -> UpstreamAccount:
    async with database.write() as session:
        row = await session.get_one(UpstreamAccount, account.id)
        if learned is not None:
            row.learned = learned.model_dump(mode="json")
        if found.lists_show_marks is not Knowledge.UNKNOWN:
            row.lists_show_marks = found.lists_show_marks
        if found.forms_show_marks is not Knowledge.UNKNOWN:
            row.forms_show_marks = found.forms_show_marks
        if found.orders_return_number is not Knowledge.UNKNOWN:
            row.orders_return_number = found.orders_return_number
        row.problems = list(found.problems)
        row.checked_at = utc_now()
        session.add(row)
        return row
