"""Signals to orders, with a request id of our own: the server drops what it has had already."""

import logging

from temporalio.api.common.v1 import Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from models.messages import Message

log = logging.getLogger(__name__)


async def signal(client: Client, workflow_id: str, name: str, message: Message, request_id: str) -> bool:
    """Send a signal once in effect. False: no such workflow runs (any more); that is no failure.

    Raises RPCError when Temporal can't be reached.
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
        raise
    return True
