"""Their documents, as far as we read them, and what they mean in our words.

A service that they are still opening is `processing` here, whatever it waits for there: money on their account, a
person, their own upstream. The cause is said in words.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from models.enums import AtEndOfTerm, RenewalOwner, RenewalSide, SuspendReason, UpstreamStatus
from models.money import Money
from models.numbers import HIGHEST_NUMBER
from upstreams.port import KEY_READY, UpstreamItem

_Text = Annotated[str, StringConstraints(max_length=255)]
_Long = Annotated[str, StringConstraints(max_length=20_000)]
_MOST_FIELDS = 200
_ADDON = "addon."
"""Begins the name of an add-on among the parameters of their operations."""
_MOST_OF_A_CAUSE = 240
_STATUS = {
    "ordered": UpstreamStatus.PROCESSING,
    "processing": UpstreamStatus.PROCESSING,
    "active": UpstreamStatus.ACTIVE,
    "suspended": UpstreamStatus.SUSPENDED,
    "closed": UpstreamStatus.DELETED,
}
_RENEWS = {
    RenewalOwner.UPSTREAM.value: True,
    RenewalOwner.AUTOMATIC.value: True,
    RenewalOwner.STOREFRONT.value: False,
    RenewalSide.RESELLFLOW.value: False,
}
"""Who renews there, also in the word of older versions -> whether it is renewed without our asking."""
_REASONS = {reason.value: reason for reason in SuspendReason}
_PRICED = frozenset({"open", "prolong", "change_plan", "set_parameters"})
"""Kinds of their operations whose selling price is the price of a whole period, from then on."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TheirItem(_Document):
    """Where they buy a service themselves."""

    number: _Text | None = None


class TheirService(_Document):
    number: int = Field(ge=1, le=HIGHEST_NUMBER)
    customer: _Text
    """What we gave as the customer: our mark."""
    owner: _Text | None = None
    """The name of the storefront whose it is there."""
    plan: _Text
    product_type: _Text
    status: _Text
    suspend_reason: _Text | None = None
    name: _Text
    name_is_ours: bool
    """They made the name up."""
    upstream: TheirItem | None = None
    ip: _Text | None = None
    expires_on: date | None = None
    key_ready: bool | None = None
    period_months: int
    parameters: dict[_Text, _Long] = Field(default_factory=dict, max_length=_MOST_FIELDS)
    addons: dict[_Text, int | _Text] = Field(default_factory=dict, max_length=_MOST_FIELDS)
    renewal_owner: _Text
    at_end_of_term: _Text = AtEndOfTerm.RENEW.value
    """An older version of theirs has no such word: it renews."""
    created_at: datetime


class TheirOperation(_Document):
    number: int
    kind: _Text
    stage: _Text
    waits_for: _Long = ""
    upstream_says: _Long | None = None
    parameters: dict[_Text, _Long] = Field(default_factory=dict)
    price: dict[_Text, _Long] = Field(default_factory=dict)
    actor: _Text = ""
    """Who asked for it: a storefront by its name, a person of theirs, or their installation itself."""
    called_off_at: datetime | None = None
    """Since when nothing of it is sent any more there."""

    @property
    def is_cancelled(self) -> bool:
        return self.stage == "cancelled"

    @property
    def has_ended(self) -> bool:
        return self.stage in ("completed", "cancelled")

    @property
    def is_running(self) -> bool:
        return not self.has_ended and self.stage != "queued"

    @property
    def in_words(self) -> str:
        said = self.waits_for or self.upstream_says or ""
        return f"their {self.kind} {self.number} is in stage {self.stage}" + (f": {said}" if said else "")


class Accepted(_Document):
    """The answer to a request: the service, and what is done to it."""

    service: TheirService
    operation: TheirOperation


class TheirOperations(_Document):
    """Newest first."""

    items: list[TheirOperation]


class TheirKey(_Document):
    licence_key: str


class TheirPrice(_Document):
    price: Money | None
    missing: _Long = ""
    """What their catalogue does not say of it."""


class TheirSelling(_Document):
    """What they sell it for."""

    total: Money | None = None


class TheirQuote(_Document):
    """Their answer to what a request would cost. Without a price, or where they would refuse the request, it holds
    nothing."""

    id: _Text | None = None
    possible: bool
    selling: TheirSelling | None = None
    valid_until: AwareDatetime | None = None


class TheirAvailability(_Document):
    status: _Text
    reason: _Text = ""


class TheirPlan(_Document):
    """A plan of theirs, as far as it says whether it can be had."""

    name: _Text
    orderable: bool
    not_orderable_because: _Text = ""
    availability: TheirAvailability


class TheirPlans(_Document):
    items: list[TheirPlan]
    next_cursor: str | None


class TheirEvents(_Document):
    """Events, oldest first, each unread."""

    items: list[dict[str, object]]
    next_cursor: _Text
    more: bool = False


class TheirToken(_Document):
    """The holder of the token that we send."""

    name: _Text
    role: _Text


class TheirPage(_Document):
    """One page of their services, newest first, each unread."""

    items: list[dict[str, object]]
    next_cursor: str | None


def item(service: TheirService, operations: Sequence[TheirOperation] = ()) -> UpstreamItem:
    """`operations`: the latest ones of the service, newest first, where they were read."""
    status = _STATUS.get(service.status, UpstreamStatus.UNKNOWN)
    opening = next((one for one in operations if one.kind == "open"), None)
    if status is UpstreamStatus.PROCESSING and opening is not None and opening.is_cancelled:
        status = UpstreamStatus.DELETED
    deleted = status is UpstreamStatus.DELETED
    given_up = _given_up(service, operations)
    told = next((one for one in operations if one.is_running), None) or given_up
    at_work = not all(one.has_ended for one in operations)
    suspended = status is UpstreamStatus.SUSPENDED
    return UpstreamItem(
        number=str(service.number),
        product_type=service.product_type,
        status=status,
        status_detail=f"{told.kind} {told.stage}" if told is not None else "",
        cause=told.in_words[:_MOST_OF_A_CAUSE] if told is not None else "",
        dead_end=given_up is not None and not at_work,
        bought=_was_bought(opening) if deleted and opening is not None else None,
        at_work=at_work,
        suspend_reason=_REASONS.get(service.suspend_reason or "") if suspended else None,
        name="" if service.name_is_ours else service.name,
        mark=service.customer,
        expires_on=service.expires_on,
        tariff=service.plan,
        tariff_id=service.plan,
        period=str(service.period_months),
        cost=_cost(service, operations),
        ip=service.ip or "",
        renews=_RENEWS.get(service.renewal_owner) if service.at_end_of_term == AtEndOfTerm.RENEW.value else False,
        raw=_plain(service, operations),
    )


def _given_up(service: TheirService, operations: Sequence[TheirOperation]) -> TheirOperation | None:
    """The latest operation that we asked for, if they have cancelled it: nobody goes on with it there.

    What their own people did to the service since does not hide it.
    """
    ours = (one for one in operations if service.owner in (None, one.actor) or not one.actor)
    latest = next(ours, None)
    return latest if latest is not None and latest.is_cancelled else None


def _was_bought(opening: TheirOperation) -> bool | None:
    """What they called off ended without a charge. What a person cancelled there in another way may be paid."""
    if opening.is_cancelled and opening.called_off_at is not None:
        return False
    return True if opening.stage == "completed" else None


def _plain(service: TheirService, operations: Sequence[TheirOperation]) -> dict[str, str]:
    """The fields by the names that our catalogue has for them: add-ons and parameters by theirs."""
    plain = service.parameters | _without(operations)
    plain |= {name: str(value) for name, value in service.addons.items()}
    plain |= {"plan": service.plan, "domain": service.name, "status": service.status}
    plain |= {"period_months": str(service.period_months), "running": _running(operations)}
    if service.key_ready is not None:
        plain[KEY_READY] = "yes" if service.key_ready else "no"
    return plain


def _running(operations: Sequence[TheirOperation]) -> str:
    return ", ".join(f"{one.kind} {one.number} {one.stage}" for one in operations if one.is_running)


def _without(operations: Sequence[TheirOperation]) -> dict[str, str]:
    """Add-ons that were changed once. Their document leaves out what a service has none of."""
    changed = {name for one in operations for name in one.parameters if name.startswith(_ADDON)}
    return {name.removeprefix(_ADDON): "0" for name in changed}


def _cost(service: TheirService, operations: Sequence[TheirOperation]) -> Money | None:
    """What they sold the service's period for, add-ons and all, when it was last bought: that is our cost."""
    own = str(service.period_months)
    for one in operations:
        if one.kind not in _PRICED or one.is_cancelled or one.parameters.get("period_months", own) != own:
            continue
        try:
            return Money.parse(one.price["selling"])
        except (KeyError, ValueError):
            continue
    return None


def asked_addons(fields: Mapping[str, str]) -> dict[str, int | str]:
    """Add-ons as their API takes them: a quantity is a number."""
    return {name: int(value) if value.isascii() and value.isdigit() else value for name, value in fields.items()}
