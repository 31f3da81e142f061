"""People whom an OpenID provider vouches for. Their role comes from there with each log-in; see docs/console.md."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.database import Database
from models.enums import Role
from models.people import Person
from orders import audit
from orders.access.people import NO_PASSWORD, NOUN, NewSession, begin_session, check_one_role, put_into_department
from orders.access.tokens import check_name
from orders.errors import InvalidField

ACTOR = "openid provider"


class Reason(StrEnum):
    """Why somebody is not let in."""

    NO_ROLE = "no_role"
    """None of the groups has a role here."""
    NAME = "name"
    """The name can't be one here, or is that of somebody else, or of a token with another role."""
    DISABLED = "disabled"


class NotLetIn(Exception):
    """The provider knows the person, and we don't let them in."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Vouched:
    """Somebody whom the provider vouches for."""

    subject: str
    """Issuer and the provider's own number of the person: the name may change, this does not."""
    name: str
    role: Role | None
    """None: the provider names no group that has a role here."""
    department: str | None = None
    """Empty: the person has none. None: the provider is not asked for departments, and they are given here."""


async def log_in_vouched(
    database: Database, vouched: Vouched, *, of_settings: Mapping[str, Collection[Role]]
) -> NewSession:
    """Make the person at the first log-in, and take over role, name and department at each.

    `of_settings`: as in `people.add`. Raises NotLetIn.
    """
    if vouched.role is None or vouched.role is Role.STOREFRONT:
        raise NotLetIn(Reason.NO_ROLE)
    try:
        check_name(vouched.name)
        async with database.write() as session:
            await session.exec(select(Installation.id).with_for_update())  # one at a time, so that a name has one role
            person = await _kept(session, vouched, vouched.role, of_settings)
    except InvalidField:
        raise NotLetIn(Reason.NAME) from None
    if person.disabled_at is not None:
        raise NotLetIn(Reason.DISABLED)
    return await begin_session(database, person)


async def _kept(
    session: AsyncSession, vouched: Vouched, role: Role, of_settings: Mapping[str, Collection[Role]]
) -> Person:
    person = (await session.exec(select(Person).where(Person.subject == vouched.subject))).one_or_none()
    named = (await session.exec(select(Person).where(Person.name == vouched.name))).one_or_none()
    if named is not None and (person is None or named.id != person.id):
        raise NotLetIn(Reason.NAME)
    await check_one_role(session, vouched.name, role, of_settings)
    if person is None:
        person = Person(
            name=vouched.name, role=role, password_hash=NO_PASSWORD, subject=vouched.subject, created_by=ACTOR
        )
        session.add(person)
        await session.flush()
        audit.record(session, NOUN, person.id, "added", by=ACTOR, facts={"name": person.name, "role": role.value})
    elif person.role is not role or person.name != vouched.name:
        changes = {"role": (person.role.value, role.value), "name": (person.name, vouched.name)}
        changed = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
        facts = {"name": vouched.name}
        session.add(audit.entry(NOUN, person.id, "role_changed", by=ACTOR, facts=facts, changes=changed))
        person.role, person.name = role, vouched.name
    if vouched.department is not None:
        put_into_department(session, person, vouched.department, actor=ACTOR)
    await session.flush()
    return person
