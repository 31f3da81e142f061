"""What the codec makes of payloads and failures."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from models.enums import OperationKind
from models.messages import OrderInput
from payloads.codec import Undecodable, data_converter
from tests.payloads.conftest import KeyFile, key_line

ORDER = OrderInput(service=1, operation=2, kind=OperationKind.OPEN, upstream="plain-words")


async def decoded(converter: DataConverter, payload: Payload) -> OrderInput:
    found: OrderInput = (await converter.decode([payload], [OrderInput]))[0]
    return found


async def test_nothing_can_be_read_without_the_key(key_file: KeyFile) -> None:
    converter = data_converter(key_file(key_line("k1")))
    first, again = [*await converter.encode([ORDER]), *await converter.encode([ORDER])]

    assert b"plain-words" not in first.SerializeToString()
    assert first.metadata["encryption-key-id"] == b"k1"
    assert first.data != again.data, "each has a nonce of its own"
    assert await decoded(converter, first) == ORDER


async def test_without_a_key_file_payloads_are_plain() -> None:
    assert data_converter("") is pydantic_data_converter


@pytest.mark.parametrize("lines", [(), (key_line("k1"),)], ids=["plain", "encrypted"])
def test_a_payload_is_converted_alike_wherever_it_goes(key_file: KeyFile, lines: tuple[str, ...]) -> None:
    """`temporal.sandbox` gives no contexts."""
    anywhere = data_converter(key_file(*lines) if lines else "")
    there = anywhere.with_context(WorkflowSerializationContext(namespace="default", workflow_id="service-1-open-2"))

    for part in ("payload_converter", "payload_codec", "failure_converter", "external_storage"):
        assert getattr(there, part) is getattr(anywhere, part), part


async def test_what_was_written_before_encryption_is_read(key_file: KeyFile) -> None:
    [plain] = await pydantic_data_converter.encode([ORDER])

    assert await decoded(data_converter(key_file(key_line("k1"))), plain) == ORDER


async def test_old_keys_decrypt_and_the_first_one_encrypts(key_file: KeyFile) -> None:
    [old] = await data_converter(key_file(key_line("k1", 1))).encode([ORDER])
    rotated = data_converter(key_file(key_line("k2", 2), key_line("k1", 1)))

    assert await decoded(rotated, old) == ORDER
    assert (await rotated.encode([ORDER]))[0].metadata["encryption-key-id"] == b"k2"


async def test_a_key_that_is_lost_is_named(key_file: KeyFile) -> None:
    [old] = await data_converter(key_file(key_line("k1", 1))).encode([ORDER])

    with pytest.raises(Undecodable, match="encrypted with the key 'k1', which is not in the key file"):
        await decoded(data_converter(key_file(key_line("k2", 2))), old)


@pytest.mark.parametrize("data", [b"", b"short", b"n" * 12, b"n" * 40])
async def test_what_nobody_encrypted_is_refused(key_file: KeyFile, data: bytes) -> None:
    forged = Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"k1"}, data=data)

    with pytest.raises(Undecodable, match="is not what was encrypted"):
        await decoded(data_converter(key_file(key_line("k1"))), forged)


async def test_failures_are_encrypted_message_and_trace(key_file: KeyFile) -> None:
    converter, failure = data_converter(key_file(key_line("k1"))), Failure()
    try:
        raise ApplicationError("plain-words", "plain-words", type="Refused") from ValueError("plain-words")
    except ApplicationError as error:
        await converter.encode_failure(error, failure)

    assert b"plain-words" not in failure.SerializeToString()
    assert b"test_codec" not in failure.SerializeToString(), "the stack trace"
    read = await converter.decode_failure(failure)
    assert isinstance(read, ApplicationError)
    assert (read.message, list(read.details), str(read.cause)) == (
        "plain-words",
        ["plain-words"],
        "ValueError: plain-words",
    )
