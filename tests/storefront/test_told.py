"""What a storefront reads tells nothing of balances, of addresses of upstreams, or of what belongs to others."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel.sql.sqltypes import AutoString

from models.audit import AuditEntry
from models.catalogue import UpstreamAccount
from models.enums import EventKind, FailureClass, IncidentKind, MessageType, Stage
from models.incident import Incident
from models.order import Operation, Service, StageEntry, Task
from models.rows import table_of
from models.webhooks import WebhookEndpoint
from orders.lifecycle.stages import enter, locked_operation
from orders.webhooks import deliveries, endpoints, fanout, outbox, replay
from orders.webhooks.redaction import data_for_shop, reason_for_shop
from tests.infrastructure.processes import free_port
from tests.storefront.api import RIVAL, Api, assert_problem
from tests.storefront.test_stream import following

SECRETS = ("612.34", "billing.upstream.test", "4711", "boss@upstream.test", "rival")
FUNDS = "17.00 EUR are needed, 612.34 EUR are free of 99.00 EUR; operation 4711 of service 4712 is before it"
AWAY = "https://billing.upstream.test:1500/billmgr does not answer (ConnectError 10.0.0.7)"
EXISTS = "service 4711 of ours (active, item 900001) has the name x.example"
SAID = "template: 'x' is not known to client 4711 of https://billing.upstream.test/ (boss@upstream.test, 612.34 EUR)"
FOREIGN = "something of somebody else is in the cart: row 4711, 612.34 EUR"

STAGES = [
    (Stage.WAITING_FOR_FUNDS, FUNDS, FailureClass.FUNDS, "too little money"),
    (Stage.RETRYING, AWAY, FailureClass.NOT_SENT, "can't be reached"),
    (Stage.RETRYING, FOREIGN, None, ""),
    (Stage.RETRYING, AWAY, FailureClass.OUTCOME_UNKNOWN, "does not answer; nothing is sent before it does"),
    (Stage.OUTCOME_UNKNOWN, AWAY, FailureClass.OUTCOME_UNKNOWN, "not known yet"),
    (Stage.NEEDS_ATTENTION, EXISTS, FailureClass.EXISTS, "name or address already"),
    (Stage.NEEDS_ATTENTION, AWAY, FailureClass.SETUP_FAULT, "not set up right"),
    (Stage.NEEDS_ATTENTION, FOREIGN, None, ""),
    (Stage.NEEDS_ATTENTION, FUNDS, FailureClass.PRICE_CHANGED, "its price is not what was agreed"),
    (Stage.NEEDS_ATTENTION, SAID, FailureClass.REJECTED, "template: 'x' is not known to client …"),
]


async def change(api: Api, stage: Stage, reason: str, failure: FailureClass | None) -> None:
    async with api.database.write() as session:
        await enter(session, await locked_operation(session, 1), stage, reason, failure=failure)


async def test_the_reason_of_a_stage_is_told_without_what_is_not_the_shops_and_so_later(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    for stage, reason, failure, told in STAGES:
        await change(sqlite_api, stage, reason, failure)
        shown: list[str] = []
        for path in ("operations/1", "operations", "services/1", "services/1/history", "tasks/1"):
            answer = await sqlite_api.shop.get(f"/v1/{path}")
            assert answer.status_code == 200
            shown.append(answer.text)
        assert not [(secret, text) for secret in SECRETS for text in shown if secret in text], reason
        assert all(told in text for text in shown[:2]), reason
        assert reason in (await sqlite_api.operator.get("/v1/operations/1")).text, "our own people read it whole"

    await change(sqlite_api, Stage.AWAITING_CONFIRMATION, "item 900001", None)
    async with following(sqlite_api, 1) as events:
        passed = str([(await events.next()).data for _ in range(len(STAGES) + 2)])
    for text in ((await sqlite_api.shop.get("/v1/operations/1")).text, passed):
        assert not [secret for secret in SECRETS if secret in text]
        assert "item 900001" in text
        ours = ("top up", "`resell", "repair the", "restore the")
        assert not [words for words in ours if words in text], "a shop can't do that"


OF_THE_SHOP = {
    *("service.customer", "service.name", "service.ip", "service.upstream_number"),
    *("service.suspend_reason", "service.product_type", "service.reference"),
    *("operation.actor", "operation.called_off_by", "operation.upstream_name", "operation.quote"),
    *("task.title", "task.department", "task.assignee"),
    *("audit_entry.actor", "audit_entry.action"),
}
"""Columns of text that a storefront reads of its own services. Whoever adds one has thought of who reads it."""


async def test_a_storefront_reads_no_column_that_nobody_meant_for_it(sqlite_api: Api) -> None:
    """Each column of text holds its own name; what then stands in the answers is what is read."""
    await sqlite_api.order("cart-1")
    await change(sqlite_api, Stage.NEEDS_ATTENTION, "x", None)
    entry = AuditEntry(actor="x", action="x", subject="service", subject_number=1, detail={"reason": "x", "what": "x"})
    await sqlite_api.add(entry)
    kept = {"service.owner", "audit_entry.subject"}
    planted: set[str] = set()
    async with sqlite_api.database.write() as session:
        connection = await session.connection()
        for model in (Service, Operation, StageEntry, Task, AuditEntry):
            for column in table_of(model).c:
                where = f"{column.table.name}.{column.name}"
                if column.name.endswith("_currency"):
                    continue
                if type(column.type) in (sa.String, sa.Text, AutoString) and where not in kept and not column.unique:
                    await connection.execute(sa.update(column.table).values({column.name: f"<{where}>"}))
                    planted.add(where)
        detail = {"reason": "<audit_entry.detail>", "what": "<audit_entry.detail>"}
        await connection.execute(sa.update(table_of(AuditEntry)).values(detail=detail))
    assert {"operation.reason", "stage_entry.reason", "task.instructions", "task.note"} < planted
    shown = ""
    for path in ("services/1", "services", "services/1/history", "operations/1", "operations", "tasks/1", "tasks"):
        answer = await sqlite_api.shop.get(f"/v1/{path}")
        assert answer.status_code == 200, answer.text
        shown += answer.text
    async with following(sqlite_api, 1) as events:
        shown += str([(await events.next()).data for _ in range(2)])
    assert set(re.findall(r"<([a-z_]+\.[a-z_]+)>", shown)) == OF_THE_SHOP


async def test_the_history_does_not_name_the_storefront_of_before(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    for owner in ("rival", "shop"):
        given = await sqlite_api.operator.put("/v1/services/1/owner", json={"owner": owner, "reason": "moved"})
        assert given.status_code == 200
    back, away = (await sqlite_api.shop.get("/v1/services/1/history")).json()["items"][:2]
    assert back["changes"]["owner"] == {"before": "", "after": "shop"}
    assert away["changes"]["owner"] == {"before": "shop", "after": ""}
    whole = (await sqlite_api.operator.get("/v1/services/1/history")).json()["items"][0]
    assert whole["changes"]["owner"] == {"before": "rival", "after": "shop"}


async def test_which_upstreams_there_are_is_not_told_by_a_filter(sqlite_api: Api) -> None:
    for name in ("main", "nothing"):
        assert (await sqlite_api.shop.get("/v1/operations", params={"upstream": name})).json()["items"] == []
    assert_problem(
        await sqlite_api.operator.get("/v1/operations", params={"upstream": "nothing"}),
        422,
        "invalid-field",
        "upstream",
    )


async def test_why_a_key_can_not_be_read_at_the_upstream_goes_to_the_log(
    sqlite_api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MAIN_PASSWORD", "secret")
    await sqlite_api.order("cart-1")
    async with sqlite_api.database.write() as session:
        service, account = await session.get_one(Service, 1), await session.get_one(UpstreamAccount, 1)
        service.product_type, service.upstream_number = "soft", "900001"
        account.url = f"https://127.0.0.1:{free_port()}/billmgr"
        account.settings = account.settings | {"password_env": "MAIN_PASSWORD"}
    answer = await sqlite_api.shop.get("/v1/services/1/licence-key")
    told = assert_problem(answer, 502, "upstream-failed")
    assert told == "The upstream can't be read at the moment. Try again later."
    for_us = await sqlite_api.operator.get("/v1/services/1/licence-key")
    words = assert_problem(for_us, 502, "upstream-failed")
    assert words in caplog.text
    assert "can't be read at the moment" not in words


@pytest.mark.parametrize("text", ["x" * 60_000, "1" * 60_000, "a@" * 30_000, "http" * 15_000, "EUR" * 20_000])
def test_what_the_upstream_says_is_read_in_bounded_time(text: str) -> None:
    assert reason_for_shop(Stage.NEEDS_ATTENTION, text, FailureClass.REJECTED)


SUMS = [
    "12.34 EUR",
    "€12.34",
    "12,34 €",
    "$5.00",
    "500 руб.",
    "500 рублей",
    "12.34 eur",
    "1 234,56 EUR",
    "USD 1 234.56",
]
ADDRESSES = [
    "https://billing.example/x",
    "//billing.example/x",
    "billing.example:1500",
    "10.0.0.5",
    "172.16.1.1:1500/b",
]
NUMBERS = ["service 17", "service №17", "order #17", "account=17", "elid=17", "client no. 17"]


@pytest.mark.parametrize("said", SUMS + ADDRESSES + NUMBERS)
def test_however_it_is_written_a_shop_reads_no_sum_no_address_and_no_number_of_others(said: str) -> None:
    told = reason_for_shop(Stage.NEEDS_ATTENTION, f"It said: {said} is wrong.", FailureClass.REJECTED)
    assert re.fullmatch(r"It said: (\(a sum\)|\(an address\)|[a-z]+.*…) is wrong\.", told), told


async def test_a_shop_is_not_told_where_temporal_ui_is(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    for path in ("/v1/operations/1", "/v1/operations"):
        assert "/namespaces/" not in (await sqlite_api.shop.get(path)).text
        assert "/namespaces/" in (await sqlite_api.operator.get(path)).text


def test_a_shop_reads_what_is_said_of_the_values_of_its_order() -> None:
    said = "v2.vds.order.param (value/ostempl): 203.0.113.7 has no Debian-12, 4 GB, 12:30:15 on 2026-03-01"
    assert reason_for_shop(Stage.NEEDS_ATTENTION, said, FailureClass.REJECTED) == said


# Webhooks.


async def add_endpoints(api: Api, **owners: str | None) -> None:
    async with api.database.write() as session:
        for name, owner in owners.items():
            endpoint = WebhookEndpoint(name=name, url=f"https://{name}.test/hooks", secret_env="S", owner=owner)
            await endpoints.add_endpoint(session, endpoint, private=False, actor="ann")


async def test_an_endpoint_of_a_storefront_gets_what_is_about_its_services_and_no_more(api: Api) -> None:
    await add_endpoints(api, ours=None, of_shop="shop", of_rival="rival")
    await api.order("cart-1")
    await api.stranger.post(
        "/v1/services",
        json={"plan": "VDS-1", "period_months": 1, "customer": "c-1"},
        headers=RIVAL | {"Idempotency-Key": "cart-1"},
    )
    await change(api, Stage.WAITING_FOR_FUNDS, FUNDS, FailureClass.FUNDS)
    async with api.database.write() as session:
        await enter(session, await locked_operation(session, 2), Stage.NEEDS_ATTENTION, SAID)
        service = await session.get_one(Service, 1)
        incident = Incident(kind=IncidentKind.SECOND_ITEM, fingerprint="f", service_id=1, message=EXISTS, detail={})
        session.add(incident)
        await session.flush()
        outbox.incident_raised(session, incident)
        outbox.service_changed(
            session,
            service,
            EventKind.OPENED,
            upstream="main",
            operation=1,
            event="e1",
            changes={"ip": ("", "192.0.2.1")},
        )
    assert await fanout.fan_out(api.database) > 0

    messages = await deliveries.due(api.database, but_not=())
    got: dict[str, list[tuple[str, int | None]]] = {}
    for outgoing in messages:
        got.setdefault(outgoing.endpoint_name, []).append((outgoing.kind, outgoing.service))
    of_shop = [(MessageType.OPERATION_WAITING_FOR_FUNDS.value, 1), (MessageType.SERVICE_OPENED.value, 1)]
    assert got["of_shop"] == of_shop
    assert got["of_rival"] == [(MessageType.OPERATION_NEEDS_ATTENTION.value, 2)]
    assert sorted(got["ours"], key=str) == sorted(
        [*of_shop, *got["of_rival"], (MessageType.INCIDENT_RAISED.value, 1)], key=str
    )
    told = {
        outgoing.endpoint_name: outgoing.data
        for outgoing in messages
        if outgoing.kind.startswith("resellflow.operation")
    }
    assert told["of_shop"]["reason"] == "the reseller's account at the upstream has too little money"
    assert not [secret for secret in SECRETS if secret in str(told["of_rival"])]
    assert FUNDS in str([outgoing.data for outgoing in messages if outgoing.endpoint_name == "ours"])

    async with api.database.write() as session:
        endpoint = await endpoints.endpoint_named(session, "of_shop")
        since = endpoint.created_at.replace(year=2000)
        assert await replay.replay_since(session, endpoint, since, actor="ann") == len(of_shop)


async def test_a_storefront_sees_its_own_endpoints_and_their_deliveries(sqlite_api: Api) -> None:
    await add_endpoints(sqlite_api, ours=None, of_shop="shop", of_rival="rival")
    await sqlite_api.order("cart-1")
    await change(sqlite_api, Stage.WAITING_FOR_FUNDS, FUNDS, FailureClass.FUNDS)
    await fanout.fan_out(sqlite_api.database)

    [own] = (await sqlite_api.shop.get("/v1/webhooks")).json()["items"]
    assert (own["name"], own["owner"], own["secret_from"]) == ("of_shop", "shop", "")
    [delivery] = (await sqlite_api.shop.get("/v1/webhooks/deliveries")).json()["items"]
    address = f"/v1/webhooks/deliveries/{delivery['number']}"
    shown = await sqlite_api.shop.get(address)
    assert shown.json()["data"]["reason"] == "the reseller's account at the upstream has too little money"
    assert (await sqlite_api.shop.post(f"{address}/replay")).status_code == 200
    everything = (await sqlite_api.operator.get("/v1/webhooks/deliveries")).json()["items"]
    assert {one["webhook"] for one in everything} == {"ours", "of_shop"}
    [of_ours] = [one["number"] for one in everything if one["webhook"] == "ours"]

    assert (await sqlite_api.stranger.get("/v1/webhooks/deliveries", headers=RIVAL)).json()["items"] == []
    for number, headers in ((delivery["number"], RIVAL), (of_ours, RIVAL)):
        for method, path in (("GET", ""), ("POST", "/replay")):
            answer = await sqlite_api.stranger.request(
                method, f"/v1/webhooks/deliveries/{number}{path}", headers=headers
            )
            assert_problem(answer, 404, "not-found")
    for name in ("ours", "of_rival", "nothing"):
        answer = await sqlite_api.shop.get("/v1/webhooks/deliveries", params={"webhook": name})
        assert_problem(answer, 422, "invalid-field", "webhook")


async def test_an_address_among_the_values_of_an_item_is_not_told(sqlite_api: Api) -> None:
    await sqlite_api.order("cart-1")
    words = ["", "see https://billing.upstream.test/tasks/4711"]
    entry = AuditEntry(
        actor="upstream main", action="changed", subject="service", subject_number=1, changes={"upstream_detail": words}
    )
    await sqlite_api.add(entry)
    shown = (await sqlite_api.shop.get("/v1/services/1/history")).json()["items"][0]
    assert shown["changes"]["upstream_detail"] == {"before": "", "after": "see (an address)"}
    assert (
        data_for_shop({"changes": {"x": {"before": "", "after": words[1]}}})["changes"]["x"]["after"]
        == "see (an address)"
    )


def test_a_field_that_nobody_has_judged_is_not_sent_to_a_storefront() -> None:
    data: dict[str, Any] = {"service": 1, "operation": 2, "balance": "12.34 EUR"}
    assert data_for_shop(data) == {"service": 1, "operation": 2}
    known = outbox.ServiceNews, outbox.OperationNews, outbox.TaskNews
    example = {name: "" for shape in known for name in shape.model_fields}
    assert (
        data_for_shop(example | {"stage": "queued", "failure_class": None, "changes": {}}).keys() == example.keys()
    ), "all are judged"
