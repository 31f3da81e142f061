"""Whether a plan can be had at the moment, by what the poller has read of the upstream's price list.

Nothing here asks an upstream. What is not known is `unknown`, and an order is sent all the same.
"""

from datetime import datetime

from pydantic import Field

from models.catalogue import UpstreamAccount
from models.enums import Availability, AvailabilityCause
from models.tariffs import TariffState
from orders.accounts import pausing
from orders.plans.offers import Source
from orders.reading.documents import Document

_FOR_EVERYBODY = {
    AvailabilityCause.TARIFF_WITHDRAWN: "the upstream does not sell this at the moment",
    AvailabilityCause.NO_DATA_CENTRE: "the upstream does not sell this in the data centre at the moment",
    AvailabilityCause.ORDER_REFUSED: "the upstream refused an order of this",
    AvailabilityCause.ACCOUNT_UNHEALTHY: "the upstream takes no orders of the reseller at the moment; orders wait",
    AvailabilityCause.ACCOUNT_PAUSED: "nothing is ordered at the upstream at the moment; orders wait",
    AvailabilityCause.ACCOUNT_UNREACHABLE: "the upstream does not answer at the moment; orders wait",
}


class AvailabilityView(Document):
    """Whether it can be had at the moment, as far as is known."""

    status: Availability = Field(
        description="`unavailable`: an order would be accepted, and then wait or need a person. `unknown`: nothing "
        "speaks against an order"
    )
    cause: AvailabilityCause | None = Field(description="null: nothing is wrong, or the upstream does not tell")
    reason: str = Field(description="the cause in words; empty: there is none")
    known_since: datetime | None = Field(description="since when it is so, as far as was seen; null: nothing is known")
    checked_at: datetime | None = Field(description="when the upstream's price list was last read; null: never")


NOBODY_TELLS = AvailabilityView(status=Availability.UNKNOWN, cause=None, reason="", known_since=None, checked_at=None)


def available_by(source: Source, *, staff: bool) -> AvailabilityView:
    """One source of it. `staff`: the reason in the upstream's words."""
    if source.account is None:
        return NOBODY_TELLS
    return _account_in_the_way(source.account, staff=staff) or _on_the_price_list(source.state, staff=staff)


def _on_the_price_list(state: TariffState | None, *, staff: bool) -> AvailabilityView:
    if state is None or (state.status is Availability.UNKNOWN and state.checked_at is None):
        return NOBODY_TELLS
    reason = state.reason if staff else ""
    return _view(state.status, state.cause, reason, state.since, state.checked_at)


def _account_in_the_way(account: UpstreamAccount, *, staff: bool) -> AvailabilityView | None:
    if account.unhealthy_reason:
        return _view(
            Availability.UNAVAILABLE,
            AvailabilityCause.ACCOUNT_UNHEALTHY,
            account.unhealthy_reason if staff else "",
            account.unhealthy_since,
        )
    if account.paused_since is not None:
        words = pausing.in_words(account) if staff else ""
        return _view(Availability.UNAVAILABLE, AvailabilityCause.ACCOUNT_PAUSED, words, account.paused_since)
    if account.unreachable_reason:
        return _view(
            Availability.UNKNOWN,
            AvailabilityCause.ACCOUNT_UNREACHABLE,
            account.unreachable_reason if staff else "",
            account.unreachable_since,
        )
    return None


def _view(
    status: Availability,
    cause: AvailabilityCause | None,
    reason: str,
    since: datetime | None,
    checked_at: datetime | None = None,
) -> AvailabilityView:
    words = reason or (_FOR_EVERYBODY[cause] if cause is not None else "")
    return AvailabilityView(status=status, cause=cause, reason=words, known_since=since, checked_at=checked_at)


def together(periods: list[AvailabilityView]) -> AvailabilityView:
    """The whole plan: available if one of its periods is, unavailable if none can be."""
    for status in (Availability.AVAILABLE, Availability.UNKNOWN, Availability.UNAVAILABLE):
        found = [one for one in periods if one.status is status]
        if found:
            return found[0]
    return NOBODY_TELLS
