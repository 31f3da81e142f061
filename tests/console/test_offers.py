"""What the page of an operation offers is what may be decided about it now, for each role."""

import re

import pytest
from sqlmodel import select

from models.enums import FailureClass, IntentState, Role
from models.order import Intent, Operation
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api

FORMS = re.compile(r'action="\.\./operations/\d+/([a-z_]+)" class="act"')

CANCEL, LOOK, AGAIN, CORRECT = "cancel", "look_now", "retry", "correct_and_retry"
DONE, PRICE = "mark_done", "accept_price"


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.VIEWER, {1: [], 2: [], 3: [], 5: []}),
        pytest.param(
            Role.OPERATOR, {1: [AGAIN, CORRECT], 2: [CANCEL], 3: [CANCEL], 5: [LOOK]}, marks=pytest.mark.proof
        ),
        (Role.SENIOR, {1: [AGAIN, CORRECT, DONE, CANCEL], 2: [CANCEL], 3: [CANCEL], 5: [LOOK, DONE]}),
        pytest.param(Role.FINANCE, {1: [], 2: [], 3: [], 5: []}, marks=pytest.mark.proof),
    ],
)
async def test_each_stage_offers_what_may_be_decided_then(
    api: Api, log_in: LogIn, role: Role, offered: dict[int, list[str]]
) -> None:
    await everything_stuck(api)
    browser = await log_in(role)
    found = {number: FORMS.findall(await browser.page(f"operations/{number}")) for number in offered}
    assert found == offered


async def test_an_operation_that_the_upstream_has_accepted_is_asked_about_and_not_tried_again(
    api: Api, log_in: LogIn
) -> None:
    await everything_stuck(api)
    async with api.database.write() as session:
        intent = (await session.exec(select(Intent).where(Intent.operation_id == 1))).one()
        intent.state = IntentState.ACCEPTED
    browser = await log_in(Role.OPERATOR)
    page = await browser.page("operations/1")
    assert FORMS.findall(page) == [LOOK]
    assert "Have its result looked for now (the upstream has accepted it, nothing is sent)." in words(page)
    asked = await browser.send("operations/1/look_now", reason="they say it is there")
    assert asked.status_code == 503, "there is no Temporal here: what is possible is tried, and what is not is refused"
    assert "they say it is there" in asked.text
    refused = await browser.send("operations/3/look_now")
    assert (refused.status_code, "look-now is possible once" in words(refused.text)) == (409, True)


async def test_a_new_price_is_accepted_by_who_may(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).failure_class = FailureClass.PRICE_CHANGED
    for role, may in ((Role.OPERATOR, False), (Role.FINANCE, True), (Role.SENIOR, True)):
        browser = await log_in(role)
        assert (PRICE in FORMS.findall(await browser.page("operations/1"))) is may, role
