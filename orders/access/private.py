"""What may not leave the activity under way for its history: the names of the service that it works on.

People are shown the whole sentences all the same: what was left out of a reason is kept in the database, and put back
when the workflow has the reason written down.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.decision import WholeReason
from models.order import Intent, Operation, Service
from models.parameters import Values
from orders.services.naming import in_unicode

MASK = "‹"
SHORTEST = 4
"""Characters of a name that is left out: a shorter one may be a part of any word."""
_LIKE_A_HOST = re.compile(r"[*\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d][\w-]{1,62}")
_BETWEEN_WORDS = re.compile(r"[\s,;/()<>\"'@]+")
_names: ContextVar[set[str] | None] = ContextVar("names", default=None)


@contextmanager
def collecting_names() -> Iterator[set[str]]:
    """What the block comes to know of."""
    names: set[str] = set()
    token = _names.set(names)
    try:
        yield names
    finally:
        _names.reset(token)


def note_names(service: Service, operation: Operation, sent: Intent | None = None) -> None:
    """The activity under way works on this service: what its customer has named it and themselves is theirs; also as
    it was sent before somebody corrected it."""
    names = _names.get()
    if names is None:
        return
    asked = Values.of(operation.parameters)
    given = [service.customer, asked.domain, asked.fields.get("domain")]
    if not service.name_is_ours:
        given.append(service.name)
    if sent is not None:
        given += [value for value in sent.request.values() if _LIKE_A_HOST.fullmatch(value) and sent.mark not in value]
    spelled = {spelling for name in given if name for spelling in (name, in_unicode(name), *_words_of(name))}
    names.update(name for name in spelled if len(name) >= SHORTEST and not name.isdigit())


def _words_of(name: str) -> Iterator[str]:
    """Each word with a letter, of a name of several: an upstream writes `Ms Doe` for `Jane Doe <jane@doe.example>`."""
    words = _BETWEEN_WORDS.split(name)
    if len(words) > 1:
        yield from (word for word in words if any(map(str.isalpha, word)))


async def keep_whole(session: AsyncSession, operation: int, reasons: dict[str, str]) -> None:
    """`reasons`: as the workflow gets it -> whole."""
    session.add_all(WholeReason(operation_id=operation, told=told, whole=whole) for told, whole in reasons.items())
    await session.flush()


async def whole(session: AsyncSession, operation: int, told: str) -> str:
    """The reason with what was left out of it, as far as that is kept."""
    if MASK not in told:
        return told
    found = await session.exec(
        select(WholeReason).where(WholeReason.operation_id == operation).order_by(col(WholeReason.id).desc())
    )
    for one in found.all():
        told = told.replace(one.told, one.whole)
    return told
