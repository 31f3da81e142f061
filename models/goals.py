"""Whether the state of an item in a signal is what an operation is after, for workflows: they see only models.

Signals say themselves what they mean for the operation (`UpstreamEventMessage.met`). These rules are for signals in
histories of before, which did not; what a class of operations wants to see is its own (`orders.operations`).
"""

from models.enums import OperationKind, UpstreamStatus

_WANTED = {
    # Suspended: it was opened, and suspended before anybody looked.
    OperationKind.OPEN: (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED),
    OperationKind.SUSPEND: (UpstreamStatus.SUSPENDED,),
    OperationKind.CLOSE: (UpstreamStatus.DELETED,),
}


def goal_met(kind: OperationKind, status: UpstreamStatus) -> bool:
    """The item's state is what the operation wanted, so the operation is confirmed."""
    return status in _WANTED.get(kind, (UpstreamStatus.ACTIVE,))


def goal_failed(kind: OperationKind, status: UpstreamStatus) -> bool:
    """The item has come to a state from which the goal can't be reached any more."""
    return status is UpstreamStatus.DELETED and not goal_met(kind, status)
