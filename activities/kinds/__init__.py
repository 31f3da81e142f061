"""What each kind of operation asks of the upstream: one small class a kind, one table of them."""

from activities.kinds.base import Kind, Obstacle, Request, Sent
from activities.kinds.opening import Opening
from activities.kinds.parameters import SettingParameters
from activities.kinds.plan_change import ChangingPlan
from activities.kinds.prolonging import Prolonging
from activities.kinds.switching import Switching
from models.enums import OperationKind, UpstreamStatus

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
