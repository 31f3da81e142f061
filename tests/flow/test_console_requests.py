"""The console's forms against an upstream that answers: its price of the moment, and what it then does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from models.enums import OperationKind, Role, Stage
from orders.access import people
from orders.lifecycle.acceptance import AcceptedOrder
from storefront.app import create_app
from tests.console.people import PASSWORD, Browser, words
from tests.console.test_requests import form_of
from tests.flow.shop import Shop

pytestmark = pytest.mark.proof


@asynccontextmanager
async def console_of(shop: Shop) -> AsyncIterator[Browser]:
    """An operator in the console of this shop."""
    await people.add(shop.database, "olga", Role.OPERATOR, PASSWORD, actor="test", of_settings={})
    app = create_app(shop.resellflow, shop.settings)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost/console/", timeout=45) as client:
        entered = await client.post("log-in", data={"name": "olga", "password": PASSWORD})
        assert entered.status_code == 303, entered.text
        yield Browser("olga", client)
    await app.state.context.close()


async def completed(shop: Shop, kind: OperationKind, number: int) -> None:
    await shop.until(AcceptedOrder(1, number, kind, "main", created=True), Stage.COMPLETED)


async def test_a_renewal_costs_what_was_shown_or_nothing_is_asked_for(shop: Shop) -> None:
    await shop.until(await shop.order(), Stage.COMPLETED)
    bought = len(await shop.upstream.charges())
    async with console_of(shop) as browser:
        seen = await browser.send("services/1/request/prolong", period_months="1")
        assert "5.00 EUR · it has said so just now" in words(seen.text)
        form = form_of(seen.text) | {"reason": "paid"}
        await shop.upstream.admin("PATCH", "/pricelists/58", {"prices": {"1": "5.20"}})
        refused = await browser.send("services/1/request/prolong/send", **form)
        assert refused.status_code == 409, words(refused.text)
        assert "5.20 EUR (before: 5.00 EUR)" in words(refused.text)
        assert len(await shop.upstream.charges()) == bought
        anew = form_of(refused.text) | {"reason": "paid"}
        for _ in range(2):
            assert (await browser.send("services/1/request/prolong/send", **anew)).status_code == 303
        await completed(shop, OperationKind.PROLONG, 2)
        assert len(await shop.upstream.charges()) == bought + 1
        ends_on = (await shop.service(1)).expires_on
        assert f"Expires on {ends_on} {ends_on}" in words(await browser.page("services/1"))


async def test_add_ons_are_changed_and_a_service_is_closed(shop: Shop) -> None:
    await shop.until(await shop.order(), Stage.COMPLETED)
    async with console_of(shop) as browser:
        choice = await browser.page("services/1/request/set_parameters")
        fields = form_of(choice) | {"addons.ram": "4"}
        seen = await browser.send("services/1/request/set_parameters", **fields)
        assert seen.status_code == 200, words(seen.text)
        sent = await browser.send(
            "services/1/request/set_parameters/send", **form_of(seen.text), reason="the customer needs more"
        )
        assert sent.status_code == 303, words(sent.text)
        await completed(shop, OperationKind.SET_PARAMETERS, 2)
        assert (await shop.service(1)).addons == {"ram": 4}
        assert "ram 4 4" in words(await browser.page("services/1"))
        seen_again = await browser.page("services/1/request/close")
        assert (
            await browser.send("services/1/request/close/send", **form_of(seen_again), reason="cancelled")
        ).status_code == 303
        await completed(shop, OperationKind.CLOSE, 3)
        assert "request/" not in await browser.page("services/1"), "nothing can be asked of it any more"
