"""Whether two values mean the same, however an upstream's form writes them. Pure.

Forms answer in their own spelling: `4.0` or `4 GB` for 4, `on` or `1` for yes, a name in Unicode for one in punycode,
an address written out, a word in other capitals or with other spaces.
"""

import re
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address

from orders.services.naming import canonical, same_name

_NO = frozenset({"", "off", "0", "no", "false", "null", "none"})
_YES = frozenset({"on", "1", "yes", "true"})
_NUMBER = re.compile(
    r"(?P<number>[0-9]{1,3}(?:[ \u00a0\u2009\u202f'][0-9]{3})+(?:[.,][0-9]+)?|[0-9]+(?:[.,][0-9]+)?)"
    r"(?:\s*[^\W\d_]{1,8}\.?)?"
)
"""A number, perhaps with its unit and with its thousands apart: `4`, `4.0`, `4 GB`, `4 шт.`, `10 240 MB`."""
_APART = re.compile(r"[^0-9.,]")
LONGEST_NUMBER = 40


def is_no(text: str) -> bool:
    return text.strip().lower() in _NO


def is_yes(text: str) -> bool:
    return text.strip().lower() in _YES


def number_of(text: str) -> Decimal | None:
    """The number that a text is, with a unit or without; None for any other text."""
    plain = text.strip()
    found = _NUMBER.fullmatch(plain) if len(plain) <= LONGEST_NUMBER else None
    return Decimal(_APART.sub("", found["number"]).replace(",", ".")) if found else None


def same_value(shown: str | None, wanted: str) -> bool:
    """Whether a form's field shows what was wanted. `shown` is None where the form has no such field."""
    if shown == wanted:
        return True
    if shown is None:
        return wanted == "null"  # how a form shows "nothing chosen" is not published
    number, asked = number_of(shown), number_of(wanted)
    if number is not None and asked is not None:
        return number == asked
    if (is_no(shown) and is_no(wanted)) or (is_yes(shown) and is_yes(wanted)):
        return True
    address = _address(wanted)
    if address is not None:
        return _address(shown) == address
    return same_name(shown, wanted) or _mailbox(shown) == _mailbox(wanted) != ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The IPv4 address, if it is one that is written as IPv6."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _mailbox(text: str) -> str:
    """An e-mail address in one spelling; empty for any other text."""
    name, _, host = text.strip().rpartition("@")
    return f"{name.casefold()}@{canonical(host)}" if name and host else ""


def same_renewal(shown: str, wanted: str) -> bool:
    """Whether the upstream renews it (or not) as was wanted. A flag says yes to any period; two
    periods must be the same."""
    if is_no(wanted):
        return is_no(shown)
    if is_yes(shown) and not shown.strip().isdigit():
        return True
    number, asked = number_of(shown), number_of(wanted)
    return number is not None and number != 0 and number == asked
