"""Encrypts what goes to Temporal and decrypts what comes back: AES-256-GCM, each payload with a nonce of its own.

A payload that is not encrypted passes as it is: encryption can be switched on while workflows run, and people may
signal by hand. What is encrypted with a key that is not in the file can't be read: the workflow task fails, and is
tried again until the key is back.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from payloads.keyfile import Keyring, read_key_file

ENCODING = b"binary/encrypted"
CIPHER = b"AES-256-GCM"
_KEY_ID = "encryption-key-id"
_NONCE_BYTES = 12


class Undecodable(Exception):
    """A payload can't be decrypted; the message says why."""


class EncryptingCodec(PayloadCodec):
    """Encrypts with the keyring's current key, decrypts with every key in it."""

    def __init__(self, keyring: Keyring) -> None:
        self._current = keyring.current
        self._ciphers = {name: AESGCM(key) for name, key in keyring.keys.items()}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises Undecodable."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        name, nonce = self._current.encode(), os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, payload.SerializeToString(), name)
        metadata = {"encoding": ENCODING, "encryption-cipher": CIPHER, _KEY_ID: name}
        return Payload(metadata=metadata, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        name = payload.metadata.get(_KEY_ID, b"").decode("ascii", "replace")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise Undecodable(f"it is encrypted with the key {name[:64]!r}, which is not in the key file")
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, name.encode()))
        except (InvalidTag, ValueError, DecodeError):
            raise Undecodable(f"it is not what was encrypted with the key {name!r}: changed, or another key") from None


def data_converter(key_file: str) -> DataConverter:
    """How values travel to Temporal and back; encrypted, failures too, if there is a key file. Raises KeyFileError."""
    if not key_file:
        return pydantic_data_converter
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptingCodec(read_key_file(key_file)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
