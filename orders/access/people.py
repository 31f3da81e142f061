"""People who log in at the console: made, changed, disabled; their passwords and sessions. See docs/console.md.

Passwords are kept as Argon2id hashes. Hashing takes tens of milliseconds and 64 MiB on purpose, so it runs in a thread
and never inside a transaction, two at a time.
"""

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.audit import Installation
from models.columns import utc_now
from models.database import Database
from models.enums import Role
from models.people import Person, PersonSession
from models.tokens import ApiToken
from orders import audit
from orders.access.roles import Requester
from orders.access.tokens import RANDOM_BYTES, check_name, digest_of
from orders.errors import InvalidField, NotFound
from orders.locking import locked
from orders.tasks.departments import departments

T = TypeVar("T")

NOUN = "person"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1024
WRONG_IN_A_ROW = 5
"""Wrong passwords that lock a name."""
LOCKED_FOR = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=12)
NO_PASSWORD = ""
"""In place of a hash: the person logs in by an OpenID provider alone."""
_pool = ThreadPoolExecutor(2, thread_name_prefix="passwords")
_hasher = PasswordHasher()


class WrongPassword(Exception):
    """Name or password is wrong, or the person is disabled: which of them is not said."""


class LockedOut(Exception):
    """Too many wrong passwords in a row; the right one is not looked at either."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"too many wrong passwords: try again after {until:%H:%M} UTC")
        self.until = until


@dataclass(frozen=True)
class Visitor:
    """A person with a session that is valid now."""

    number: int
    name: str
    role: Role
    department: str
    """Empty: none."""
    language: str
    time_zone: str
    session: int
    """Number of the session."""

    @property
    def requester(self) -> Requester:
        return Requester(self.role, self.name)


@dataclass(frozen=True)
class NewSession:
    secret: str
    """For the cookie; it is kept nowhere."""
    lasts: timedelta


async def add(
    database: Database,
    name: str,
    role: Role,
    password: str,
    *,
    actor: str,
    of_settings: Mapping[str, Collection[Role]],
    department: str = "",
) -> Person:
    """A new person. `of_settings`: the roles of the tokens that the settings have, by name.

    Raises InvalidField for a name or password that can't be one, a storefront's role, a department that there is not,
    or a name whose token has another role.
    """
    check_name(name)
    _check_staff(role)
    _check_password(name, password)
    hashed = await _in_thread(lambda: _hasher.hash(password))
    async with database.write() as session:
        await session.exec(select(Installation.id).with_for_update())  # one at a time, so that a name has one role
        if await _found(session, name) is not None:
            raise InvalidField(
                "name", f"{name} exists already; `resell users list` shows everybody, disabled ones, too"
            )
        await check_one_role(session, name, role, of_settings)
        await _check_department(session, department)
        person = Person(name=name, role=role, department=department, password_hash=hashed, created_by=actor)
        session.add(person)
        await session.flush()
        facts = {"name": name, "role": role.value, "department": department or None}
        audit.record(session, NOUN, person.id, "added", by=actor, facts=facts)
        return person


async def change_password(database: Database, name: str, password: str, *, actor: str) -> None:
    """It unlocks the name, and ends all sessions of the person. Raises NotFound or InvalidField."""
    _check_password(name, password)
    hashed = await _in_thread(lambda: _hasher.hash(password))
    async with database.write() as session:
        person = await _locked(session, name)
        person.password_hash, person.wrong_passwords, person.locked_until = hashed, 0, None
        await _end_sessions(session, person)
        audit.record(session, NOUN, person.id, "password_changed", by=actor, facts={"name": name})


async def change_role(
    database: Database, name: str, role: Role, *, actor: str, of_settings: Mapping[str, Collection[Role]]
) -> None:
    """It counts from the person's next request on. Raises NotFound, or InvalidField as `add`."""
    _check_staff(role)
    async with database.write() as session:
        await session.exec(select(Installation.id).with_for_update())
        person = await _locked(session, name)
        await check_one_role(session, name, role, of_settings)
        changes = {"role": (person.role.value, role.value)}
        person.role = role
        session.add(audit.entry(NOUN, person.id, "role_changed", by=actor, facts={"name": name}, changes=changes))


async def change_department(database: Database, name: str, department: str, *, actor: str) -> None:
    """Empty: the person has none any more. Raises NotFound, or InvalidField for a department that there is not."""
    async with database.write() as session:
        person = await _locked(session, name)
        await _check_department(session, department)
        put_into_department(session, person, department, actor=actor)


def put_into_department(session: AsyncSession, person: Person, department: str, *, actor: str) -> None:
    if person.department == department:
        return
    changes = {"department": (person.department, department)}
    person.department = department
    facts = {"name": person.name}
    session.add(audit.entry(NOUN, person.id, "department_changed", by=actor, facts=facts, changes=changes))


async def set_disabled(database: Database, name: str, disabled: bool, *, actor: str) -> None:
    """Who is disabled can't log in, and all their sessions end at once. Raises NotFound."""
    async with database.write() as session:
        person = await _locked(session, name)
        person.disabled_at, person.disabled_by = (utc_now(), actor) if disabled else (None, "")
        person.wrong_passwords, person.locked_until = 0, None
        if disabled:
            await _end_sessions(session, person)
        action = "disabled" if disabled else "enabled"
        audit.record(session, NOUN, person.id, action, by=actor, facts={"name": name})


async def all_people(session: AsyncSession) -> list[Person]:
    return list((await session.exec(select(Person).order_by(Person.name))).all())


async def log_in(database: Database, name: str, password: str) -> NewSession:
    """Raises WrongPassword or LockedOut. An unknown name takes as long as a wrong password."""
    async with database.read() as session:
        known = await _found(session, name)
    if known is not None and known.locked_until is not None and known.locked_until > utc_now():
        raise LockedOut(known.locked_until)
    hashed = _hash_of_nobody() if known is None or known.password_hash == NO_PASSWORD else known.password_hash
    is_right = await _in_thread(lambda: _is_right(hashed, password[:LONGEST_PASSWORD]))
    if known is None:
        raise WrongPassword
    if is_right and known.disabled_at is None:
        return await begin_session(database, known)
    await _note_wrong(database, known.id)
    raise WrongPassword


async def visitor_of(session: AsyncSession, secret: str) -> Visitor | None:
    """The person of this session; None: it is not valid any more. One indexed read."""
    found = await session.exec(
        select(Person, PersonSession)
        .join(PersonSession, col(PersonSession.person_id) == col(Person.id))
        .where(
            PersonSession.digest == digest_of(secret),
            col(PersonSession.expires_at) > utc_now(),
            col(Person.disabled_at).is_(None),
        )
    )
    row = found.one_or_none()
    if row is None:
        return None
    person, begun = row
    return Visitor(
        number=person.id,
        name=person.name,
        role=person.role,
        department=person.department,
        language=person.language,
        time_zone=person.time_zone,
        session=begun.id,
    )


async def log_out(database: Database, secret: str) -> None:
    async with database.write() as session:
        await session.exec(delete(PersonSession).where(col(PersonSession.digest) == digest_of(secret)))


async def prefer(database: Database, number: int, *, language: str, time_zone: str) -> None:
    """How the pages are shown to this person. Raises InvalidField for a time zone that is not known."""
    try:
        ZoneInfo(time_zone or "UTC")
    except (KeyError, ValueError, OSError):
        raise InvalidField("time_zone", f"{time_zone!r} is not known; Europe/Berlin is one") from None
    async with database.write() as session:
        person = await session.get_one(Person, number)
        person.language, person.time_zone = language, time_zone


async def begin_session(database: Database, known: Person) -> NewSession:
    """Raises WrongPassword for somebody who was changed since `known` was read."""
    secret = secrets.token_urlsafe(RANDOM_BYTES)
    async with database.write() as session:
        person = await locked(session, Person, col(Person.id) == known.id, what=NOUN, name=known.name)
        if person.disabled_at is not None or person.password_hash != known.password_hash:
            raise WrongPassword  # changed while the password was looked at
        now = utc_now()
        person.wrong_passwords, person.locked_until, person.last_login_at = 0, None, now
        await session.exec(delete(PersonSession).where(col(PersonSession.expires_at) < now))
        session.add(PersonSession(person_id=person.id, digest=digest_of(secret), expires_at=now + SESSION_LASTS))
        audit.record(session, NOUN, person.id, "logged_in", by=person.name)
    return NewSession(secret, SESSION_LASTS)


async def _note_wrong(database: Database, number: int) -> None:
    async with database.write() as session:
        person = await locked(session, Person, col(Person.id) == number, what=NOUN, name=number)
        person.wrong_passwords += 1
        if person.wrong_passwords >= WRONG_IN_A_ROW:
            person.wrong_passwords, person.locked_until = 0, utc_now() + LOCKED_FOR
            audit.record(session, NOUN, number, "locked", facts={"name": person.name, "wrong": WRONG_IN_A_ROW})


async def _end_sessions(session: AsyncSession, person: Person) -> None:
    await session.exec(delete(PersonSession).where(col(PersonSession.person_id) == person.id))


async def _found(session: AsyncSession, name: str) -> Person | None:
    return (await session.exec(select(Person).where(Person.name == name))).one_or_none()


async def _locked(session: AsyncSession, name: str) -> Person:
    if await _found(session, name) is None:
        raise NotFound(NOUN, name)
    return await locked(session, Person, col(Person.name) == name, what=NOUN, name=name)


async def _check_department(session: AsyncSession, department: str) -> None:
    known = await departments(session)
    if department and department not in known:
        words = f"the departments are {', '.join(known)}" if known else "no catalogue has been loaded yet"
        raise InvalidField("department", f"no processing module has the department {department!r}; {words}")


def _check_staff(role: Role) -> None:
    if role is Role.STOREFRONT:
        words = "storefront is the role of a shop's token; a person is viewer, operator, senior, finance or admin"
        raise InvalidField("role", words)


async def check_one_role(
    session: AsyncSession, name: str, role: Role, of_settings: Mapping[str, Collection[Role]]
) -> None:
    """The audit shows a person and a token of the same name as one actor. Raises InvalidField."""
    tokens = select(ApiToken).where(ApiToken.name == name, col(ApiToken.revoked_at).is_(None))
    roles = [one.role for one in (await session.exec(tokens)).all()]
    for other in [*roles, *of_settings.get(name, ())]:
        if other is not role:
            raise InvalidField("role", f"{name} has a token with the role {other.value}, and a name has one role")


def _check_password(name: str, password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidField("password", f"has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise InvalidField("password", "is too easy to guess: take several words, or have it generated")


def _is_right(hashed: str, password: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except VerifyMismatchError:
        return False


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(RANDOM_BYTES))


async def _in_thread(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_pool, call)
