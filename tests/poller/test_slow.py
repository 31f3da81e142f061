"""What waits for long is looked at by its order, and what is slow is marked, whatever else waits for longer."""

from typing import Any

from sqlmodel import select
from temporalio.testing import ActivityEnvironment

from activities.poller import schedule
from activities.poller.schedule import PeriodicJob
from activities.poller.slow import look_for_slow
from activities.poller.watch import Watch
from models.catalogue import UpstreamAccount
from models.enums import MessageType, OperationKind
from models.webhooks import WebhookMessage
from orders import events
from orders.events import WaitingOperation
from settings import Settings
from tests.poller.account import open_account

DAY = 86400.0


async def test_what_is_slow_is_marked_whatever_waits_for_longer(url: str) -> None:
    settings = Settings(slow_at_least=0.001, usual_times={"open vds": 0.002})
    async with open_account(url, waiting=1) as account:
        async with account.database.read() as session:
            watch = Watch.of(await session.get_one(UpstreamAccount, 1), settings)

        async def looked() -> list[str]:
            """The signals of one more turn."""
            before = len(account.temporal.requests)
            async with account.database.read() as session:
                [waiting] = await events.waiting_operations(session, "main")
            longer = [
                WaitingOperation(
                    1000 + n, 1000 + n, OperationKind.OPEN, str(n), "dedic", DAY / 2, {}, "then", is_slow=False
                )
                for n in range(2 * schedule.SLOW_AT_ONCE)
            ]
            watch.awaited = [*longer, waiting]
            watch.schedule.postpone(PeriodicJob.SLOW, 0.0)
            client: Any = account.temporal
            await ActivityEnvironment().run(look_for_slow, account.database, client, watch, settings.patience())
            return [one.rsplit("-", 1)[0] if "then" in one else one for one in account.temporal.requests[before:]]

        turns = [await looked() for _ in range(4)]
        assert [len(turn) for turn in turns] == [schedule.SLOW_AT_ONCE, schedule.SLOW_AT_ONCE, 2, 0], "each once"
        assert sorted(one.split("-")[0] for one in turns[2]) == ["look", "slow"], "the one that is slow"
        assert len({one for turn in turns for one in turn}) == 2 * schedule.SLOW_AT_ONCE + 2
        async with account.database.read() as session:
            [waiting] = await events.waiting_operations(session, "main")
            found = await session.exec(select(WebhookMessage).where(WebhookMessage.kind == MessageType.OPERATION_SLOW))
            assert [one.data["operation"] for one in found.all()] == [waiting.number]
        assert waiting.is_slow
