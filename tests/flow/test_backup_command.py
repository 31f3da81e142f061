"""`resell restored` reports and mends; until then the API refuses orders."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from models.catalogue import ProcessingModule, UpstreamAccount
from tests.flow.backups import (
    back_up,
    completed,
    resell,
    restorable_shop,
    restore,
    stop,
)
from tests.flow.shop import PASSWORD, PASSWORD_VARIABLE, Shop, Upstream
from tests.infrastructure.processes import Program, free_port
from tests.infrastructure.temporal import TemporalServer

AWAY = "away"
TOKEN = "shops-own-token-0123456789abcdefghijklm"


@pytest.fixture
async def shop(migrated_database_url: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with restorable_shop(migrated_database_url, temporal_server, upstream) as shop:
        yield shop


@pytest.mark.proof
async def test_the_command_reports_and_the_api_refuses(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    order = await shop.order()
    back_up(shop, tmp_path / "saved")
    worker = shop.start_worker()
    await completed(shop, order)
    lost = await shop.order()
    await completed(shop, lost)
    await stop(worker)
    await restore(shop, tmp_path / "saved")
    await add_account_that_is_away(shop)
    async with open_api(shop) as api:
        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert "resell restored" in ready.json()["detail"]
        body = {"plan": "VDS-1", "period_months": 1, "customer": "c-2"}
        refused = await api.post("/v1/services", json=body, headers={"Idempotency-Key": "k"})
        assert refused.status_code == 503, refused.text
        seen = await resell(shop, "restored", "--dry-run", "--without", AWAY)
        assert lost.workflow_id in seen
        assert "reading the lists of upstream main" in seen
        assert f"reading the lists of upstream {AWAY}" not in seen
        assert "dry run, nothing is changed" in seen
        assert (await api.get("/readyz")).status_code == 503
        done = await resell(shop, "restored", "--without", AWAY)
        assert "the next service is 2001" in done, done
        accepted = await api.post("/v1/services", json=body, headers={"Idempotency-Key": "k"})
        assert accepted.status_code == 201, accepted.text
        assert accepted.json()["service"]["number"] == 2001
    worker = shop.start_worker()
    await completed(shop, order)
    assert len(await shop.upstream.charges()) in (2, 3)  # the new order is under way
    await stop(worker)


async def add_account_that_is_away(shop: Shop) -> None:
    """A second account, whose upstream does not answer."""
    async with shop.database.write() as session:
        settings = {"dialect": 6, "username": AWAY, "password_env": PASSWORD_VARIABLE}
        url = f"http://127.0.0.1:{free_port()}/billmgr"
        account = UpstreamAccount(name=AWAY, kind="billmanager", url=url, settings=settings, currency="EUR")
        session.add(account)
        await session.flush()
        session.add(ProcessingModule(name=AWAY, account_id=account.id, product_type="vds", department="support"))


@asynccontextmanager
async def open_api(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    environment = {**shop.environment(), "RESELL_STOREFRONT_TOKENS": f"shop={TOKEN}"}
    program = Program([sys.executable, "-m", "cli", "api", "--port", "0"], name="api", forked=True, env=environment)
    with program:
        url = (await asyncio.to_thread(program.wait_for_line, r"listens on (\S+)"))[1]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=15) as client:
            yield client
