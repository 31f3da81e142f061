"""Tokens of the database: made, used, replaced, revoked; what the API knows of them, and when. And who guesses."""

import asyncio
import logging

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from temporalio.client import Client

import cli.tokens
from benchmarks.statements import recording
from models.audit import AuditEntry
from models.database import Database
from models.enums import Role
from models.tokens import ApiToken
from orders.access import tokens
from orders.errors import InvalidField, Refused
from settings import Settings
from starter import Resellflow
from storefront import callers, guess_brake
from storefront.addresses import client_address, network_of
from storefront.callers import Callers
from storefront.guess_brake import GuessBrake
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import OPERATOR_TOKEN, SHOP_TOKEN, Api, api_settings, assert_problem, running_api
from tests.storefront.test_stream import Events


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API reads the table ten times as often as it does, so that a test need not wait for three seconds."""
    monkeypatch.setattr(callers, "REFRESH_SECONDS", callers.REFRESH_SECONDS / 10)


def test_the_command_line_promises_what_the_api_does() -> None:
    assert cli.tokens.SECONDS == callers.REFRESH_SECONDS


async def made(database: Database, name: str = "new-shop", role: Role = Role.STOREFRONT) -> tokens.NewToken:
    async with database.write() as session:
        return await tokens.add(session, name, role, actor="ann", of_settings={"shop": [Role.STOREFRONT]})


async def revoked(database: Database, number: int) -> None:
    async with database.write() as session:
        await tokens.revoke(session, number, actor="ann")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def status(api: Api, token: str) -> int:
    return (await api.stranger.get("/v1/services", headers=bearer(token))).status_code


@pytest.mark.usefixtures("quick")
async def test_a_token_is_replaced_without_a_gap_and_what_its_name_owns_stays(api: Api) -> None:
    """While the API runs, and without telling it."""
    first = await made(api.database)
    await assert_eventually(lambda: lets_in(api, first.secret))
    order = {"plan": "VDS-1", "period_months": 1, "customer": "c-1"}
    placed = await api.stranger.post(
        "/v1/services", json=order, headers=bearer(first.secret) | {"Idempotency-Key": "k"}
    )
    assert placed.json()["service"]["owner"] == "new-shop"

    second = await made(api.database)
    with pytest.raises(Refused, match="2 valid tokens"):
        await made(api.database)
    await assert_eventually(lambda: lets_in(api, second.secret))
    assert await status(api, first.secret) == 200, "both are valid"
    await revoked(api.database, first.number)
    await assert_eventually(lambda: is_shut_out(api, first.secret))

    services = (await api.stranger.get("/v1/services", headers=bearer(second.secret))).json()["items"]
    assert [one["number"] for one in services] == [placed.json()["service"]["number"]]
    async with api.database.read() as session:
        done = (
            await session.exec(select(AuditEntry).where(AuditEntry.subject == "token").order_by(col(AuditEntry.id)))
        ).all()
    assert [(one.actor, one.action, one.detail["name"]) for one in done] == [
        ("ann", "added", "new-shop"),
        ("ann", "added", "new-shop"),
        ("ann", "revoked", "new-shop"),
    ]


async def test_a_name_never_has_three_tokens_whoever_adds_them_at_once(api: Api) -> None:
    await made(api.database)
    async with api.database.write() as session:
        await tokens.add(session, "new-shop", Role.STOREFRONT, actor="ann", of_settings={})
        another = asyncio.create_task(made(api.database))
        await asyncio.wait([another], timeout=0.3)  # it would be done by then, if it did not wait for this one
        assert not another.done()
    with pytest.raises(Refused, match="2 valid tokens"):
        await another


async def lets_in(api: Api, token: str) -> bool:
    return await status(api, token) == 200


async def is_shut_out(api: Api, token: str) -> bool:
    return await status(api, token) in (401, 429)


async def test_no_token_is_in_the_database(sqlite_api: Api) -> None:
    new = await made(sqlite_api.database)
    sqlite_api.callers.forget()
    assert await status(sqlite_api, new.secret) == 200
    assert await status(sqlite_api, tokens.digest_of(new.secret)) == 401, "what is kept opens nothing"
    async with sqlite_api.database.read() as session:
        connection = await session.connection()
        names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
        for name in names:
            rows = (await connection.execute(sa.text(f'SELECT * FROM "{name}"'))).all()
            assert new.secret not in str(rows), name


async def test_the_last_use_is_written_beside_the_request_and_once_a_minute(sqlite_api: Api) -> None:
    new = await made(sqlite_api.database)

    async def last_use() -> object:
        async with sqlite_api.database.read() as session:
            return (await session.get_one(ApiToken, new.number)).last_used_at

    assert await last_use() is None
    with recording() as asked:
        for _ in range(20):
            assert await status(sqlite_api, new.secret) in (200, 401)
            sqlite_api.callers.forget()
        assert await assert_eventually(last_use)
    written = [text for one in asked for text in one.statements if text.startswith("UPDATE api_token")]
    assert len(written) == 1, written


async def test_an_order_costs_no_statement_more_by_a_token_of_the_settings_and_one_in_three_seconds_by_another(
    sqlite_api: Api,
) -> None:
    new = await made(sqlite_api.database)
    with recording() as asked:
        for number in range(5):
            await sqlite_api.order(f"by-settings-{number}")
    assert not [text for one in asked for text in one.statements if "api_token" in text]
    with recording() as asked:
        for _ in range(20):
            await status(sqlite_api, new.secret)
    assert len([text for one in asked for text in one.statements if text.startswith("SELECT api_token")]) <= 2


@pytest.mark.usefixtures("quick")
async def test_a_stream_ends_when_its_token_is_revoked_and_when_its_service_goes_to_another(sqlite_api: Api) -> None:
    new = await made(sqlite_api.database)
    sqlite_api.callers.forget()
    await sqlite_api.order("cart-1")
    async with sqlite_api.stranger.stream("GET", "/v1/operations/1/stream", headers=bearer(SHOP_TOKEN)) as of_shop:
        events = Events(of_shop)
        assert (await events.next()).kind == "stage"
        given = {"owner": "new-shop", "reason": "moved"}
        assert (await sqlite_api.operator.put("/v1/services/1/owner", json=given)).status_code == 200
        assert await events.rest() == [], "it ends without the end of the operation"
    async with sqlite_api.stranger.stream("GET", "/v1/operations/1/stream", headers=bearer(new.secret)) as of_new:
        events = Events(of_new)
        assert (await events.next()).kind == "stage"
        await revoked(sqlite_api.database, new.number)
        assert await events.rest() == []
    assert await status(sqlite_api, new.secret) == 401


async def test_a_name_has_one_role(sqlite_api: Api, caplog: pytest.LogCaptureFixture) -> None:
    await made(sqlite_api.database, "anna", Role.VIEWER)
    for name, role in (("anna", Role.ADMIN), ("shop", Role.ADMIN)):
        with pytest.raises(InvalidField, match="a name has one role"):
            await made(sqlite_api.database, name, role)
    for name in ("", "two words", "x" * 65, "a=b", "a,b", "cli", "Python", "ä"):
        with pytest.raises(InvalidField):
            await made(sqlite_api.database, name)

    async with sqlite_api.database.write() as session:  # made where the settings of the API are not known
        other = await tokens.add(session, "olga", Role.VIEWER, actor="ann", of_settings={})
    sqlite_api.callers.forget()
    assert await status(sqlite_api, other.secret) == 401, "olga is an admin by the settings"
    assert await status(sqlite_api, OPERATOR_TOKEN) == 200
    assert "lets nobody in: olga has the role admin by the settings" in caplog.text


async def test_a_service_goes_to_a_storefront_of_the_table_and_to_nobody_else(sqlite_api: Api) -> None:
    await made(sqlite_api.database)
    await made(sqlite_api.database, "anna", Role.VIEWER)
    await sqlite_api.order("cart-1")

    async def give(owner: str) -> httpx.Response:
        return await sqlite_api.operator.put("/v1/services/1/owner", json={"owner": owner, "reason": "moved"})

    assert (await give("new-shop")).json()["owner"] == "new-shop"
    for nobody in ("anna", "olga", "nobody"):
        assert_problem(await give(nobody), 422, "invalid-field", "owner")


async def test_while_the_table_can_not_be_read_tokens_of_the_settings_are_known(unreachable_temporal: Client) -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    settings = Settings.model_validate({"storefront_tokens": "shop=12345678"})
    known = Callers(Resellflow(database, unreachable_temporal, settings), settings)
    try:
        found = await known.find("12345678")
        assert found is not None
        assert (found.name, found.role, await known.still_in(found)) == ("shop", Role.STOREFRONT, True)
        with pytest.raises(sa.exc.OperationalError):
            await known.find("another")
    finally:
        await known.close()
        await database.close()


async def test_while_the_database_is_away_a_token_that_only_it_knows_is_answered_503(
    unreachable_temporal: Client,
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/nothing"
    database = Database(url)
    try:
        async with running_api(database, unreachable_temporal, api_settings(url)) as api:
            answer = await api.stranger.get("/v1/services", headers=bearer("rsf_perhaps-a-right-one"))
            assert_problem(answer, 503, "database-unavailable")
            assert "Retry-After" in answer.headers
            assert_problem(await api.shop.get("/v1/upstreams"), 403, "forbidden")
            assert_problem(await api.stranger.get("/v1/services"), 401, "unauthenticated")
    finally:
        await database.close()


# Who guesses.


async def test_who_guesses_is_told_to_wait_and_a_right_token_is_let_in(
    sqlite_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async def guess(number: int, forwarded: str = "198.51.100.7") -> httpx.Response:
        headers = bearer(f"guess-{number}") | {"X-Forwarded-For": forwarded}
        return await sqlite_api.stranger.get("/v1/services", headers=headers)

    with caplog.at_level(logging.WARNING, logger="storefront.guess_brake"):
        answers = [await guess(number, f"198.51.100.{number}") for number in range(guess_brake.WRONG_TOKENS + 5)]
    assert [one.status_code for one in answers] == [401] * guess_brake.WRONG_TOKENS + [429] * 5
    assert_problem(answers[-1], 429, "too-many-wrong-tokens")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= guess_brake.WINDOW_SECONDS
    assert await status(sqlite_api, SHOP_TOKEN) == 200, "a right token is never braked"
    assert (await sqlite_api.stranger.get("/v1/services")).status_code == 401, "no token is no guess"
    told = [entry.getMessage() for entry in caplog.records if entry.name == "storefront.guess_brake"]
    assert len(told) == 2, "one line for the first, one when the brake holds"
    assert all("127.0.0.1" in line for line in told), "the header of a stranger is not believed"
    assert "guess-" not in "".join(told)


async def test_two_tokens_at_once_are_none(sqlite_api: Api) -> None:
    headers = [("Authorization", f"Bearer {token}") for token in (SHOP_TOKEN, "another")]
    for given in (headers, headers[::-1], [headers[0]] * 2):
        assert_problem(await sqlite_api.stranger.get("/v1/services", headers=given), 401, "unauthenticated")


def scope(peer: str, *forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return {"type": "http", "client": (peer, 1234), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.66", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.66, nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["192.0.2.66, nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["10.4.4.4"], "10.4.4.4"),
        ("::ffff:10.1.2.3", ["2001:db8:0::1"], "2001:db8::1"),
        ("10.1.2.3", ["[2001:db8::1]"], "2001:db8::1"),
        ("10.1.2.3", ["192.0.2.66, 198.51.100.1:40312, [2001:db8::2]:40312"], "2001:db8::2"),
        ("10.1.2.3", ["198.51.100.1:40312"], "198.51.100.1"),
        ("10.1.2.3", [""], "10.1.2.3"),
    ],
)
def test_the_address_is_the_last_that_no_trusted_proxy_has(peer: str, forwarded: list[str], expected: str) -> None:
    trusted = Settings.model_validate({"trusted_proxies": "10.0.0.0/8, 127.0.0.1"}).trusted_proxies
    assert client_address(scope(peer, *forwarded), trusted) == expected


def test_the_brake_holds_an_address_for_a_minute_and_remembers_a_bounded_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    brake = GuessBrake(clock=lambda: now[0])
    assert [brake.wrong("192.0.2.1") for _ in range(guess_brake.WRONG_TOKENS)] == [None] * guess_brake.WRONG_TOKENS
    now[0] = 20.0
    assert brake.wrong("192.0.2.1") == 40
    assert brake.wrong("192.0.2.2") is None, "another address"
    now[0] = 60.0
    assert brake.wrong("192.0.2.1") is None, "the minute is over"
    assert network_of("2001:db8:0:1:2::3") == network_of("2001:db8:0:1:ffff::") != network_of("2001:db8:0:2::")

    monkeypatch.setattr(guess_brake, "ADDRESSES", 100)
    for number in range(1000):
        brake.wrong(f"10.0.{number // 256}.{number % 256}")
    assert len(brake._guessers) == 100
