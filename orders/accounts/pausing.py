"""Pausing an upstream account: a person wants nothing sent to it. docs/bulkheads.md says what follows.

Like the breaker it is asked before an intent is written, never after: what was written down before goes on to its end.
Whoever writes an intent holds the account's row against a pause until the intent is committed. So once a pause is
answered, no intent is written before the account is resumed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import IntentState
from models.order import Intent
from orders import audit
from orders.errors import NotFound, Refused
from orders.text import Prose
from upstreams import lease
from upstreams.errors import Paused


class Why(BaseModel):
    """What a person says with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Prose = Field(
        max_length=500, description="why; shown with each operation that waits, and kept in the audit log"
    )


PAUSED, RESUMED = "upstream_paused", "upstream_resumed"


async def pause(session: AsyncSession, name: str, why: Why, *, actor: str) -> int:
    """From now on nothing is sent to it. Returns how many requests were written down before and are not settled: they
    go on to their end. Raises NotFound, or Refused where it is paused already."""
    account = await _locked(session, name)
    if account.paused_since is not None:
        raise Refused(f"upstream {name} is {in_words(account)} already")
    account.paused_since, account.paused_by, account.paused_reason = utc_now(), actor, why.reason
    session.add(account)
    audit.record(session, _subject(), account.id, PAUSED, by=actor, facts={"reason": why.reason})
    under_way = select(func.count()).where(
        Intent.account_id == account.id, col(Intent.state).in_([IntentState.PREPARED, IntentState.UNKNOWN])
    )
    return (await session.exec(under_way)).one()


async def resume(session: AsyncSession, name: str, why: Why, *, actor: str) -> None:
    """Things are sent again. The poller wakes the orders that wait. Raises NotFound, or Refused where it is not
    paused."""
    account = await _locked(session, name)
    if account.paused_since is None:
        raise Refused(f"upstream {name} is not paused")
    facts = {"reason": why.reason, "paused_by": account.paused_by, "paused_since": account.paused_since.isoformat()}
    account.paused_since = account.paused_by = account.paused_reason = None
    session.add(account)
    audit.record(session, _subject(), account.id, RESUMED, by=actor, facts=facts)


def in_words(account: UpstreamAccount) -> str:
    """`paused by olga since 2026-11-28 07:40 UTC: the upstream moves`; empty: it is not paused."""
    if account.paused_since is None:
        return ""
    return f"paused by {account.paused_by} since {account.paused_since:%Y-%m-%d %H:%M} UTC: {account.paused_reason}"


def while_paused(account: UpstreamAccount, about: str) -> Paused | None:
    """`about`: for messages, upstream and operation."""
    words = in_words(account)
    return (
        Paused(f"{about}: not sent, the upstream is {words}. It continues once the upstream is resumed")
        if words
        else None
    )


async def check_not_paused(session: AsyncSession, account_id: int) -> None:
    """For who is about to write an intent, with the operation locked. Raises Paused."""
    found = await session.exec(
        select(UpstreamAccount)
        .where(UpstreamAccount.id == account_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    account = found.one()
    if (paused := while_paused(account, f"Upstream {account.name}")) is not None:
        raise paused


@asynccontextmanager
async def unrecorded_change(database: Database, account_id: int) -> AsyncIterator[None]:
    """For a change at the upstream that is free, may be repeated and has no intent. Raises Paused."""
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, account_id)
    if (paused := while_paused(account, f"Upstream {account.name}")) is not None:
        raise paused
    with lease.holding(lease.unrecorded()):
        yield


async def _locked(session: AsyncSession, name: str) -> UpstreamAccount:
    found = await session.exec(
        select(UpstreamAccount)
        .where(UpstreamAccount.name == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    account = found.one_or_none()
    if account is None:
        raise NotFound("upstream", name)
    return account


def _subject() -> str:
    return str(UpstreamAccount.__tablename__)
