"""The search attributes of an order, typed, in one place. The worker registers them at its start."""

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from models.enums import Stage
from models.messages import OrderInput

ORDER_STAGE = SearchAttributeKey.for_keyword("OrderStage")
SERVICE_NUMBER = SearchAttributeKey.for_int("ServiceNumber")
OPERATION_KIND = SearchAttributeKey.for_keyword("OperationKind")
UPSTREAM_NAME = SearchAttributeKey.for_keyword("UpstreamName")

KEYWORDS = (ORDER_STAGE, OPERATION_KIND, UPSTREAM_NAME)
INTEGERS = (SERVICE_NUMBER,)


def of_order(order: OrderInput) -> TypedSearchAttributes:
    """What an order starts with, so that its first stage costs no event."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ORDER_STAGE, Stage.CHECKING_BALANCE.value),
            SearchAttributePair(SERVICE_NUMBER, order.service),
            SearchAttributePair(OPERATION_KIND, order.kind.value),
            SearchAttributePair(UPSTREAM_NAME, order.upstream),
        ]
    )
