"""The signature of Standard Webhooks, for messages that we send and hints that we take."""

import base64
import hashlib
import hmac


def signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Base64 of HMAC-SHA256 over `message_id.timestamp.body`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
