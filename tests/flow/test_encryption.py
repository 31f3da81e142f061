"""Payload encryption on a real server: switched on while an order is under way, read by the codec server."""

import base64
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory

from models.enums import Stage
from payloads.codec import data_converter
from settings import Settings
from storefront.codecserver import create_codec_app
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.temporal import TemporalServer

PLAIN = re.compile(rb'"(?:operation|outcome|upstream_number|stage)"|service \d+|set money aside')
"""Words of inputs, results and summaries."""


def payloads_in(node: Any) -> list[dict[str, Any]]:
    """Every payload of a history in JSON, wherever it is."""
    match node:
        case {"metadata": {"encoding": _}}:
            return [node]
        case dict():
            return [found for value in node.values() for found in payloads_in(value)]
        case list():
            return [found for value in node for found in payloads_in(value)]
        case _:
            return []


def readable(history: WorkflowHistory) -> list[bytes]:
    payloads = [ParseDict(found, Payload()) for found in payloads_in(history.to_json_dict())]
    return [payload.data for payload in payloads if PLAIN.search(payload.data)]


@pytest.mark.proof
async def test_an_order_runs_encrypted_to_its_end(
    shop_database: str, temporal_server: TemporalServer, upstream: Upstream, tmp_path: Path
) -> None:
    keys = tmp_path / "payload.keys"
    keys.write_text(f"k1 {base64.b64encode(bytes(32)).decode()}\n")
    settings = Settings(payload_key_file=str(keys))
    async with open_shop(shop_database, temporal_server, upstream, worker=False) as plain:
        before = await plain.order()  # its workflow is started with payloads that anybody can read
        client = await temporal_server.connect(plain.client.namespace, data_converter(settings.payload_key_file))
        shop = Shop(
            plain.database_url,
            plain.database,
            client,
            temporal_server,
            plain.settings,
            type(plain.resellflow)(plain.database, client, plain.settings),
            upstream,
        )
        async with shop.working():
            after = await shop.order()
            for order in (before, after):
                await shop.until(order, Stage.COMPLETED)
                await shop.handle(order).result()
        assert len(await upstream.charges()) == 2

        assert readable(await plain.handle(before).fetch_history()), "its start is from before"
        history = await plain.handle(after).fetch_history()
        assert readable(history) == []
        assert all(PLAIN.search(event.SerializeToString()) is None for event in history.events)

    found = payloads_in(history.to_json_dict())
    codec = create_codec_app(settings, "127.0.0.1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(codec), base_url="http://codec") as ui:
        answer = await ui.post("/decode", json={"payloads": found})
    assert answer.status_code == 200, answer.text
    told = b"\n".join(ParseDict(one, Payload()).data for one in answer.json()["payloads"])
    assert b'"upstream_number"' in told
    assert f"open service {after.service} at main (operation {after.operation})".encode() in told
