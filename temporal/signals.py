"""Signals to orders, with a request id of our own: the server drops what it has had already."""

import logging

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.messages import Message

log = logging.getLogger(__name__)

_SPENT = frozenset({RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION})


async def signal(client: Client, workflow_id: str, name: str, message: Message, request_id: str) -> bool:
    """Send a signal once in effect. False: no such workflow runs (any more); that is no failure.

    A run that has had so many signals that the server lets it have no more is ended: the sweep begins a new one. Raises
    RPCError when Temporal can't be reached.
    """
    payloads = await client.data_converter.encode([message])
    request = SignalWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        signal_name=name,
        input=Payloads(payloads=payloads),
        identity=client.identity,
        request_id=request_id,
    )
    try:
        await client.workflow_service.signal_workflow_execution(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            log.info("signal %s: workflow %s does not run", name, workflow_id)
            return False
        if is_exhausted(error):
            await end_exhausted(client, workflow_id, error)
            return False
        raise
    return True


def is_exhausted(error: RPCError) -> bool:
    """Whether the run has had as many signals or updates as the server lets one have: it would hear nothing more."""
    return error.status in _SPENT and "limit" in error.message


async def end_exhausted(client: Client, workflow_id: str, error: RPCError) -> None:
    """The order goes on from the database, in a new run that the sweep starts. Raises RPCError."""
    log.warning("%s is ended and starts again from the database: %s", workflow_id, error.message)
    reason = "the server accepts no more messages for this run; it starts again from the database"
    await client.get_workflow_handle(workflow_id).terminate(reason=reason)
