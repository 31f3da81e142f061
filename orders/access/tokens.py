"""Tokens of the API that are kept in the database: made, listed, revoked. See docs/access.md.

A token is made here and shown once; kept is its SHA-256. A slow hash with a salt, as for passwords, would add nothing:
nobody can try out 256 random bits, and every request would have to pay for it.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import AuditEntry, Installation
from models.columns import utc_now
from models.database import Database
from models.enums import Role
from models.order import Service
from models.people import Person
from models.tokens import ApiToken
from orders import audit
from orders.errors import InvalidField, NotFound, Refused

NOUN = "token"
PREFIX = "rsf_"
"""So that people and scanners of repositories know what it is."""
RANDOM_BYTES = 32
VALID_AT_A_TIME = 2
LAST_USE_GRAIN = timedelta(minutes=1)

_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)
OUR_NAMES = frozenset({"cli", "python", "resellflow", "temporal"})
"""Names that the audit and the idempotency keys use for what no token did."""


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class NewToken:
    number: int
    secret: str
    """The token, to be shown once."""
    owns: int = 0
    """Services that its name owns already, which a storefront sees by it."""


async def add(
    session: AsyncSession, name: str, role: Role, *, actor: str, of_settings: Mapping[str, Collection[Role]]
) -> NewToken:
    """Make a token. `of_settings`: the roles of the tokens that the settings have, one for each, by name.

    Raises InvalidField for a name that can't be one or has another role, Refused where it has two valid tokens.
    """
    check_name(name)
    await session.exec(select(Installation.id).with_for_update())  # one at a time, so that there are never three
    found = await session.exec(select(ApiToken).where(ApiToken.name == name, _valid()))
    roles = [one.role for one in found.all()] + list(of_settings.get(name, ()))
    person = (await session.exec(select(Person).where(Person.name == name))).one_or_none()
    if person is not None and person.role is not role:
        raise InvalidField("role", f"{name} is a person with the role {person.role.value}, and a name has one role")
    for other in roles:
        if other is not role:
            raise InvalidField(
                "role", f"{name} has a valid token with the role {other.value}; a name has one role: revoke that first"
            )
    if len(roles) >= VALID_AT_A_TIME:
        raise Refused(f"{name} has {len(roles)} valid tokens already; revoke one first (`resell tokens list`)")
    secret = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    row = ApiToken(name=name, role=role, digest=digest_of(secret), created_by=actor)
    session.add(row)
    await session.flush()
    session.add(_audit(row, actor, "added"))
    owned = await session.exec(select(func.count()).select_from(Service).where(Service.owner == name))
    return NewToken(row.id, secret, owned.one())


def check_name(name: str) -> None:
    """Raises InvalidField for what can't be the name of a caller: of a token or a person."""
    if not _NAME.fullmatch(name):
        raise InvalidField("name", "consists of up to 64 letters, digits, '.', '_', '@' and '-'")
    if name.lower() in OUR_NAMES:
        raise InvalidField("name", f"{name} is what Resellflow calls itself in the audit; take another one")


async def revoke(session: AsyncSession, number: int, *, actor: str) -> ApiToken:
    """From now on it lets nobody in, once the API has noticed. Raises NotFound, or Refused if it is revoked already."""
    row = (await session.exec(select(ApiToken).where(ApiToken.id == number).with_for_update())).one_or_none()
    if row is None:
        raise NotFound(NOUN, number)
    if row.revoked_at is not None:
        raise Refused(f"token {number} was revoked at {row.revoked_at:%Y-%m-%d %H:%M} UTC by {row.revoked_by}")
    row.revoked_at, row.revoked_by = utc_now(), actor
    session.add_all([row, _audit(row, actor, "revoked")])
    return row


async def all_tokens(session: AsyncSession, *, revoked: bool) -> list[ApiToken]:
    """By name, oldest first; with `revoked` also those that let nobody in any more."""
    query = select(ApiToken).order_by(ApiToken.name, col(ApiToken.id))
    return list((await session.exec(query if revoked else query.where(_valid()))).all())


async def check_storefront(session: AsyncSession, name: str | None, of_settings: Collection[str]) -> None:
    """Raises InvalidField for an owner that is no storefront, by the settings or by the table. None: no storefront."""
    if name is None or name in of_settings:
        return
    found = await session.exec(
        select(ApiToken.id).where(ApiToken.name == name, ApiToken.role == Role.STOREFRONT, _valid()).limit(1)
    )
    if found.first() is None:
        raise InvalidField("owner", f"there is no storefront token named {name!r}")


async def note_use(database: Database, number: int, at: datetime) -> None:
    """Write down that it was used, if the last time that is written down is a minute ago."""
    async with database.write() as session:
        await session.exec(
            update(ApiToken)
            .where(
                col(ApiToken.id) == number,
                or_(col(ApiToken.last_used_at).is_(None), col(ApiToken.last_used_at) < at - LAST_USE_GRAIN / 2),
            )
            .values(last_used_at=at),
            execution_options={"synchronize_session": False},
        )


def _valid() -> ColumnElement[bool]:
    return col(ApiToken.revoked_at).is_(None)


def _audit(row: ApiToken, actor: str, action: str) -> AuditEntry:
    return audit.entry(NOUN, row.id, action, by=actor, facts={"name": row.name, "role": row.role.value})
