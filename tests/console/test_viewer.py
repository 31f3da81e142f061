"""A viewer changes nothing: every form that the routes take is sent, and every page that they show is read."""

import re
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from models.enums import RefundSource, Role
from models.notifications import NotificationChannel
from models.refund import Refund
from models.tables import metadata
from tests.console.conftest import LogIn
from tests.console.routes import NO_PAGES, OWN_MATTERS, addresses, routes
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api

FORM = re.compile(r'<form[^>]*method="post"[^>]*action="([^"]*)"')
INLINE = re.compile(r"<script(?![^>]* src=)|<style|<[^>]*\s(?:on\w+|style)=|<[^>]*javascript:")
STRICT = ["default-src 'none'", "script-src 'self'", "style-src 'self'"]
ABOUT_THE_SESSION = {"person", "person_session"}
TYPED = {
    "reason": "r", "note": "n", "to": "x", "upstream_number": "9000", "product_type": "vds", "nothing_was_bought": "on",
    "it_is_paid": "on", "what_is_paid_stays": "on", "plan": "VDS-1", "customer": "c-1", "period_months": "1",
    "service": "1", "module": "manual", "action": "cancel", "cause": "money", "price": "5.00 EUR", "owner": "shop",
    "key": "console-" + "0" * 32, "at_end_of_term": "close", "expires_on": "2099-01-01",
}  # fmt: skip
"""Whatever any form asks for, so that none is refused for a missing field."""


async def stock(api: Api) -> None:
    """Something for every page."""
    await everything_stuck(api)
    await api.add(NotificationChannel(name="office"))
    await api.add(
        Refund(account_id=1, source=RefundSource.PAYMENT, row="r-1", amount=Decimal("2.50"), currency="EUR", text="")
    )


async def everything(api: Api) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but those of who is logged in."""
    async with api.database.read() as session:
        connection = await session.connection()
        return {
            table.name: sorted((tuple(row) for row in await connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
            if table.name not in ABOUT_THE_SESSION
        }


async def test_no_form_of_any_route_lets_a_viewer_change_anything(api: Api, log_in: LogIn) -> None:
    await stock(api)
    viewer = await log_in(Role.VIEWER)
    taken = [one for one in routes(api) if "POST" in (one.methods or ()) and one.path not in OWN_MATTERS]
    assert len(taken) > 10
    csrf = await viewer.csrf()
    before = await everything(api)
    answers = {}
    for route in taken:
        for address in addresses(route):
            sent = await viewer.client.post(address, data={"csrf": csrf, **TYPED})
            answers[address] = sent.status_code
    assert {address: status for address, status in answers.items() if status != 403} == {}
    assert await everything(api) == before


@pytest.mark.proof
async def test_no_page_of_any_route_offers_a_viewer_a_form_and_none_has_a_script_in_it(api: Api, log_in: LogIn) -> None:
    await stock(api)
    viewer, senior = await log_in(Role.VIEWER), await log_in(Role.SENIOR)
    shown = [one for one in routes(api) if "GET" in (one.methods or ()) and one.path not in NO_PAGES]
    offered = 0
    before = await everything(api)
    for route in shown:
        for address in addresses(route):
            page = await viewer.client.get(address, follow_redirects=True)
            assert page.status_code in (200, 403, 404, 409), (address, page.status_code)
            actions = {one.replace("../", "") for one in FORM.findall(page.text)}
            assert actions <= {path.removeprefix("/") for path in OWN_MATTERS}, address
            assert page.headers["Content-Security-Policy"].split("; ")[:3] == STRICT
            for text in (page.text, (await senior.client.get(address, follow_redirects=True)).text):
                assert INLINE.findall(text) == [], address
                offered += len(FORM.findall(text))
    assert offered > 30, "the pages of a senior have forms, which this test would see"
    assert await everything(api) == before, "to look changes nothing"


async def test_every_page_that_is_about_no_one_thing_can_be_reached_from_the_bar(api: Api, log_in: LogIn) -> None:
    """But for parts of others: what a filter of the inbox leads to, the audit as a file."""
    page = await (await log_in(Role.SENIOR)).page("me")
    plain = [one.path for one in routes(api) if "GET" in (one.methods or ()) and "{" not in one.path]
    bar = page.split("</nav>")[0]
    elsewhere = {"/", "/live", "/bulk", "/search", "/audit.csv", "/oidc", "/oidc/answer", *NO_PAGES}
    assert [path for path in plain if path not in elsewhere and f'href="{path[1:]}"' not in bar] == []
