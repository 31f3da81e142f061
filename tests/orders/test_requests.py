"""What of a request must be the same under one idempotency key. Hashes of these are kept for ever."""

from datetime import date

import pytest

from models.enums import RenewalOwner
from orders.errors import InvalidField
from orders.operations.change_plan import PlanChange
from orders.operations.close import Closing
from orders.operations.prolong import Prolongation
from orders.operations.requests import OperationRequest
from orders.operations.resume import Resumption
from orders.operations.set_parameters import ServiceChange
from orders.operations.suspend import Suspension

NOTHING: dict[str, object] = {
    "addons": {},
    "domain": None,
    "renewal_owner": None,
    "password": None,
    "licence_key": None,
}


@pytest.mark.parametrize(
    ("asked", "identity"),
    [
        (Prolongation(period_months=1), {"period_months": 1}),
        (
            Prolongation(period_months=1, expires_on=date(2026, 3, 31)),
            {"period_months": 1, "expires_on": "2026-03-31"},
        ),
        (Suspension(), {"urgent": False, "reason": ""}),
        (Suspension(urgent=True, reason="spam"), {"urgent": True, "reason": "spam"}),
        (Resumption(), {"urgent": False, "reason": ""}),
        (Closing(), {"urgent": False, "reason": ""}),
        (PlanChange(plan="VDS-2"), {"plan": "VDS-2"}),
        (PlanChange(plan="VDS-2", drop_addons=True), {"plan": "VDS-2", "drop_addons": True}),
        (ServiceChange(addons={"ram": 4}), NOTHING | {"addons": {"ram": 4}}),
        (ServiceChange(renewal_owner=RenewalOwner.UPSTREAM), NOTHING | {"renewal_owner": "upstream"}),
        (ServiceChange(renewal_owner=RenewalOwner.STOREFRONT), NOTHING | {"renewal_owner": "resellflow"}),
        (ServiceChange.of(renewal_owner="resellflow"), NOTHING | {"renewal_owner": "resellflow"}),
        (ServiceChange(renewal_owner=RenewalOwner.AUTOMATIC), NOTHING | {"renewal_owner": "automatic"}),
        (ServiceChange(password="new"), NOTHING | {"password": "new"}),
    ],
)
def test_the_same_request_is_known_again_by_every_version(asked: OperationRequest, identity: dict[str, object]) -> None:
    assert asked.identity() == identity


def test_a_value_that_is_not_right_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidField, match="blank") as refused:
        Suspension.of(reason=" ")
    assert refused.value.field == "reason"
