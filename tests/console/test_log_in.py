"""Who gets into the console, for how long, and from which pages forms may come."""

from datetime import timedelta

import httpx
import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlmodel import select

from console.headers import POLICY
from models.columns import utc_now
from models.enums import Role
from models.people import Person, PersonSession
from orders.access import people
from orders.errors import InvalidField
from tests.console.conftest import LogIn
from tests.console.people import PASSWORD, client_of, words
from tests.infrastructure.economy import HASHER_OF_THE_PRODUCT
from tests.storefront.api import SHOP_TOKEN, Api

PAGES = ("", "me", "operations/1", "tasks/1", "live", "news", "?cause=decide")


async def test_without_a_session_each_page_leads_to_the_login_and_back(api: Api, log_in: LogIn) -> None:
    await log_in(Role.VIEWER)
    async with client_of(api) as client:
        for path in PAGES:
            answer = await client.get(path)
            assert (answer.status_code, "log-in?next=" in answer.headers["location"]) == (303, True), path
        asked = await client.get("?cause=decide&upstream=main")
        form = await client.get(asked.headers["location"])
        assert 'value="./?cause=decide&amp;upstream=main"' in form.text
        given = {"name": "a-viewer", "password": PASSWORD, "next": "operations/7?x=1"}
        entered = await client.post("log-in", data=given)
        assert (await client.get(entered.headers["location"])).headers["location"] == "operations/7?x=1"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        pytest.param("//evil.test", marks=pytest.mark.proof),
        pytest.param("javascript:alert(1)", marks=pytest.mark.proof),
        "/../x",
        pytest.param("a//b", marks=pytest.mark.proof),
    ],
)
async def test_after_the_login_nobody_is_led_elsewhere(api: Api, log_in: LogIn, elsewhere: str) -> None:
    browser = await log_in(Role.VIEWER)
    answer = await browser.client.get("entered", params={"next": elsewhere})
    assert answer.headers["location"] == "./"


async def test_a_token_of_the_api_opens_no_page(api: Api) -> None:
    async with client_of(api) as client:
        answer = await client.get("", headers={"Authorization": f"Bearer {SHOP_TOKEN}"})
    assert answer.status_code == 303


async def test_wrong_passwords_lock_the_name_and_the_right_one_is_refused_then(api: Api, log_in: LogIn) -> None:
    await log_in(Role.VIEWER)
    async with client_of(api) as client:
        for _ in range(people.WRONG_IN_A_ROW):
            answer = await client.post("log-in", data={"name": "a-viewer", "password": "wrong" * 4})
            assert answer.status_code == 401
            assert "Name or password is wrong." in words(answer.text)
        locked = await client.post("log-in", data={"name": "a-viewer", "password": PASSWORD})
        assert locked.status_code == 429
        assert "Too many wrong passwords in a row" in words(locked.text)
        await people.set_disabled(api.database, "a-viewer", False, actor="boss")
        assert (await client.post("log-in", data={"name": "a-viewer", "password": PASSWORD})).status_code == 303


async def test_nobody_is_answered_as_somebody_with_a_wrong_password(api: Api, log_in: LogIn) -> None:
    await log_in(Role.VIEWER)
    async with client_of(api) as client:
        nobody = await client.post("log-in", data={"name": "x", "password": "wrong" * 4})
        somebody = await client.post("log-in", data={"name": "a-viewer", "password": "wrong" * 4})
    assert nobody.status_code == somebody.status_code == 401
    assert nobody.text.replace('value="x"', "") == somebody.text.replace('value="a-viewer"', "")


async def test_many_guesses_from_one_address_have_to_wait(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from console import log_in as module
    from storefront.guess_brake import WRONG_TOKENS, GuessBrake

    monkeypatch.setattr(module, "_brake", GuessBrake())
    async with client_of(api) as client:
        for number in range(WRONG_TOKENS):
            assert (await client.post("log-in", data={"name": f"n{number}", "password": "x" * 12})).status_code == 401
        answer = await client.post("log-in", data={"name": "one-more", "password": "x" * 12})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


def test_a_password_costs_whoever_guesses_it_what_rfc_9106_recommends() -> None:
    """The other tests hash with less."""
    assert extract_parameters(HASHER_OF_THE_PRODUCT.hash(PASSWORD)) == RFC_9106_LOW_MEMORY


async def test_a_session_ends_with_its_time_a_new_password_and_the_disabling(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    assert "Inbox" in words(await browser.page(""))
    async with api.database.write() as session:
        row = (await session.exec(select(PersonSession))).one()
        row.expires_at = utc_now() - timedelta(seconds=1)
    assert (await browser.client.get("")).status_code == 303
    for end in ("password", "disabled"):
        assert (await browser.client.post("log-in", data={"name": "a-viewer", "password": PASSWORD})).status_code == 303
        assert (await browser.client.get("")).status_code == 200
        if end == "password":
            await people.change_password(api.database, "a-viewer", PASSWORD, actor="boss")
        else:
            await people.set_disabled(api.database, "a-viewer", True, actor="boss")
        assert (await browser.client.get("")).status_code == 303
    answer = await browser.client.post("log-in", data={"name": "a-viewer", "password": PASSWORD})
    assert answer.status_code == 401


async def test_logging_out_ends_the_session_also_for_whoever_copied_the_cookie(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    async with httpx.AsyncClient(
        base_url=f"{api.address}/console/", cookies=browser.client.cookies, trust_env=False
    ) as copy:
        assert (await copy.get("")).status_code == 200
        assert (await browser.send("log-out")).status_code == 303
        assert (await copy.get("")).status_code == 303


async def test_the_role_is_that_of_now(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.ADMIN)
    await people.change_role(api.database, "a-admin", Role.VIEWER, actor="boss", of_settings={})
    await api.order()
    answer = await browser.send("operations/1/cancel", reason="no")
    assert answer.status_code == 403
    assert "has the role viewer" in words(answer.text)
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == "accepted"


async def test_only_a_form_of_this_session_is_believed(api: Api, log_in: LogIn) -> None:
    browser, other = await log_in(Role.ADMIN), await log_in(Role.SENIOR)
    await api.order()
    sent = {"reason": "not wanted"}
    for csrf in ("", "0" * 64, await other.csrf()):
        answer = await browser.client.post("operations/1/cancel", data={**sent, "csrf": csrf})
        assert answer.status_code == 403
        assert "not from a page of your session" in words(answer.text)
    own = await browser.csrf()
    crossed = await browser.client.post(
        "operations/1/cancel", data={**sent, "csrf": own}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert crossed.status_code == 403
    assert (await api.operator.get("/v1/operations/1")).json()["stage"] == "accepted"
    assert (await browser.client.post("operations/1/cancel", data={**sent, "csrf": own})).status_code == 303


async def test_the_cookie_is_for_this_site_alone_and_away_from_the_machine_for_https(api: Api, log_in: LogIn) -> None:
    await log_in(Role.VIEWER)
    given = {"name": "a-viewer", "password": PASSWORD}
    async with client_of(api) as client:
        here = (await client.post("log-in", data=given)).headers["set-cookie"]
        there = await client.post("log-in", data=given, headers={"Host": "shop.example.test"})
        kept = await client.get("entered", headers={"Host": "shop.example.test"})
    assert here.startswith("resellflow=")
    assert "Secure" not in here
    assert there.headers["set-cookie"].startswith("__Host-resellflow=")
    for cookie in (here, there.headers["set-cookie"]):
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" in there.headers["set-cookie"]
    assert kept.status_code == 400
    assert "Open the console by https" in words(kept.text)


async def test_every_answer_tells_the_browser_to_load_nothing_from_elsewhere(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    for path in ("", "log-in", "me", "operations/99", "static/console.css", "nothing"):
        answer = await browser.client.get(path)
        assert answer.headers["content-security-policy"] == POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
    page = await browser.page("")
    assert "<script>" not in page
    assert "style=" not in page
    assert " on" not in "".join(part.split(">")[0] for part in page.split("<button")[1:])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "password"),
        ({"name": "olga-olga-olga", "password": "Olga-Olga-Olga"}, "password"),
        ({"name": "a b"}, "name"),
        ({"name": "temporal"}, "name"),
        ({"role": Role.STOREFRONT}, "role"),
        ({"name": "olga", "role": Role.VIEWER}, "role"),
    ],
)
async def test_who_can_not_be_a_person(api: Api, changes: dict[str, object], field: str) -> None:
    given = {"name": "nina", "role": Role.VIEWER, "password": PASSWORD, **changes}
    of_settings = {"olga": [Role.ADMIN]}
    with pytest.raises(InvalidField) as raised:
        await people.add(api.database, **given, actor="test", of_settings=of_settings)  # type: ignore[arg-type]
    assert raised.value.field == field
    async with api.database.read() as session:
        assert (await session.exec(select(Person))).all() == []


async def test_a_person_changes_their_password_and_looks(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    wrong = await browser.send("me/password", password="not mine at all", new="n" * 8 + "ew pass", again="other")
    assert (wrong.status_code, "again" in words(wrong.text)) == (422, True)
    changed = "another long password"
    assert (await browser.send("me/password", password=PASSWORD, new=changed, again=changed)).status_code == 303
    assert "Saved." in words(await browser.page("me"))
    assert (await browser.send("me", language="ru", time_zone="Europe/Berlin")).status_code == 303
    assert 'lang="ru"' in await browser.page("me")
    bad = await browser.send("me", language="", time_zone="Moon/Base")
    assert (bad.status_code, "Europe/Berlin is one" in words(bad.text)) == (422, True)
