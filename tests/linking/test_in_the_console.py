"""Items at an upstream in the console: read, made a service, given to one; and what a viewer may not do."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.enums import Role, ServiceStatus, UpstreamStatus
from models.events import UpstreamSnapshot
from models.order import Service
from tests.console.people import Browser, browser_of, words
from tests.linking.conftest import Office
from tests.storefront.api import Api

Enter = Callable[[Role], Awaitable[Browser]]


@pytest.fixture
async def enter(api: Api) -> Enter:
    async def entered(role: Role) -> Browser:
        return await browser_of(api, f"a-{role.value}", role)

    return entered


async def listed(office: Office, item: str, **fields: Any) -> int:
    """As if the poller had listed it once. Its key."""
    async with office.database.write() as session:
        values: dict[str, Any] = {"name": "as listed", "status": int(UpstreamStatus.ACTIVE), "tariff": "58"} | fields
        row = UpstreamSnapshot(account_id=1, product_type="vds", number=item, **values)
        session.add(row)
        await session.flush()
        return row.id


async def test_an_item_is_made_a_service(office: Office, enter: Enter) -> None:
    item = await office.bought(period=1, status=2)
    key = await listed(office, item)
    browser = await enter(Role.OPERATOR)
    assert f"upstreams/main/items/vds/{item}" in await browser.page("upstreams/main")
    there = await browser.client.get(f"upstreams/main/items/vds/{item}")
    assert (there.status_code, there.headers["location"]) == (303, f"../../../../items/{key}")
    page = await browser.page(f"items/{key}")
    assert "It is no service of ours" in words(page)
    assert 'name="force"' not in page, "an operator may not overrule"
    assert 'name="service" value=""' in page, "no service looks like it"
    for typed, field in (({}, "plan"), ({"plan": "VDS-1"}, "customer"), ({"plan": "none", "customer": "c"}, "plan"),
                         ({"plan": "VDS-1", "customer": "c", "period_months": "x"}, "period_months")):  # fmt: skip
        refused = await browser.send(f"items/{key}/adopt", **typed)
        assert refused.status_code == 422, refused.text
        assert f"{field}:" in words(refused.text) or f"'{field}'" in refused.text or field in words(refused.text)
    made = await browser.send(f"items/{key}/adopt", plan="VDS-1", customer="c-17", period_months="1")
    assert (made.status_code, made.headers["location"]) == (303, f"../{key}")
    after = await browser.page(f"items/{key}")
    assert f"item {item} is service 1 from now on" in words(after)
    assert 'href="../services/1"' in after
    assert "adopt" not in after, "it is a service's now"
    again = await browser.send(f"items/{key}/adopt", plan="VDS-1", customer="c-17", period_months="1")
    assert again.status_code == 409
    service = await office.service(1)
    assert (service.customer, service.upstream_number, service.status) == ("c-17", item, ServiceStatus.ACTIVE)


async def test_an_item_is_given_to_the_service_beside_it(office: Office, enter: Enter) -> None:
    other = await office.add_service("v9.example.com", status=ServiceStatus.ACTIVE)
    number = await office.add_service("v1.example.com", status=ServiceStatus.ACTIVE)
    item = await office.bought(pricelist=59, status=2)
    mark = (await office.service(number)).mark
    key = await listed(office, item, name="V1.example.com", mark=mark)
    browser, senior = await enter(Role.OPERATOR), await enter(Role.SENIOR)
    shown = await browser.page(f"items/{key}")
    assert f'name="service" value="{number}"' in shown
    page = words(shown)
    assert page.count("✓ the same") == 2, "mark and name of one service"
    assert page.count("≠ differs") == 2, "those of the other"
    assert page.index(f"service {number}") < page.index(f"service {other}"), "the likeliest first"
    refused = await browser.send(f"items/{key}/link", service=str(number))
    assert refused.status_code == 409
    assert "tariff" in words(refused.text)
    for wrong in ("x", "0", "99999999999999999999"):
        assert (await browser.send(f"items/{key}/link", service=wrong)).status_code == 422, wrong
    forced = await browser.send(f"items/{key}/link", service=str(number), force="on", reason="agreed")
    assert forced.status_code == 403, "an operator may not overrule"
    assert 'name="force"' in await senior.page(f"items/{key}")
    given = await senior.send(f"items/{key}/link", service=str(number), force="on", reason="agreed")
    assert given.status_code == 303, given.text
    assert (await office.service(number)).upstream_number == item
    assert (await office.told(number))[0].detail["reason"].startswith("agreed; overruled")


@pytest.mark.proof
async def test_the_balance_and_an_item_are_read_now(office: Office, enter: Enter, api: Api) -> None:
    item = await office.bought(status=2, domain="shown.example.com")
    key = await listed(office, item)
    browser = await enter(Role.OPERATOR)
    assert (await browser.send("upstreams/main/read-balance")).status_code == 303
    assert "the balance of main is 100.00 EUR" in words(await browser.page("upstreams/main"))
    async with office.database.read() as session:
        account = await session.get_one(UpstreamAccount, 1)
    assert (account.balance, account.balance_at is not None) == (Decimal("100.00"), True)

    await office.upstream.admin("PATCH", f"/items/{item}", {"status": 3})
    assert (await browser.send(f"items/{key}/read")).status_code == 303
    page = words(await browser.page(f"items/{key}"))
    assert f"vds {item} is suspended" in page
    assert "shown.example.com" in page
    by_number = await browser.send("upstreams/main/read-item", upstream_number=item, product_type="vds")
    assert by_number.status_code == 303
    await office.upstream.admin("DELETE", f"/items/{item}")
    assert (await browser.send(f"items/{key}/read")).status_code == 303
    assert "The upstream does not show it any more" in words(await browser.page(f"items/{key}"))

    new = await office.bought(status=2)
    answer = await api.operator.post(f"/v1/upstreams/main/items/{new}/read", json={"product_type": "vds"})
    assert answer.json()["item"] is None
    assert "no list has shown it yet" in answer.json()["message"]
    which = await api.operator.post(f"/v1/upstreams/main/items/{new}/read", json={"product_type": "tea"})
    assert (which.status_code, which.json()["field"]) == (422, "product_type")


async def test_what_can_not_be_read_is_said_and_changes_nothing(office: Office, enter: Enter) -> None:
    browser = await enter(Role.OPERATOR)
    await office.upstream.fault(kind="http_502")
    refused = await browser.send("upstreams/main/read-balance")
    assert refused.status_code == 502, refused.text
    assert "502" in words(refused.text)
    await office.upstream.admin("DELETE", "/faults")
    async with office.database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).balance_at is None
    assert (await browser.send("upstreams/none/read-balance")).status_code == 404
    assert (await browser.send("upstreams/main/forget")).status_code == 404
    nameless = await browser.send("upstreams/main/read-item", upstream_number="")
    assert nameless.status_code == 422


async def test_a_mark_is_not_set_while_the_upstream_is_paused(office: Office, enter: Enter) -> None:
    """The link is valid all the same; it is the one thing that would be sent."""
    item = await office.bought(period=1, status=2)
    key = await listed(office, item)
    browser = await enter(Role.OPERATOR)
    assert (await browser.send("upstreams/main/pause", reason="they move")).status_code == 303
    made = await browser.send(f"items/{key}/adopt", plan="VDS-1", customer="c-17", period_months="1")
    assert made.status_code == 303
    assert "Our mark is not set" in words(await browser.page(f"items/{key}"))
    assert not (await office.item(item))["remoteid"]
    assert (await office.service(1)).upstream_number == item


@pytest.mark.proof
async def test_a_viewer_sees_and_changes_nothing(office: Office, enter: Enter) -> None:
    item = await office.bought(period=1, status=2)
    key = await listed(office, item)
    viewer = await enter(Role.VIEWER)
    for page in ("upstreams/main", f"items/{key}"):
        assert "<form" not in (await viewer.page(page)).split('id="acts"')[1], page
    sent = {"reason": "r", "plan": "VDS-1", "customer": "c", "service": "1", "upstream_number": item}
    for path in ("upstreams/main/pause", "upstreams/main/resume", "upstreams/main/read-balance",
                 "upstreams/main/read-item", f"items/{key}/adopt", f"items/{key}/link",
                 f"items/{key}/read"):  # fmt: skip
        assert (await viewer.send(path, **sent)).status_code == 403, path
    async with office.database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).paused_since is None
        assert (await session.exec(select(Service))).all() == []
    assert await office.upstream.requests("*") == []
