"""Upstreams: how they do, their money, what was seen there."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from models.catalogue import UpstreamAccount
from models.enums import EventKind, ReservationState, Stage, UpstreamStatus
from models.events import UpstreamEvent, UpstreamSnapshot
from models.order import Reservation
from orders.accounts import pausing
from tests.storefront.api import Api, assert_problem

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILING = {"vds": {"since": NOON.isoformat(), "why": "no right"}}


async def change_account(api: Api, **values: Any) -> None:
    async with api.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        for name, value in values.items():
            setattr(account, name, value)
        session.add(account)


async def upstream(api: Api) -> dict[str, Any]:
    answer = await api.operator.get("/v1/upstreams")
    assert answer.status_code == 200, answer.text
    (only,) = answer.json()["items"]
    assert (await api.operator.get("/v1/upstreams/main")).json() == only
    shown: dict[str, Any] = only
    return shown


async def test_an_upstream_that_was_never_read_says_so(api: Api) -> None:
    shown = await upstream(api)

    assert shown["name"] == "main"
    assert shown["health"] == "unknown"
    assert shown["funds"] is None
    assert shown["low_balance"] is False
    assert shown["orphans"] == 0
    assert shown["capabilities"]["dialect"] == 6
    assert shown["capabilities"]["lists_return_mark"] == "unknown"
    absent = ["call_off", "change_feed", "shows_charges", "holds_quotes", "same_key_again"]
    assert list(shown["capabilities"]["absent"]) == absent
    assert "username" not in shown


async def test_what_a_kind_of_upstream_can_not_do_is_said(api: Api) -> None:
    await change_account(api, kind="resellflow", settings={"token_env": "MAIN_TOKEN"})
    capabilities = (await upstream(api))["capabilities"]
    assert (capabilities["dialect"], capabilities["balance_call"]) == (None, None)
    assert capabilities["absent"]["balance"].startswith("the balance can't be read")


async def test_an_unhealthy_upstream_says_why_and_since_when(api: Api) -> None:
    await change_account(
        api, polled_at=NOON, unhealthy_reason="auth: wrong password", unhealthy_since=NOON, problems=["no balance call"]
    )

    shown = await upstream(api)

    assert shown["health"] == "unhealthy"
    assert shown["unhealthy_reason"] == "auth: wrong password"
    assert shown["unhealthy_since"] == "2026-03-01T12:00:00Z"
    assert shown["polled_at"] == "2026-03-01T12:00:00Z"
    assert shown["problems"] == ["no balance call"]


@pytest.mark.parametrize(
    ("values", "health"),
    [
        ({"polled_at": NOON}, "well"),
        ({"unreachable_reason": "HTTP status 503", "unreachable_since": NOON}, "unreachable"),
        ({"polled_at": NOON, "failing_lists": FAILING}, "partly"),
        ({"failing_lists": FAILING, "unreachable_reason": "HTTP status 503", "unreachable_since": NOON}, "unreachable"),
        ({"unhealthy_reason": "auth", "unreachable_reason": "503", "unreachable_since": NOON}, "unhealthy"),
    ],
)
async def test_an_upstream_that_does_not_answer_or_not_to_everything_is_not_well(
    api: Api, values: dict[str, Any], health: str
) -> None:
    await change_account(api, **values)
    shown = await upstream(api)
    assert shown["health"] == health
    assert shown["unreachable_reason"] == values.get("unreachable_reason")
    assert bool(shown["unreachable_since"]) is bool(shown["unreachable_reason"])
    lists = [{"product_type": "vds", "since": "2026-03-01T12:00:00Z", "reason": "no right"}]
    assert shown["failing_lists"] == (lists if "failing_lists" in values else [])


async def test_free_money_is_the_balance_with_credit_without_what_is_reserved(api: Api) -> None:
    for cart in ("cart-1", "cart-2", "cart-3", "cart-4"):
        await api.order(cart)
    await change_account(
        api, polled_at=NOON, balance=Decimal("60.00"), balance_at=NOON, credit_limit=Decimal("10"), release_count=2
    )
    later, earlier = NOON + timedelta(seconds=1), NOON - timedelta(seconds=1)
    released = ReservationState.RELEASED
    await api.add(
        Reservation(operation_id=1, account_id=1, state=ReservationState.GRANTED, amount=Decimal("5.005")),
        Reservation(operation_id=2, account_id=1, state=ReservationState.WAITING, amount=Decimal(7)),
        Reservation(
            operation_id=3, account_id=1, state=released, amount=Decimal(2), release_number=2, released_at=later
        ),
        Reservation(
            operation_id=4, account_id=1, state=released, amount=Decimal(3), release_number=1, released_at=earlier
        ),
    )

    funds = (await upstream(api))["funds"]

    assert funds["balance"] == {"amount": "60.00", "currency": "EUR"}
    assert funds["balance_at"] == "2026-03-01T12:00:00Z"
    assert funds["reserved"]["amount"] == "7.005"
    assert funds["free"]["amount"] == "62.995"
    assert funds["waiting"]["amount"] == "7.00"
    assert funds["waiting_orders"] == 1


async def test_a_balance_below_the_modules_minimum_is_low(api: Api) -> None:
    await change_account(api, balance=Decimal("50.00"), balance_at=NOON)
    assert (await upstream(api))["low_balance"] is False

    await change_account(api, balance=Decimal("49.99"), balance_at=NOON)

    shown = await upstream(api)
    assert shown["low_balance"] is True
    (module,) = shown["processing_modules"]
    assert module["name"] == "main-vds"
    assert module["minimal_balance"] == {"amount": "50.00", "currency": "EUR"}
    assert module["low_balance"] is True

    await change_account(api, credit_limit=Decimal("5.00"))
    assert (await upstream(api))["low_balance"] is False, "credit is money"
    await change_account(api, credit_limit=Decimal("-5.00"), balance=Decimal("54.00"))
    assert (await upstream(api))["low_balance"] is True


async def test_items_that_are_no_service_of_ours_are_listed_as_orphans(api: Api) -> None:
    await api.order()

    def item(number: str, **values: Any) -> UpstreamSnapshot:
        values.setdefault("status", int(UpstreamStatus.ACTIVE))
        return UpstreamSnapshot(account_id=1, product_type="vds", number=number, **values)

    await api.add(item("11"), item("12", service_id=1), item("13", gone=True), item("14", status=4), item("15"))

    page = (await api.operator.get("/v1/upstreams/main/orphans", params={"limit": 1})).json()
    rest = (await api.operator.get("/v1/upstreams/main/orphans", params={"cursor": page["next_cursor"]})).json()

    assert [orphan["number"] for orphan in page["items"] + rest["items"]] == ["15", "11"]
    assert page["items"][0]["status"] == "active"
    assert (await upstream(api))["orphans"] == 2


async def test_events_are_listed_with_what_changed_and_raw_values(api: Api) -> None:
    await api.order()
    await api.add(event("e1", service_id=1, changes={"ip": ["", "192.0.2.7"]}, raw={"ip": "192.0.2.7"}), event("e2"))

    events = (await api.operator.get("/v1/upstreams/main/events", params={"service": 1})).json()["items"]
    every = (await api.operator.get("/v1/upstreams/main/events")).json()["items"]

    assert [entry["event_id"] for entry in events] == ["e1"]
    assert events[0]["kind"] == "parameters_changed"
    assert events[0]["changes"] == {"ip": {"before": "", "after": "192.0.2.7"}}
    assert events[0]["status"] == "active"
    assert [entry["event_id"] for entry in every] == ["e2", "e1"]
    assert every[1]["raw"] == {"ip": "192.0.2.7"}


async def test_a_fault_of_ours_is_a_problem_with_the_request_id_and_no_details(sqlite_api: Api) -> None:
    await sqlite_api.add(event("e1", status=99))  # no code of any upstream

    answer = await sqlite_api.operator.get("/v1/upstreams/main/events", headers={"X-Request-Id": "ask-17"})

    detail = assert_problem(answer, 500, "internal")
    assert "ask-17" in detail
    assert "99" not in answer.text
    assert answer.headers["X-Request-Id"] == "ask-17"


def event(event_id: str, **values: Any) -> UpstreamEvent:
    values.setdefault("status", int(UpstreamStatus.ACTIVE))
    return UpstreamEvent(
        event_id=event_id,
        account_id=1,
        product_type="vds",
        upstream_number="11",
        kind=EventKind.PARAMETERS_CHANGED,
        **values,
    )


async def test_an_upstream_is_paused_and_resumed(api: Api) -> None:
    why = {"reason": "they move"}
    taken = (await api.operator.post("/v1/upstreams/main/pause", json=why)).json()
    assert (taken["under_way"], taken["message"]) == (0, "main: nothing is sent from now on")
    assert (taken["upstream"]["paused"]["by"], taken["upstream"]["paused"]["reason"]) == ("olga", "they move")
    assert (await upstream(api))["paused"] == taken["upstream"]["paused"]
    again = assert_problem(await api.operator.post("/v1/upstreams/main/pause", json=why), 409, "refused")
    assert "paused by olga since" in again
    for nothing in ({}, {"reason": " "}):
        answer = await api.operator.post("/v1/upstreams/main/resume", json=nothing)
        assert_problem(answer, 422, "invalid-field", "reason")
    assert_problem(await api.operator.post("/v1/upstreams/none/pause", json=why), 404, "not-found")
    taken = (await api.operator.post("/v1/upstreams/main/resume", json=why)).json()
    assert taken["upstream"]["paused"] is None
    assert_problem(await api.operator.post("/v1/upstreams/main/resume", json=why), 409, "refused")


async def test_a_shop_is_not_told_who_paused_it_and_why(api: Api) -> None:
    await api.order()
    await api.operator.post("/v1/upstreams/main/pause", json={"reason": "quarrel with Smith"})
    async with api.database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    waiting = pausing.while_paused(account, "Upstream main, operation 1")
    assert waiting is not None
    await api.enter(1, Stage.RETRYING, waiting.message)
    for path in ("/v1/operations/1", "/v1/plans", "/v1/plans/VDS-1"):
        told = (await api.shop.get(path)).text
        assert "Smith" not in told, path
        assert "olga" not in told, path
    assert "Smith" in (await api.operator.get("/v1/operations/1")).text
    [plan] = [one for one in (await api.shop.get("/v1/plans")).json()["items"] if one["name"] == "VDS-1"]
    assert (plan["availability"]["status"], plan["availability"]["cause"]) == ("unavailable", "account_paused")
