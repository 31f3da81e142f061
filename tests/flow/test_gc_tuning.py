"""Programs that run for long do not search what they keep for garbage again and again."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator

import pytest

import worker
from gc_tuning import THRESHOLDS
from storefront.server import serve
from tests.flow.shop import Shop
from tests.infrastructure.eventually import assert_eventually

PYTHONS_OWN = (700, 10, 10)


@pytest.fixture
def as_at_the_start() -> Iterator[int]:
    """Objects that are put aside already."""
    gc.set_threshold(*PYTHONS_OWN)
    yield gc.get_freeze_count()
    gc.set_threshold(*THRESHOLDS)


@pytest.mark.parametrize("program", ["worker", pytest.param("storefront", marks=pytest.mark.proof)])
async def test_it_puts_aside_what_it_keeps(
    program: str, as_at_the_start: int, shop_without_worker: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_without_worker
    monkeypatch.setenv("TEMPORAL_ADDRESS", shop.temporal.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", shop.client.namespace)
    settings = shop.settings.model_copy(update={"worker_health_address": ""})
    running = asyncio.create_task(worker.run(settings) if program == "worker" else serve(settings, "127.0.0.1", 0))
    try:
        await assert_eventually(lambda: gc.get_threshold() == THRESHOLDS, timeout=60, message="it is ready to work")
        assert gc.get_freeze_count() > as_at_the_start
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait([running])
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
