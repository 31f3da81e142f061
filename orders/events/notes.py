"""Notes on an account: when it was read last, and whether its connection is in order."""

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import col, select

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.events import UpstreamList


async def record_poll(database: Database, account_id: int, lists: Mapping[str, datetime] | None = None) -> None:
    """Note that the upstream was read just now. `lists`: product type -> when its list was last read to the end."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        account.polled_at = utc_now()
        session.add(account)
        if not lists:
            return
        found = await session.exec(
            select(UpstreamList).where(UpstreamList.account_id == account_id, col(UpstreamList.product_type).in_(lists))
        )
        for row in found.all():
            row.listed_at = lists[row.product_type]
            session.add(row)


async def record_rest(database: Database, account_id: int, until: datetime, because: str) -> None:
    """The upstream has asked not to be asked before `until`. A later time that was noted before stays."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        if account.rests_until is None or account.rests_until < until:
            account.rests_until, account.rests_because = until, because
            session.add(account)


async def record_health(database: Database, account_id: int, reason: str | None) -> bool:
    """The account's connection is unhealthy (`reason`) or well again (None). True if that is news."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        if bool(account.unhealthy_reason) == bool(reason):
            if reason and reason != account.unhealthy_reason:
                account.unhealthy_reason = reason
                session.add(account)
            return False
        account.unhealthy_reason = reason
        account.unhealthy_since = utc_now() if reason else None
        session.add(account)
        session.add(
            AuditEntry(
                actor="resellflow",
                action="upstream_unhealthy" if reason else "upstream_well_again",
                subject="upstream_account",
                subject_number=account_id,
                detail={"reason": reason} if reason else {},
            )
        )
        return True
