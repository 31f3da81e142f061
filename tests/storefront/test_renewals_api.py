"""The end of a term by HTTP: who renews, which services end, stopping, and a term that is prolonged once."""

from datetime import date

import pytest

from models.enums import MessageType, ServiceStatus, Stage
from models.order import Service
from orders.webhooks.redaction import is_for_shops
from tests.storefront.api import Api, assert_problem
from tests.storefront.test_life_api import ask

ENDS = "2027-03-31"


@pytest.fixture
async def selling(sqlite_api: Api) -> Api:
    """Service 1 of the shop is active, and its term ends on `ENDS`."""
    await sqlite_api.order()
    await sqlite_api.enter(1, Stage.COMPLETED)
    async with sqlite_api.database.write() as session:
        service = await session.get_one(Service, 1)
        service.status, service.expires_on = ServiceStatus.ACTIVE, date.fromisoformat(ENDS)
    return sqlite_api


async def test_a_renewal_is_stopped_and_taken_back(selling: Api) -> None:
    for body, renew, at_end in (
        ({"renew": False}, False, "expire"),
        ({"renew": True}, True, "renew"),
        ({"at_end_of_term": "close"}, False, "close"),
    ):
        answer = await selling.shop.patch("/v1/services/1/renewal", json=body)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["renew"], answer.json()["at_end_of_term"]) == (renew, at_end)
    refused = await ask(selling.shop, "POST", "/prolong", {"period_months": 12})
    assert "to be closed" in assert_problem(refused, 409, "refused")
    history = (await selling.shop.get("/v1/services/1/history")).json()["items"]
    assert [one["changes"]["at_end_of_term"]["after"] for one in history[:3]] == ["close", "renew", "expire"]


async def test_a_service_is_closed_at_the_end_of_its_term_by_the_same_address_as_now(selling: Api) -> None:
    answer = await selling.shop.delete("/v1/services/1?at=end_of_term", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["at_end_of_term"]) == (202, "close")
    assert len((await selling.operator.get("/v1/operations?service=1")).json()["items"]) == 1, "only the opening"
    wrong = await selling.shop.delete("/v1/services/1?at=noon", headers={"Idempotency-Key": "k"})
    assert_problem(wrong, 422, "invalid-field", "at")
    assert (await ask(selling.shop, "DELETE", "", key="now")).status_code == 201


async def test_who_says_why_is_found_in_the_audit(selling: Api) -> None:
    answer = await selling.operator.request(
        "DELETE",
        "/v1/services/1?at=end_of_term",
        json={"reason": "the contract ends"},
        headers={"Idempotency-Key": "k"},
    )
    assert answer.status_code == 202, answer.text
    body = {"renew": True, "reason": "they stay"}
    assert (await selling.operator.patch("/v1/services/1/renewal", json=body)).status_code == 200
    entries = (await selling.operator.get("/v1/audit?action=renewal_changed")).json()["items"]
    assert [one["detail"]["reason"] for one in entries] == ["they stay", "the contract ends"]
    assert {one["subject_number"] for one in entries} == {1}
    shown = await selling.shop.get("/v1/services/1/history")
    assert "the contract ends" not in shown.text, "a shop gets no words of ours"


async def test_nothing_is_written_on_an_operation_that_is_not_made(selling: Api) -> None:
    for name, value in (("reference", "bye"), ("metadata", {"why": "x"})):
        answer = await selling.shop.request(
            "DELETE", "/v1/services/1?at=end_of_term", json={name: value}, headers={"Idempotency-Key": "k"}
        )
        assert_problem(answer, 422, "invalid-field", name)
    assert (await selling.shop.get("/v1/services/1")).json()["at_end_of_term"] == "renew"


async def test_one_thing_is_named_and_of_ones_own_service(selling: Api) -> None:
    for body in ({}, {"renew": True, "at_end_of_term": "renew"}, {"renew": "no"}):
        assert_problem(await selling.shop.patch("/v1/services/1/renewal", json=body), 422, "invalid-field", "renew")
    assert_problem(await selling.shop.patch("/v1/services/2/renewal", json={"renew": False}), 404, "not-found")


async def test_a_term_is_prolonged_once_whatever_the_key(selling: Api) -> None:
    body = {"period_months": 12, "expires_on": ENDS}
    assert (await ask(selling.shop, "POST", "/prolong", body, key="cron")).status_code == 201
    assert (await ask(selling.shop, "POST", "/prolong", body, key="cron")).status_code == 200
    told = assert_problem(await ask(selling.shop, "POST", "/prolong", body, key="callback"), 409, "refused")
    assert "operation 2 is prolonging service 1 already" in told
    for no_day in ("soon", 20270331, "2027-03-31T00:00:00Z", "2027-02-29"):
        wrong = await ask(selling.shop, "POST", "/prolong", body | {"expires_on": no_day}, key="k")
        assert_problem(wrong, 422, "invalid-field", "expires_on")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("expires_before=2027-04-01", [1]),
        pytest.param(f"expires_before={ENDS}", [], marks=pytest.mark.proof),
        ("expires_after=2027-03-30", [1]),
        pytest.param(f"expires_after={ENDS}", [], marks=pytest.mark.proof),
        pytest.param("expires_after=2027-03-30&expires_before=2027-04-01&status=active", [1], marks=pytest.mark.proof),
    ],
)
async def test_services_are_listed_by_the_end_of_their_terms(selling: Api, query: str, found: list[int]) -> None:
    answer = await selling.shop.get(f"/v1/services?{query}")
    assert [one["number"] for one in answer.json()["items"]] == found


@pytest.mark.parametrize(("word", "owner"), [("resellflow", "storefront"), ("automatic", "automatic")])
async def test_the_old_word_is_taken_and_the_answer_has_the_new_one(selling: Api, word: str, owner: str) -> None:
    answer = await ask(selling.shop, "PATCH", "", {"renewal_owner": word})
    assert answer.json()["operation"]["parameters"]["renewal_owner"] == owner
    assert answer.json()["service"]["renewal_owner"] == "storefront"


@pytest.mark.proof
def test_messages_about_terms_go_to_shops() -> None:
    for kind in MessageType:
        if kind.value.split(".")[1] == "renewal":
            assert is_for_shops(kind)
