"""What falls due on an account against what is there: each sum once, by its owner, and never a guess."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from models.beat import Beat
from models.catalogue import MappedPeriod, PlanMapping, ProcessingModule, TariffPlan, UpstreamAccount
from models.columns import units, utc_now
from models.database import Database
from models.enums import (
    AtEndOfTerm,
    IncidentKind,
    MessageType,
    OperationKind,
    RenewalOwner,
    ReservationState,
    ServiceStatus,
    Stage,
)
from models.events import UpstreamSnapshot
from models.incident import Incident
from models.order import Operation, Reservation, Service
from models.periods import DAY, FOR_EVER, TRIAL
from models.rates import NO_RATES, ExchangeRate, Rates
from models.renewal_terms import RenewalTerms
from models.watch_limits import Limits
from models.webhooks import WebhookMessage
from orders.errors import InvalidField
from orders.money.forecast.demand import Cause
from orders.money.forecast.projection import CERTAIN, Forecast, read_forecast
from orders.money.forecast.terms import Basis
from orders.money.forecast_views import find_forecast, horizon
from orders.watch.looking import FORECAST_BEAT, look
from tests.orders.conftest import NOON
from tests.orders.test_owners import ACCOUNT

HOURS_72 = timedelta(hours=72)
pytestmark = pytest.mark.usefixtures("noon")
TODAY = NOON.date()
LEAD = RenewalTerms().lead
RATES = Rates((ExchangeRate.model_validate({"from": "USD", "to": "EUR", "rate": "0.90", "date": "2026-01-01"}),))


class Desk:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.count = 0

    async def service(
        self,
        in_days: int,
        owner: RenewalOwner = RenewalOwner.AUTOMATIC,
        *,
        shown: tuple[str, str] | None = None,
        **values: Any,
    ) -> int:
        """An active service of VDS-1 (5.00 EUR a month) whose term ends so many days from now."""
        self.count += 1
        number = str(900000 + self.count)
        async with self.database.write() as session:
            plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
            module = (await session.exec(select(ProcessingModule).where(ProcessingModule.name == "main-vds"))).one()
            fields: dict[str, Any] = {
                "customer": "c-1", "plan_id": plan.id, "product_type": "vds", "module_id": module.id,
                "account_id": ACCOUNT, "status": ServiceStatus.ACTIVE, "name": f"n{number}", "mark": f"m{number}",
                "upstream_number": number, "period_months": 1, "expires_on": TODAY + timedelta(days=in_days),
            }  # fmt: skip
            made = Service(**(fields | values))
            made.renewed_by = owner
            session.add(made)
            await session.flush()
            if shown is not None:
                session.add(
                    UpstreamSnapshot(
                        account_id=ACCOUNT,
                        product_type="vds",
                        number=number,
                        service_id=made.id,
                        status=2,
                        cost_amount=Decimal(shown[0]),
                        cost_currency=shown[1],
                    )
                )
            return made.id

    async def operation(
        self, service: int, kind: OperationKind, stage: Stage, *, held: ReservationState | None = None, **values: Any
    ) -> int:
        async with self.database.write() as session:
            made = Operation(service_id=service, kind=kind, stage=stage, upstream_name="main", **values)
            session.add(made)
            await session.flush()
            if held is not None:
                amount = values.get("cost_amount", Decimal("5.00"))
                session.add(Reservation(operation_id=made.id, account_id=ACCOUNT, state=held, amount=amount))
                account = await session.get_one(UpstreamAccount, ACCOUNT)
                if held is ReservationState.GRANTED:
                    account.set_aside += units(amount)
                else:
                    account.waiting += 1
                session.add(account)
            return made.id

    async def set(self, **values: Any) -> None:
        async with self.database.write() as session:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            for name, value in values.items():
                setattr(account, name, value)
            session.add(account)

    async def forecast(self, span: timedelta = HOURS_72, rates: Rates = NO_RATES) -> Forecast:
        async with self.database.read() as session:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            return await read_forecast(session, account, NOON, span, Basis(rates))

    async def due(self, span: timedelta = HOURS_72) -> Decimal:
        return (await self.forecast(span)).total(CERTAIN)


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    await made.set(balance=Decimal("12.00"), balance_at=NOON, credit_limit=Decimal("1.00"))
    return made


async def test_it_says_when_the_money_is_short(desk: Desk) -> None:
    for in_days in (1, 2, 2):
        await desk.service(in_days, RenewalOwner.UPSTREAM)
    found = await desk.forecast()
    short = NOON.replace(hour=0) + timedelta(days=2)
    assert (found.total(CERTAIN), found.free, found.short_at()) == (Decimal("15.00"), Decimal("13.00"), short)
    assert found.in_words() == f"15.00 EUR due in 72 h, 13.00 EUR there: short on {short:%A, %Y-%m-%d} 00:00 UTC"
    await desk.set(balance=Decimal("14.00"))
    assert (await desk.forecast()).in_words() == "15.00 EUR due in 72 h, 15.00 EUR there: enough"


async def test_each_owner_at_its_own_time_and_the_shop_s_apart(desk: Desk) -> None:
    await desk.service(LEAD + 2, RenewalOwner.AUTOMATIC)
    await desk.service(2, RenewalOwner.UPSTREAM)
    await desk.service(2, RenewalOwner.STOREFRONT)
    found = await desk.forecast()
    assert {one.cause: one.at.date() - TODAY for one in found.demand.dues} == dict.fromkeys(
        [Cause.AUTOMATIC, Cause.UPSTREAM, Cause.STOREFRONT], timedelta(days=2)
    )
    assert found.total(CERTAIN) == Decimal("10.00")
    assert found.total([Cause.STOREFRONT]) == Decimal("5.00")


async def test_one_that_should_be_prolonged_already_is_due_now(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.AUTOMATIC)
    [due] = (await desk.forecast()).demand.dues
    assert due.at == NOON


async def test_what_is_not_renewed_is_left_out(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.UPSTREAM, period_months=TRIAL)
    await desk.service(1, RenewalOwner.UPSTREAM, period_months=FOR_EVER)
    await desk.service(1, RenewalOwner.UPSTREAM, status=ServiceStatus.CLOSED)
    await desk.service(-1, RenewalOwner.UPSTREAM)
    for stopped in (AtEndOfTerm.EXPIRE, AtEndOfTerm.CLOSE):
        await desk.service(1, RenewalOwner.AUTOMATIC, at_end_of_term=stopped)
    closing = await desk.service(1, RenewalOwner.UPSTREAM)
    await desk.operation(closing, OperationKind.CLOSE, Stage.AWAITING_CONFIRMATION)
    await desk.service(4, RenewalOwner.UPSTREAM)
    found = await desk.forecast()
    assert (found.demand.dues, found.demand.unknown) == ([], {})


async def test_orders_in_line_and_renewals_in_flight_count_once(desk: Desk) -> None:
    in_flight = await desk.service(1, RenewalOwner.UPSTREAM)
    five: dict[str, Any] = {"cost_amount": Decimal("5.00"), "cost_currency": "EUR"}
    await desk.operation(in_flight, OperationKind.PROLONG, Stage.SUBMITTING, held=ReservationState.GRANTED, **five)
    in_line = await desk.service(2, RenewalOwner.UPSTREAM)
    await desk.operation(in_line, OperationKind.PROLONG, Stage.WAITING_FOR_FUNDS, held=ReservationState.WAITING, **five)
    accepted = await desk.service(3, RenewalOwner.UPSTREAM)
    await desk.operation(accepted, OperationKind.PROLONG, Stage.ACCEPTED, **five)
    for_people = await desk.service(9, RenewalOwner.UPSTREAM)
    await desk.operation(for_people, OperationKind.CHANGE_PLAN, Stage.NEEDS_ATTENTION, **five)
    found = await desk.forecast()
    assert found.free == Decimal("8.00"), "what is set aside is not free"
    assert [(one.cause, one.amount) for one in found.demand.dues] == [(Cause.LINE, Decimal("5.00"))] * 2
    assert found.short_at() == NOON
    month_later = await desk.forecast(timedelta(days=34))
    assert month_later.count(Cause.UPSTREAM) == 3 + 1, "the terms after those, and the one of nine days ahead"


async def test_terms_come_again_within_a_long_horizon(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.UPSTREAM)
    await desk.service(2, RenewalOwner.UPSTREAM, period_months=DAY, shown=("0.20", "EUR"))
    found = await desk.forecast(timedelta(days=10))
    assert found.total(CERTAIN) == Decimal("5.00") + 9 * Decimal("0.20")
    assert (await desk.forecast(timedelta(days=100))).total(CERTAIN) > 4 * Decimal("5.00")


async def test_the_cost_is_what_a_renewal_is_expected_to_cost(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.UPSTREAM, shown=("5.40", "EUR"))
    assert await desk.due() == Decimal("5.40"), "what the item shows"
    async with desk.database.write() as session:
        period = (await session.exec(select(MappedPeriod).where(MappedPeriod.mapping_id == 1))).one()
        period.renewal_cost_amount, period.renewal_cost_currency = Decimal("6.00"), "EUR"
        mapping = await session.get_one(PlanMapping, 1)
        mapping.addon_costs = {"ram": "1.00 EUR above 2"}
        session.add_all([period, mapping])
    assert await desk.due() == Decimal("6.00"), "the catalogue's renewal cost"
    await desk.service(1, RenewalOwner.UPSTREAM, addons={"ram": 4})
    assert await desk.due() == Decimal("14.00"), "with add-ons"


async def test_what_has_no_cost_or_no_rate_is_named(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.UPSTREAM, period_months=12)
    await desk.service(1, RenewalOwner.UPSTREAM, addons={"backup": "on"})
    await desk.service(1, RenewalOwner.UPSTREAM, shown=("2.00", "USD"))
    opened = await desk.service(400, RenewalOwner.STOREFRONT)
    await desk.operation(opened, OperationKind.SET_PARAMETERS, Stage.QUEUED)
    async with desk.database.read() as session:
        shown = await find_forecast(session, "main", HOURS_72, Basis())
    assert shown.due.amount == 0
    assert sorted((one.of, one.count, one.why) for one in shown.unknown) == [
        (Cause.LINE, 1, "the upstream has not been asked for its price yet"),
        (Cause.UPSTREAM, 1, "the catalogue has no cost of backup"),
        (Cause.UPSTREAM, 1, "the catalogue has no cost of it, and its item shows none"),
    ]
    assert [(one.of, str(one.amount)) for one in shown.not_converted] == [(Cause.UPSTREAM, "2.00 USD")]
    converted = await desk.forecast(rates=RATES)
    assert (converted.total(CERTAIN), converted.demand.foreign) == (Decimal("1.80"), {})


async def test_a_balance_that_was_never_read_is_not_known(desk: Desk) -> None:
    await desk.set(balance=None)
    await desk.service(1, RenewalOwner.UPSTREAM)
    found = await desk.forecast()
    assert (found.free, found.short_at()) == (None, None)
    assert found.in_words() == "5.00 EUR due in 72 h; the balance is not known"


async def test_days_for_a_plot(desk: Desk) -> None:
    await desk.service(1, RenewalOwner.UPSTREAM)
    await desk.service(2, RenewalOwner.STOREFRONT)
    async with desk.database.read() as session:
        shown = await find_forecast(session, "main", horizon(None, 30), Basis())
    assert len(shown.points) == 31
    assert [str(point.due) for point in shown.points[:3]] == ["0.00 EUR", "5.00 EUR", "0.00 EUR"]
    assert [str(point.left_if_shops_prolong) for point in shown.points[:3]] == ["13.00 EUR", "8.00 EUR", "3.00 EUR"]
    with pytest.raises(InvalidField):
        horizon(72, 3)


async def _incidents(desk: Desk, **limits: Any) -> list[Incident]:
    """After a look, as if the last one were long ago."""
    async with desk.database.write() as session:
        if (beat := await session.get(Beat, FORECAST_BEAT)) is not None:
            await session.delete(beat)
    await look(desk.database, Limits(**limits), utc_now())
    async with desk.database.read() as session:
        found = await session.exec(
            select(Incident).where(Incident.kind == IncidentKind.SHORT_OF_MONEY).order_by(col(Incident.id))
        )
        return list(found.all())


async def test_a_shortage_is_one_incident_that_is_updated_and_closed(desk: Desk) -> None:
    for _ in range(4):
        await desk.service(2, RenewalOwner.UPSTREAM)
    assert await _incidents(desk, forecast=timedelta(0)) == [], "nobody wants to know"
    assert await _incidents(desk, forecast=timedelta(hours=1)) == [], "not so soon"
    [raised] = await _incidents(desk)
    assert "20.00 EUR due in 72 h, 13.00 EUR there: short on" in raised.message
    assert "7.00 EUR are missing" in raised.message
    await desk.service(2, RenewalOwner.UPSTREAM)
    [updated] = await _incidents(desk)
    assert (updated.id, updated.closed_at) == (raised.id, None)
    assert "12.00 EUR are missing" in updated.message
    await desk.set(balance=Decimal("100.00"))
    [closed] = await _incidents(desk)
    assert closed.closed_at is not None
    async with desk.database.read() as session:
        kinds = await session.exec(select(WebhookMessage.kind).order_by(col(WebhookMessage.id)))
        assert list(kinds.all()) == [MessageType.INCIDENT_RAISED, MessageType.INCIDENT_CLOSED]


async def test_it_is_looked_for_every_ten_minutes_by_whichever_worker(desk: Desk) -> None:
    await look(desk.database, Limits(), utc_now())
    await desk.service(2, RenewalOwner.UPSTREAM, shown=("100.00", "EUR"))
    await look(desk.database, Limits(), utc_now())
    async with desk.database.read() as session:
        assert (await session.exec(select(Incident.id))).all() == []
    assert len(await _incidents(desk)) == 1


async def test_few_statements_and_an_index_however_many_services(desk: Desk) -> None:
    for in_days in range(12):
        await desk.service(in_days, RenewalOwner.UPSTREAM)
    statements: list[tuple[str, Any]] = []

    def on_execute(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        statements.append((statement, parameters))

    engine = desk.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", on_execute)
    try:
        found = await desk.forecast(timedelta(days=20))
    finally:
        event.remove(engine, "before_cursor_execute", on_execute)
    asked = [one for one in statements if one[0].lstrip().upper().startswith("SELECT")]
    assert len(asked) <= 6, "the account, what was charged, the line, the catalogue, lead times, the services"
    assert found.count(Cause.UPSTREAM) == 12
    if desk.database.is_sqlite:
        async with desk.database.read() as session:
            connection = await session.connection()
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[-1][0]}", asked[-1][1])
            steps = " ".join(str(row) for row in plan.all())
        assert "service_by_expiry" in steps
        assert "SCAN service" not in steps
