"""The search attributes of an order, typed, in one place. The worker registers them at its start."""

from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from models.enums import FailureClass, Stage
from models.messages import OrderInput

ORDER_STAGE = SearchAttributeKey.for_keyword("OrderStage")
STAGE_SINCE = SearchAttributeKey.for_datetime("StageSince")
FAILURE_CLASS = SearchAttributeKey.for_keyword("FailureClass")
"""The class of the failure that led to the stage. An order without a failure doesn't have the attribute."""
SERVICE_NUMBER = SearchAttributeKey.for_int("ServiceNumber")
OPERATION_KIND = SearchAttributeKey.for_keyword("OperationKind")
UPSTREAM_NAME = SearchAttributeKey.for_keyword("UpstreamName")

KEYWORDS = (ORDER_STAGE, FAILURE_CLASS, OPERATION_KIND, UPSTREAM_NAME)
INTEGERS = (SERVICE_NUMBER,)
TIMES = (STAGE_SINCE,)
ALL: tuple[SearchAttributeKey[Any], ...] = (*KEYWORDS, *INTEGERS, *TIMES)

BY_HAND = "(by hand)"
"""The name of the upstream of an order that no upstream carries out. No account can have this name."""


def of_order(order: OrderInput, now: datetime) -> TypedSearchAttributes:
    """What an order starts with, so that its first stage costs no event."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(ORDER_STAGE, Stage.CHECKING_BALANCE.value),
            SearchAttributePair(STAGE_SINCE, now),
            SearchAttributePair(SERVICE_NUMBER, order.service),
            SearchAttributePair(OPERATION_KIND, order.kind.value),
            SearchAttributePair(UPSTREAM_NAME, order.upstream or BY_HAND),
        ]
    )


def of_stage(stage: Stage, since: datetime, failure: FailureClass | None) -> list[SearchAttributeUpdate[Any]]:
    """What changes when an order enters a stage: one event, however many attributes there are."""
    because = FAILURE_CLASS.value_unset() if failure is None else FAILURE_CLASS.value_set(failure.value)
    return [ORDER_STAGE.value_set(stage.value), STAGE_SINCE.value_set(since), because]
