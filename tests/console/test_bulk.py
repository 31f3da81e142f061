"""One decision about all that the inbox shows: the preview, what will not go, a run that touches the preview alone."""

import re

import pytest

from models.enums import Role, Stage
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api


async def stage(api: Api, number: int) -> str:
    return str((await api.operator.get(f"/v1/operations/{number}")).json()["stage"])


async def test_what_is_shown_is_previewed_and_carried_out_and_nothing_that_came_later(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api, times=3)
    browser = await log_in(Role.SENIOR)
    page = await browser.page("?cause=money")
    assert 'href="bulk?cause=money"' in page
    assert "These filters find 3 operations." in words(await browser.page("bulk?cause=money"))
    answer = await browser.send("bulk", cause="money", action="cancel", reason="the shop closes", customer="", age="")
    assert answer.status_code == 303, words(answer.text)
    address = answer.headers["location"]
    preview = words(await browser.page(address))
    assert "This is a preview: nothing has been decided." in preview
    assert re.search(r"will be decided about 3\b", preview)
    assert [await stage(api, number) for number in (3, 9, 15)] == ["waiting_for_funds"] * 3

    await everything_stuck_later(api)
    await api.enter(9, Stage.SUBMITTING)
    assert (await browser.send(f"{address}/run")).status_code == 303
    report = words(await browser.page(address))
    assert "It is finished." in report
    assert [await stage(api, number) for number in (3, 15)] == ["cancelled"] * 2
    assert await stage(api, 9) == "submitting"
    assert "not possible any more" in report
    assert await stage(api, 19) == "waiting_for_funds", "what came later is not touched"
    assert (await browser.send(f"{address}/run")).status_code == 303


async def everything_stuck_later(api: Api) -> None:
    await api.order("cart-later")
    await api.enter(19, Stage.WAITING_FOR_FUNDS, "later")


@pytest.mark.proof
async def test_what_is_missing_is_named_and_what_was_typed_stays(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    browser = await log_in(Role.OPERATOR)
    missing = await browser.send("bulk", cause="money", action="cancel")
    assert (missing.status_code, "reason: is needed" in words(missing.text)) == (422, True)
    nobody = await browser.send("bulk", cause="tasks", action="assign", reason="on holiday")
    assert (nobody.status_code, "assignee" in words(nobody.text), "on holiday" in nobody.text) == (422, True, True)
    nothing = await browser.send("bulk", cause="money", customer="nobody", action="cancel", reason="r")
    assert (nothing.status_code, "finds no operation" in words(nothing.text)) == (422, True)
    assert "Accept the price" not in words(await browser.page("bulk?cause=decide"))
    given = await browser.send("bulk", cause="tasks", action="assign", reason="on holiday", to="boris")
    assert given.status_code == 303, words(given.text)
    assert (await browser.send(f"{given.headers['location']}/run")).status_code == 303
    assert "In hand of boris" in words(await browser.page("tasks/4"))
    taken_by = await browser.send("bulk", assignee="boris", action="assign", reason="back again", to="olga")
    assert taken_by.status_code == 303, "who has them now is a filter, who gets them is another field"


async def test_only_who_asked_for_a_preview_runs_it_and_a_viewer_asks_for_none(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    first, other, viewer = await log_in(Role.OPERATOR), await log_in(Role.SENIOR), await log_in(Role.VIEWER)
    asked = await first.send("bulk", cause="money", action="cancel", reason="r")
    address = asked.headers["location"]
    assert "<button>Carry it out" not in await other.page(address)
    assert (await other.send(f"{address}/run")).status_code in (403, 404, 409, 422)
    assert (await viewer.send(f"{address}/run")).status_code == 403
    assert (await viewer.send("bulk", cause="money", action="cancel", reason="r")).status_code == 403
    assert '<select name="action"' not in await viewer.page("bulk?cause=money")
    assert await stage(api, 3) == "waiting_for_funds"


@pytest.mark.proof
async def test_the_chosen_rows_alone_are_decided_about_and_one_entry_names_them(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api, times=3)
    browser = await log_in(Role.OPERATOR)
    page = await browser.page("?cause=money")
    assert [f'value="{number}" form="chosen"' in page for number in (3, 9, 15)] == [True] * 3
    for named in ("operation=3&operation=15&operation=3", "operation=3&operations=15+3", "operations=3+15"):
        asked = await browser.page(f"bulk?chosen=1&{named}")
        assert "Chosen operations (2): 3, 15" in words(asked), named
    answer = await browser.send("bulk", chosen="1", operations="3 15", action="cancel", reason="both are not wanted")
    assert answer.status_code == 303, words(answer.text)
    assert (await browser.send(f"{answer.headers['location']}/run")).status_code == 303
    assert [await stage(api, number) for number in (3, 9, 15)] == ["cancelled", "waiting_for_funds", "cancelled"]
    audit = await browser.page("audit?action=batch+run")
    assert "operations: 3, 15" in words(audit)
    assert audit.count('<td data-label="Who">') == 1
    assert f'href="{answer.headers["location"]}"' in audit


async def test_nothing_chosen_is_never_everything(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    browser = await log_in(Role.OPERATOR)
    for nothing in ("chosen=1", "chosen=1&operations=", "chosen=1&operations=+&cause=money"):
        assert "nothing is chosen" in words(await browser.page(f"bulk?{nothing}", status=422)), nothing
    for operations in ("", "all", "-1", "9" * 30):
        answer = await browser.send(
            "bulk", chosen="1", operations=operations, cause="money", action="cancel", reason="r"
        )
        assert answer.status_code == 422, operations
        assert 'name="chosen"' in answer.text, "what is sent again is about chosen rows, too"
    viewer = await log_in(Role.VIEWER)
    page = await viewer.page("")
    assert ("checkbox" in page, "bulk" in page) == (False, False)
    refused = await viewer.send("bulk", chosen="1", operations="3", action="cancel", reason="r")
    assert refused.status_code == 403
