"""Answers that are no answer: the panel takes us for somebody who has yet to log in, and says so without an error.

With a second factor on the account, `func=auth` still gives a session number, and every call then answers a plain
success that only leads to the confirmation form: `<ok type="form">func=totp.confirm</ok>` (TSCONN, seen in code). A
dead session may lead to the log-in form in the same way. Whether calls with `authinfo` do so too is not known; they are
judged alike.
"""

import re
from enum import Enum, auto

from upstreams.billmanager.calls import Call
from upstreams.billmanager.wire import Document
from upstreams.errors import ConnectionUnhealthy, OutcomeUnknown
from upstreams.httpcalls import Effect


class Wanted(Enum):
    """What the panel wants before it does anything."""

    LOGIN = auto()
    SECOND_FACTOR = auto()


_SECOND_FACTOR = re.compile(
    r"(?:^|[._])(?:\d?t?otp|2fa|twofa|two_?factor|second_?factor|factor|extraconfirm|qrcode)\d?(?:$|[._])"
)
_LOGIN = re.compile(r"^(?:log_?[io]n|log_?out|auth|sign_?in|recovery)(?:$|\.)")
_CODE_FIELD = "qrcode"
"""The field of `totp.confirm` for the code (seen in code). The form has little beside it."""
_RESULTS = ("id", "item.id", "itemid", "billorder", "billorder.id", "lineitem", "lineitem.id", "newexpiredate")


def wanted(call: Call, answer: Document) -> Wanted | None:
    """What the answer asks for instead of answering; None for an answer proper, an error included.

    Nothing was done then. Raises OutcomeUnknown where a change is answered with a result all the same.
    """
    asked = _asked(call, answer)
    if asked is not None and call.effect is Effect.CHANGE and any(answer.leaf(name) for name in _RESULTS):
        raise OutcomeUnknown(
            f"{call.label}: the upstream asks to log in and names a result in the same answer; whether the request was "
            "carried out is not known.",
            function=call.function,
        )
    return asked


def _asked(call: Call, answer: Document) -> Wanted | None:
    if answer.error is not None:
        return None
    # A success may name the function alone, without "func=".
    if _CODE_FIELD in answer.fields and len(answer.fields) <= 3:
        return Wanted.SECOND_FACTOR
    for function in (answer.leads_to, answer.answered_by, answer.bare_ok):
        if function and function != call.function:
            name = function.lower()
            if _SECOND_FACTOR.search(name):
                return Wanted.SECOND_FACTOR
            if _LOGIN.search(name):
                return Wanted.LOGIN
    return None


def second_factor_wanted(call: Call) -> ConnectionUnhealthy:
    return ConnectionUnhealthy(
        f"{call.label}: not logged in, a second factor is asked for; switch it off for this account. Nothing can be "
        "read or sent there until then.",
        function=call.function,
        error_type="extraconfirm",
    )
