"""The page of an upstream, and items of nobody beside the operations and services that they may belong to."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlmodel import select

from benchmarks.statements import recording
from models.catalogue import UpstreamAccount
from models.columns import utc_now
from models.enums import IntentState, Knowledge, ReservationState, Role, Stage
from models.events import UpstreamSnapshot
from models.order import Intent, Operation, Reservation, Service
from orders.inbox.cards import inbox_cards
from orders.inbox.causes import Cause
from orders.linking.candidate_views import items_for
from tests.console.conftest import LogIn
from tests.console.people import words
from tests.console.stuck import everything_stuck
from tests.storefront.api import Api


async def test_it_is_paused_and_resumed_with_a_reason(api: Api, log_in: LogIn) -> None:
    operator = await log_in(Role.OPERATOR)
    assert (await operator.send("upstreams/main/pause")).status_code == 422
    done = await operator.send("upstreams/main/pause", reason="they move")
    assert (done.status_code, done.headers["location"]) == (303, "../main")
    page = await operator.page("upstreams/main")
    assert "nothing is sent from now on" in words(page)
    assert "Paused by a-operator since" in words(page)
    assert "upstreams/main/pause" not in page
    assert "Paused" in words(await operator.page("upstreams"))
    assert "paused by a-operator: they move" in words(await operator.page(""))
    async with api.database.read() as session:
        counts = {card.cause: card.count for card in await inbox_cards(session)}
    assert counts[Cause.UPSTREAMS] == 1
    again = await operator.send("upstreams/main/pause", reason="once more")
    assert again.status_code == 409
    assert "paused by a-operator since" in words(again.text)
    assert (await operator.send("upstreams/main/resume", reason="moved")).status_code == 303
    page = await operator.page("upstreams/main")
    assert "Paused by" not in words(page)
    assert "upstreams/main/resume" not in page
    async with api.database.read() as session:
        assert (await session.get_one(UpstreamAccount, 1)).paused_since is None


async def test_the_line_is_shown_in_its_order_with_what_is_missing_and_what_was_charged(
    api: Api, log_in: LogIn
) -> None:
    for number in range(4):
        await api.order(f"cart-{number}")
    async with api.database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        account.balance, account.balance_at = Decimal("7.00"), utc_now()
        for operation, amount, place in ((1, "5.00", 9), (2, "6.00", 9), (3, "4.50", 2)):
            session.add(Reservation(operation_id=operation, account_id=1, amount=Decimal(amount), place=place))
        session.add(
            Reservation(
                operation_id=4, account_id=1, amount=Decimal("3.25"), state=ReservationState.RELEASED,
                release_number=1, released_at=utc_now() - timedelta(days=1),
            )
        )  # fmt: skip
    page = await (await log_in(Role.VIEWER)).page("upstreams/main")
    line = page.split("The line, in its order")[1].split("</table>")[0]
    assert [line.index(f"operations/{number}") for number in (3, 1, 2)] == sorted(
        line.index(f"operations/{number}") for number in (1, 2, 3)
    )
    assert "Missing 8.50 EUR" in words(page), "15.50 are wanted, 7.00 are free"
    charged = page.split("The last charges")[1].split("</table>")[0]
    assert "3.25 EUR" in charged
    assert "operations/4" in charged


async def test_its_differences_and_what_it_shows_stand_on_its_page(api: Api, log_in: LogIn) -> None:
    await everything_stuck(api)
    async with api.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.lists_show_marks = Knowledge.YES
        session.add(UpstreamAccount(name="other", kind="billmanager", url="https://o.test/billmgr", currency="EUR"))
    viewer = await log_in(Role.VIEWER)
    page = await viewer.page("upstreams/main")
    differences = page.split("<h2>Differences</h2>")[1].split("</table>")[0]
    assert 'href="../drift/1"' in differences
    assert "VDS-1" in differences
    assert "VDS-9" in differences
    assert "lists show marks: yes; forms show marks: not known yet" in words(page)
    assert "No difference is known." in words(await viewer.page("upstreams/other"))


async def test_what_falls_due_is_loaded_after_the_page_and_is_a_page_without_scripts(api: Api, log_in: LogIn) -> None:
    """It counts every term that ends soon. So it keeps nobody waiting for the rest of the page."""
    async with api.database.write() as session:
        account = await session.get_one(UpstreamAccount, 1)
        account.balance, account.balance_at = Decimal("7.00"), utc_now()
    viewer = await log_in(Role.VIEWER)
    with recording() as transactions:
        page = await viewer.page("upstreams/main")
    address = "upstreams/main/forecast"
    assert f'hx-get="../{address}" hx-trigger="load"' in page
    assert f'href="../{address}"' in page
    assert not [text for one in transactions for text in one.statements if "expires_on >=" in text]
    whole = await viewer.page(address)
    part = (await viewer.client.get(address, headers={"HX-Request": "true"})).text
    for shown in (whole, part):
        assert "0.00 EUR due in 30 days, 7.00 EUR there: enough" in words(shown)
        assert '<svg class="plot"' in shown
    assert ("<html" in whole, "<html" in part) == (True, False)


async def unclear(api: Api, stage: Stage = Stage.OUTCOME_UNKNOWN) -> Service:
    """Order 1 was sent ten minutes ago, and nobody knows what it did."""
    await api.order()
    await api.enter(1, stage, "the connection was cut")
    async with api.database.write() as session:
        service = (await session.exec(select(Service))).one()
        session.add(
            Intent(
                operation_id=1, account_id=1, attempt=1, mark=service.mark, state=IntentState.UNKNOWN,
                created_at=utc_now() - timedelta(minutes=10), unknown_since=utc_now(),
            )
        )  # fmt: skip
        return service


async def add_items(api: Api, service: Service) -> None:
    before, after = utc_now() - timedelta(days=1), utc_now()
    rows: dict[str, dict[str, Any]] = {
        "9001": {"first_seen_at": before, "name": "elsewhere.example.com"},
        "9002": {"first_seen_at": after, "name": "elsewhere.example.com"},
        "9003": {"first_seen_at": before, "name": service.name.upper()},
        "9004": {"first_seen_at": before, "mark": service.mark},
        "9005": {"first_seen_at": after, "product_type": "dedic"},
        "9006": {"first_seen_at": after, "gone": True},
    }
    async with api.database.write() as session:
        for number, values in rows.items():
            session.add(
                UpstreamSnapshot(**{"account_id": 1, "product_type": "vds", "number": number, "status": 2, **values})
            )


async def test_what_an_order_may_have_made_is_shown_the_likeliest_first(api: Api) -> None:
    service = await unclear(api)
    await add_items(api, service)
    async with api.database.read() as session:
        found = await items_for(session, 1)
    assert [one.item.number for one in found] == ["9004", "9003", "9002"]
    assert [(one.same_mark, one.same_name, one.appeared_since) for one in found] == [
        (True, False, False), (False, True, False), (False, False, True),
    ]  # fmt: skip
    async with api.database.write() as session:
        (await session.exec(select(Intent))).one().state = IntentState.REFUSED
        (await session.get_one(Operation, 1)).stage = Stage.NEEDS_ATTENTION
    async with api.database.read() as session:
        found = await items_for(session, 1)
    assert [one.item.number for one in found] == ["9004", "9003"], "a definite no made nothing that merely came later"
    async with api.database.write() as session:
        (await session.get_one(Service, 1)).upstream_number = "17"
    async with api.database.read() as session:
        assert await items_for(session, 1) == [], "its item is known"
        assert await items_for(session, 99) == []


async def test_candidates_stand_beside_the_order_and_one_is_chosen(api: Api, log_in: LogIn) -> None:
    service = await unclear(api)
    await add_items(api, service)
    senior, operator = await log_in(Role.SENIOR), await log_in(Role.OPERATOR)
    page = await senior.page("operations/1")
    assert "What it may have made at the upstream" in words(page)
    assert "Nothing can be decided before that has ended" in words(page)
    assert "It is this one" not in page
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).stage = Stage.NEEDS_ATTENTION
    page = await senior.page("operations/1")
    assert page.count(">It is this one</button>") == 3
    assert "since the request" in words(page)
    assert "✓ the same" in words(page)
    assert "If it is none of them: try again" in words(page)
    assert "It is this one" not in await operator.page("operations/1"), "an operator may not vouch"
    refused = await operator.send("operations/1/mark_done", upstream_number="9004", reason="I looked")
    assert refused.status_code == 403
    away = await senior.send("operations/1/mark_done", upstream_number="9004", reason="I looked")
    assert away.status_code == 503, "the API's own route was reached, and there is no Temporal"


async def test_a_mark_that_only_the_form_of_an_item_shows_is_compared_too(api: Api, log_in: LogIn) -> None:
    """Lists of some upstreams have no marks."""
    service = await unclear(api)
    async with api.database.write() as session:
        (await session.get_one(Operation, 1)).stage = Stage.NEEDS_ATTENTION
        for number, mark in (("9001", service.mark), ("9002", "their-17")):
            item = UpstreamSnapshot(account_id=1, product_type="vds", number=number, status=2, form_mark=mark)
            session.add(item)
    shown = words(await (await log_in(Role.SENIOR)).page("operations/1"))
    assert f"{service.mark} ✓ the same" in shown
    assert "their-17 ≠ differs" in shown
