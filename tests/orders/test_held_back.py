"""Rows that can't be true: each is held back alone, counted and shown; the rest of its list is processed."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import col, select

from models.database import Database
from models.enums import EventKind, Knowledge, UpstreamStatus
from models.events import UpstreamEvent, UpstreamList, UpstreamSnapshot
from orders.events import Known, ListScan
from orders.events.lists import GIVEN_UP_AT
from orders.views import list_upstreams
from tests.flow.shop import stock_catalogue
from tests.infrastructure.listing import rows_of
from upstreams.billmanager.adapter import _listed
from upstreams.billmanager.wire import Document
from upstreams.port import ListedRow, ListEnd, UpstreamItem

ACCOUNT = 1


@pytest.fixture
async def shelf(migrated_database_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_database_url)
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    yield database
    await database.close()


def listed(*rows: str) -> list[ListedRow]:
    """Rows of an answer, as the adapter hands them on."""
    page = Document.parse(f"<doc>{''.join(f'<elem>{row}</elem>' for row in rows)}</doc>".encode())
    return [_listed(row, "vds", "EUR") for row in page.raw_rows]


def plain(number: object, expires: str = "2027-01-31") -> str:
    return (
        f"<id>{number}</id><status>2</status><domain>s{number}.example.test</domain><cost>5.00 EUR</cost>"
        f"<expiredate>{expires}</expiredate>"
    )


async def look(database: Database, known: Known, rows: list[ListedRow]) -> None:
    one = ListScan(database, known)
    await one.begin()
    await one.rows(rows, len(rows))
    await one.end(ListEnd(complete=True, pages=1, shows_marks=Knowledge.NO))


async def numbers(database: Database) -> dict[str, UpstreamSnapshot]:
    async with database.read() as session:
        return {row.number: row for row in (await session.exec(select(UpstreamSnapshot))).all()}


ABSURD = {
    "a cost of 10^30": "<id>7</id><status>2</status><domain>seven.example.test</domain><cost>1" + "0" * 30 + "</cost>",
    "a cost in groups": "<id>7</id><status>2</status><cost>" + "1" + " 000" * 9 + " EUR</cost>",
    "a cost as a power": "<id>7</id><status>2</status><cost>1e30 EUR</cost>",
    "no cost": "<id>7</id><status>2</status><cost>NaN</cost>",
    "a cost without end": "<id>7</id><status>2</status><cost>Infinity</cost>",
    "a cost below nothing": "<id>7</id><status>2</status><cost>-5.00 EUR</cost>",
    "a cost of 5,000 digits": "<id>7</id><status>2</status><cost>" + "9" * 5000 + "</cost>",
    "an id of 65 digits": f"<id>{'9' * 65}</id><status>2</status>",
    "an id of 20 digits": f"<id>{'9' * 20}</id><status>2</status>",
    "an id of 6,000 digits": f"<id>{'9' * 6000}</id><status>2</status>",
    "an id below nothing": "<id>-7</id><status>2</status>",
    "an id that is a path": "<id>../../7</id><status>2</status>",
    "a name of 9,000 characters": f"<id>7</id><status>2</status><domain>{'x' * 9000}</domain>",
    "a name of 3,000 letters of four bytes": f"<id>7</id><status>2</status><domain>{'𝔵' * 3000}</domain>",
    "a mark of 9,000 characters": f"<id>7</id><status>2</status><remoteid>{'y' * 9000}</remoteid>",
    "an address of 9,000 characters": f"<id>7</id><status>2</status><ip>{'1' * 9000}</ip>",
    "a tariff of 9,000 characters": f"<id>7</id><status>2</status><pricelist>{'p' * 9000}</pricelist>",
    "a period of 5,000 digits": f"<id>7</id><status>2</status><period>{'1' * 5000}</period><cost>NaN</cost>",
    "a year 0": "<id>7</id><status>2</status><expiredate>0000-01-01</expiredate>",
    "a year 99999": "<id>7</id><status>2</status><expiredate>99999-01-01</expiredate>",
    "a year 9999": "<id>7</id><status>2</status><expiredate>9999-12-31</expiredate>",
    "a 13th month": "<id>7</id><status>2</status><expiredate>2027-13-01</expiredate>",
}


@pytest.mark.parametrize("at_first", [True, False], ids=["in the first look", "later"])
async def test_absurd_rows_stop_nothing(shelf: Database, at_first: bool) -> None:
    """All of them in one list, each beside rows that are well."""
    known = await Known.load(shelf, ACCOUNT, "vds")
    if not at_first:
        await look(shelf, known, listed(plain(1), plain(2)))
    absurd = [row.replace("<id>7<", f"<id>{number}<") for number, row in enumerate(ABSURD.values(), start=100)]
    between = [text for row in zip(absurd, map(plain, range(200, 300)), strict=False) for text in row]
    await look(shelf, known, listed(plain(1), *between, plain(2, "2027-02-28"), plain(3)))
    found = await numbers(shelf)
    assert {"1", "2", "3", *map(str, range(200, 200 + len(ABSURD)))} <= found.keys(), "the others are taken in"
    assert found["2"].expires_on == date(2027, 2, 28)
    async with shelf.read() as session:
        (upstream,) = [one for one in await list_upstreams(session) if one.held_back]
        (held,) = upstream.held_back
        assert (held.product_type, held.rows) == ("vds", len(ABSURD)), known.held_back
        assert all(one.why and len(one.why) < 200 for one in held.examples)
        assert (await session.get_one(UpstreamList, (ACCOUNT, "vds"))).loaded_at is not None
    for number in map(str, range(100, 200)):
        if number in found:  # the item counts, without what can't be true
            assert (found[number].cost_amount, found[number].expires_on, found[number].status) == (None, None, 2)
            assert len(found[number].name) < 256
    await look(shelf, known, listed(plain(1), plain(2), plain(3)))
    async with shelf.read() as session:
        assert not any(one.held_back for one in await list_upstreams(session)), "it is told no longer once it is gone"


async def test_a_row_that_was_well_keeps_what_is_known(shelf: Database) -> None:
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, listed(plain(1), plain(7)))
    bad = "<id>7</id><status>3</status><cost>1e30 EUR</cost><expiredate>9999-12-31</expiredate>"
    for _ in range(3):
        await look(shelf, known, listed(plain(1), bad))
    seven = (await numbers(shelf))["7"]
    assert (seven.cost_amount, seven.expires_on, seven.status) == (Decimal(5), date(2027, 1, 31), 3)
    assert seven.held_back == {"cost": "1e30 EUR", "expires_on": "9999-12-31"}
    async with shelf.read() as session:
        found = await session.exec(select(UpstreamEvent).where(col(UpstreamEvent.kind) == EventKind.HELD_BACK))
        (event,) = found.all()
    assert event.changes == {"cost": ["", "1e30 EUR"], "expires_on": ["2027-01-31", "9999-12-31"]}, "told once"


async def test_a_number_that_two_rows_show(shelf: Database) -> None:
    """Neither is believed while they differ; then the one that is left."""
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, listed(plain(1), plain(7), plain(7, "2029-01-31"), plain(8)))
    assert (await numbers(shelf)).keys() == {"1", "8"}
    assert "twice" in known.held_back["7"]
    await look(shelf, known, listed(plain(1), plain(7), plain(8)))
    assert (await numbers(shelf))["7"].expires_on == date(2027, 1, 31)
    assert known.held_back == {}


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_row_shown_twice_for_a_while_is_told_no_longer(shelf: Database, restarted: bool) -> None:
    """It looks again as it did when it was last judged, to a worker that was started meanwhile, too."""
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, listed(plain(1), plain(7)))
    await look(shelf, known, listed(plain(1), plain(7), plain(7, "2029-01-31")))
    assert "twice" in known.held_back["7"]
    if restarted:
        known = await Known.load(shelf, ACCOUNT, "vds")
        assert known.held_back
    await look(shelf, known, listed(plain(1), plain(7)))
    async with shelf.read() as session:
        assert not any(one.held_back for one in await list_upstreams(session))
    assert (await numbers(shelf))["7"].expires_on == date(2027, 1, 31)


@pytest.mark.dialects
async def test_characters_that_xml_does_not_know_stop_no_list(shelf: Database) -> None:
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, listed(plain(1), plain(7), plain(8)))
    bad = "<id>7</id><status>3</status><domain>se&#xD800;ven\x0b&nbsp;&</domain>"
    await look(shelf, known, listed(plain(1), bad, plain(8, "2027-02-28")))
    found = await numbers(shelf)
    assert (found["8"].expires_on, found["7"].status) == (date(2027, 2, 28), 3)
    assert found["7"].name == "s7.example.test", "what is not the name is not believed"
    assert "name" in known.held_back["7"]


def numbered(number: int, *, unwritable: bool) -> UpstreamItem:
    made = UpstreamItem(number=str(number), product_type="vds", status=UpstreamStatus.ACTIVE)
    return made.model_copy(update={"raw": {"a": b"no text"}}) if unwritable else made


async def test_many_bad_rows_among_good_ones_stop_nothing(shelf: Database) -> None:
    """As many as would be given up at, were all of the first to fail."""
    bad = {*range(5, 5 + GIVEN_UP_AT // 2), *range(25, 25 + GIVEN_UP_AT // 2)}
    items = [numbered(number, unwritable=number in bad) for number in range(45)]
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, rows_of(items))
    assert (await numbers(shelf)).keys() == set(map(str, set(range(45)) - bad))
    assert known.held_back.keys() == set(map(str, bad))


async def test_where_all_of_the_first_rows_fail_the_rows_are_not_to_blame(shelf: Database) -> None:
    known = await Known.load(shelf, ACCOUNT, "vds")
    with pytest.raises((StatementError, TypeError)):
        await look(shelf, known, rows_of([numbered(number, unwritable=True) for number in range(45)]))
    assert not known.held_back


async def test_what_nobody_foresaw_is_held_back_too(shelf: Database) -> None:
    """A row that can't be read at all, and one that the database does not take."""

    def broken() -> UpstreamItem:
        raise RecursionError

    def item(number: str, **fields: Any) -> UpstreamItem:
        made = UpstreamItem(number=number, product_type="vds", status=UpstreamStatus.ACTIVE)
        return made.model_copy(update=fields)

    unwritable = item("7", raw={"a": b"no text"})
    rows = rows_of([item("1"), item("2"), item("3"), item("4")])
    rows[2:2] = [ListedRow("6", "digest", broken), ListedRow("7", "digest", lambda: unwritable)]
    known = await Known.load(shelf, ACCOUNT, "vds")
    await look(shelf, known, rows)
    assert (await numbers(shelf)).keys() == {"1", "2", "3", "4"}
    assert known.held_back.keys() == {"6", "7"}
    assert known.digests.keys() == {"1", "2", "3", "4"}
