"""Somebody who signs hints, as the panel's handler does; written anew here, so that one checks the other."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdefghijklmn").decode()
SECRET_VARIABLE = "TEST_HINT_SECRET"


def signed(body: bytes, *, secret: str = SECRET, ahead: int = 0, identity: str = "hint_1") -> dict[str, str]:
    timestamp = str(int(time.time()) + ahead)
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(key, f"{identity}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


async def send(client: httpx.AsyncClient, body: Any, *, upstream: str = "main", **how: Any) -> httpx.Response:
    content = json.dumps(body).encode()
    return await client.post(f"/v1/upstreams/{upstream}/hints", content=content, headers=signed(content, **how))
