"""Columns that mean the same on both databases: exact money, aware times, words."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError
from sqlmodel import SQLModel

import models.tables  # noqa: F401 - all of them
from models.columns import Amount, UtcDateTime, enum_column, json_column
from models.database import Database
from models.enums import Stage

pytestmark = pytest.mark.dialects

TABLE = sa.Table(
    "sample",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime()),
    sa.Column("amount", Amount()),
    enum_column(Stage, name="stage", nullable=True),
    json_column(name="document", nullable=True),
)


@pytest.fixture
async def plain(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLE.metadata.create_all)
    yield database
    await database.close()


async def put(plain: Database, **values: object) -> None:
    async with plain.engine.begin() as connection:
        await connection.execute(sa.insert(TABLE).values(**values))


async def stored(plain: Database, column: str) -> list[object]:
    async with plain.engine.connect() as connection:
        return list((await connection.execute(sa.select(TABLE.c[column]).order_by(TABLE.c.id))).scalars())


async def test_a_time_without_a_zone_is_refused(plain: Database) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        await put(plain, at=datetime(2026, 3, 1, 12, 0))  # noqa: DTZ001 - the point of the test


async def test_times_come_back_aware_and_in_utc_to_the_microsecond(plain: Database) -> None:
    moscow = datetime(2026, 3, 1, 15, 0, 0, 123456, tzinfo=timezone(timedelta(hours=3)))
    await put(plain, at=moscow)
    [found] = await stored(plain, "at")
    assert isinstance(found, datetime)
    assert found == moscow
    assert found.utcoffset() == timedelta(0)
    assert found.isoformat() == "2026-03-01T12:00:00.123456+00:00"


async def test_times_are_compared_as_moments_whatever_zone_they_were_written_in(plain: Database) -> None:
    noon = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    await put(plain, at=noon.astimezone(timezone(timedelta(hours=-11))))
    async with plain.engine.connect() as connection:
        found = await connection.execute(sa.select(TABLE.c.id).where(TABLE.c.at > noon - timedelta(seconds=1)))
        assert len(found.all()) == 1


async def test_amounts_come_back_to_the_last_digit(plain: Database) -> None:
    amounts = ["0.1", "0.0001", "19.99", "99999999999999.9999", "-5.25", "0", "0.3", "1234567890123.4567"]
    for amount in amounts:
        await put(plain, amount=Decimal(amount))
    found = await stored(plain, "amount")
    assert all(isinstance(amount, Decimal) for amount in found)
    assert found == [Decimal(amount) for amount in amounts]


async def test_nothing_stays_nothing(plain: Database) -> None:
    await put(plain, at=None, amount=None, stage=None)
    assert await stored(plain, "at") == await stored(plain, "amount") == await stored(plain, "stage") == [None]


async def test_an_enum_is_stored_as_the_word_that_people_see(plain: Database) -> None:
    await put(plain, stage=Stage.WAITING_FOR_FUNDS)
    async with plain.engine.connect() as connection:
        assert (await connection.execute(sa.text("SELECT stage FROM sample"))).scalar() == "waiting_for_funds"
    assert await stored(plain, "stage") == [Stage.WAITING_FOR_FUNDS]


async def test_a_document_keeps_its_letters(plain: Database) -> None:
    document = {"слово": "10\u00a0€", "deep": {"list": ["a", "b"]}}
    await put(plain, document=document)
    assert await stored(plain, "document") == [document]


def test_the_signature_of_every_default_is_known() -> None:
    """Pydantic asks for it whenever a row is made."""
    tables = [model for model in subclasses(SQLModel) if hasattr(model, "__table__")]
    assert len(tables) > 25
    unknown = [
        f"{model.__name__}.{name}"
        for model in tables
        for name, field in model.model_fields.items()
        if field.default_factory is not None and not hasattr(field.default_factory, "__signature__")
    ]
    assert not unknown, "use empty_dict and empty_list of models.columns"


def subclasses(model: type[SQLModel]) -> list[type[SQLModel]]:
    children: list[type[SQLModel]] = model.__subclasses__()
    return [one for child in children for one in (child, *subclasses(child))]
