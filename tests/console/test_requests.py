"""What may be asked of a service: choose, see the quote, press the button once; and who may not."""

import asyncio
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlmodel import select

from models.audit import AuditEntry
from models.catalogue import PlanMapping, TariffPlan
from models.columns import utc_now
from models.drift import Drift
from models.enums import DriftKind, OperationKind, RefundSource, Role, ServiceStatus, Stage, UpstreamStatus
from models.events import UpstreamList, UpstreamSnapshot
from models.order import Operation, Service
from models.refund import Refund
from orders.operations.registry import OPERATIONS
from tests.console.conftest import LogIn
from tests.console.people import Browser, browser_of, words
from tests.storefront.api import Api, client_of_nothing, stocked_api
from tests.storefront.test_life_api import opened

ASKED = [kind for kind, operation in OPERATIONS.items() if operation.route is not None]
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
ENDS = date(2027, 3, 31)


@pytest.fixture
async def there(api: Api) -> Api:
    return await seen(api)


async def seen(api: Api) -> Api:
    """Service 1 is active, and its item was seen, with another expiry, price and add-on than our record has."""
    await opened(api)
    async with api.database.write() as session:
        service = await session.get_one(Service, 1)
        service.status, service.upstream_number, service.expires_on = ServiceStatus.ACTIVE, "4711", ENDS
        service.addons, service.ip = {"ram": 2}, "192.0.2.7"
        session.add(
            UpstreamSnapshot(
                account_id=1, product_type="vds", number="4711", status=int(UpstreamStatus.ACTIVE), name=service.name,
                expires_on=ENDS + timedelta(days=30), tariff="VDS one", tariff_id="58", cost_amount=Decimal("7.00"),
                cost_currency="EUR", ip="192.0.2.7", mark=service.mark, service_id=1,
                form={"addon_61": "4", "ostempl": "Debian-12"},
            )
        )  # fmt: skip
        session.add(UpstreamList(account_id=1, product_type="vds", listed_at=utc_now() - timedelta(hours=3)))
        reported = Drift(account_id=1, product_type="vds", item="4711", kind=DriftKind.PRICE, ours="5", theirs="7")
        reported.service_id = 1
        session.add(reported)
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.tariff == "58"))).one()
        mapping.addon_costs = {"ram": "1.00 EUR"}
        (await session.get_one(TariffPlan, mapping.plan_id)).addon_prices = {"ram": "2.00 EUR"}
    return api


def form_of(page: str) -> dict[str, str]:
    """What a form carries along unseen."""
    return {name: value for name, value in HIDDEN.findall(page) if name != "csrf"}


async def quote(browser: Browser, kind: OperationKind, status: int = 200, /, **fields: str) -> str:
    answer = await browser.send(f"services/1/request/{kind.value}", **fields)
    assert answer.status_code == status, words(answer.text)
    return answer.text


async def operations(api: Api) -> int:
    return await api.count(Operation)


async def test_only_what_would_do_something_is_offered(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)

    async def offered() -> set[str]:
        return set(re.findall(r"services/1/request/(\w+)", await browser.page("services/1")))

    everything = {kind.value for kind in ASKED}
    assert await offered() == everything - {"resume"}
    for status, missing in (
        (ServiceStatus.SUSPENDED, {"suspend"}),
        (ServiceStatus.PROCESSING, {"resume"}),
        (ServiceStatus.CLOSED, everything),
    ):
        async with there.database.write() as session:
            (await session.get_one(Service, 1)).status = status
        assert await offered() == everything - missing, status


async def test_both_sides_stand_side_by_side_with_their_differences(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.VIEWER)
    page = await browser.page("services/1")
    table = page.split('class="list beside"')[1].split("</table>")[0]
    rows = {words(row).split(" ")[0]: words(row) for row in table.split("</tr>") if "≠" in row}
    assert rows.keys() == {"Expires", "Cost", "ram"}
    assert f"{ENDS} {ENDS + timedelta(days=30)} ≠ differs" in rows["Expires"]
    assert "5.00 EUR 7.00 EUR ≠ decide" in rows["Cost"]
    assert "ram 2 4 ≠ differs" in rows["ram"]
    assert 'href="drift/1"' not in table
    assert 'drift/1">≠' in table, "the difference that is reported leads to its decision"
    text = words(page)
    assert "3 hours" in text.split("Last read:")[1]
    assert "State active active" in text
    assert "Who renews it the shop prolongs it not shown" in text
    assert "ostempl Debian-12" in text
    await there.order("cart-2")
    assert "Its item has not been seen" in words(await browser.page("services/2")) or "no item" in words(
        await browser.page("services/2")
    )


async def test_the_page_and_its_forms_on_both_databases(migrated_database_url: str) -> None:
    async with stocked_api(migrated_database_url, await client_of_nothing()) as api:
        browser = await browser_of(await seen(api), "olga", Role.OPERATOR)
        try:
            assert "ram 2 4 ≠ differs" in words(await browser.page("services/1"))
            for kind in ASKED:
                assert "<form" in (await browser.page(f"services/1/request/{kind.value}")).split("<main")[1]
            await browser.page("refunds?all=1")
            assert "VDS-3" in await browser.page("services/1/request/change_plan")
        finally:
            await browser.client.aclose()


async def test_a_service_is_prolonged_once_however_often_the_button_is_pressed(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    choice = await browser.page("services/1/request/prolong")
    assert '<option value="1" selected>1 month</option>' in choice
    assert '<option value="12">12 months</option>' in choice
    assert f'value="{ENDS}"' in choice
    page = await quote(browser, OperationKind.PROLONG, period_months="12", expires_on=str(ENDS))
    text = words(page)
    for shown in ("74.00 EUR", "148.00 EUR", "ram 2: 48.00 EUR", "2028-03-31", "12 months", "not known"):
        assert shown in text, (shown, text)
    assert await operations(there) == 1, "a quote orders nothing"

    form = form_of(page) | {"reason": "paid in advance"}
    first = await browser.send("services/1/request/prolong/send", **form)
    again = await browser.send("services/1/request/prolong/send", **form)
    for answer in (first, again):
        assert (answer.status_code, answer.headers["location"]) == (303, "../../../../operations/2"), words(answer.text)
    assert await operations(there) == 2
    async with there.database.read() as session:
        made = await session.get_one(Operation, 2)
        entry = (
            await session.exec(
                select(AuditEntry).where(AuditEntry.subject == "operation", AuditEntry.subject_number == 2)
            )
        ).one()
    assert made.actor == entry.actor == "a-operator"
    assert (made.parameters["period_months"], made.quote) == ("12", form["quote"])
    assert str(made.agreed_limit) == "74.00 EUR"
    assert entry.detail["reason"] == "paid in advance"
    twice = await quote(browser, OperationKind.PROLONG, 409, period_months="1", expires_on=str(ENDS))
    assert "operation 2" in words(twice), "the same term is not prolonged by somebody else's form"


async def test_two_clicks_at_once_make_one_operation(there: Api, log_in: LogIn) -> None:
    """Naming the term: whoever comes second would be refused, if it were another form."""
    browser = await log_in(Role.OPERATOR)
    page = await quote(browser, OperationKind.PROLONG, period_months="1", expires_on=str(ENDS))
    form = form_of(page) | {"reason": "r", "csrf": await browser.csrf()}
    address = "services/1/request/prolong/send"
    answers = await asyncio.gather(*(browser.client.post(address, data=form) for _ in range(4)))
    assert {(answer.status_code, answer.headers.get("location")) for answer in answers} == {
        (303, "../../../../operations/2")
    }
    assert await operations(there) == 2


@pytest.mark.proof
async def test_a_price_that_has_changed_is_shown_anew_and_nothing_is_asked_for(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    form = form_of(await quote(browser, OperationKind.PROLONG, period_months="1")) | {"reason": "it is mine"}
    async with there.database.write() as session:
        (await session.exec(select(UpstreamSnapshot))).one().cost_amount = Decimal("8.00")
    answer = await browser.send("services/1/request/prolong/send", **form)
    assert answer.status_code == 409, form
    text = words(answer.text)
    assert "It is not what you were shown any more. Nothing has been requested." in text
    assert "8.00 EUR (before: 7.00 EUR)" in text
    assert "it is mine" in answer.text
    assert await operations(there) == 1
    anew = form_of(answer.text) | {"reason": "all the same"}
    assert anew["key"] != form["key"]
    assert (await browser.send("services/1/request/prolong/send", **anew)).status_code == 303
    assert await operations(there) == 2


@pytest.mark.proof
async def test_a_wrong_value_is_shown_at_its_field_and_what_was_typed_stays(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    for kind, typed, field, shown in (
        (OperationKind.PROLONG, {"period_months": "5", "agreed_cost_limit": "9.00 EUR"}, "period_months", "for 1, 12"),
        (OperationKind.PROLONG, {"period_months": "1", "agreed_cost_limit": "much"}, "agreed_cost_limit", ""),
        (OperationKind.PROLONG, {"period_months": "1", "expires_on": "soon"}, "expires_on", ""),
        (OperationKind.CHANGE_PLAN, {"plan": "VDS-9", "agreed_cost_limit": "9.00 EUR"}, "plan", "no tariff plan"),
        (OperationKind.SET_PARAMETERS, {"addons.ram": "-1", "domain": "x.example.com"}, "addons.ram", "zero or more"),
        (OperationKind.SET_PARAMETERS, {"addons.ram": "", "was.addons.ram": "2"}, "addons.ram", "write 0 for none"),
        (OperationKind.SET_PARAMETERS, {"domain": "no domain", "was.domain": "x"}, "domain", "no domain"),
    ):  # fmt: skip
        page = await quote(browser, kind, 422, **typed)
        assert f'id="wrong-{field}"' in page, (kind, typed)
        assert page.count('aria-invalid="true"') == 1
        assert shown in words(page)
        for name, value in typed.items():
            assert name == "plan" or name == "period_months" or f'value="{value}"' in page, (name, value)
    nothing = await quote(browser, OperationKind.SET_PARAMETERS, 422, **{"addons.ram": "2", "was.addons.ram": "2"})
    assert "name at least one thing to change" in words(nothing)

    form = form_of(await quote(browser, OperationKind.PROLONG, period_months="1")) | {"reference": "invoice 7"}
    silent = await browser.send("services/1/request/prolong/send", **form)
    assert silent.status_code == 422
    assert 'id="wrong-reason"' in silent.text
    assert 'value="invoice 7"' in silent.text
    assert form_of(silent.text)["period_months"] == "1"
    for broken in ({"key": "mine"}, {"quote": "q-unknown"}, {"period_months": "12"}):
        refused = await browser.send("services/1/request/prolong/send", **form | {"reason": "r"} | broken)
        assert refused.status_code in (409, 422), broken
    assert await operations(there) == 1


CHANGES: list[tuple[OperationKind, dict[str, str], str, dict[str, str]]] = [
    (OperationKind.SUSPEND, {"urgent": "on"}, "at once", {}),
    (OperationKind.CHANGE_PLAN, {"plan": "VDS-3", "drop_addons": "on"}, "9.00 EUR", {"addon.ram": "2"}),
    (
        OperationKind.SET_PARAMETERS,
        {"addons.ram": "4", "was.addons.ram": "2", "domain": "same", "was.domain": "same"},
        "2 → 4",
        {"addon.ram": "4", "field.addon_61": "4"},
    ),
    (OperationKind.CLOSE, {}, "at once", {}),
]


@pytest.mark.proof
async def test_every_operation_is_asked_for_in_the_same_way(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.SENIOR)
    for number, (kind, typed, shown, parameters) in enumerate(CHANGES, start=2):
        address = f"services/1/request/{kind.value}"
        page = await quote(browser, kind, **typed) if typed else await browser.page(address)
        assert shown in words(page)
        assert await operations(there) == number - 1
        form = form_of(page) | {"reason": f"because of {kind.value}"}
        first = await browser.send(f"{address}/send", **form)
        await there.enter(number, Stage.COMPLETED)
        async with there.database.write() as session:  # the form is sent again when all is over
            (await session.get_one(Service, 1)).status = ServiceStatus.CLOSED
        again = await browser.send(f"{address}/send", **form)
        assert (first.status_code, again.status_code) == (303, 303), words(first.text + again.text)
        async with there.database.write() as session:
            (await session.get_one(Service, 1)).status = ServiceStatus.ACTIVE
        assert await operations(there) == number
        async with there.database.read() as session:
            made = await session.get_one(Operation, number)
            of_it = select(AuditEntry).where(
                AuditEntry.action == "operation_accepted", AuditEntry.subject_number == number
            )
            reason = (await session.exec(of_it)).one().detail["reason"]
        is_urgent = kind in (OperationKind.SUSPEND, OperationKind.CLOSE)
        assert (made.kind, made.urgent, reason) == (kind, is_urgent, form["reason"])
        assert parameters.items() <= made.parameters.items()


@pytest.mark.proof
async def test_what_waits_or_can_not_be_chosen_is_said_before_anybody_asks(api: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    await api.order()
    closing = words(await browser.page("services/1/request/close"))
    assert "service 1 is closed by now; nothing was sent" in closing
    await api.enter(1, Stage.AWAITING_CONFIRMATION)
    waiting = await browser.send("services/1/request/suspend")
    assert "operation 1 (open) is in stage awaiting_confirmation" in words(waiting.text)
    choice = await browser.page("services/1/request/change_plan")
    assert "There is nothing to choose from." in words(choice)
    assert "<button>" not in choice.split("<main")[1]
    assert (await api.operator.get("/v1/services/1")).json()["status"] == "ordered"


@pytest.mark.proof
async def test_who_may_not_order_finds_no_form_and_can_send_none(there: Api, log_in: LogIn) -> None:
    operator = await log_in(Role.OPERATOR)
    for role in (Role.VIEWER, Role.FINANCE):
        await _can_ask_for_nothing(there, await log_in(role), operator)


async def _can_ask_for_nothing(there: Api, browser: Browser, operator: Browser) -> None:
    page = await browser.page("services/1")
    assert "request/" not in page
    assert '<form method="post" action="../services' not in page
    assert "New order" not in page
    assert "New order" in await operator.page("services/1")
    form = form_of(await quote(operator, OperationKind.PROLONG, period_months="1")) | {"reason": "r"}
    for kind in ASKED:
        await browser.page(f"services/1/request/{kind.value}", 403)
        assert (await browser.send(f"services/1/request/{kind.value}", **form)).status_code == 403
        assert (await browser.send(f"services/1/request/{kind.value}/send", **form)).status_code == 403
    await browser.page("order", 403)
    await browser.page("order?plan=VDS-1", 403)
    for path in ("order", "order/send", "services/1/renewal", "services/1/module", "services/1/owner",
                 "services/1/reference", "services/1/licence-key"):  # fmt: skip
        assert (await browser.send(path, plan="VDS-1", reason="r", module="manual", reference="x")).status_code == 403
    assert await operations(there) == 1


async def test_what_is_written_on_a_service_is_changed_at_once(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    page = await browser.page("services/1")
    assert '<option value="manual">manual</option>' in page
    for act, fields in (
        ("renewal", {"at_end_of_term": "close", "reason": "the contract ends"}),
        ("module", {"module": "manual", "reason": "the upstream's machine is broken"}),
        ("owner", {"owner": "rival", "reason": "sold to them"}),
        ("reference", {"reference": "contract 17"}),
    ):
        answer = await browser.send(f"services/1/{act}", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "../1"), words(answer.text)
    unsaid = await browser.send("services/1/renewal", at_end_of_term="renew")
    assert (unsaid.status_code, "reason: is needed" in words(unsaid.text)) == (422, True)
    text = words(await browser.page("services/1"))
    for shown in (
        "the contract ends",
        "it is closed",
        "Processing module manual",
        "rival",
        "contract 17",
        "module_set".replace("_", " "),
    ):
        assert shown in text, shown
    assert (await browser.send("services/1/reference", reference="")).status_code == 303
    assert (await browser.send("services/1/owner", owner="", reason="ours again")).status_code == 303
    async with there.database.read() as session:
        service = await session.get_one(Service, 1)
    assert (service.reference, service.owner) == ("", None)
    wrong = await browser.send("services/1/module", module="nothing", reason="r")
    assert wrong.status_code == 422
    assert "there is no processing module" in words(wrong.text)
    key = await browser.send("services/1/licence-key")
    assert key.status_code == 409
    assert "no licence" in words(key.text) or "key" in words(key.text)


async def test_an_order_is_placed_once_and_is_the_operators_own(there: Api, log_in: LogIn) -> None:
    browser = await log_in(Role.OPERATOR)
    assert 'href="order?plan=VDS-1"' in await browser.page("order")
    assert "not mapped to any processing module" in words(await browser.page("order"))
    choice = await browser.page("order?plan=VDS-1")
    assert 'name="parameters.template"' in choice
    assert '<option value="" selected>–</option>' in choice
    assert '<option value="12">12 months · 100.00 EUR</option>' in choice
    fields = {"plan": "VDS-1", "period_months": "1", "customer": "", "addons.ram": "", "was.addons.ram": "",
              "parameters.template": "debian-12", "was.parameters.template": "", "domain": "v9.test.org"}  # fmt: skip
    wrong = await browser.send("order", **fields)
    assert wrong.status_code == 422
    assert 'id="wrong-customer"' in wrong.text
    assert 'value="v9.test.org"' in wrong.text
    seen = await browser.send("order", **fields | {"customer": "c-99"})
    assert "10.00 EUR" in words(seen.text)
    form = form_of(seen.text)
    for _ in range(2):
        answer = await browser.send("order/send", **form)
        assert (answer.status_code, answer.headers["location"]) == (303, "../operations/2"), words(answer.text)
    async with there.database.read() as session:
        service = await session.get_one(Service, 2)
    assert (service.owner, service.customer, service.name) == (None, "c-99", "v9.test.org")
    assert (service.parameters, service.addons) == ({"template": "debian-12"}, {})
    await browser.page("order?plan=nothing", 404)


@pytest.mark.proof
async def test_what_was_paid_back_is_written_to_an_operation(there: Api, log_in: LogIn) -> None:
    rows = [
        Refund(account_id=1, source=RefundSource.PAYMENT, row=f"r-{number}", amount=Decimal("2.50"), currency="EUR",
               text="because of <b>you</b>", service_id=1)
        for number in range(2)
    ]  # fmt: skip
    await there.add(*rows)
    viewer, finance = await log_in(Role.VIEWER), await log_in(Role.FINANCE)
    assert words(await viewer.page("services/1")).count("2.50 EUR") == 2
    assert (await viewer.page("refunds")).count("refunds/") >= 2
    for act in ("assign", "ignore"):
        assert act not in (await viewer.page("refunds/1")).split("<main")[1]
        assert (await viewer.send(f"refunds/1/{act}", operation="1", reason="r")).status_code == 403
    wrong = await finance.send("refunds/1/assign", operation="99", reason="r")
    assert wrong.status_code == 422
    assert "there is no operation 99" in words(wrong.text)
    assert (await finance.send("refunds/1/assign", operation="1", reason="the upstream says so")).status_code == 303
    assert (await finance.send("refunds/2/ignore", reason="a present")).status_code == 303
    assert "written to its operation" in words(await finance.page("refunds/1"))
    assert "Nothing that an upstream paid back waits for a person." in words(await finance.page("refunds"))
    assert words(await finance.page("refunds?all=1")).count("2.50 EUR") == 2
