"""What an account costs on which nothing happens, in a minute by a clock that the test sets."""

import asyncio
import importlib
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from temporalio.testing import ActivityEnvironment

from activities.poller.isolation import BackgroundWork
from models.catalogue import UpstreamAccount
from models.messages import PollInput
from tests.poller.account import Account, open_account

TICK = 0.25
MODULES = ("schedule", "watch", "health", "keys", "forms", "renewals")


async def _a_minute(account: Account, clock: SimpleNamespace) -> list[str]:
    """The statements of the second minute."""
    watch = await account.poller._begin(PollInput(upstream="main"))
    async with BackgroundWork() as lists, BackgroundWork() as bookkeeping:
        for tick in range(int(2 * 60 / TICK)):
            if tick == 60 / TICK:
                account.statements.clear()
                account.panel.asked.clear()
            await account.poller._round(watch, lists, bookkeeping, may_list=True)
            while lists.busy or bookkeeping.busy:  # noqa: ASYNC110 - the clock stands still meanwhile
                await asyncio.sleep(0)
            lists.raise_failure()
            clock.now += TICK
    return list(account.statements)


@pytest.mark.parametrize("others", [pytest.param(10, marks=pytest.mark.proof), 600])
async def test_an_idle_minute_has_few_statements_however_many_services_there_are(
    url: str, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    clock = SimpleNamespace(now=1000.0)
    for name in MODULES:
        fake = SimpleNamespace(monotonic=lambda: clock.now, time=time.time)
        monkeypatch.setattr(importlib.import_module(f"activities.poller.{name}"), "time", fake)
    monkeypatch.setenv("IDLE_HINT_SECRET", "a secret of no use to anybody")
    async with open_account(url, waiting=0, others=others, idle_interval=15.0) as account:
        async with account.database.write() as session:
            row = await session.get_one(UpstreamAccount, 1)
            row.hint_secret_env = "IDLE_HINT_SECRET"
            session.add(row)
        found = await ActivityEnvironment().run(_a_minute, account, clock)
        assert account.purse.watched == 1, "the balance is read every five minutes"
        assert len(account.panel.asked) == 4 * (1 + -(-others // 500)), "each list at each idle interval"
        by_kind = Counter(" ".join(one.split("FROM ")[-1].split()[:1]) for one in found)
        assert len(found) <= 300, by_kind
