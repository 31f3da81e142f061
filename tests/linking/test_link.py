"""`resell link`: a service and an item that was bought by hand, or that lost its link."""

import asyncio
from typing import Any

import pytest

from models.catalogue import UpstreamAccount
from models.enums import Knowledge, RenewalOwner, ServiceStatus, Stage
from orders.errors import InvalidField, Refused
from orders.linking.requests import LinkRequest, Outcome
from tests.infrastructure.listing import record_items
from tests.linking.conftest import Office
from tests.storefront.api import Api, assert_problem


async def link(office: Office, service: int, item: str, **wish: Any) -> Outcome:
    request = LinkRequest(upstream_number=item, **wish)
    return await office.linker.link(service, request, actor="ann")


async def refused(office: Office, service: int, item: str, words: str) -> None:
    """Refused, also with force; and nothing has changed."""
    for wish in ({}, {"force": True, "reason": "I want it"}, {"dry_run": True}):
        with pytest.raises(Refused, match=words):
            await link(office, service, item, **wish)
    assert (await office.service(service)).upstream_number is None
    assert await office.told(service) == []


async def test_the_service_is_what_the_item_is_and_the_item_carries_our_mark(office: Office) -> None:
    service, item = await office.add_service(), await office.bought(ip="203.0.113.7")
    run = (await office.shell.resell("link", service, item, "--reason", "bought by hand", "--actor", "ann")).done()
    assert run.lines == [f"service {service} is item {item} at main; it carries our mark rf-test-{service}"]
    now = await office.service(service)
    assert (now.upstream_number, now.status, now.ip) == (item, ServiceStatus.ACTIVE, "203.0.113.7")
    assert now.expires_on is not None
    assert (await office.item(item))["remoteid"] == now.mark
    linked, marked = await office.told(service)
    assert (linked.action, linked.actor, linked.detail["reason"]) == ("linked", "ann", "bought by hand")
    assert linked.changes["upstream_number"] == ["", item]
    assert linked.changes["status"] == ["ordered", "active"]
    assert (marked.action, marked.detail["mark"]) == ("mark_set", now.mark)
    # Again: there is nothing more to do, or to tell.
    assert (await office.shell.resell("link", service, item, "--json")).done().json["mark_set"] is True
    assert len(await office.told(service)) == 2
    assert (await office.shell.resell("orphans", "main")).done().lines == ["no orphans"]


async def test_what_differs_is_named_and_overruled_only_with_a_reason(office: Office) -> None:
    service = await office.add_service(upstream_number=await office.bought(domain="old.example.com"))
    item = await office.bought(pricelist=59, period=12, autoprolong="12", remoteid="somebody-else-s", status=1)
    dry = (await office.shell.resell("link", service, item, "--dry-run", "--json")).done().json
    assert dry["done"] is False
    for words, found in zip(
        ("not paid", "tariff 59; plan VDS-1 is tariff 58", "period is 12", "renewed by the upstream", "orphan", "mark"),
        dry["differences"],
        strict=True,
    ):
        assert words in found
    (await office.shell.resell("link", service, item)).failed("it has tariff 59; plan VDS-1 is tariff 58")
    with pytest.raises(InvalidField, match="reason"):
        await link(office, service, item, force=True)
    before = (await office.service(service)).upstream_number
    outcome = await link(office, service, item, force=True, reason="they agreed to it")
    assert outcome.differences == dry["differences"]
    now = await office.service(service)
    assert (now.upstream_number, now.renewed_by) == (item, RenewalOwner.UPSTREAM)
    assert before != item
    [linked, _] = await office.told(service)
    assert linked.detail["reason"].startswith("they agreed to it; overruled: it is ordered")


async def test_an_item_of_another_service_is_never_had(office: Office) -> None:
    item = await office.bought()
    first = await office.add_service()
    await link(office, first, item)
    await refused(office, await office.add_service(), item, f"belongs to service {first}")


async def test_an_item_that_is_not_there_or_is_something_else_is_refused(office: Office) -> None:
    service = await office.add_service()
    await refused(office, service, "4711", "has no vds 4711")
    deleted = await office.bought(status=4)
    await refused(office, service, deleted, "is deleted")
    licence = await office.bought("soft", pricelist=3541, licname="l", domain="")
    await refused(office, service, licence, f"has no vds {licence}")


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.NEEDS_ATTENTION, "resell operations mark-done 1 --upstream-number"),
        (Stage.QUEUED, "is in stage queued; wait"),
    ],
)
async def test_a_running_operation_comes_first(office: Office, stage: Stage, words: str) -> None:
    service = await office.add_service(stage=stage)
    await refused(office, service, await office.bought(), words)


async def test_an_item_that_an_order_may_yet_find_is_left_to_it(office: Office) -> None:
    looking = await office.add_service("v9.example.com", stage=Stage.OUTCOME_UNKNOWN)
    service = await office.add_service()
    marked = await office.bought(remoteid=f"rf-test-{looking}-2", domain="other.example.com")
    await refused(office, service, marked, f"carries the mark of service {looking}, and operation 1")
    named = await office.bought(domain="v9.example.com")
    await refused(office, service, named, "operation 1 looks for an item named v9.example.com")


async def test_a_mark_that_can_not_be_set_leaves_the_link_and_is_told(office: Office) -> None:
    service, item = await office.add_service(), await office.bought()
    await office.upstream.fault(
        function="vds.edit", sok=True, times=1, kind="error", error={"type": "access", "object": "remoteid"}
    )
    outcome = await link(office, service, item)
    assert (outcome.done, outcome.mark_set) == (True, False)
    assert "access" in outcome.mark_problem
    assert (await office.service(service)).upstream_number == item
    assert [entry.action for entry in await office.told(service)] == ["linked", "mark_not_set"]
    shown = (await office.shell.resell("link", service, item)).done()
    assert shown.lines == [f"service {service} is item {item} at main; it carries our mark rf-test-{service}"]
    assert (await office.item(item))["remoteid"] == f"rf-test-{service}"


async def test_of_two_people_one_wins(office_anywhere: Office) -> None:
    office = office_anywhere
    item = await office.bought()
    services = [await office.add_service(), await office.add_service()]
    done = await asyncio.gather(*(link(office, one, item) for one in services), return_exceptions=True)
    [winner] = [result for result in done if isinstance(result, Outcome)]
    [loser] = [result for result in done if isinstance(result, Refused)]
    assert "belongs to service" in str(loser)
    held = [(await office.service(one)).upstream_number for one in services]
    assert sorted(held, key=str) == sorted([None, item], key=str)
    assert held[services.index(winner.service or 0)] == item


async def test_what_was_linked_by_hand_teaches_nothing_of_orders(office: Office) -> None:
    item = await office.bought()
    await link(office, await office.add_service("v1.example.com"), item)
    async with office.database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    listing = await (await office.linker._connections.to(account)).list_items("vds")
    changed = [one.model_copy(update={"ip": "203.0.113.9"}) for one in listing.items]
    await record_items(office.database, 1, "vds", listing.items, complete=True)  # the first look
    assert (await record_items(office.database, 1, "vds", changed, complete=True)).events == 1
    async with office.database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    assert (account.lists_return_mark, account.lists_return_name) == (Knowledge.UNKNOWN, Knowledge.UNKNOWN)


async def test_by_the_api_it_is_for_operators(office: Office, api: Api) -> None:
    service, item = await office.add_service(), await office.bought(pricelist=59)
    path, body = f"/v1/services/{service}/link", {"upstream_number": item}
    assert_problem(await api.shop.post(path, json=body), 403, "forbidden")
    assert "tariff 59" in assert_problem(await api.operator.post(path, json=body), 409, "refused")
    assert_problem(await api.operator.post(path, json=body | {"force": True}), 422, "invalid-field", "reason")
    assert_problem(await api.operator.post("/v1/services/4711/link", json=body), 404, "not-found")
    await office.upstream.fault(function="vds.edit", times=1, kind="http_502")
    assert_problem(await api.operator.post(path, json=body), 502, "upstream-failed")
    answer = await api.operator.post(path, json=body | {"force": True, "reason": "a gift"})
    assert (answer.status_code, answer.json()["service"], answer.json()["mark_set"]) == (200, service, True)
    assert (await office.told(service))[0].actor == "olga"
