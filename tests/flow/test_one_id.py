"""The id of a shop's request is in everything that is logged for its order, by whichever process, and with what is told
of it. Real processes: API and worker write JSON lines, as without a terminal."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from models.enums import Stage
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program
from tests.infrastructure.temporal import TemporalServer
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sender import SECRET, SECRET_VARIABLE, add_endpoint

TOKEN = "shop-token"
JSON_LINES = {"RESELL_LOG_FORMAT": "auto"}
ASKED = "cart-4711.try_1"
BODY = {"plan": "VDS-1", "period_months": 1, "customer": "c-1"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    async with open_shop(shop_database, temporal_server, upstream, worker=False, webhook_private=True) as shop:
        shop.worker_settings |= JSON_LINES | {SECRET_VARIABLE: SECRET}
        yield shop


@asynccontextmanager
async def open_api(shop: Shop) -> AsyncIterator[tuple[Program, httpx.AsyncClient]]:
    environment = {**shop.environment(), "RESELL_STOREFRONT_TOKENS": f"shop={TOKEN}"}
    program = Program([sys.executable, "-m", "cli", "api", "--port", "0"], name="api", forked=True, env=environment)
    with program:
        url = (await asyncio.to_thread(program.wait_for_line, r"listens on (http[^\"\s]+)"))[1]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=15) as client:
            yield program, client


def about(program: Program, request: str) -> list[dict[str, Any]]:
    """`grep ID` over its log."""
    return [json.loads(line) for line in program.lines if request in line]


def loggers(lines: list[dict[str, Any]]) -> set[str]:
    return {line["logger"] for line in lines}


async def test_one_id_leads_through_the_logs_of_all_processes(shop: Shop, receiver: Receiver) -> None:
    await add_endpoint(shop.database, receiver.url)
    worker = shop.start_worker()
    async with open_api(shop) as (api, client):
        headers = {"Idempotency-Key": "k-1", "X-Request-Id": ASKED}
        answer = await client.post("/v1/services", json=BODY, headers=headers)
        assert (answer.status_code, answer.headers["X-Request-Id"]) == (201, ASKED)
        operation = answer.json()["operation"]["number"]

        def told() -> bool:
            return bool(receiver.of_type("resellflow.operation.completed.v1"))

        await assert_eventually(told, timeout=30, message="the end is told")
    worker.terminate()

    accepted, done = about(api, ASKED), about(worker, ASKED)
    assert {"storefront.access", "orders.lifecycle.lines", "temporal.starting"} <= loggers(accepted)
    assert {"temporal.following", "upstreams.counted", "orders.lifecycle.lines"} <= loggers(done)
    assert "activities.webhooks" in loggers(done)
    for line in (*accepted, *done):
        assert line["request"] == ASKED
        assert line["logger"] == "storefront.access" or line["operation"] == operation, line
    ends = [line["activity"] for line in done if line["logger"] == "temporal.following"]
    assert ends == ["carry_out", "complete_operation"], "one of them a local activity"
    stages = [line["message"].split(": ")[1] for line in done if line["logger"] == "orders.lifecycle.lines"]
    assert stages == [Stage.SUBMITTING, Stage.AWAITING_CONFIRMATION, Stage.COMPLETED]
    [access] = [line for line in accepted if line["logger"] == "storefront.access"]
    assert (access["status"], access["client"], access["path"]) == (201, "shop", "/v1/services")
    sent = [line for line in done if "order.param" in line["message"]]
    assert {(line["upstream"], line["activity"], line["workflow"]) for line in sent} == {
        ("main", "carry_out", "service-1-open-1")
    }
    of_it = [one for one in receiver.received if one.event["data"].get("operation") == operation]
    assert {one.headers["x-request-id"] for one in of_it} == {ASKED}
    assert len(of_it) >= 3


@pytest.mark.proof
async def test_an_order_that_the_sweep_starts_keeps_its_id(shop: Shop) -> None:
    """Temporal was away when it was asked for, so the request is long over."""
    address = shop.temporal.address
    shop.worker_settings["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
    async with open_api(shop) as (_, client):
        headers = {"Idempotency-Key": "k-1", "X-Request-Id": ASKED}
        assert (await client.post("/v1/services", json=BODY, headers=headers)).status_code == 201
    shop.worker_settings["TEMPORAL_ADDRESS"] = address
    worker = shop.start_worker()

    def is_completed() -> bool:
        return any("completed" in line["message"] for line in about(worker, ASKED))

    await assert_eventually(is_completed, timeout=30, message="the order's end is logged under the id")
    worker.terminate()
    assert {"temporal.starting", "temporal.following", "upstreams.counted"} <= loggers(about(worker, ASKED))
