"""Nothing that a person has typed is lost: the session ended meanwhile, or the thing has moved on."""

import re
from html import unescape

import httpx
import pytest

from models.enums import OperationKind, Role, Stage
from tests.console.conftest import LogIn
from tests.console.people import PASSWORD, Browser, words
from tests.console.test_requests import there
from tests.storefront.api import Api

__all__ = ["there"]

OURS = {"Sec-Fetch-Site": "same-origin"}
TYPED = "why: <b>two</b>\nlines & more"
FIELD = re.compile(
    r'<(?:textarea name="([^"]+)" hidden>\n([^<]*)</textarea|input type="hidden" name="([^"]+)" value="([^"]*)")'
)


def carried(page: str) -> dict[str, str]:
    """The fields that a page carries along unseen."""
    found = FIELD.findall(page.partition("<main")[2])
    return {unescape(one or other): unescape(text or value) for one, text, other, value in found}


async def decided(api: Api, browser: Browser, stage: Stage = Stage.NEEDS_ATTENTION) -> dict[str, str]:
    """An operation that waits for a person, and the form that somebody fills in."""
    await api.order()
    await api.enter(1, stage, "no such template")
    return {"csrf": await browser.csrf(), "reason": TYPED.replace("\n", "\r\n"), "button": "Cancel"}


async def logged_in_with(browser: Browser, page: str, password: str = PASSWORD) -> httpx.Response:
    return await browser.client.post("log-in", data={**carried(page), "name": browser.name, "password": password})


async def test_a_form_whose_session_has_ended_is_shown_after_the_log_in_and_sent_by_a_second_press(
    api: Api, log_in: LogIn
) -> None:
    browser = await log_in(Role.SENIOR)
    form = await decided(api, browser)
    browser.client.cookies.clear()
    ended = await browser.client.post("operations/1/cancel", data=form, headers=OURS)
    assert ended.status_code == 401
    assert "What you typed is kept" in words(ended.text)
    wrong = await logged_in_with(browser, ended.text, "wrong" * 4)
    assert wrong.status_code == 401
    shown = await logged_in_with(browser, wrong.text)
    assert shown.status_code == 200
    assert "Nothing has been done" in words(shown.text)
    assert "why: <b>two</b> lines & more" in words(shown.text)
    assert '<a href="operations/1">' in shown.text
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == "needs_attention"
    sent = carried(shown.text)
    assert sent["csrf"] != form["csrf"]
    answer = await browser.client.post("operations/1/cancel", data=sent, headers=OURS)
    assert answer.status_code == 303
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == "cancelled"
    audit = (await api.operator.get("/v1/operations/1/audit")).json()["items"]
    assert [one["detail"]["reason"] for one in audit if one["action"] == "cancel"] == [TYPED]


async def test_a_page_of_an_earlier_session_of_the_browser_sends_its_form_by_a_second_press(
    api: Api, log_in: LogIn
) -> None:
    browser = await log_in(Role.SENIOR)
    form = await decided(api, browser)
    await browser.client.post("log-in", data={"name": browser.name, "password": PASSWORD})
    shown = await browser.client.post("operations/1/cancel", data=form, headers=OURS)
    assert shown.status_code == 403
    assert "why: <b>two</b> lines & more" in words(shown.text)
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == "needs_attention"
    assert (await browser.client.post("operations/1/cancel", data=carried(shown.text))).status_code == 303


@pytest.mark.parametrize(
    "site",
    [
        "",
        pytest.param("cross-site", marks=pytest.mark.proof),
        pytest.param("same-site", marks=pytest.mark.proof),
        pytest.param("none", marks=pytest.mark.proof),
    ],
)
async def test_what_another_site_sends_is_not_kept(api: Api, log_in: LogIn, site: str) -> None:
    browser = await log_in(Role.SENIOR)
    form = await decided(api, browser)
    headers = {"Sec-Fetch-Site": site} if site else {}
    foreign = await browser.client.post("operations/1/cancel", data={**form, "csrf": "0" * 64}, headers=headers)
    assert foreign.status_code == 403
    assert "two" not in foreign.text
    browser.client.cookies.clear()
    ended = await browser.client.post("operations/1/cancel", data=form, headers=headers)
    assert (ended.status_code, ended.headers["location"]) == (303, "../../log-in?next=operations%2F1")


async def test_passwords_are_not_kept_and_nothing_but_a_form_of_ours_is_shown(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    csrf = await browser.csrf()
    browser.client.cookies.clear()
    secret = {"csrf": csrf, "password": PASSWORD, "new": "another secret", "again": "another secret"}
    ended = await browser.client.post("me/password", data=secret, headers=OURS)
    assert (ended.status_code, ended.headers["location"]) == (303, "../log-in?next=me")
    for where in ("log-out", "me/password", "https://evil.test/", "//evil.test", "nothing/at/all", "operations/1"):
        entered = await browser.client.post(
            "log-in", data={"name": browser.name, "password": PASSWORD, "kept-for": where, "kept.reason": TYPED}
        )
        assert entered.status_code == 303, where


async def test_who_the_provider_logs_in_is_led_to_the_page_of_the_form(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    form = await decided(api, browser)
    browser.client.cookies.clear()
    ended = await browser.client.post("operations/1/cancel", data=form, headers=OURS)
    assert carried(ended.text)["next"] == "operations/1"


async def test_what_was_typed_into_a_form_that_is_gone_is_shown(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    form = await decided(api, browser)
    assert (await browser.client.post("operations/1/cancel", data=form)).status_code == 303
    corrected = {
        **form, "parameters.domain": "new.example.test", "was.parameters.domain": "old.example.test",
        "parameters.template": "", "was.parameters.template": "",
    }  # fmt: skip
    refused = await browser.client.post("operations/1/correct_and_retry", data=corrected)
    assert refused.status_code == 409
    shown = words(refused.text)
    assert shown.index("It was not done.") < shown.index("This is what you had typed:")
    assert "Reason why: <b>two</b> lines & more domain new.example.test" in shown
    assert "old.example.test" not in shown
    assert "template" not in shown.partition("typed:")[2].partition("Stages")[0]


async def test_the_address_of_a_refused_form_leads_to_its_page(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    for address, page in (
        ("operations/1/cancel", "../../operations/1"), ("services/1/licence-key", "../../services/1"),
        ("services/1/request/close/send", "../../../../services/1/request/close"),
        ("order/send", "../order"), ("log-out", "./"), ("saved", "./"), ("me/password", "../me"),
    ):  # fmt: skip
        answer = await browser.client.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, page), address


async def test_from_the_quote_a_person_goes_back_with_all_that_was_typed(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    address = f"services/1/request/{OperationKind.SET_PARAMETERS.value}"
    choice = carried(await browser.page(address)) | {"addons.ram": "4", "domain": "new.example.test"}
    quote = await browser.client.post(address, data=choice)
    assert f'formaction="../../../{address}"' in quote.text
    changed = await browser.client.post(address, data={**carried(quote.text), "reason": TYPED, "change": "on"})
    assert changed.status_code == 200
    assert 'name="addons.ram" type="number" value="4"' in changed.text
    assert 'value="new.example.test"' in changed.text
    again = await browser.client.post(address, data=carried(changed.text) | {"addons.ram": "3"})
    assert "why: <b>two</b> lines & more" in words(again.text)
