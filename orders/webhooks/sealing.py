"""Secrets of endpoints that were made here: kept in the database, sealed with a key that is not in it.

Sealed text is `KEY_ID:BASE64` of nonce and ciphertext (AES-256-GCM). It is bound to the number of its endpoint, so
what is copied to another row opens nothing.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict

from models.columns import utc_now
from payloads.keyfile import KeyFileError, Keyring, read_key_file

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
SECRET_BYTES = 32
SETTING = "RESELL_WEBHOOK_KEY_FILE"
_NONCE_BYTES = 12


class KeyUnusable(Exception):
    """There is no key to seal or open secrets with. `why` may name files: it is for the operators and the log."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{SETTING}: {why}")


class SealedSecret(BaseModel):
    """A secret as the database has it."""

    model_config = ConfigDict(frozen=True)

    sealed: str
    until: datetime | None = None
    """When it is not signed with any more; None: it is the newest one."""

    @property
    def is_valid(self) -> bool:
        return self.until is None or self.until > utc_now()


def sealed_secrets(rows: Iterable[Mapping[str, str | None]]) -> list[SealedSecret]:
    """Those that are signed with, newest first."""
    return [one for one in map(SealedSecret.model_validate, rows) if one.is_valid]


def as_rows(several: Sequence[SealedSecret]) -> list[dict[str, str | None]]:
    return [one.model_dump(mode="json") for one in several]


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


@dataclass(frozen=True)
class Sealer:
    """Seals with the first key of the file, and opens with each."""

    _keyring: Keyring

    @classmethod
    def of(cls, key_file: str) -> Self:
        """Raises KeyUnusable."""
        if not key_file:
            raise KeyUnusable("is not set")
        try:
            return cls(read_key_file(key_file))
        except KeyFileError as error:
            raise KeyUnusable(str(error)) from None

    def seal(self, secret: str, endpoint: int) -> str:
        name = self._keyring.current
        nonce = os.urandom(_NONCE_BYTES)
        text = AESGCM(self._keyring.keys[name]).encrypt(nonce, secret.encode(), _about(endpoint))
        return f"{name}:{base64.b64encode(nonce + text).decode()}"

    def open(self, sealed: str, endpoint: int) -> str:
        """Raises KeyUnusable."""
        name, _, text = sealed.partition(":")
        key = self._keyring.keys.get(name)
        if key is None:
            raise KeyUnusable(f"the file has no key {name[:64]!r}, with which this secret was sealed")
        try:
            both = base64.b64decode(text, validate=True)
            return AESGCM(key).decrypt(both[:_NONCE_BYTES], both[_NONCE_BYTES:], _about(endpoint)).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise KeyUnusable(f"the key {name!r} is not the one with which this secret was sealed") from None


def _about(endpoint: int) -> bytes:
    return f"webhook {endpoint}".encode()
