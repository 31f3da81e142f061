"""What goes wrong is a page, too, with the headers of one."""

import pytest
import sqlalchemy as sa

from console.headers import POLICY
from models.enums import Role
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.routes import addresses, routes
from tests.storefront.api import Api

TOO_LARGE = 10**20


@pytest.mark.proof
async def test_a_number_that_no_row_can_have_is_not_found(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.ADMIN)
    csrf = {"csrf": await browser.csrf(), "reason": "r", "note": "n", "to": "x", "at_end_of_term": "close"}
    asked = 0
    for route in routes(api):
        if "{number}" in route.path:
            for address in addresses(route):
                noun, _, rest = address.strip("/").partition("/")
                far = f"{noun}/{TOO_LARGE}/{rest.partition('/')[2]}".rstrip("/")
                for method in route.methods or set():
                    answer = await browser.client.request(method, far, data=csrf if method == "POST" else None)
                    assert answer.status_code in (404, 422), (method, far, answer.text)
                    asked += 1
    assert asked > 30


async def test_a_fault_of_ours_is_a_page_that_names_the_request(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    await api.order()
    async with api.database.write() as session:  # what no version of ours has written
        await (await session.connection()).execute(sa.text("UPDATE operation SET parameters = '{'"))
    answer = await browser.client.get("operations/1", headers={"X-Request-Id": "morning-1"})
    assert answer.status_code == 500
    assert "This is a fault of ours. The log has more, under request morning-1." in words(answer.text)
    assert answer.headers["content-security-policy"] == POLICY
    assert (await browser.client.get("")).status_code == 200
