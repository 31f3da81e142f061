"""The small parts of proof: names that may be ours, marks cut short, terms, and what is reported of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import select

from models.catalogue import ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import utc_now
from models.database import Database
from models.enums import IncidentKind, IntentState, OperationKind, Stage, UpstreamStatus
from models.events import UpstreamList, UpstreamSnapshot
from models.incident import Incident
from models.money import Money
from models.order import Intent, Operation, Service
from orders.events.orphans import unexplained_items
from orders.services.expiry import months_later
from orders.services.naming import is_cut, may_be_name, same_mark
from orders.settlement.intents import looking_for_name
from orders.settlement.item_verdicts import State, Term, differs, expected, judge_state, judge_term
from orders.settlement.other_terms import (
    report_other_currency,
    report_other_term,
    show_cost_seen_late,
    show_real_cost,
)
from orders.settlement.verdicts import Verdict

PUNYCODE = "xn--b1afb6bcb.example.test"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "shown",
    [
        PUNYCODE,
        "сервер.example.test",
        "СЕРВЕР.EXAMPLE.TEST.",
        "сервер.exam…",
        "xn--b1afb6bcb",
        "??????.example.test",
        "VPS (сервер.example.test)",
        "www.xn--b1afb6bcb.example.test",
        "",
    ],
)
def test_what_may_be_how_an_upstream_writes_a_name(shown: str) -> None:
    assert may_be_name(shown, PUNYCODE)


@pytest.mark.parametrize("shown", ["shop.example.com", "example.test", "xn--p1ai.example.test", "*.example.com", "vm"])
def test_what_is_certainly_another_name(shown: str) -> None:
    assert not may_be_name(shown, PUNYCODE)


def test_a_mark_is_known_in_capitals_and_cut_short() -> None:
    assert same_mark(" RF-ABCDE-1042", "rf-abcde-1042")
    assert is_cut("rf-abcde-1", "rf-abcde-1042")
    assert is_cut("rf-abcde-10…", "rf-abcde-1042")
    assert not is_cut("rf-ab", "rf-abcde-1042")
    assert is_cut("rf-ab", "rf-abcde-1042", significant=False)
    assert not is_cut("rf-abcde-1042", "rf-abcde-1042")
    assert not is_cut("rf-abcde-2", "rf-abcde-1042")


TERM = Term(
    number="7",
    before=date(2026, 3, 31),
    announced=None,
    months=12,
    sent_on=date(2026, 3, 1),
    shown=date(2026, 3, 31),
    status=UpstreamStatus.ACTIVE,
    unknown_since=NOON,
    now=NOON + timedelta(minutes=5),
    window=timedelta(minutes=1),
)


@pytest.mark.parametrize(
    ("term", "verdict"),
    [
        (TERM, Verdict.NOT_DONE),
        (replace(TERM, now=NOON), Verdict.WAIT),
        (replace(TERM, status=UpstreamStatus.PROCESSING), Verdict.WAIT),
        (replace(TERM, shown=date(2027, 3, 31)), Verdict.DONE),
        (replace(TERM, shown=date(2027, 3, 31), now=NOON), Verdict.DONE),
        (replace(TERM, shown=date(2027, 4, 1)), Verdict.DONE),
        (replace(TERM, shown=date(2027, 4, 2)), Verdict.CANNOT_TELL),
        (replace(TERM, shown=date(2026, 4, 30)), Verdict.CANNOT_TELL),  # a month given by staff is not our year
        (replace(TERM, shown=date(2026, 4, 30), now=NOON), Verdict.WAIT),
        (replace(TERM, announced=date(2027, 4, 5), shown=date(2027, 4, 5)), Verdict.DONE),
        (replace(TERM, announced=date(2027, 4, 5), shown=date(2027, 3, 31)), Verdict.CANNOT_TELL),
        (replace(TERM, shown=date(2026, 3, 1)), Verdict.CANNOT_TELL),
        (replace(TERM, shown=None), Verdict.CANNOT_TELL),
        (replace(TERM, before=None, shown=None), Verdict.CANNOT_TELL),
        (replace(TERM, before=None), Verdict.CANNOT_TELL),
        (replace(TERM, before=None, announced=date(2026, 3, 31)), Verdict.DONE),
        (replace(TERM, months=0, shown=date(2026, 4, 30)), Verdict.CANNOT_TELL),
        (replace(TERM, months=1, shown=date(2026, 4, 30)), Verdict.DONE),
        (replace(TERM, months=0, shown=date(2026, 4, 1)), Verdict.CANNOT_TELL),
        (replace(TERM, announced=date(2026, 4, 1)), Verdict.NOT_DONE),  # a day more was announced, and not given
        (replace(TERM, now=NOON + TERM.window), Verdict.NOT_DONE),
        # The term was over when it was sent: counted from then on, too.
        (replace(TERM, before=date(2026, 2, 1), shown=date(2027, 3, 1)), Verdict.DONE),
    ],
)
def test_a_lost_prolongation_is_judged_by_the_date_that_was_asked_for(term: Term, verdict: Verdict) -> None:
    assert judge_term(term).verdict is verdict


def test_a_person_is_told_both_dates() -> None:
    reason = judge_term(replace(TERM, shown=date(2026, 4, 30))).reason
    assert reason == "item 7 expires 2026-04-30 now, 2026-03-31 before; asked for was 2027-03-31"


def test_the_announced_date_wins_over_the_calendar() -> None:
    assert expected(TERM) == (date(2027, 3, 31),)
    assert expected(replace(TERM, announced=date(2027, 4, 5))) == (date(2027, 4, 5),)


STATE = State(
    number="7",
    status=UpstreamStatus.ACTIVE,
    done=False,
    tariff_before="58",
    tariff="58",
    unknown_since=NOON,
    now=NOON + timedelta(minutes=5),
    window=timedelta(minutes=1),
)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (STATE, Verdict.NOT_DONE),
        (replace(STATE, done=True), Verdict.DONE),
        (replace(STATE, done=True, now=NOON), Verdict.DONE),
        (replace(STATE, status=None), Verdict.CANNOT_TELL),
        (replace(STATE, status=UpstreamStatus.DELETED), Verdict.CANNOT_TELL),
        (replace(STATE, status=UpstreamStatus.PROCESSING), Verdict.WAIT),
        (replace(STATE, now=NOON), Verdict.WAIT),
        (replace(STATE, now=NOON + STATE.window), Verdict.NOT_DONE),
        (replace(STATE, tariff="61"), Verdict.CANNOT_TELL),
        (replace(STATE, tariff=""), Verdict.CANNOT_TELL),
        (replace(STATE, tariff_before="", tariff="61"), Verdict.NOT_DONE),
    ],
)
def test_a_lost_change_is_judged_by_what_the_form_shows(state: State, verdict: Verdict) -> None:
    assert judge_state(state).verdict is verdict


@pytest.mark.parametrize(
    ("announced", "shown", "differ"),
    [
        (date(2026, 4, 30), date(2026, 4, 28), True),
        (date(2026, 4, 30), date(2026, 5, 1), False),
        (None, date(2026, 4, 30), False),
        (date(2026, 4, 30), None, False),
    ],
)
def test_a_day_more_or_less_is_the_announced_term(announced: date | None, shown: date | None, differ: bool) -> None:
    assert differs(announced, shown) is differ


async def _service(database: Database, name: str, kind: OperationKind = OperationKind.OPEN) -> tuple[int, int]:
    async with database.write() as session:
        account = (await session.exec(select(UpstreamAccount))).one()
        module = (await session.exec(select(ProcessingModule).where(ProcessingModule.product_type == "vds"))).one()
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        service = Service(
            customer="c",
            plan_id=plan.id or 0,
            product_type="vds",
            module_id=module.id or 0,
            account_id=account.id,
            name=name,
            name_is_ours=False,
            mark=f"rf-abcde-{name}"[:60],
            period_months=1,
        )
        session.add(service)
        await session.flush()
        operation = Operation(
            service_id=service.id or 0, kind=kind, upstream_name=account.name, stage=Stage.OUTCOME_UNKNOWN
        )
        session.add(operation)
        await session.flush()
        return service.id or 0, operation.id or 0


async def test_other_orders_of_the_same_name_are_found_by_its_meaning(database: Database) -> None:
    _, operation = await _service(database, PUNYCODE)
    async with database.write() as session:
        session.add(Intent(operation_id=operation, account_id=1, attempt=1, mark="m", state=IntentState.UNKNOWN))
    async with database.read() as session:
        assert await looking_for_name(session, 1, "СЕРВЕР.example.test", but_not=0) == [operation]
        assert await looking_for_name(session, 1, "shop.example.test", but_not=0) == []


@pytest.mark.parametrize(("shown", "reported"), [("2026-04-30", 0), ("2026-05-01", 0), ("2026-04-15", 1)])
async def test_a_term_that_differs_from_the_announced_one_is_an_incident(
    database: Database, shown: str, reported: int
) -> None:
    number, operation = await _service(database, "v1.example.com", OperationKind.PROLONG)
    for _ in range(2):
        async with database.write() as session:
            service = await session.get_one(Service, number)
            done = await session.get_one(Operation, operation)
            service.expires_on = date.fromisoformat(shown)
            done.parameters = {"expires_before": "2026-03-31", "expires_announced": "2026-04-30"}
            session.add_all([service, done])
            await report_other_term(session, service, done)
    async with database.read() as session:
        found = (await session.exec(select(Incident).where(Incident.kind == IncidentKind.OTHER_TERM))).all()
    assert len(found) == reported
    assert all("had announced 2026-04-30" in one.message for one in found)


@pytest.mark.parametrize(
    ("source", "costs", "shown", "incidents"),
    [
        ("catalogue", "7.00", "7.00", 1),
        ("catalogue", "4.00", "4.00", 0),
        ("catalogue", "5.00", "5.00", 0),
        ("quote", "7.00", "5.00", 0),
        ("cart", "7.00", "5.00", 0),
    ],
)
async def test_an_opening_that_nobody_could_quote_shows_what_its_item_costs(
    database: Database, source: str, costs: str, shown: str, incidents: int
) -> None:
    service_number, number = await _service(database, "v1.example.test")
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        operation.cost_amount, operation.cost_currency = Decimal("5.00"), "EUR"
        operation.price = {"source": source}
        snapshot = UpstreamSnapshot(
            account_id=1, product_type="vds", number="900001", status=2, cost_amount=Decimal(costs), cost_currency="EUR"
        )
        service = await session.get_one(Service, service_number)
        await show_real_cost(session, service, operation, snapshot)
    async with database.read() as session:
        operation = await session.get_one(Operation, number)
        assert operation.cost == Money.of(shown, "EUR")
        assert operation.price.get("item_costs") == (f"{costs} EUR" if costs != "5.00" else None)
        raised = (await session.exec(select(Incident))).all()
    assert [one.kind for one in raised] == [IncidentKind.OTHER_TERM] * incidents


@pytest.mark.parametrize(
    ("months", "minutes", "stage", "costs", "incidents"),
    [
        ("1", 1, Stage.COMPLETED, "7.00", 1),
        ("1", 1, Stage.COMPLETED, "5.00", 0),
        ("12", 1, Stage.COMPLETED, "7.00", 0),
        ("1", 90, Stage.COMPLETED, "7.00", 0),
        ("1", 1, Stage.CHECKING_BALANCE, "7.00", 0),
    ],
    ids=["dearer", "as expected", "of another period", "long ago", "another one runs"],
)
async def test_a_cost_that_is_seen_after_a_prolongation_is_held_against_what_was_expected(
    database: Database, months: str, minutes: int, stage: Stage, costs: str, incidents: int
) -> None:
    service_number, number = await _service(database, "v1.example.test")
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        operation.kind, operation.parameters, operation.stage = OperationKind.PROLONG, {"period_months": months}, stage
        operation.ended_at = utc_now() - timedelta(minutes=minutes)
        operation.cost_amount, operation.cost_currency = Decimal("5.00"), "EUR"
        operation.price = {"source": "catalogue"}
    for _ in range(2):
        snapshot = UpstreamSnapshot(
            account_id=1, product_type="vds", number="900001", status=2, cost_amount=Decimal(costs), cost_currency="EUR"
        )
        async with database.write() as session:
            await show_cost_seen_late(session, await session.get_one(Service, service_number), snapshot)
    async with database.read() as session:
        raised = (await session.exec(select(Incident))).all()
        operation = await session.get_one(Operation, number)
    assert [one.kind for one in raised] == [IncidentKind.OTHER_TERM] * incidents
    assert operation.cost == Money.of(costs if incidents else "5.00", "EUR")


@pytest.mark.parametrize(
    ("quoted", "currency", "incidents"),
    [("", "USD", 1), ("5.00 EUR", "USD", 1), ("5.00 USD", "USD", 0), ("", "EUR", 0)],
    ids=["not quoted", "quoted in ours", "quoted in theirs", "ours"],
)
async def test_an_item_that_costs_another_currency_than_the_account_s_is_an_incident_once(
    database: Database, quoted: str, currency: str, incidents: int
) -> None:
    service_number, number = await _service(database, "v1.example.test")
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        operation.cost_amount, operation.cost_currency = Decimal("5.00"), "EUR"
        operation.price = {"source": "quote", "quoted": quoted} if quoted else {"source": "catalogue"}
    for _ in range(2):
        snapshot = UpstreamSnapshot(
            account_id=1,
            product_type="vds",
            number="900001",
            status=2,
            cost_amount=Decimal("5.00"),
            cost_currency=currency,
        )
        async with database.write() as session:
            service = await session.get_one(Service, service_number)
            await show_real_cost(session, service, await session.get_one(Operation, number), snapshot)
    async with database.read() as session:
        raised = (await session.exec(select(Incident))).all()
    assert [one.detail for one in raised] == [{"expected": "EUR", "shown": "5.00 USD"}] * incidents


@pytest.mark.parametrize(("costs", "currency"), [("5.00", "EUR"), (None, "USD"), ("5.00", None)])
async def test_an_item_that_shows_no_price_in_another_currency_is_no_incident(
    shelf: Database, costs: str | None, currency: str | None
) -> None:
    number, _ = await _service(shelf, "v1.example.test")
    amount = Decimal(costs) if costs is not None else None
    snapshot = UpstreamSnapshot(
        account_id=1, product_type="vds", number="900001", status=2, cost_amount=amount, cost_currency=currency
    )
    async with shelf.write() as session:
        assert not await report_other_currency(session, await session.get_one(Service, number), snapshot)
    async with shelf.read() as session:
        assert (await session.exec(select(Incident))).all() == []


async def test_forms_are_read_of_new_items_of_nobody_while_orders_are_under_way(database: Database) -> None:
    def item(number: str, **more: Any) -> UpstreamSnapshot:
        values: dict[str, Any] = {"account_id": 1, "product_type": "vds", "number": number, "status": 2}
        return UpstreamSnapshot(**(values | more))

    long_ago = utc_now() - timedelta(hours=1)
    async with database.write() as session:
        session.add(item("1", first_seen_at=long_ago))
        session.add(UpstreamList(account_id=1, product_type="vds", loaded_at=long_ago))
    async with database.read() as session:
        assert await unexplained_items(session, 1, "main") == []
    service, operation = await _service(database, "v1.example.com")
    async with database.write() as session:
        session.add_all(
            [
                item("2"),
                item("3", form={"id": "3"}),
                item("4", mark="rf-x-1"),
                item("5", service_id=service),
                item("6", product_type="soft"),
                item("7", gone=True),
            ]
        )
    async with database.read() as session:
        assert await unexplained_items(session, 1, "main") == [("vds", "2")]
    async with database.write() as session:
        ended = await session.get_one(Operation, operation)
        ended.stage, ended.ended_at = Stage.COMPLETED, long_ago
        session.add(ended)
    async with database.read() as session:
        assert await unexplained_items(session, 1, "main") == []


def test_two_terms_prove_that_both_of_two_requests_were_carried_out() -> None:
    """Two terms after one request may be somebody else's doing."""
    late = replace(TERM, shown=months_later(expected(TERM)[0], TERM.months))
    assert judge_term(late).verdict is Verdict.CANNOT_TELL
    assert judge_term(replace(late, requests=2)).verdict is Verdict.DONE
    assert judge_term(replace(late, requests=2, months=0)).verdict is Verdict.CANNOT_TELL
