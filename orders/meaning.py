"""Whether two values mean the same, however an upstream's form writes them. Pure.

Forms answer in their own spelling: `4.0` or `4 GB` for 4, `on` or `1` for yes, a name in Unicode for one in punycode.
"""

import re
from decimal import Decimal

from orders.naming import same_name

_NO = frozenset({"", "off", "0", "no", "false", "null", "none"})
_YES = frozenset({"on", "1", "yes", "true"})
_NUMBER = re.compile(r"(?P<number>[0-9]+(?:[.,][0-9]+)?)(?:\s*[^\W\d_]{1,8}\.?)?")
"""A number, perhaps with its unit: `4`, `4.0`, `4 GB`, `4 шт.`."""
NAME_FIELDS = frozenset({"domain", "licname", "name", "hostname"})
RENEWAL_FIELD = "autoprolong"


def is_no(text: str) -> bool:
    return text.strip().lower() in _NO


def is_yes(text: str) -> bool:
    return text.strip().lower() in _YES


def number_of(text: str) -> Decimal | None:
    """The number that a text is, with a unit or without; None for any other text."""
    found = _NUMBER.fullmatch(text.strip())
    return Decimal(found["number"].replace(",", ".")) if found else None


def renews(text: str) -> bool | None:
    """Whether a value of `autoprolong` says that the upstream renews by itself; None: it can't be told.

    Codes tell (`on`, `off`, `null`, a period). A word may be the name of a period ("Month"), or of none at all.
    """
    plain = text.strip()
    if not plain:
        return None
    if is_no(plain):
        return False
    return True if is_yes(plain) or re.fullmatch(r"-?[0-9]{1,4}", plain) else None


def same_value(field: str, shown: str | None, wanted: str) -> bool:
    """Whether a form's field shows what was wanted. `shown` is None where the form has no such field."""
    if shown == wanted:
        return True
    if field == RENEWAL_FIELD:
        return _same_renewal(shown or "", wanted)
    if shown is None:
        return wanted == "null"  # how a form shows "nothing chosen" is not published
    if field in NAME_FIELDS:
        return same_name(shown, wanted)
    number, asked = number_of(shown), number_of(wanted)
    if number is not None and asked is not None:
        return number == asked
    return (is_no(shown) and is_no(wanted)) or (is_yes(shown) and is_yes(wanted))


def _same_renewal(shown: str, wanted: str) -> bool:
    """A flag says yes to any period; of two periods each must be the other."""
    if is_no(wanted):
        return is_no(shown)
    if is_yes(shown) and not shown.strip().isdigit():
        return True
    number, asked = number_of(shown), number_of(wanted)
    return number is not None and number != 0 and number == asked
