"""/v1/webhooks, for operators; and the history of a service."""

from models.audit import AuditEntry
from models.enums import DeliveryState
from orders.webhooks import deliveries, fanout
from orders.webhooks.deliveries import Attempt
from tests.storefront.api import Api, assert_problem
from tests.webhooks.sender import add_endpoint, tell


async def test_operators_see_webhooks_and_send_once_more(sqlite_api: Api) -> None:
    api = sqlite_api
    await add_endpoint(api.database, "https://shop.example.com/hooks")
    [message_id] = await tell(api.database, 1)
    await fanout.fan_out(api.database)
    [outgoing] = await deliveries.due(api.database, but_not=[])
    await deliveries.record(api.database, outgoing, Attempt(400, 7, "answered 400", "no"), again_in=None)
    [listed] = (await api.operator.get("/v1/webhooks")).json()["items"]
    assert (listed["name"], listed["given_up"], listed["failure"]) == ("shop", 1, "answered 400")
    found = (await api.operator.get("/v1/webhooks/deliveries?webhook=shop&state=given_up")).json()
    [shown] = found["items"]
    assert shown["message_id"] == message_id
    replayed = await api.operator.post(f"/v1/webhooks/deliveries/{shown['number']}/replay")
    assert replayed.status_code == 200
    assert replayed.json()["state"] == DeliveryState.PENDING
    assert [one["error"] for one in replayed.json()["log"]] == ["answered 400"]
    [again] = await deliveries.due(api.database, but_not=[])
    assert again.message_id == message_id
    assert_problem(await api.operator.post("/v1/webhooks/deliveries/99/replay"), 404, "not-found")
    assert_problem(await api.operator.get("/v1/webhooks/deliveries?webhook=other"), 422, "invalid-field", "webhook")


async def test_the_history_comes_in_pages_and_keeps_notes_for_operators(sqlite_api: Api) -> None:
    api = sqlite_api
    await api.order()
    for before, after in (("active", "suspended"), ("suspended", "active")):
        changes = {"status": [before, after]}
        detail = {"source": "person", "operation": "1", "reason": "asked for by phone"}
        await api.add(
            AuditEntry(actor="olga", action="test", subject="service", subject_number=1, changes=changes, detail=detail)
        )
    page = (await api.operator.get("/v1/services/1/history?limit=1")).json()
    [entry] = page["items"]
    assert entry["changes"] == {"status": {"before": "suspended", "after": "active"}}
    assert (entry["source"], entry["operation"], entry["note"]) == ("person", 1, "asked for by phone")
    rest = (await api.shop.get(f"/v1/services/1/history?cursor={page['next_cursor']}")).json()
    assert rest["items"][0]["changes"] == {"status": {"before": "active", "after": "suspended"}}
    assert rest["items"][0]["note"] is None
    assert_problem(await api.shop.get("/v1/services/99/history"), 404, "not-found")
