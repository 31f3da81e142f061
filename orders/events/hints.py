"""Push hints: the upstream says that an item has changed. Only which item is believed; the poller reads it.

A hint is signed in the manner of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body` with a secret of the upstream
account. A hint that comes again before it was read is the same hint; an account holds a limited number of unread ones.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.events import UpstreamHint, UpstreamSnapshot
from models.product_types import PRODUCT_TYPES
from orders.signatures import signature
from upstreams.answers import News
from upstreams.hints import Hint

MOST_UNREAD = 500
"""Unread hints of one account. More would only mean that everything should be listed, which is done anyway."""
CLOCKS_DIFFER_AT_MOST = timedelta(minutes=5)
MOST_SIGNATURES = 5
"""Signatures of one hint: who changes a secret signs with two."""
MOST_BYTES = 16 * 1024
"""Bytes of a body: fifty numbers are a fifth of that."""
LONGEST_IDENTITY = 256
SHORTEST_SECRET = 16
_ENCODED_SECRET = "whsec_"  # noqa: S105 - the prefix of one


class NotSigned(Exception):
    """The hint proves nothing of who sent it; the message says why not."""


class TooManyHints(Exception):
    """The account has too many unread hints, so no more are taken."""


def check_stamp(identity: str, timestamp: str, signatures: str, now: datetime) -> None:
    """Raises NotSigned for what no signature could mend: headers that are missing, too many or too old.

    To be asked before anything that costs: whoever sends them need not know a secret.
    """
    if not (identity and timestamp and signatures):
        raise NotSigned("the headers webhook-id, webhook-timestamp and webhook-signature are needed")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise NotSigned("webhook-timestamp is not in seconds since 1970")
    if abs(now.timestamp() - int(timestamp)) > CLOCKS_DIFFER_AT_MOST.total_seconds():
        raise NotSigned("it was signed more than five minutes ago or ahead; do the clocks agree?")
    if len(identity) > LONGEST_IDENTITY:
        raise NotSigned(f"webhook-id has more than {LONGEST_IDENTITY} characters")
    if len(signatures.split(maxsplit=MOST_SIGNATURES)) > MOST_SIGNATURES:
        raise NotSigned(f"webhook-signature has more than {MOST_SIGNATURES} signatures")


def check_signature(secrets: str, identity: str, timestamp: str, signatures: str, body: bytes) -> None:
    """Raises NotSigned unless one of the signatures was made with one of the secrets. `check_stamp` comes first.

    `secrets` and `signatures` may each hold several, separated by spaces: so a secret can be changed without a gap.
    """
    made = [signature(key_of(text), identity, timestamp, body).encode() for text in secrets.split()]
    given = [text.removeprefix("v1,").encode() for text in signatures.split() if text.startswith("v1,")]
    # Every pair is compared, whichever fits: how long that takes shows nothing.
    fits = [hmac.compare_digest(ours, theirs) for ours in made for theirs in given]
    if not any(fits):
        raise NotSigned("no signature fits a secret of this upstream")


def key_of(secret: str) -> bytes:
    """A secret that begins with whsec_ is base64 after that, as other senders make them; any other is taken as it is.

    Raises ValueError for one that is no secret; the message does not show it.
    """
    key = secret.encode()
    if secret.startswith(_ENCODED_SECRET):
        try:
            key = base64.b64decode(secret.removeprefix(_ENCODED_SECRET), validate=True)
        except binascii.Error:
            raise ValueError("a secret that begins with whsec_ goes on in base64") from None
    if len(key) < SHORTEST_SECRET:
        raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
    return key


async def write_down(database: Database, account_id: int, hint: Hint) -> None:
    """Leave the hint for the poller. Raises TooManyHints, and then none of it is written down."""
    now = utc_now()
    async with database.write() as session:
        product_type = hint.product_type if hint.product_type in PRODUCT_TYPES else ""
        await _leave(session, account_id, hint.numbers, product_type, now)


async def _leave(
    session: AsyncSession, account_id: int, numbers: Iterable[str], product_type: str, now: datetime
) -> None:
    waiting = {(row.product_type, row.upstream_number): row for row in await unread(session, account_id, MOST_UNREAD)}
    for number in dict.fromkeys(numbers):
        row = waiting.get((product_type, number))
        if row is None and len(waiting) >= MOST_UNREAD:
            raise TooManyHints(f"{MOST_UNREAD} hints of this upstream are unread; everything will be listed")
        if row is None:
            row = UpstreamHint(account_id=account_id, product_type=product_type, upstream_number=number)
            waiting[product_type, number] = row
        row.received_at = now
        session.add(row)


async def write_news(database: Database, account_id: int, news: News) -> bool:
    """Leave what an upstream's list of changes names for the poller, and keep the cursor with it. False: too many are
    unread for more, so everything is to be listed."""
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, account_id)
        account.feed_cursor = news.cursor
        session.add(account)
        try:
            await _leave(session, account_id, news.numbers, "", utc_now())
        except TooManyHints:
            return False
    return True


_SECRETS = select(UpstreamAccount.hint_secret_env, UpstreamAccount.hint_secret_file).where(
    UpstreamAccount.id == sa.bindparam("account")
)


async def are_taken(session: AsyncSession, account_id: int) -> bool:
    """The account has a secret for hints; without one there are none."""
    return any((await session.exec(_SECRETS, params={"account": account_id})).one())


async def unread(session: AsyncSession, account_id: int, limit: int) -> Sequence[UpstreamHint]:
    """Oldest first."""
    found = await session.exec(
        select(UpstreamHint)
        .where(UpstreamHint.account_id == account_id, col(UpstreamHint.read_at).is_(None))
        .order_by(col(UpstreamHint.id))
        .limit(limit)
    )
    return found.all()


async def known_types(session: AsyncSession, account_id: int, numbers: Iterable[str]) -> dict[str, set[str]]:
    """Those of these numbers that were seen at the upstream, with the product types that count so far."""
    found = await session.exec(
        select(UpstreamSnapshot.number, UpstreamSnapshot.product_type).where(
            UpstreamSnapshot.account_id == account_id, col(UpstreamSnapshot.number).in_(set(numbers))
        )
    )
    types: dict[str, set[str]] = {}
    for number, product_type in found.all():
        types.setdefault(number, set()).add(product_type)
    return types


async def note_read(database: Database, outcomes: dict[str, list[UpstreamHint]]) -> None:
    """They were followed. A hint that came again meanwhile stays unread, because the item may have changed since it was
    read."""
    async with database.write() as session:
        for outcome, hints in outcomes.items():
            for hint in hints:
                await session.exec(
                    update(UpstreamHint)
                    .where(col(UpstreamHint.id) == hint.id, col(UpstreamHint.received_at) == hint.received_at)
                    .values(read_at=utc_now(), outcome=outcome)
                )
