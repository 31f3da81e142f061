"""No history holds what is a customer's, nor a secret: when the tests of a process are over, each is looked through.

Histories are read from the server, of every namespace that was handed out in this process, whoever wrote them: workers
in this process or others. They hold inputs, results, failures and summaries; what Temporal UI shows besides (current
details) is made of them, and heartbeats hold counts, times and names of upstreams. Payloads that are encrypted
tell nothing here, and servers that a test runs for itself are not looked at.
"""

import asyncio
import re
from collections.abc import AsyncIterator

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client

AT_ONCE = 8
PRIVATE = {
    "an e-mail address": re.compile(rb"[\w.+-]*[a-z][\w.+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.I),
    "a telephone number": re.compile(rb"\+[0-9][0-9 ().-]{7,}[0-9]"),
    "a customer's number": re.compile(rb"(?<![\w-])c-[0-9]+(?![\w-])|anna-of-a"),
    "a customer's request": re.compile(rb"-----BEGIN"),
    "a password": re.compile(rb"(?<!\xe2\x80\xb9)\bsecret\b|pass-of-reseller|hunter22|reseller:|authinfo"),
    "a token": re.compile(rb"\b(?:shop|rival|operator|colleague)-token\b|whsec_|Bearer "),
    "a licence key": re.compile(rb"(?<![\w-])(?:[A-Z0-9]{4,}(?:-[A-Z0-9]{4,}){3}|[0-9]+-[0-9A-F]{12})(?![\w-])"),
}


def private_in(content: bytes) -> list[str]:
    """What in it is private, in words; the values, too: a test's are known to everybody."""
    found = []
    for what, pattern in PRIVATE.items():
        if one := pattern.search(content):
            around = content[max(one.start() - 120, 0) : one.end() + 40]
            found.append(f"{what}, {one[0].decode(errors='replace')!r}, in …{around.decode(errors='replace')}…")
    return found


async def look_through(client: Client) -> list[str]:
    """What is private in the histories of this namespace."""
    found = []
    async for run in client.list_workflows():
        async for history in _pages(client, WorkflowExecution(workflow_id=run.id, run_id=run.run_id)):
            if private_in(history.SerializeToString()):
                found += [
                    f"{run.workflow_type} {run.id}, event {event.event_id}: {one}"
                    for event in history.events
                    for one in private_in(event.SerializeToString())
                ]
    return found


async def _pages(client: Client, execution: WorkflowExecution) -> AsyncIterator[History]:
    request = GetWorkflowExecutionHistoryRequest(namespace=client.namespace, execution=execution)
    while True:
        page = await client.workflow_service.get_workflow_execution_history(request)
        yield page.history
        if not page.next_page_token:
            return
        request.next_page_token = page.next_page_token


async def look_through_all(clients: dict[Client, str]) -> list[str]:
    """Of many namespaces, each with the test that took it."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(client: Client, test: str) -> list[str]:
        async with gate:
            return [f"{test}: {found}" for found in await look_through(client)]

    every = await asyncio.gather(*(one(client, test) for client, test in clients.items()))
    return [found for several in every for found in several]
