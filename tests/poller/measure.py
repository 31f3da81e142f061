"""How soon orders hear of their openings: `python -m tests.poller.measure WAITING OTHERS [unsorted]`. Round trip
200 ms."""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.infrastructure.eventually import assert_eventually
from tests.poller.account import open_account

ROUND_TRIP = 0.2


async def measure(waiting: int, others: int, *, sorts: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'r.db'}"
        migrating = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "migrate", env={"RESELL_DATABASE_URL": url}
        )
        assert await migrating.wait() == 0
        async with open_account(url, waiting=waiting, others=others, seconds=ROUND_TRIP) as account:
            account.panel.sorts = sorts
            async with account.watched():
                await assert_eventually(
                    lambda: account.panel.asked[-1] == "head" or not sorts, timeout=300, interval=0.02
                )
                account.panel.asked.clear()
                began, cpu = time.monotonic(), time.process_time()
                account.panel.open(account.numbers)
                await assert_eventually(account.all_heard, timeout=300, interval=0.02)
                took = [at - began for at in account.temporal.heard.values()]
                asked = Counter(what.split()[0] for what in account.panel.asked)
                print(
                    f"{waiting} waiting, {others} others: first signal {min(took):.2f} s, last {max(took):.2f} s; "
                    f"asked {dict(asked)}; CPU {time.process_time() - cpu:.2f} s"
                )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2]), sorts=sys.argv[3:] != ["unsorted"]))
