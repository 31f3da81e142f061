"""The body of a webhook, and its signature as Standard Webhooks has it.

webhook-id: 5f0c…            the same in every attempt
webhook-timestamp: 1772370000
webhook-signature: v1,BASE64 of HMAC-SHA256(secret, "ID.TIMESTAMP.BODY"), one for each secret, separated by spaces
"""

import base64
import binascii
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orders.signatures import signature
from orders.webhooks.deliveries import OutgoingMessage
from orders.webhooks.sealing import SECRET_PREFIX, KeyUnusable, Sealer, sealed_secrets

CONTENT_TYPE = "application/cloudevents+json"
LEAST_SECRET_BYTES = 24


class SecretUnusable(Exception):
    """An endpoint's secret can't be had; the message names the place, never the secret."""


def body(outgoing: OutgoingMessage, source: str) -> bytes:
    """The message as a CloudEvent, byte for byte the same in every attempt."""
    event = cloud_event(outgoing.message_id, source, outgoing.kind, outgoing.service, outgoing.at, outgoing.data)
    return json.dumps(event, ensure_ascii=False, sort_keys=True).encode()


def cloud_event(
    message_id: str, source: str, kind: str, service: int | None, at: datetime, data: dict[str, Any]
) -> dict[str, object]:
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": kind,
        "time": at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }
    if service is not None:
        event["subject"] = str(service)
    return event


def headers(message_id: str, timestamp: int, content: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    signatures = [signature(secret, message_id, str(timestamp), content) for secret in secrets]
    return {
        "content-type": CONTENT_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures),
    }


def read_secrets(outgoing: OutgoingMessage, key_file: str) -> list[bytes]:
    """The secrets to sign with, read anew each time: several, while one replaces another. Raises SecretUnusable."""
    where, text = _sealed(outgoing, key_file) or _from_elsewhere(outgoing)
    secrets = [_decoded(one, where) for one in text.split()]
    if not secrets:
        raise SecretUnusable(f"its secret is missing: {where} is empty or not set")
    return secrets


def _sealed(outgoing: OutgoingMessage, key_file: str) -> tuple[str, str] | None:
    if outgoing.sealed_secrets is None:
        return None
    try:
        sealer = Sealer.of(key_file)
        opened = [sealer.open(one.sealed, outgoing.endpoint) for one in sealed_secrets(outgoing.sealed_secrets)]
    except KeyUnusable as error:
        raise SecretUnusable(f"its secret can't be opened by the worker: {error}") from None
    return "the database", " ".join(opened)


def _from_elsewhere(outgoing: OutgoingMessage) -> tuple[str, str]:
    """Where the secrets stand, and the text there: several are separated by spaces."""
    if outgoing.secret_env is not None:
        return f"environment variable {outgoing.secret_env}", os.environ.get(outgoing.secret_env, "")
    where = f"file {outgoing.secret_file}"
    try:
        return where, Path(outgoing.secret_file or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "is not text"
        raise SecretUnusable(f"its secret can't be read from {where}: {said}") from None


def _decoded(text: str, where: str) -> bytes:
    try:
        if text.startswith(SECRET_PREFIX):
            secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
            if len(secret) >= LEAST_SECRET_BYTES:
                return secret
    except binascii.Error:
        pass
    raise SecretUnusable(
        f"its secret in {where} is not whsec_ and the base64 of at least {LEAST_SECRET_BYTES} random bytes"
    )
