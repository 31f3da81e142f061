"""What each kind of operation asks of the upstream: one small class a kind, one table of them."""

from models.enums import OperationKind, UpstreamStatus
from orders.operations.base import Kind, Obstacle, Request, Sent
from orders.operations.opening import Opening
from orders.operations.parameters import SettingParameters
from orders.operations.plan_change import ChangingPlan
from orders.operations.prolonging import Prolonging
from orders.operations.switching import Switching

KINDS: dict[OperationKind, Kind] = {
    OperationKind.OPEN: Opening(),
    OperationKind.PROLONG: Prolonging(),
    OperationKind.SUSPEND: Switching("suspend", UpstreamStatus.SUSPENDED),
    OperationKind.RESUME: Switching("resume", UpstreamStatus.ACTIVE),
    OperationKind.CLOSE: Switching("delete", UpstreamStatus.DELETED),
    OperationKind.CHANGE_PLAN: ChangingPlan(),
    OperationKind.SET_PARAMETERS: SettingParameters(),
}

__all__ = ["KINDS", "Kind", "Obstacle", "Request", "Sent"]
