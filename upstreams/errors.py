"""How a call to an upstream can fail: one exception per failure class, with typed fields.

Adapters raise these and nothing else. The message is one sentence that an operator can read: what was asked, what came
back. It never contains a credential.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from models.enums import FailureClass
from models.money import Money


class UpstreamError(Exception):
    """Base of all; `function` is the upstream function called, `error_type`/`error_object` its own words, if any.

    Nobody but the adapter compares these words: what follows from them is the class of the exception, and its fields.
    """

    failure_class: ClassVar[FailureClass]

    def __init__(self, message: str, *, function: str = "", error_type: str = "", error_object: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.function = function
        self.error_type = error_type
        self.error_object = error_object
        self.next_try: datetime | None = None
        """The upstream wants no calls before this time (aware UTC). None: calls are allowed."""


class NotSent(UpstreamError):
    """The request was never sent: refused connection, DNS, TLS. Nothing has happened; any call may be repeated."""

    failure_class = FailureClass.NOT_SENT


class LeaseExpired(NotSent):
    """Not sent, because the sender was held up for longer than its lease. By now another sender may have proven that
    nothing was sent, and have sent it.
    """


class LeftAlone(NotSent):
    """Not sent, because the account is left alone until `next_try` (None: until somebody else finds it well): it asked
    for that, or refused a log-in."""

    failure_class = FailureClass.UNHEALTHY

    def __init__(
        self, message: str, *, next_try: datetime | None = None, asked_for: bool = False, function: str = ""
    ) -> None:
        super().__init__(message, function=function)
        self.next_try = next_try
        self.asked_for = asked_for
        """The upstream itself named that time. Every process must obey it."""


class Busy(LeftAlone):
    """Not sent, because as many requests of the account are under way, or of this function, as its limits allow."""

    failure_class = FailureClass.NOT_SENT


class CircuitOpen(LeftAlone):
    """Not sent, because requests like this one have not been answered lately. `next_try`: when one goes to try it."""

    failure_class = FailureClass.NOT_SENT


class Paused(LeftAlone):
    """Not sent, because a person has paused the upstream."""

    failure_class = FailureClass.NOT_SENT


class OutcomeUnknown(UpstreamError):
    """Sent, but no definite answer: time-out, cut connection, 5xx, HTML or unreadable body, an engine fault.

    A read may be repeated. A call that changes or costs must be settled before it is sent again.
    """

    failure_class = FailureClass.OUTCOME_UNKNOWN


class NotEnoughMoney(UpstreamError):
    """The upstream refused for lack of money. `required` and `available` are its own numbers, if it named them."""

    failure_class = FailureClass.FUNDS

    def __init__(
        self,
        message: str,
        *,
        required: Money | None = None,
        available: Money | None = None,
        function: str = "",
        error_type: str = "",
        error_object: str = "",
    ) -> None:
        super().__init__(message, function=function, error_type=error_type, error_object=error_object)
        self.required = required
        self.available = available


class NotYet(UpstreamError):
    """Refused until a time: early renewal with a date, a throttle. `not_before` is aware UTC."""

    failure_class = FailureClass.NOT_YET

    def __init__(
        self,
        message: str,
        *,
        not_before: datetime,
        function: str = "",
        error_type: str = "",
        error_object: str = "",
    ) -> None:
        super().__init__(message, function=function, error_type=error_type, error_object=error_object)
        self.not_before = not_before


class AlreadyExists(UpstreamError):
    """The upstream says that such a thing already exists; it may be our own earlier attempt."""

    failure_class = FailureClass.EXISTS


class Rejected(UpstreamError):
    """A definite no to what was asked. `field` is the upstream's field name where it named one."""

    failure_class = FailureClass.REJECTED

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        value: str = "",
        function: str = "",
        error_type: str = "",
        error_object: str = "",
    ) -> None:
        super().__init__(message, function=function, error_type=error_type, error_object=error_object)
        self.field = field
        self.value = value


class NoSuchItem(Rejected):
    """The named item does not exist at the upstream, or is not ours."""


class NotAllowed(Rejected):
    """A definite no to an operation on one item: no right to it, or a person's word is wanted first.

    The account is healthy: only this operation on this item can't be had by machine, so a person has to do it at the
    upstream. Covers a right missing for one function, suspension by another hand (staff, abuse), a confirmation by
    phone or second factor, a minimum term. Nothing has been done, with one exception: where the upstream asked back
    with a form (`error_type` is empty then), look at the item before you believe it. `said` has the upstream's own
    words, without credentials, at most 300 characters; it is empty where there were none.
    """

    def __init__(
        self, message: str, *, said: str = "", function: str = "", error_type: str = "", error_object: str = ""
    ) -> None:
        super().__init__(message, function=function, error_type=error_type, error_object=error_object)
        self.said = said


class CapabilityAbsent(NotAllowed):
    """This kind of upstream has no such thing (see `upstreams.capabilities`). Nothing was sent.

    What it was wanted for is not had by machine: as where it is not allowed, a person does it at the upstream.
    """


class Scope(StrEnum):
    """What a trouble with the account is about."""

    ACCOUNT = "account"
    """Every call of the account would meet it."""
    OPERATION = "operation"
    """The account may not make this one call; the others are not affected."""


class ConnectionUnhealthy(UpstreamError):
    """The account itself is in trouble: password, rights, second factor, licence, certificate, captcha or WAF page.

    No money call of this account may be made until a read succeeds again. Where the scope is only this operation, the
    account stays well, and only what needs that call waits.
    """

    failure_class = FailureClass.UNHEALTHY

    def __init__(
        self,
        message: str,
        *,
        scope: Scope = Scope.ACCOUNT,
        function: str = "",
        error_type: str = "",
        error_object: str = "",
    ) -> None:
        super().__init__(message, function=function, error_type=error_type, error_object=error_object)
        self.scope = scope


class SetupFault(UpstreamError):
    """The catalogue does not fit the upstream: no suitable module, no valid tariff, unmapped period or add-on."""

    failure_class = FailureClass.SETUP_FAULT
