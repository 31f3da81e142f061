"""Incidents, as operators see and close them."""

import pytest

from models.enums import IncidentKind
from orders.incidents.record import raise_incident
from tests.storefront.api import Api, assert_problem


async def with_incidents(api: Api) -> Api:
    """Three of them: two about service 1, of which the older one is closed."""
    await api.order("cart-1")
    await api.order("cart-2")
    async with api.database.write() as session:
        for service, about in ((1, "first"), (2, "second"), (1, "third")):
            assert await raise_incident(
                session, IncidentKind.LATE_YES, f"the {about} one", about=about, service=service, operation=service
            )
    await close(api, 1)
    return api


async def close(api: Api, number: int, note: str = "it was refunded") -> object:
    return (await api.operator.post(f"/v1/incidents/{number}/close", json={"note": note})).status_code


@pytest.fixture
async def troubled_api(api: Api) -> Api:
    return await with_incidents(api)


async def numbers(api: Api, query: str = "") -> list[int]:
    answer = await api.operator.get(f"/v1/incidents{query}")
    assert answer.status_code == 200, answer.text
    return [incident["number"] for incident in answer.json()["items"]]


async def test_incidents_are_listed_newest_first_and_can_be_narrowed(troubled_api: Api) -> None:
    assert await numbers(troubled_api) == [3, 2, 1]
    assert await numbers(troubled_api, "?open=true") == [3, 2]
    assert await numbers(troubled_api, "?open=false") == [1]
    assert await numbers(troubled_api, "?service=1&open=true") == [3]
    assert await numbers(troubled_api, "?kind=second_item") == []
    page = (await troubled_api.operator.get("/v1/incidents?limit=2")).json()
    assert await numbers(troubled_api, f"?cursor={page['next_cursor']}") == [1]


async def test_an_incident_says_what_happened_and_who_explained_it(troubled_api: Api) -> None:
    shown = (await troubled_api.operator.get("/v1/incidents/1")).json()
    assert (shown["kind"], shown["open"], shown["message"]) == ("late_yes", False, "the first one")
    assert (shown["closed_by"], shown["closing_note"]) == ("olga", "it was refunded")
    assert shown["closed_at"] is not None


async def test_a_service_shows_what_is_open_about_it(troubled_api: Api) -> None:
    assert (await troubled_api.shop.get("/v1/services/1")).json()["open_incidents"] == [3]
    await close(troubled_api, 3)
    assert (await troubled_api.shop.get("/v1/services/1")).json()["open_incidents"] == []


async def test_an_incident_is_closed_once(troubled_api: Api) -> None:
    again = await troubled_api.operator.post("/v1/incidents/1/close", json={"note": "once more"})
    assert_problem(again, 409, "refused")
    assert "closed by olga" in again.json()["detail"]


async def test_a_note_is_needed(troubled_api: Api) -> None:
    assert await close(troubled_api, 2, note="") == 422
    assert (await troubled_api.operator.post("/v1/incidents/2/close")).status_code == 422
    assert await numbers(troubled_api, "?open=true") == [3, 2]


async def test_incidents_are_for_operators(idle_api: Api) -> None:
    for method, path in (("GET", ""), ("GET", "/1"), ("POST", "/1/close")):
        answer = await idle_api.shop.request(method, f"/v1/incidents{path}", json={"note": "no"} if path else None)
        assert answer.status_code == 403, (method, path)


async def test_an_incident_that_is_not_there(idle_api: Api) -> None:
    assert (await idle_api.operator.get("/v1/incidents/9")).status_code == 404
    assert await close(idle_api, 9) == 404


async def test_the_same_incident_is_written_down_once_also_by_two_at_the_same_time(api: Api) -> None:
    async with api.database.write() as session:
        assert await raise_incident(session, IncidentKind.SECOND_ITEM, "two items", about="17, 18")
        assert not await raise_incident(session, IncidentKind.SECOND_ITEM, "two items", about="17, 18")
        assert await raise_incident(session, IncidentKind.SECOND_ITEM, "two other items", about="19, 20")
    assert await numbers(api) == [2, 1]
