"""Numbers and names that people and upstreams see, made in one place."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import idna

from models.enums import OperationKind
from models.product_types import NameKind, ProductType


def workflow_id(service: int, kind: OperationKind, operation: int) -> str:
    return f"service-{service}-{kind.value.replace('_', '-')}-{operation}"


_WORKFLOW_ID = re.compile(r"service-([0-9]{1,9})-[a-z]+(?:-[a-z]+)*-([0-9]{1,9})")


def numbers_of(order_workflow: str) -> tuple[int, int] | None:
    """The numbers of service and operation in the id of an order's workflow; None: it is another one's."""
    found = _WORKFLOW_ID.fullmatch(order_workflow)
    return (int(found[1]), int(found[2])) if found is not None else None


POLLER_PREFIX = "event-poller-"


def poller_id(upstream: str) -> str:
    return f"{POLLER_PREFIX}{upstream}"


SWEEP_ID = "order-sweep"
_MARK = re.compile(r"rf-[^-\s]{1,16}-[0-9]+(-[0-9]+)?")
WILDCARD = "*."
SERVICE_SWEEP_ID = "service-sweep"
"""The schedule's id. Temporal adds the time for the workflows that it starts."""
RENEWALS_ID = "renewals"
"""The same for renewals."""
WEBHOOK_SENDER_ID = "webhook-sender"


def mark(installation_tag: str, service: int) -> str:
    """Our unique value at the upstream, by which a service is found again after a lost answer."""
    return f"rf-{installation_tag}-{service}"


def is_mark(text: str) -> bool:
    """Whether it is a mark of this installation or of another one."""
    return _MARK.fullmatch(text) is not None


def next_mark(used: str) -> str:
    """A mark for the same service that the upstream has not seen: rf-k3x9a-1042, rf-k3x9a-1042-2, rf-k3x9a-1042-3 …"""
    prefix, tag, service, *count = used.split("-")
    return "-".join([prefix, tag, service, str(int(count[0]) + 1 if count else 2)])


def own_name(product_type: ProductType, service_mark: str, hostname_suffix: str) -> str:
    """The name of a service whose customer gave none; unique, because the mark is."""
    return service_mark if product_type.name is NameKind.LABEL else f"{service_mark}.{hostname_suffix}"


def check_name(product_type: ProductType, text: str) -> str:
    """The name that a customer gives a service of this type, in ASCII. Raises ValueError saying what is wrong."""
    if not product_type.name.is_chosen:
        raise ValueError(f"a {product_type.intname} carries no domain; leave it out")
    if product_type.name is NameKind.COMMON_NAME and text.strip().startswith(WILDCARD):
        return f"{WILDCARD}{check_domain(text.strip().removeprefix(WILDCARD))}"
    return check_domain(text)


def check_new_name(product_type: ProductType, text: str) -> str:
    """`check_name` for a service that already has a name."""
    if product_type.name.is_the_thing:
        raise ValueError(f"a {product_type.intname} keeps its name; order another one")
    return check_name(product_type, text)


_DOTS = str.maketrans("。．｡", "...")
"""Typed in Japanese, say."""
_NOTHING = "." + "".join(filter(str.isspace, map(chr, range(0x3001))))
"""Dots and spaces at the end of a name, in any order."""


def check_domain(text: str) -> str:
    """The domain in its ASCII form. Raises ValueError saying what is wrong."""
    candidate = text.translate(_DOTS).strip().rstrip(_NOTHING).lower()
    try:
        ascii_form = _in_ascii(candidate)
    except idna.IDNAError as error:
        raise ValueError(f"{text!r} is not a domain name: {error}") from error
    if "." not in ascii_form:
        raise ValueError(f"{text!r} is not a full domain name; it needs at least two parts, like v1.example.com")
    if len(ascii_form) > 253:
        raise ValueError(f"{text[:40]!r}… is longer than the 253 characters that a domain name may have")
    if ascii_form.rsplit(".", 1)[1].isdigit():
        raise ValueError(f"{text!r} looks like an address, not a domain name")
    return ascii_form


LONGEST_NAME = 300
"""In characters, however it is spelled; no host name is longer, and longer texts cost idna much time."""


@lru_cache(maxsize=20_000)
def canonical(name: str) -> str:
    """One spelling of a name for all that mean the same: punycode and Unicode, capitals, a dot at the end, spaces.

    A label of a licence is no host name; there only capitals and spaces are looked past.
    """
    plain = unicodedata.normalize("NFC", name).translate(_DOTS).strip().rstrip(_NOTHING).lower()  # casefold makes ß ss
    wildcard = WILDCARD if plain.startswith(WILDCARD) else ""
    try:
        if len(plain) > LONGEST_NAME:
            raise idna.IDNAError("too long")
        return wildcard + _in_ascii(plain.removeprefix(WILDCARD))
    except idna.IDNAError:
        return " ".join(plain.casefold().split())


def same_name(one: str, other: str) -> bool:
    """Whether two spellings mean the same name. Two empty ones mean none, and are not the same."""
    return bool(one.strip() and other.strip()) and canonical(one) == canonical(other)


def may_be_name(shown: str, name: str) -> bool:
    """Whether `shown` may be how an upstream writes `name`: the same by meaning, cut short, with words around it, or
    with letters lost. False only where it is certainly another name."""
    if not shown.strip() or not name.strip():
        return True
    if same_name(shown, name):
        return True
    if any(letter in shown.strip().removeprefix(WILDCARD) for letter in _LOST_LETTERS):
        return True
    ours, pieces = canonical(name), [piece for piece in _PIECES.split(shown) if piece]
    spelled = {ours, in_unicode(ours)}
    return any(
        same_name(piece, name)
        or any(text.startswith(_normalized(piece)) or _normalized(piece).endswith(text) for text in spelled)
        for piece in (shown, *pieces)
        if len(_normalized(piece)) >= _SIGNIFICANT
    )


_LOST_LETTERS = ("?", "\ufffd", "*")
"""What stands where a panel can't write a letter, or hides it."""
_PIECES = re.compile(r"[\s()\[\]<>,;|/]+")
_SIGNIFICANT = 3
"""Shorter beginnings of a name say nothing."""


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().rstrip(".…").lower()


def _in_ascii(name: str) -> str:
    """Without a dot at its end, behind which may stand what IDNA takes for nothing. Raises IDNAError."""
    return idna.encode(name, uts46=True).decode("ascii").rstrip(".")


def in_unicode(name: str) -> str:
    """The name as people write it."""
    try:
        return idna.decode(name.removeprefix(WILDCARD)).lower()
    except idna.IDNAError:
        return name


# Our marks as an upstream shows them: whole, in other letters, or cut short by a narrow column.

_LEAST_OF_A_MARK = 6
"""Fewer letters of a mark name nobody."""


def same_mark(shown: str, mark: str) -> bool:
    return _plain_mark(shown) == _plain_mark(mark)


def is_cut(shown: str, mark: str, *, significant: bool = True) -> bool:
    """`shown` is a beginning of the mark. `significant`: one that is long enough to prove something alone."""
    start, whole = _plain_mark(shown).rstrip(".…"), _plain_mark(mark)
    if not start or start == whole or not whole.startswith(start):
        return False
    return not significant or len(start) >= max(_LEAST_OF_A_MARK, len(whole) // 2)


def may_be_cut_of(shown: str, others: Iterable[str]) -> bool:
    """Whether it may be the beginning of one of these: then even the whole mark alone proves nothing."""
    return any(is_cut(shown, mark, significant=False) for mark in others)


def _plain_mark(text: str) -> str:
    return text.strip().casefold()
