"""Services live for months on a clock that is moved, day by day: each term is charged once, and every message comes.

`make test` plays five weeks with twenty services; `make proof` a year with two hundred.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, select

from models.catalogue import MappedPeriod, PlanMapping, TariffPlan, TariffPlanPrice
from models.columns import CLOCK, utc_now
from models.enums import AtEndOfTerm, MessageType, OperationKind, RenewalOwner, ServiceStatus, Stage
from models.messages import RenewalBatch
from models.order import Operation, Service
from models.periods import FOR_EVER, TRIAL
from models.webhooks import WebhookMessage
from orders.audit import OURSELVES
from orders.errors import Refused
from orders.operations.prolong import Prolongation
from orders.renewals.stopping import RenewalChange, change_renewal
from tests.flow.shop import Shop, Upstream, open_shop
from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.temporal import TemporalServer
from workflows.renewals import Renewals

UNDER_WAY = [Stage.COMPLETED, Stage.CANCELLED]
WORDS = {"automatic": 5, "quarterly": 1, "half-yearly": 1, "yearly": 1, "storefront": 4, "upstream": 2, "stopped": 2}
WORDS |= {"closing": 2, "trial": 1, "for ever": 1}
"""What becomes of twenty services."""
MONTHS = {"quarterly": 3, "half-yearly": 6, "yearly": 12}
"""Periods of those that are automatic, too, and of another period than a month."""


@pytest.fixture
async def _real_time_again() -> AsyncIterator[None]:
    yield
    CLOCK.ahead = timedelta(0)


@pytest.fixture
async def shop(shop_database: str, temporal_server: TemporalServer, upstream: Upstream) -> AsyncIterator[Shop]:
    """Nothing is held back: the walk would wait in real time for an upstream that is away for days."""
    async with open_shop(shop_database, temporal_server, upstream, renewals_at_once=1000) as shop:
        await more_periods(shop)
        yield shop


async def more_periods(shop: Shop) -> None:
    prices = {months: f"{5 * months}.00" for months in (1, *MONTHS.values())}
    await shop.upstream.admin("PATCH", "/pricelists/58", {"prices": prices})
    async with shop.database.write() as session:
        plan = (await session.exec(select(TariffPlan).where(TariffPlan.name == "VDS-1"))).one()
        mapping = (await session.exec(select(PlanMapping).where(PlanMapping.plan_id == plan.id))).one()
        for months in MONTHS.values():
            cost = Decimal(prices[months])
            price = TariffPlanPrice(plan_id=plan.id, period_months=months, amount=2 * cost, currency="EUR")
            period = MappedPeriod(
                mapping_id=mapping.id,
                period_months=months,
                upstream_period=months,
                cost_amount=cost,
                cost_currency="EUR",
            )
            session.add_all([price, period])


class Year:
    """The days, and what cron, callback and the account's owner do on each."""

    def __init__(self, shop: Shop, each: int) -> None:
        self.shop, self.each = shop, each
        self.groups: dict[str, list[int]] = {}
        self.ended_first: dict[int, date] = {}
        """The ends of the first terms."""
        self.refused = 0
        self.asked_up_to = 0

    async def open(self) -> None:
        words = [word for word, share in WORDS.items() for _ in range(self.each * share)]
        count = len(words)
        orders = (
            self.shop.order(key=f"cart-{number}", period_months=MONTHS.get(word, 1))
            for number, word in enumerate(words)
        )
        placed = await asyncio.gather(*orders)
        for order in placed:
            await self.shop.until(order, *Stage, timeout=30)

        async def opened() -> bool:
            async with self.shop.database.read() as session:
                found = (await session.exec(select(Service.status))).all()
            return set(found) == {ServiceStatus.ACTIVE}

        await assert_eventually(opened, timeout=60 + count, message="all services are open")
        for word, order in zip(words, placed, strict=True):
            self.groups.setdefault(word, []).append(order.service)
            await self._become(word, order.service)

    async def _become(self, word: str, number: int) -> None:
        async with self.shop.database.write() as session:
            service = await session.get_one(Service, number)
            if word == "trial":
                service.period_months = TRIAL
            elif word == "for ever":
                service.period_months = FOR_EVER
            item = service.upstream_number
            self.ended_first[number] = service.expires_on or utc_now().date()
        if word in ("automatic", *MONTHS, "stopped", "closing", "trial", "for ever"):
            await self._owner(number, RenewalOwner.AUTOMATIC)
        if word == "upstream":
            await self._owner(number, RenewalOwner.UPSTREAM)
            await self.shop.upstream.admin("PATCH", f"/items/{item}", {"autoprolong": "1"})
        if word in ("stopped", "closing"):
            wanted = AtEndOfTerm.EXPIRE if word == "stopped" else AtEndOfTerm.CLOSE
            await change_renewal(self.shop.database, number, RenewalChange(at_end_of_term=wanted), actor="shop")

    async def _owner(self, number: int, owner: RenewalOwner) -> None:
        async with self.shop.database.write() as session:
            service = await session.get_one(Service, number)
            side, automatically = ("upstream", False) if owner is RenewalOwner.UPSTREAM else ("resellflow", True)
            connection = await session.connection()
            table = Service.__table__  # type: ignore[attr-defined]  # every model with a table has it
            change = table.update().where(table.c.id == service.id)
            await connection.execute(change.values(renewal_owner=side, renews_automatically=automatically))

    async def next_day(self, day: int) -> None:
        CLOCK.ahead += timedelta(days=1)
        await self.shop.upstream.admin("POST", "/clock", {"advance_days": 1})
        await self.shop.client.execute_workflow(
            Renewals.run, RenewalBatch(at_most=7), id=f"renewals-{day}", task_queue=self.shop.settings.task_queue
        )
        await self._cron_and_callback()

    async def _cron_and_callback(self) -> None:
        """The shop prolongs what has three days left; two of its programs do so, at once."""
        async with self.shop.database.read() as session:
            query = select(WebhookMessage).where(
                WebhookMessage.kind == MessageType.SERVICE_EXPIRING, col(WebhookMessage.id) > self.asked_up_to
            )
            found = (await session.exec(query.order_by(col(WebhookMessage.id)))).all()
        for message in found:
            self.asked_up_to = message.id
            if message.data["days_left"] <= 3:
                answers = await asyncio.gather(
                    *(self._prolong(message.data, by) for by in ("cron", "callback")), return_exceptions=True
                )
                self.refused += sum(isinstance(one, Refused) for one in answers)
                assert sum(not isinstance(one, BaseException) for one in answers) == 1, answers

    async def _prolong(self, data: dict[str, Any], by: str) -> None:
        asked = Prolongation.of(period_months=1, expires_on=data["expires_on"])
        key = f"{by}-{data['service']}-{data['expires_on']}"
        await self.shop.resellflow.ask(data["service"], asked, key=key, client=by)

    async def at_rest(self) -> None:
        """Nothing is under way any more."""

        async def none() -> bool:
            async with self.shop.database.read() as session:
                query = select(Operation.id, Operation.stage, Operation.reason)
                found = (await session.exec(query.where(col(Operation.stage).not_in(UNDER_WAY)))).all()
            assert found == [], found
            return True

        await assert_eventually(none, timeout=120, interval=0.2, ignoring=(AssertionError,), message="all is done")

    async def messages(self, kind: MessageType) -> Counter[int]:
        async with self.shop.database.read() as session:
            query = select(WebhookMessage.service_id).where(WebhookMessage.kind == kind)
            return Counter(number for number in (await session.exec(query)).all() if number is not None)

    async def terms(self, services: list[int]) -> Counter[int]:
        """How often each item was charged for a term."""
        paid = [one for one in await self.shop.upstream.charges() if one["operation"] == "prolong"]
        charged = Counter(str(one["item"]) for one in paid)
        found = {number: (await self.shop.service(number)).upstream_number for number in services}
        return Counter({number: charged[str(item)] for number, item in found.items()})


def months_between(first: date, last: date) -> int:
    """Ends of terms fall on the same day of the month, or on the last one of a shorter month."""
    return (last.year - first.year) * 12 + last.month - first.month


@pytest.mark.proof
@pytest.mark.usefixtures("_real_time_again")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("days", "each"), [(35, 1), (365, 10)], ids=["five weeks", "year"])
async def test_every_term_is_charged_once_and_told(shop: Shop, days: int, each: int) -> None:
    await shop.upstream.set(expiry="enforced")
    await shop.upstream.set_balance("100000.00")
    year = Year(shop, each)
    await year.open()
    away = {26, 27}  # the upstream, just when the first terms are prolonged
    for day in range(1, days + 1):
        if day == min(away):
            await shop.upstream.fault(function="*", kind="http_502", when="before")
        if day == 55:
            await shop.upstream.set_balance("1.00")  # and topped up three days later
        if day == 58:
            await shop.upstream.set_balance("100000.00")
        await year.next_day(day)
        if day == max(away) + 1:
            await shop.upstream.admin("DELETE", "/faults")
        if day not in away and not 55 <= day < 58:
            await year.at_rest()

    today, ours = utc_now().date(), [number for word in ("automatic", *MONTHS) for number in year.groups[word]]
    alive = [*ours, *year.groups["storefront"]]
    terms = await year.terms(alive)
    for number in alive:
        service = await shop.service(number)
        assert (service.status, (service.expires_on or today) > today) == (ServiceStatus.ACTIVE, True), service
        prolonged = months_between(year.ended_first[number], service.expires_on or today)
        assert terms[number] * service.period_months == prolonged, "each term is charged once"
    months = {terms[number] for number in [*year.groups["automatic"], *year.groups["storefront"]]}
    assert len(months) == 1, f"all began on one day, and were charged {terms}"
    assert min(months) >= days // 31
    for word, period in MONTHS.items():
        assert {terms[number] for number in year.groups[word]} == {(days + 3) // (30.6 * period)}, word
    assert year.refused == len(year.groups["storefront"]) * min(months)
    ended = [number for word in ("stopped", "closing", "trial", "for ever") for number in year.groups[word]]
    assert set((await year.terms(ended)).values()) == {0}
    for number in year.groups["closing"]:
        assert (await shop.service(number)).status is ServiceStatus.CLOSED
    for number in year.groups["upstream"]:
        assert (await year.terms([number]))[number] >= days // 31
    done, upcoming = await year.messages(MessageType.RENEWAL_DONE), await year.messages(MessageType.RENEWAL_UPCOMING)
    assert done == +Counter({number: terms[number] for number in ours})
    assert done.keys() <= upcoming.keys() <= set(ours)
    assert all(done[number] <= count <= done[number] + 1 for number, count in upcoming.items()), upcoming
    expiring = await year.messages(MessageType.SERVICE_EXPIRING)
    assert expiring.keys() == set(year.groups["storefront"])
    assert all(count >= 3 * min(months) for count in expiring.values()), "14, 7 and 3 days before"
    async with shop.database.read() as session:
        asked = select(Operation.actor).where(Operation.kind == OperationKind.PROLONG)
        actors = Counter((await session.exec(asked)).all())
    assert actors[OURSELVES] == sum(terms[number] for number in ours)
