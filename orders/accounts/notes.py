"""Notes on an account: when it was read last, and whether its connection is in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.events import UpstreamList
from orders import audit
from upstreams.connections import learned_of
from upstreams.port import Learned


@dataclass(frozen=True)
class FailingList:
    """A list that can't be read."""

    since: datetime
    why: str


def failing_lists_of(account: UpstreamAccount) -> dict[str, FailingList]:
    """By product type, as they are noted with the account."""
    return {
        product_type: FailingList(datetime.fromisoformat(one["since"]), one["why"])
        for product_type, one in account.failing_lists.items()
    }


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


async def record_reach(database: Database, account_id: int, reason: str | None, since: datetime) -> bool:
    """The account has answered nothing that can be used since then (`reason`), or answers again (None). True if that is
    news."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        is_news = (account.unreachable_reason is None) != (reason is None)
        if reason is None:
            account.unreachable_since = None
        elif account.unreachable_since is None:
            account.unreachable_since = since
        account.unreachable_reason = reason
        session.add(account)
        if is_news:
            session.add(_entry(account_id, "upstream_unreachable" if reason else "upstream_reachable_again", reason))
        return is_news


async def record_failing_lists(database: Database, account_id: int, failing: Mapping[str, FailingList]) -> None:
    """Those that could not be read for a while; all others can."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        account.failing_lists = {
            product_type: {"since": one.since.isoformat(), "why": one.why}
            for product_type, one in sorted(failing.items())
        }
        session.add(account)


async def keep_first(database: Database, account: UpstreamAccount, learned: Learned) -> Learned:
    """Keep what an adapter has found out, unless something is kept already. Returns what is kept.

    Of two processes that find out different things, one is first, and both get what that one has found.
    """
    async with database.write() as session:
        row = await session.get_one(UpstreamAccount, account.id, with_for_update=True)
        kept = learned_of(type(learned), row)
        if kept != type(learned)():
            return kept
        row.learned = learned.model_dump(mode="json")
        session.add(row)
        return learned


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
        session.add(_entry(account_id, "upstream_unhealthy" if reason else "upstream_well_again", reason))
        return True


def _entry(account_id: int, action: str, reason: str | None) -> AuditEntry:
    return audit.entry("upstream_account", account_id, action, facts={"reason": reason or None})
