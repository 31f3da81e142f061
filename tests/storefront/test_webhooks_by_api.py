"""Webhook endpoints by the API: operators add any, a storefront its own, and reaches nothing private by them."""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col, select
from standardwebhooks import Webhook

from activities import webhooks as sender
from models.audit import AuditEntry
from models.columns import utc_now
from models.enums import MessageType
from models.webhooks import WebhookEndpoint
from orders.webhooks import by_api, endpoints, fanout, outbox, replay
from orders.webhooks.sealing import Sealer
from tests.infrastructure.databases import copy_of
from tests.infrastructure.eventually import assert_eventually
from tests.storefront.api import RIVAL, Api, assert_problem, client_of_nothing, stocked_api
from tests.webhooks.receiver import Answer, Receiver, receiving
from tests.webhooks.sender import sending

PATH = "/v1/webhooks"
WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
PUBLIC = "https://shop.example.com/hooks"


def key_line(name: str) -> str:
    return f"{name} {base64.b64encode(os.urandom(32)).decode()}\n"


def new_key_before(file: Path) -> None:
    file.write_text(key_line("second") + file.read_text())


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "webhook.keys"
    file.write_text(key_line("first"))
    return file


@pytest.fixture
async def api(migrated_database_url: str, key_file: Path) -> AsyncIterator[Api]:
    """The API with a key for secrets, once SQLite, once PostgreSQL. There is no Temporal."""
    async with _api(migrated_database_url, key_file) as one:
        yield one


@pytest.fixture
async def sqlite_api(tmp_path: Path, migrated_sqlite_template: Path, key_file: Path) -> AsyncIterator[Api]:
    async with _api(copy_of(migrated_sqlite_template, tmp_path), key_file) as one:
        yield one


@asynccontextmanager
async def _api(url: str, key_file: Path | str) -> AsyncIterator[Api]:
    settings = {"webhook_key_file": str(key_file), "webhook_private": True}
    async with stocked_api(url, await client_of_nothing(), **settings) as one:
        yield one


async def add(client: httpx.AsyncClient, key: str = "k1", **asked: object) -> httpx.Response:
    return await client.post(PATH, json={"name": "hooks", "url": PUBLIC} | asked, headers={"Idempotency-Key": key})


async def added(client: httpx.AsyncClient, key: str = "k1", **asked: object) -> dict[str, Any]:
    answer = await add(client, key, **asked)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sending_of(api: Api, **settings: object) -> Any:
    return sending(api.database, webhook_key_file=api.settings.webhook_key_file, **settings)


@pytest.fixture
def receiver() -> Any:
    with receiving() as one:
        yield one


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(sender, "BUSY_INTERVAL_SECONDS", 0.02)


async def until_delivered(api: Api, number: int, *, state: str = "delivered") -> dict[str, Any]:
    async def ended() -> dict[str, Any]:
        found: dict[str, Any] = (await api.operator.get(f"{PATH}/deliveries/{number}")).json()
        assert found["state"] == state
        return found

    return await assert_eventually(ended, message=f"delivery {number} is {state}")


async def test_an_operator_s_endpoint_from_its_first_day_to_its_last(api: Api, receiver: Receiver) -> None:
    """Both secrets are valid during the overlap, by the published library; nobody reads one again."""
    made = await added(api.operator, name="bell", url=receiver.url, types=["resellflow.task.overdue.v1"])
    assert (made["name"], made["owner"], made["active"]) == ("bell", None, True)
    async with sending_of(api):
        tried = await api.operator.post(f"{PATH}/bell/test")
        assert tried.status_code == 201
        await until_delivered(api, tried.json()["number"])
        ping = receiver.received[-1]
        assert Webhook(made["secret"]).verify(ping.body, ping.headers)["type"] == MessageType.PING

        newer = (await api.operator.post(f"{PATH}/bell/secret", json={"overlap_hours": 1})).json()
        assert newer["secret"] != made["secret"]
        assert newer["old_secrets_until"] is not None
        await until_delivered(api, (await api.operator.post(f"{PATH}/bell/test")).json()["number"])
        both = receiver.received[-1]
        for secret in (made["secret"], newer["secret"]):
            Webhook(secret).verify(both.body, both.headers)

        last = (await api.operator.post(f"{PATH}/bell/secret", json={"overlap_hours": 0})).json()
        await until_delivered(api, (await api.operator.post(f"{PATH}/bell/test")).json()["number"])
        assert len(receiver.received[-1].headers["webhook-signature"].split(" ")) == 1
        Webhook(last["secret"]).verify(receiver.received[-1].body, receiver.received[-1].headers)

    for shown in (await api.operator.get(PATH), await api.operator.get(f"{PATH}/bell")):
        assert all(one["secret"] not in shown.text for one in (made, newer, last))
    changed = await api.operator.patch(f"{PATH}/bell", json={"types": [], "active": False})
    assert (changed.json()["types"], changed.json()["active"], changed.json()["url"]) == ([], False, receiver.url)
    assert "switched off" in assert_problem(await api.operator.post(f"{PATH}/bell/test"), 409, "refused")
    assert (await api.operator.patch(f"{PATH}/bell", json={"active": True})).json()["active"]
    assert (await api.operator.delete(f"{PATH}/bell")).status_code == 204
    assert_problem(await api.operator.get(f"{PATH}/bell"), 404, "not-found")
    async with api.database.read() as session:
        query = select(AuditEntry).where(AuditEntry.subject == "webhook").order_by(col(AuditEntry.id))
        audit = (await session.exec(query)).all()
    actions = ["added", "secret_replaced", "secret_replaced", "changed", "paused", "resumed", "removed"]
    assert [one.action for one in audit] == actions
    assert {one.actor for one in audit} == {"olga"}
    assert not any(one["secret"] in str(entry.detail) for one in (made, newer, last) for entry in audit)


async def test_no_secret_is_dropped_before_its_overlap_is_over(api: Api) -> None:
    """Four sign at a time. A fifth would end the first one, which the receiver may still have."""
    await added(api.operator, name="bell")
    path = f"{PATH}/bell/secret"
    for _ in range(endpoints.SECRETS_AT_A_TIME - 1):
        assert (await api.operator.post(path)).status_code == 200
    told = assert_problem(await api.operator.post(path), 409, "refused")
    assert "signed with 4 secrets" in told
    assert "overlap_hours" in told
    assert (await api.operator.post(path, json={"overlap_hours": 0})).status_code == 200
    assert (await api.operator.post(path)).status_code == 200


async def test_the_database_alone_opens_no_secret(sqlite_api: Api, receiver: Receiver, key_file: Path) -> None:
    """Nor does another endpoint's row. An older key does while it is in the file; without one the worker says so."""
    api = sqlite_api
    made = await added(api.operator, name="one", url=receiver.url)
    await added(api.operator, "k2", name="two", url=receiver.url)
    async with api.database.write() as session:
        one, two = (await session.exec(select(WebhookEndpoint).order_by(col(WebhookEndpoint.id)))).all()
        assert made["secret"].removeprefix("whsec_") not in str(one.sealed_secrets)
        two.sealed_secrets = one.sealed_secrets
        session.add(two)
    new_key_before(key_file)
    async with sending_of(api, webhook_retry_delays=[]):
        await until_delivered(api, (await api.operator.post(f"{PATH}/one/test")).json()["number"])
        copied = await api.operator.post(f"{PATH}/two/test")
        failed = await until_delivered(api, copied.json()["number"], state="given_up")
        assert "not the one with which this secret was sealed" in failed["log"][0]["error"]
    assert [one.event["data"]["endpoint"] for one in receiver.received] == ["one"]
    async with sending(api.database, webhook_retry_delays=[]):
        again = await api.operator.post(f"{PATH}/one/test")
        failed = await until_delivered(api, again.json()["number"], state="given_up")
        assert "RESELL_WEBHOOK_KEY_FILE: is not set" in failed["log"][0]["error"]


async def test_without_a_key_nothing_can_be_added_and_the_answer_names_the_setting(
    tmp_path: Path, migrated_sqlite_template: Path
) -> None:
    async with _api(copy_of(migrated_sqlite_template, tmp_path), "") as api:
        for client in (api.operator, api.shop):
            told = assert_problem(await add(client), 503, "no-webhook-key")
            assert "RESELL_WEBHOOK_KEY_FILE" in told
    missing = tmp_path / "not-there.keys"
    async with _api(copy_of(migrated_sqlite_template, tmp_path), missing) as api:
        assert str(missing) in assert_problem(await add(api.operator), 503, "no-webhook-key")
        assert str(missing) not in assert_problem(await add(api.shop), 503, "no-webhook-key")


async def test_a_request_that_is_repeated_makes_one_and_shows_its_secret_again(api: Api) -> None:
    first = await added(api.shop)
    again = await add(api.shop)
    assert (again.status_code, again.json()) == (200, first)
    told = assert_problem(await add(api.shop, name="other"), 422, "idempotency-key-reused", "Idempotency-Key")
    assert "shop:hooks" in told
    assert (await add(api.operator, url=PUBLIC)).status_code == 201, "the key of another caller is another key"
    async with api.database.write() as session:
        one = await endpoints.endpoint_named(session, "shop:hooks")
        one.created_at = utc_now() - by_api.SHOWN_AGAIN_FOR - timedelta(seconds=1)
        session.add(one)
    late = await add(api.shop)
    assert (late.status_code, late.json()["secret"]) == (200, None)
    assert_problem(await api.shop.post(PATH, json={"name": "x", "url": PUBLIC}), 400, "invalid-idempotency-key",
                   "Idempotency-Key")  # fmt: skip


async def test_a_shop_has_its_own_endpoints_and_finds_no_others(api: Api) -> None:
    """Not even that a name is taken: each storefront's names begin with its own."""
    await added(api.operator, name="hooks")
    mine = await added(api.shop)
    assert (mine["name"], mine["owner"], mine["secret_from"]) == ("shop:hooks", "shop", "")
    theirs = await api.stranger.post(
        PATH, json={"name": "hooks", "url": PUBLIC}, headers={**RIVAL, "Idempotency-Key": "k1"}
    )
    assert (theirs.status_code, theirs.json()["name"]) == (201, "rival:hooks")
    assert [one["name"] for one in (await api.shop.get(PATH)).json()["items"]] == ["shop:hooks"]
    for name in ("hooks", "rival:hooks", "nobody"):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"url": PUBLIC}),
            ("DELETE", "", None),
            ("POST", "/secret", None),
            ("POST", "/test", None),
            ("POST", "/replay", {"given_up": True}),
        ):
            found = await api.shop.request(method, f"{PATH}/{name}{path}", json=body)
            assert assert_problem(found, 404, "not-found") == f"there is no webhook {name}"
    assert_problem(await add(api.shop, "k2", name="b", owner="rival"), 422, "invalid-field", "owner")
    for name in ("rival:hooks", "shop:hooks", "..", "a b", "a/b", "x" * 64):
        assert_problem(await add(api.shop, "k3", name=name), 422, "invalid-field", "name")
    for name in ("shop:hooks", "deliveries"):
        assert_problem(await add(api.operator, "k3", name=name), 422, "invalid-field", "name")
    told = assert_problem(await add(api.shop, "k4", name="c", types=["resellflow.incident.raised.v1"]), 422,
                          "invalid-field", "types")  # fmt: skip
    assert "goes to no storefront" in told


async def test_a_shop_may_have_ten_however_many_it_asks_for_at_once(api: Api) -> None:
    answers = await asyncio.gather(
        *(add(api.shop, f"k{n}", name=f"n{n}") for n in range(by_api.MOST_OF_A_STOREFRONT + 3))
    )
    assert sorted(one.status_code for one in answers) == [201] * by_api.MOST_OF_A_STOREFRONT + [409] * 3
    assert len((await api.shop.get(PATH)).json()["items"]) == by_api.MOST_OF_A_STOREFRONT
    assert (await api.shop.delete(f"{PATH}/shop:n0")).status_code in (204, 404)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/hooks",
        pytest.param("https://127.0.0.1/hooks", marks=pytest.mark.proof),
        pytest.param("https://10.1.2.3/hooks", marks=pytest.mark.proof),
        "https://[::1]/hooks",
        pytest.param("https://169.254.169.254/latest/meta-data", marks=pytest.mark.proof),
        pytest.param("http://shop.example.com/hooks", marks=pytest.mark.proof),
        pytest.param("https://user:word@shop.example.com/", marks=pytest.mark.proof),
        pytest.param("ftp://shop.example.com/", marks=pytest.mark.proof),
    ],
)
async def test_a_shop_chooses_no_private_address_although_operators_may(sqlite_api: Api, url: str) -> None:
    assert_problem(await add(sqlite_api.shop, url=url), 422, "invalid-field", "url")
    await added(sqlite_api.shop)
    assert_problem(await sqlite_api.shop.patch(f"{PATH}/shop:hooks", json={"url": url}), 422, "invalid-field", "url")


async def test_a_shop_s_name_that_leads_into_our_network_is_not_called_and_not_told(
    sqlite_api: Api, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operators' endpoint of the same name is. Whether the name is there is told to the shop in neither case."""
    api, names = sqlite_api, {"inside.example.com": "127.0.0.1"}
    real = socket.getaddrinfo

    def lookup(host: Any, *more: Any, **named: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        if text.endswith("nowhere.example.com"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(names.get(text, host), *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    inside = f"https://inside.example.com:{receiver.url.rpartition(':')[2]}"
    await added(api.shop, name="in", url=inside)
    await added(api.shop, "k2", name="out", url="https://nowhere.example.com/")
    async with sending_of(api, webhook_retry_delays=[]):
        told = []
        for name in ("in", "out"):
            tried = await api.shop.post(f"{PATH}/shop:{name}/test")
            await until_delivered(api, tried.json()["number"], state="given_up")
            shown = (await api.shop.get(f"{PATH}/deliveries/{tried.json()['number']}")).json()
            told.append(shown["log"][0]["error"].replace("inside.", "").replace("nowhere.", ""))
        assert told == ["not sent: example.com leads to no public address"] * 2
        assert receiver.received == []
        # The operators' own go there: it fails at TLS, which the receiver does not speak.
        await added(api.operator, name="ours", url=inside)
        tried = await api.operator.post(f"{PATH}/ours/test")
        failed = await until_delivered(api, tried.json()["number"], state="given_up")
        assert failed["log"][0]["error"].startswith("no answer")


async def test_what_stands_at_a_shop_s_address_is_not_read_by_us(sqlite_api: Api, receiver: Receiver) -> None:
    """Where the settings let a shop's endpoint be on this machine; redirects are not followed, answers not kept."""
    receiver.answers = [
        Answer(302, {"location": receiver.url + "/elsewhere"}, b"secret words"),
        Answer(200, body=b"more"),
    ]
    api = sqlite_api
    async with sending_of(api, webhook_storefront_private=True, webhook_retry_delays=[0.01]):
        async with api.database.write() as session:
            endpoint = WebhookEndpoint(name="shop:hooks", url=receiver.url, owner="shop", address_by_shop=True)
            sealer = Sealer.of(api.settings.webhook_key_file)
            await endpoints.add_with_secret(session, endpoint, sealer=sealer, private=True, actor="shop")
        tried = await api.shop.post(f"{PATH}/shop:hooks/test")
        await until_delivered(api, tried.json()["number"])
        shown = (await api.shop.get(f"{PATH}/deliveries/{tried.json()['number']}")).json()
    assert [one["answer"] for one in shown["log"]] == ["", ""]
    assert shown["log"][0]["error"] == "answered 302; redirects are not followed"
    assert {one.path for one in receiver.received} == {"/hooks"}


async def test_an_address_counts_as_the_shop_s_once_the_shop_has_changed_it(
    sqlite_api: Api, receiver: Receiver
) -> None:
    api = sqlite_api
    await added(api.operator, name="shop-in", url=receiver.url, owner="shop")
    assert_problem(await api.shop.patch(f"{PATH}/shop-in", json={"url": "http://127.0.0.1:9/x"}), 422, "invalid-field",
                   "url")  # fmt: skip

    async def by_shop() -> bool:
        async with api.database.read() as session:
            query = select(WebhookEndpoint).where(WebhookEndpoint.name == "shop-in")
            return (await session.exec(query)).one().address_by_shop

    assert (await api.shop.patch(f"{PATH}/shop-in", json={"types": []})).status_code == 200
    assert not await by_shop(), "the address is the operator's still"
    assert (await api.shop.patch(f"{PATH}/shop-in", json={"url": PUBLIC})).status_code == 200
    assert await by_shop()
    assert (await api.operator.patch(f"{PATH}/shop-in", json={"url": receiver.url})).status_code == 200
    assert not await by_shop()


async def test_the_secret_of_a_variable_is_replaced_where_it_stands(sqlite_api: Api) -> None:
    async with sqlite_api.database.write() as session:
        endpoint = WebhookEndpoint(name="old", url=PUBLIC, owner="shop", secret_env="SHOP_SECRET")
        await endpoints.add_endpoint(session, endpoint, private=False, actor="olga")
    told = assert_problem(await sqlite_api.operator.post(f"{PATH}/old/secret"), 409, "refused")
    assert "environment variable SHOP_SECRET" in told


async def two_messages(api: Api) -> None:
    """One about a service of shop, one about nobody's."""
    await api.order("cart-1")
    async with api.database.write() as session:
        news = outbox.TaskNews(service=1, operation=1, task=1, department="support", due_at=None)
        session.add(outbox.message(MessageType.TASK_OVERDUE, news, service=1))
        session.add(outbox.message(MessageType.TASK_OVERDUE, news))


async def test_what_was_missed_is_sent_once_more_to_each_what_is_its_own(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await two_messages(api)
    while await fanout.fan_out(api.database):
        pass
    await added(api.operator, name="all", types=["resellflow.task.overdue.v1"])
    await added(api.shop, types=["resellflow.task.overdue.v1"])
    since = {"since": (utc_now() - timedelta(hours=1)).isoformat()}
    assert (await api.operator.post(f"{PATH}/all/replay", json=since)).json() == {"replayed": 2}
    assert (await api.shop.post(f"{PATH}/shop:hooks/replay", json=since)).json() == {"replayed": 1}
    later = {"since": (utc_now() + timedelta(hours=1)).isoformat()}
    assert (await api.shop.post(f"{PATH}/shop:hooks/replay", json=later)).json() == {"replayed": 0}
    [delivery] = (await api.shop.get(f"{PATH}/deliveries")).json()["items"]
    assert (delivery["webhook"], delivery["service"]) == ("shop:hooks", 1)
    for wrong in ({}, {"since": "2026-03-01T00:00:00"}, {**since, "given_up": True}, {"given_up": False}):
        assert (await api.shop.post(f"{PATH}/shop:hooks/replay", json=wrong)).status_code == 422, wrong
    told = assert_problem(await api.shop.post(f"{PATH}/shop:hooks/replay", json={}), 422, "invalid-body", "body")
    assert told == "body: name `since` or `given_up`, one of them"
    monkeypatch.setattr(replay, "MOST", 1)
    told = assert_problem(await api.operator.post(f"{PATH}/all/replay", json=since), 422, "invalid-field", "since")
    assert "more than 1 messages" in told


async def test_a_changed_address_gets_at_once_what_waits(sqlite_api: Api, receiver: Receiver) -> None:
    api = sqlite_api
    await added(api.operator, name="bell", url="http://127.0.0.1:9/closed", types=["resellflow.task.overdue.v1"])
    await two_messages(api)
    async with sending_of(api, webhook_retry_delays=[3600.0]):

        async def failing() -> bool:
            return (await api.operator.get(f"{PATH}/bell")).json()["failing_since"] is not None

        await assert_eventually(failing)
        await api.operator.patch(f"{PATH}/bell", json={"url": receiver.url})
        await assert_eventually(lambda: len(receiver.received) == 2, message="both messages have come")


@pytest.mark.parametrize("migrated_database_url", ["postgresql"], indirect=True)
async def test_an_endpoint_that_is_removed_while_messages_are_spread_disturbs_nobody(api: Api) -> None:
    """The sender has read which endpoints there are, and then waits; one of them is removed meanwhile."""
    await added(api.shop)
    await added(api.operator, "k2", name="all")
    await two_messages(api)
    async with api.database.write() as holding:
        await holding.exec(sa.text("LOCK TABLE webhook_delivery IN SHARE MODE"))  # type: ignore[call-overload]
        spreading = asyncio.ensure_future(fanout.fan_out(api.database))

        async def waits(count: int) -> bool:
            async with api.database.read() as session:
                return bool((await session.exec(WAITING)).one()[0] == count)  # type: ignore[call-overload]

        await assert_eventually(lambda: waits(1), message="the fan-out waits")
        removing = asyncio.ensure_future(api.shop.delete(f"{PATH}/shop:hooks"))
        await assert_eventually(lambda: waits(2), message="and the removal does")
    assert await spreading > 0
    assert (await removing).status_code == 204
    assert [one["webhook"] for one in (await api.operator.get(f"{PATH}/deliveries")).json()["items"]] != []
