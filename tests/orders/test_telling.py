"""What a channel has to say: each subject apart from the others, each channel apart from the others."""

from datetime import timedelta

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, Role
from models.incident import Incident
from models.notifications import Notification, NotificationChannel
from orders.inbox.causes import Cause
from orders.notifications import telling
from orders.notifications.channels import Channel
from orders.notifications.subjects import Subject
from orders.notifications.telling import News

HOUR = timedelta(hours=1)


def channel(name: str = "office", **values: object) -> Channel:
    return Channel.model_validate({"name": name, "to": "json://127.0.0.1:1/", **values})


def subject(
    key: str,
    *,
    cause: Cause = Cause.INCIDENTS,
    ago: timedelta = HOUR,
    costs: bool = False,
    patience: timedelta = timedelta(0),
    entries: int = 1,
) -> Subject:
    since = utc_now() - ago
    return Subject(key, cause, Role.OPERATOR, costs, key, key, since, "", "", patience=patience, entries=entries)


def told(name: str, key: str, entries: int = 1) -> Notification:
    return Notification(channel=name, subject=key, title=key, told=key, entries=entries, since=utc_now() - HOUR)


async def of(session: AsyncSession, name: str) -> dict[str, int]:
    rows = (await session.exec(select(Notification).where(col(Notification.channel) == name))).all()
    return {row.subject: row.entries for row in rows}


async def test_what_still_has_patience_keeps_nothing_behind_it_from_being_said(shelf: Database) -> None:
    subjects = [subject("card slow", ago=timedelta(0), patience=HOUR), subject("incident 2"), subject("incident 3")]
    async with shelf.read() as session:
        found = await telling.changes(session, channel(), subjects, utc_now())
    assert [(one.news, one.key) for one in found] == [(News.NEW, "incident 2"), (News.NEW, "incident 3")]


@pytest.mark.parametrize(
    ("loud", "one", "is_said"),
    [
        (["incidents"], subject("incident 1"), True),
        (["money"], subject("incident 1"), False),
        (["money"], subject("incident 1", costs=True), True),
        (["incidents"], subject("incident 1", costs=True, cause=Cause.MONEY), False),
    ],
)
async def test_in_quiet_hours_the_loud_causes_are_said_and_with_money_all_that_costs(
    shelf: Database, loud: list[str], one: Subject, is_said: bool
) -> None:
    noon_tomorrow = (utc_now() + timedelta(days=1)).replace(hour=12)
    always_quiet = channel(quiet="00:00-23:59", loud=loud)
    async with shelf.read() as session:
        found = await telling.changes(session, always_quiet, [one], noon_tomorrow)
    assert bool(found) is is_said


async def test_a_card_that_shrank_is_noted_for_its_channel_and_for_itself_alone(database: Database) -> None:
    async with database.write() as session:
        session.add_all(
            [
                told("office", "card a", 5),
                told("office", "card b", 5),
                told("phone", "card a", 9),
                told("phone", "card d", 9),
            ]
        )
    cards = [
        subject("card d", entries=2),
        subject("card a", entries=3),
        subject("card b", entries=5),
        subject("card c", entries=1),
    ]
    async with database.write() as session:
        shrunk = await telling.fewer(session, channel("office"), cards)
        assert shrunk == {"card a": 3}
        await telling.note_fewer(session, channel("office"), {**shrunk, "card b": 7})
    async with database.read() as session:
        assert await of(session, "office") == {"card a": 3, "card b": 5}, (
            "and more entries are not noted: they are news"
        )
        assert await of(session, "phone") == {"card a": 9, "card d": 9}


@pytest.mark.parametrize(("failing_for", "is_reported"), [(HOUR, True), (HOUR / 2, False)])
async def test_a_channel_that_fails_is_an_incident_after_an_hour_and_not_before(
    database: Database, failing_for: timedelta, is_reported: bool
) -> None:
    now = utc_now()
    async with database.write() as session:
        session.add(NotificationChannel(name="office", failing_since=now - failing_for))
    async with database.write() as session:
        await telling.note_failed(session, channel(), "refused", now)
    async with database.read() as session:
        found = await session.exec(select(Incident).where(col(Incident.kind) == IncidentKind.NOT_NOTIFIED))
        assert bool(found.all()) is is_reported


async def test_only_what_a_channel_that_is_gone_had_said_is_forgotten(database: Database) -> None:
    async with database.write() as session:
        session.add_all([NotificationChannel(name="office"), NotificationChannel(name="phone")])
        session.add_all([told("office", "incident 1"), told("phone", "incident 1")])
    async with database.write() as session:
        await telling.forget(session, [channel("office")])
    async with database.read() as session:
        assert await of(session, "office") == {"incident 1": 1}
        assert await of(session, "phone") == {}
        assert (await session.exec(select(NotificationChannel.name))).all() == ["office"]
