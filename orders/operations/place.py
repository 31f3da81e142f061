"""Where an operation stands in the line for money (`orders.money.funds`)."""

from datetime import date

from models.enums import OperationKind
from models.order import ORDINARY_PLACE, Operation, Service


def place_of(operation: Operation, service: Service) -> int:
    """Where an operation stands in line: a prolongation before all others, the soonest end of a term first."""
    if operation.kind is not OperationKind.PROLONG:
        return ORDINARY_PLACE
    return (service.expires_on or date.max).toordinal()
