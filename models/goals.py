"""When is an operation confirmed? The state of the item that each kind of operation is after."""

from models.enums import OperationKind, UpstreamStatus


def goal_met(kind: OperationKind, status: UpstreamStatus) -> bool:
    """The item's state is what the operation wanted, so the operation is confirmed."""
    match kind:
        case OperationKind.OPEN:
            # Suspended: it was opened, and suspended before anybody looked.
            return status in (UpstreamStatus.ACTIVE, UpstreamStatus.SUSPENDED)
        case OperationKind.RESUME | OperationKind.PROLONG | OperationKind.CHANGE_PLAN | OperationKind.SET_PARAMETERS:
            return status is UpstreamStatus.ACTIVE
        case OperationKind.SUSPEND:
            return status is UpstreamStatus.SUSPENDED
        case OperationKind.CLOSE:
            return status is UpstreamStatus.DELETED


def goal_failed(kind: OperationKind, status: UpstreamStatus) -> bool:
    """The item has come to a state from which the goal can't be reached any more."""
    return status is UpstreamStatus.DELETED and kind is not OperationKind.CLOSE
