"""Which queue serves what, and that what an older version put into another one is still served."""

import pytest

from models.messages import SendLap, SweepLap
from models.queues import poller_queue
from tests.workflows.bench import Bench, Held
from workflows import calls


async def test_laps_that_an_older_version_has_asked_of_the_pollers_queue_are_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "sweep_queue", poller_queue)
    monkeypatch.setattr(calls, "webhook_queue", poller_queue)
    sweep, send = Held(), Held()
    handles = [
        await bench.sweep(SweepLap(started=2, pollers=1), sweep),
        await bench.webhook_sender(SendLap(delivered=1, failed=0), send),
    ]
    await sweep.begun()
    await send.begun()
    for handle in handles:
        [pending] = (await handle.describe()).raw_description.pending_activities
        assert pending.activity_type.name in ("sweep_orders", "send_webhooks")
        await handle.terminate("seen")
