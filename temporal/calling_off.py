"""The workflow of an operation that was called off is notified."""

from temporalio.client import Client

from models.messages import CalledOff
from models.order import Operation
from orders.services import naming
from temporal.signals import signal


async def notify_called_off(client: Client, operation: Operation) -> bool:
    """Wake the workflow of an operation that was called off. A workflow that does not get the signal can do nothing
    either.

    Safe to repeat. False: no workflow of it runs. Raises RPCError when Temporal can't be reached.
    """
    number = operation.id
    workflow_id = naming.workflow_id(operation.service_id, operation.kind, number)
    return await signal(client, workflow_id, "called_off", CalledOff(operation=number), news_of(operation))


def news_of(operation: Operation) -> str:
    """Names what there is to report: that it was called off, and later, where it could not end at once, that it has."""
    stamp = operation.called_off_at.isoformat() if operation.called_off_at else ""
    return f"called-off-{operation.id}-{stamp}{'-ended' if operation.stage.is_final else ''}"
