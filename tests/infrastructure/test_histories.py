"""The search through histories finds what it is for."""

import pytest
from temporalio.client import Client

from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.histories import look_through, private_in
from tests.infrastructure.temporal import TemporalServer


@pytest.mark.parametrize(
    "content",
    [
        b'{"reason":"write to anna@kunde.example"}',
        b"call +49 170 1234567",
        b'"customer":"c-17"',
        b"-----BEGIN CERTIFICATE REQUEST-----",
        b"authinfo=x",
        b"Bearer x",
        b"key ABCD-1234-EFGH-5678",
        b"key 17-0123456789AB",
    ],
)
def test_what_is_private_is_found(content: bytes) -> None:
    assert len(private_in(content)) == 1


def test_what_histories_are_made_of_is_not_private() -> None:
    assert (
        private_in(b"26650@vm $af4cb63c-0586-4519-9594-423004565651 2026-03-01T12:00:00+00:00 item 17, 5.00 EUR") == []
    )
    assert private_in("call ‹telephone number›, ‹secret›".encode()) == []


async def test_it_is_found_wherever_a_history_holds_it(
    temporal_server: TemporalServer, temporal_client: Client, task_queue_prefix: str
) -> None:
    del temporal_server.taken[temporal_client.namespace]  # what is found here is no fault
    await temporal_client.start_workflow("Told", "c-17", id="told", task_queue=task_queue_prefix)
    handle = temporal_client.get_workflow_handle("told")
    await handle.signal("said", "anna@kunde.example")
    await temporal_client.start_workflow(
        "Summed", id="summed", task_queue=task_queue_prefix, static_summary="call +49 170 1234567"
    )
    await handle.terminate("wrote to bert@kunde.example", "authinfo=x")

    async def found() -> list[str]:
        there = sorted(one.partition(", '")[0] for one in await look_through(temporal_client))
        assert len(there) == 5, there
        return there

    assert await assert_eventually(found) == [
        "Summed summed, event 1: a telephone number",
        "Told told, event 1: a customer's number",
        "Told told, event 3: an e-mail address",
        "Told told, event 4: a password",
        "Told told, event 4: an e-mail address",
    ]
