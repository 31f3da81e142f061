"""What needs a person, on one page: counted, oldest first, filtered, in pages; and what each person may do about it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.drift import Drift
from models.enums import DriftState, FailureClass, Role, Stage, TaskState
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import Operation, Task
from orders.access.roles import OPERATOR
from orders.errors import InvalidField
from orders.inbox.cards import inbox_cards
from orders.inbox.causes import Cause
from orders.inbox.views import InboxEntry, InboxFilter, inbox_page
from orders.reading.documents import WorkflowLinks
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import HOSTILE, everything_stuck
from tests.storefront.api import Api, client_of_nothing, stocked_api

LINKS = WorkflowLinks("http://ui.test", "default")


async def entries(api: Api, limit: int = 50, **wanted: object) -> list[InboxEntry]:
    """All of them, page by page."""
    found: list[InboxEntry] = []
    cursor = None
    while True:
        async with api.database.read() as session:
            asked = InboxFilter(**wanted)  # type: ignore[arg-type]
            page = await inbox_page(session, LINKS, OPERATOR, asked, cursor, limit)
        assert len(page.entries) <= limit
        found += page.entries
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_every_cause_has_a_card_and_an_entry_on_both_databases(migrated_database_url: str) -> None:
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        async with api.database.read() as session:
            assert {card.count for card in await inbox_cards(session)} == {0}
        assert await entries(api) == []
        await everything_stuck(api, times=2)
        async with api.database.read() as session:
            cards = {card.cause: card for card in await inbox_cards(session)}
        assert {cause: card.count for cause, card in cards.items()} == {
            **dict.fromkeys(Cause, 2), Cause.UPSTREAMS: 1,
        }  # fmt: skip
        assert cards[Cause.DECIDE].by_upstream == {"main": 2}
        assert cards[Cause.DECIDE].oldest == min(one.since for one in await entries(api, cause=Cause.DECIDE))

        all_of_them = await entries(api)
        assert len(all_of_them) == sum(card.count for card in cards.values())
        assert [one.since for one in all_of_them] == sorted(one.since for one in all_of_them)
        for limit in (1, 2, 3, 7):
            assert await entries(api, limit=limit) == all_of_them, "pages lose and double nothing"

        [first, *_] = await entries(api, cause=Cause.DECIDE)
        assert (first.operation, first.failure_class, first.customer) == (1, "rejected", f"c-1{HOSTILE}")
        assert first.shown is not None
        assert first.why == first.shown.waits_for
        [decided] = await entries(api, failure_class="rejected", customer="c-7")
        assert decided.operation == 7
        assert await entries(api, upstream="other") == []
        assert {one.cause for one in await entries(api, upstream="main")} == set(Cause) - {Cause.INCIDENTS}
        assert {one.cause for one in await entries(api, older_than="12h")} == {
            Cause.DECIDE, Cause.UNCLEAR, Cause.MONEY, Cause.SLOW, Cause.UPSTREAMS
        }  # fmt: skip


async def test_what_is_over_is_listed_no_more(api: Api) -> None:
    await everything_stuck(api)
    listed = {Cause.ORPHANS, Cause.TASKS, Cause.DRIFT, Cause.INCIDENTS}
    assert listed <= {one.cause for one in await entries(api)}
    async with api.database.write() as session:
        (await session.exec(select(UpstreamSnapshot))).one().gone = True
        (await session.get_one(Task, 4)).state = TaskState.DONE
        (await session.exec(select(Drift))).one().state = DriftState.APPROVED
        (await session.exec(select(Incident))).one().closed_at = utc_now()
    assert listed & {one.cause for one in await entries(api)} == set()


@pytest.mark.proof
async def test_entries_of_one_moment_are_all_shown_page_by_page(api: Api) -> None:
    await everything_stuck(api, times=2)
    moment = utc_now() - timedelta(hours=2)
    async with api.database.write() as session:
        for operation in (await session.exec(select(Operation))).all():
            operation.stage_since = moment
        for task in (await session.exec(select(Task))).all():
            task.created_at = moment
    whole = await entries(api)
    for limit in (1, 2, 3):
        assert await entries(api, limit=limit) == whole


@pytest.mark.parametrize(
    ("wanted", "cursor", "field"),
    [({"older_than": "soon"}, None, "older_than"), ({}, "bm9uc2Vuc2U", "cursor"), ({}, "aW5ib3ggeCB5IHo", "cursor"),
     ({}, "aW5ib3ggMjAyNi0wMS0wMSAxIDE", "cursor")],
)  # fmt: skip
async def test_a_filter_or_cursor_that_can_not_be_right_is_named(
    api: Api, wanted: dict[str, str], cursor: str | None, field: str
) -> None:
    with pytest.raises(InvalidField) as raised:
        async with api.database.read() as session:
            await inbox_page(session, LINKS, OPERATOR, InboxFilter(**wanted), cursor)  # type: ignore[arg-type]
    assert raised.value.field == field


async def test_the_page_says_why_and_what_happens_and_what_is_typed_elsewhere_stays_text(
    api: Api, log_in: LogIn
) -> None:
    browser = await log_in(Role.VIEWER)
    empty = words(await browser.page(""))
    assert "Nothing needs you." in empty
    await everything_stuck(api)
    page = await browser.page("")
    text = words(page)
    assert HOSTILE not in page
    assert HOSTILE in text
    assert "because of 1" in text
    assert "It stays at the upstream, and costs what it costs there." in text
    assert 'href="operations/1"' in page
    assert 'href="tasks/4"' in page
    filtered = words(await browser.page("?customer=nobody"))
    assert "Nothing matches these filters." in filtered
    refused = await browser.page("?age=soon", status=422)
    assert "90m, 24h, 3d" in words(refused)
    assert "is none of decide" in words(await browser.page("?cause=all", status=422))
    assert "<html" not in await browser.page("live?cause=decide")


async def test_the_page_is_russian_for_whom_it_is_to_be(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    browser.client.headers["Accept-Language"] = "fr, ru;q=0.9, en;q=0.5"
    page = await browser.page("")
    assert '<html lang="ru">' in page
    assert "Ничто не требует вашего внимания." in words(page)


async def test_an_open_page_hears_of_news(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    heard = []
    async with browser.client.stream("GET", "news") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event:"):
                heard.append(line.removeprefix("event:").strip())
                if heard == ["open"]:
                    await everything_stuck(api)
                if heard[-1] == "changed":
                    break
    assert set(heard) == {"open", "changed"}


@pytest.mark.proof
async def test_a_viewer_can_change_nothing(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    browser = await log_in(Role.VIEWER)
    assert "<form" not in (await browser.page("operations/1")).split('id="acts"')[1]
    assert "<form" not in (await browser.page("tasks/4")).split('id="acts"')[1]
    for path in ("operations/1/retry", "operations/1/cancel", "operations/1/mark_done", "tasks/4/take", "tasks/4/note",
                 "tasks/4/complete", "tasks/4/reject", "tasks/4/hand-over"):  # fmt: skip
        answer = await browser.send(path, reason="r", note="n", to="x", upstream_number="1")
        assert answer.status_code in (403, 409), path
    async with api.database.read() as session:
        task = (await session.exec(select(Task).where(Task.id == 4))).one()
        assert (task.assignee, task.note) == ("", "")


async def test_an_operation_is_explained_and_decided_upon(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    browser = await log_in(Role.SENIOR)
    page = await browser.page("operations/1")
    text = words(page)
    for shown in (
        "needs a decision",
        "because of 1",
        "no such template",
        "Try again",
        "Mark as done",
        "order accepted",
    ):
        assert shown in text, shown
    assert 'href="http://ui.test' in page
    missing = await browser.send("operations/1/cancel")
    assert missing.status_code == 422
    assert "reason: is needed" in words(missing.text)
    kept = await browser.send("operations/1/mark_done", reason="my words", upstream_number="has a space")
    assert kept.status_code == 422
    assert "my words" in kept.text
    assert "has a space" in kept.text
    away = await browser.send("operations/1/retry", reason="once more")
    assert away.status_code == 503
    assert "Temporal or the worker does not answer" in words(away.text)
    assert "once more" in away.text
    done = await browser.send("operations/1/cancel", reason="not wanted", nothing_was_bought="on")
    assert (done.status_code, done.headers["location"]) == (303, "../1")
    after = words(await browser.page("operations/1"))
    assert "not wanted" in after
    assert "cancelled" in after
    again = await browser.send("operations/1/cancel", reason="not wanted")
    assert again.status_code == 409
    assert "nothing can be decided any more" in words(again.text)


@pytest.mark.proof
async def test_what_is_corrected_is_what_was_typed_otherwise(api: Api, log_in: LogIn) -> None:
    """There is no Temporal here: what is right is answered 503, after it has been tried."""
    await api.order("cart-1", parameters={"template": "debian-12"}, addons={"ram": 2})
    await api.enter(1, Stage.NEEDS_ATTENTION, "no such template")
    browser = await log_in(Role.OPERATOR)
    page = await browser.page("operations/1")
    assert 'name="was.parameters.template" value="debian-12"' in page
    before = {"was.parameters.template": "debian-12", "was.parameters.addon.ram": "2", "reason": "a slip of the pen"}
    as_it_was = {"parameters.template": "debian-12", "parameters.addon.ram": "2"}
    for changed, status, shown in (
        ({}, 422, "name at least one parameter or add-on to correct"),
        ({"parameters.template": "windows"}, 422, "windows"),
        ({"parameters.addon.ram": "-4"}, 422, "a quantity is zero or more"),
        ({"parameters.addon.ram": "4"}, 503, "does not answer"),
    ):
        answer = await browser.send("operations/1/correct_and_retry", **before, **as_it_was | changed)
        assert answer.status_code == status, (changed, words(answer.text))
        assert shown in words(answer.text)
        for typed in changed.values():
            assert f'value="{typed}"' in answer.text


async def test_the_price_that_is_accepted_is_the_one_that_was_shown(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).failure_class = FailureClass.PRICE_CHANGED
    senior = await log_in(Role.SENIOR)
    assert 'name="price" value="5.00 EUR"' in await senior.page("operations/1")
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).cost_amount = Decimal("6.00")
    changed = await senior.send("operations/1/accept_price", price="5.00 EUR", reason="it is worth it")
    assert changed.status_code == 422, words(changed.text)
    assert "it is worth it" in changed.text
    assert 'name="price" value="6.00 EUR"' in changed.text, "the new price is shown"


async def test_a_task_is_taken_noted_handed_over_and_refused_to_another(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    first, second = await log_in(Role.OPERATOR), await log_in(Role.SENIOR)
    page = words(await first.page("tasks/4"))
    assert "temporal workflow signal --name manual_change_completed" in page
    assert (await first.send("tasks/4/take")).status_code == 303
    taken = await second.send("tasks/4/take")
    assert taken.status_code == 409
    assert "a-operator" in words(taken.text)
    assert (await first.send("tasks/4/note", note="called\r\nthem")).status_code == 303
    assert (await first.send("tasks/4/hand-over", to="a-senior")).status_code == 303
    shown = words(await second.page("tasks/4"))
    assert "called them" in shown
    assert "In hand of a-senior" in shown
    empty = await second.send("tasks/4/reject")
    assert (empty.status_code, "reason: is needed" in words(empty.text)) == (422, True)
    bad = await second.send("tasks/4/complete", expires_on="soon")
    assert bad.status_code == 422
    assert "expires_on" in words(bad.text)


async def test_what_does_not_exist_is_a_page_that_says_so(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    for path in ("operations/99", "tasks/99", "operations/x", "nothing", "operations/99999999999999999999"):
        answer = await browser.client.get(path)
        assert answer.status_code in (404, 422), path
        assert answer.headers["content-type"].startswith("text/html"), path
        assert "Resellflow" in answer.text


@pytest.mark.proof
async def test_an_incident_is_explained_and_a_difference_decided(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    viewer, operator = await log_in(Role.VIEWER), await log_in(Role.OPERATOR)
    page = await operator.page("")
    assert 'href="incidents/1"' in page
    assert 'href="drift/1"' in page
    assert "a yes came late for 6" in words(await viewer.page("incidents/1"))
    for path in ("incidents/1/close", "drift/1/approve", "drift/1/ignore"):
        assert (await viewer.send(path, note="n", reason="r")).status_code == 403
        assert (await operator.send(path)).status_code == 422
    assert (await operator.send("incidents/1/forget")).status_code == 404
    assert (await operator.send("incidents/1/close", note="it was refunded")).status_code == 303
    assert "it was refunded" in words(await operator.page("incidents/1"))
    again = await operator.send("incidents/1/close", note="it was refunded")
    assert again.status_code == 409
    shown = words(await operator.page("drift/1"))
    assert "VDS-1" in shown
    assert "VDS-9" in shown
    assert (await operator.send("drift/1/ignore", reason="agreed by phone")).status_code == 303
    assert "agreed by phone" in words(await operator.page("drift/1"))
    async with api.database.read() as session:
        counts = {card.cause: card.count for card in await inbox_cards(session)}
    assert (counts[Cause.INCIDENTS], counts[Cause.DRIFT]) == (0, 0)


@pytest.mark.proof
async def test_a_service_is_shown_and_found(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    browser = await log_in(Role.VIEWER)
    text = words(await browser.page("services/5"))
    for shown in ("Service 5", "VDS-1", "c-5", "waiting for the confirmation", "VDS-9", "Before → after"):
        assert shown in text, shown
    assert HOSTILE not in await browser.page("services/1")
    found = await browser.client.get("search", params={"q": "c-5"})
    assert (found.status_code, found.headers["location"]) == (303, "services/5")
    both = words(await browser.page("search?q=4"))
    assert "Services" in both
    assert "Operations" in both
    for number in range(7, 11):
        await api.order(f"cart-of-{number}", customer=f"c-{number}")
    several = await browser.page("search?q=1")
    assert 'href="services/1"' in several, "by its number"
    assert 'href="services/10"' in several, "1 is a part of c-10: a number hides no other service"
    for nothing in ("c-999", "%", "99999999999999999999", "<b>"):
        answer = await browser.client.get("search", params={"q": nothing})
        assert "Nothing was found." in words(answer.text), nothing
    assert (await browser.page("search")).count("<table") == 0
    await browser.page("services/99", status=404)


async def test_an_upstream_shows_its_trouble_its_money_and_what_is_nobodys(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    async with api.database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        account.balance, account.balance_at = Decimal("12.50"), utc_now()
    browser = await log_in(Role.VIEWER)
    assert "refuses the account" in words(await browser.page("upstreams"))
    page = await browser.page("upstreams/main")
    text = words(page)
    for shown in ("the password is refused", "12.50 EUR", "vds 9000", "The next 30 days"):
        assert shown in text, shown
    assert "<polyline" in await browser.page("upstreams/main/forecast")
    await browser.page("upstreams/none", status=404)


async def test_a_filter_that_finds_nothing_stands_in_its_field(api: Api, log_in: LogIn) -> None:
    """An upstream that has nothing in the inbox now, as a saved filter may name it; a department that is gone."""
    browser = await log_in(Role.VIEWER)
    assert "<option selected>quiet</option>" in await browser.page("?upstream=quiet")
    assert "<option selected>gone</option>" in await browser.page("tasks?department=gone")
    assert "'nope' is none of not_sent," in words(await browser.page("?failure=nope", 422))
