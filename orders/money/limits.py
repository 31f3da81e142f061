"""The most that a caller agrees to be charged by the upstream for one operation."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from models.catalogue import UpstreamAccount
from models.columns import Amount
from models.money import Money
from orders.errors import InvalidField

LIMIT_DESCRIPTION = (
    "the most that the upstream may charge for it, in the currency of the upstream account; if it asks more, nothing "
    "is sent and a person sees both sums"
)
_FIELD = "agreed_cost_limit"


def _from_text(value: object) -> object:
    return Money.parse(value) if isinstance(value, str) else value


def _possible(limit: Money) -> Money:
    if limit.amount < 0:
        raise ValueError("a limit is zero or more")
    if limit.amount >= 10**14 or limit.amount != round(limit.amount, Amount.DECIMALS):
        raise ValueError(f"a limit has at most 14 digits and {Amount.DECIMALS} decimals")
    return limit


CostLimit = Annotated[Money, BeforeValidator(_from_text), AfterValidator(_possible)]
"""`{"amount": "10.00", "currency": "EUR"}`, or as text `10.00 EUR`."""


def limited(limit: Money | None) -> dict[str, str]:
    """For the hash of a request. One without a limit hashes as it did before there were limits."""
    return {} if limit is None else {_FIELD: f"{limit.amount.normalize():f} {limit.currency}"}


def check_limit(limit: Money | None, account: UpstreamAccount | None) -> None:
    """Raises InvalidField where what is charged could not be compared with it."""
    if limit is not None and account is not None and limit.currency != account.currency:
        raise InvalidField(
            _FIELD,
            f"is in {limit.currency}, but the upstream charges in {account.currency}; state the limit in "
            f"{account.currency}",
        )
