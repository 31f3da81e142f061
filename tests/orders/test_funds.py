"""Money set aside: never more than there is, in line, and exact whatever is charged while a balance is read."""

import asyncio
import random
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlmodel import col, select

from activities.funding import what_is_missing
from models.catalogue import UpstreamAccount
from models.columns import units, utc_now
from models.database import Database
from models.enums import OperationKind, ReservationState
from models.money import CurrencyMismatch, Money
from models.order import ORDINARY_PLACE, Operation, Reservation, Service
from orders.errors import NotFound
from orders.lifecycle.completion import complete
from orders.lifecycle.intake import ServiceRequest, accept_order
from orders.money import funds
from orders.money.funds import BalanceReading, LinePosition
from orders.operations.place import place_of

ACCOUNT = 1
ORDERS_FOR_TEN = 50


def reading(balance: str, count: int = 0) -> BalanceReading:
    return BalanceReading(Money.of(balance, "EUR"), count)


async def orders(database: Database, count: int) -> list[int]:
    """The numbers of so many accepted orders, oldest first."""
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    return [
        (await accept_order(database, request, client="t", key=str(i), hostname_suffix="s.internal")).operation
        for i in range(count)
    ]


async def ask(database: Database, operation: int, seen: BalanceReading, amount: str = "5.00") -> LinePosition:
    """What an order does: get in line, give out what there is, see how it stands."""
    async with database.write() as session:
        await funds.request(session, ACCOUNT, operation, Money.of(amount, "EUR"))
        await funds.grant_waiting(session, ACCOUNT, seen)
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        return await funds.line_position(session, account, operation, seen)


async def grant_waiting(database: Database, seen: BalanceReading) -> list[int]:
    async with database.write() as session:
        return await funds.grant_waiting(session, ACCOUNT, seen)


async def charge(database: Database, operation: int) -> None:
    async with database.write() as session:
        await funds.charge(session, ACCOUNT, operation)


async def release(database: Database, operation: int, refused_balance: str | None = None) -> None:
    async with database.write() as session:
        refused = None if refused_balance is None else Decimal(refused_balance)
        await funds.release(session, operation, refused_balance=refused)


async def count(database: Database) -> int:
    async with database.read() as session:
        return (await session.get_one(UpstreamAccount, ACCOUNT)).charged


async def granted(database: Database) -> list[int]:
    async with database.read() as session:
        found = await session.exec(
            select(Reservation.operation_id)
            .where(Reservation.state == ReservationState.GRANTED)
            .order_by(col(Reservation.operation_id))
        )
        return list(found.all())


async def set_credit(database: Database, amount: str) -> None:
    async with database.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        account.credit_limit = Decimal(amount)
        session.add(account)


@pytest.mark.dialects
async def test_fifty_at_once_against_money_for_ten_grants_ten(database: Database) -> None:
    numbers = await orders(database, ORDERS_FOR_TEN)
    shuffled = random.Random(7).sample(numbers, len(numbers))  # noqa: S311 - an order of arrival, not a secret
    line_positions = await asyncio.gather(*(ask(database, number, reading("50.00")) for number in shuffled))
    assert sum(line_position.granted for line_position in line_positions) <= 10, (
        "some were granted after they had looked"
    )
    assert len(await granted(database)) == 10
    assert all(line_position.free >= 0 for line_position in line_positions)
    assert await grant_waiting(database, reading("50.00")) == [], "and asking again gives nothing more"


async def test_of_those_in_line_the_oldest_go_first(database: Database) -> None:
    numbers = await orders(database, 6)
    for number in reversed(numbers):
        await ask(database, number, reading("0"))
    assert await grant_waiting(database, reading("15.00")) == numbers[:3]
    assert await grant_waiting(database, reading("25.00")) == numbers[3:5]


async def test_a_large_order_is_not_overtaken_by_small_ones(database: Database) -> None:
    large, small, smaller = await orders(database, 3)
    await ask(database, large, reading("0"), "50.00")
    assert not (await ask(database, small, reading("20.00"), "5.00")).granted
    assert not (await ask(database, smaller, reading("20.00"), "0.01")).granted
    assert await grant_waiting(database, reading("55.00")) == [large, small]


async def test_an_order_is_told_how_many_are_ahead_and_what_is_free(database: Database) -> None:
    first, second, third = await orders(database, 3)
    assert await ask(database, first, reading("7.00")) == LinePosition(True, Decimal("5.00"), Decimal("2.00"), 0)
    assert await ask(database, second, reading("7.00")) == LinePosition(False, Decimal("5.00"), Decimal("2.00"), 0)
    assert (await ask(database, third, reading("7.00"))).ahead == 1


ENOUGH = [
    ("5.00", "0", "5.00", True),
    ("4.99", "0", "5.00", False),
    ("4.9999", "0", "5.00", False),
    ("0", "5.00", "5.00", True),
    ("-3.00", "8.00", "5.00", True),
    ("-3.01", "8.00", "5.00", False),
    ("0", "0", "0", True),
    ("-0.01", "0", "0", True),
    ("0.30", "0", "0.3", True),
]
"""Balance, credit limit, price: is it enough?"""


async def test_balance_and_credit_against_a_price(database: Database) -> None:
    for number, (balance, credit, price, enough) in zip(await orders(database, len(ENOUGH)), ENOUGH, strict=True):
        await set_credit(database, credit)
        line_position = await ask(database, number, reading(balance), price)
        assert line_position.granted is enough, (balance, credit, price)
        await release(database, number)


async def test_a_grant_is_kept_however_the_balance_falls_and_however_often_it_is_asked_for(database: Database) -> None:
    [number] = await orders(database, 1)
    for balance in ("5.00", "0.00", "-100.00"):
        assert (await ask(database, number, reading(balance))).granted
    assert await granted(database) == [number]


async def test_asked_again_with_another_price_a_waiting_order_waits_for_that(database: Database) -> None:
    [number] = await orders(database, 1)
    assert not (await ask(database, number, reading("6.00"), "7.00")).granted
    assert (await ask(database, number, reading("6.00"), "6.00")).granted


async def test_what_is_charged_counts_against_a_balance_read_before_and_not_against_one_read_after(
    database: Database,
) -> None:
    paid, other, third = await orders(database, 3)
    before = reading("10.00", await count(database))
    await ask(database, paid, before)
    await charge(database, paid)
    assert (await ask(database, other, before)).granted, "10 were there, 5 are gone: one more"
    assert not (await ask(database, third, before)).granted, "the reading still holds what has been charged since"
    after = reading("5.00", await count(database))
    assert not (await ask(database, third, after)).granted, "5 are left, and they are set aside"
    await release(database, other)
    assert await grant_waiting(database, after) == [third]


async def test_what_is_released_without_a_charge_is_free_at_once_even_for_an_old_reading(database: Database) -> None:
    first, second = await orders(database, 2)
    seen = reading("5.00", await count(database))
    await ask(database, first, seen)
    assert not (await ask(database, second, seen)).granted
    await release(database, first)
    assert await grant_waiting(database, seen) == [second]


async def test_an_operation_that_ends_uncharged_sets_its_money_free_whatever_the_number_of_its_reservation(
    database: Database,
) -> None:
    """As one that a person has carried out at the upstream."""
    numbers = await orders(database, 3)
    for number in reversed(numbers):
        assert (await ask(database, number, reading("15.00"))).granted

    for number in numbers:
        async with database.write() as session:
            await complete(session, number)

    assert await granted(database) == []
    async with database.read() as session:
        assert (await session.get_one(UpstreamAccount, ACCOUNT)).set_aside == 0


async def test_a_charge_is_counted_once(database: Database) -> None:
    [number] = await orders(database, 1)
    await ask(database, number, reading("5.00"))
    for _ in range(3):
        await charge(database, number)
    await release(database, number, refused_balance="1.00")
    assert await count(database) == units(Decimal("5.00"))


async def test_what_was_charged_although_the_upstream_had_said_no_is_counted(database: Database) -> None:
    numbers = await orders(database, 1)
    await ask(database, numbers[0], reading("5.00"))
    await release(database, numbers[0])

    await charge(database, numbers[0])
    await charge(database, numbers[0])

    assert await count(database) == units(Decimal("5.00"))
    async with database.read() as session:
        assert (await session.get_one(UpstreamAccount, ACCOUNT)).set_aside == 0


async def test_a_charge_nobody_asked_money_for_is_no_failure(database: Database) -> None:
    [number] = await orders(database, 1)
    await charge(database, number)
    await release(database, number)
    assert await count(database) == 0


async def test_after_a_refusal_an_order_waits_for_more_money_and_the_others_do_not(database: Database) -> None:
    refused, behind = await orders(database, 2)
    await ask(database, refused, reading("20.00"))
    await release(database, refused, refused_balance="20.00")
    assert not (await ask(database, refused, reading("20.00"))).granted, "the upstream has just said no to that"
    assert (await ask(database, behind, reading("20.00"))).granted, "the upstream said no to the other one only"
    assert not (await ask(database, refused, reading("19.00"))).granted
    assert await grant_waiting(database, reading("20.01")) == [refused]


async def test_after_a_refusal_it_is_known_when_it_is_asked_again(shelf: Database) -> None:
    [number] = await orders(shelf, 1)
    assert (await ask(shelf, number, reading("10"))).asked_again_at is None
    await release(shelf, number, refused_balance="10")
    before = utc_now()
    again = (await ask(shelf, number, reading("10"))).asked_again_at
    assert again is not None
    assert before + funds.REFUSAL_PATIENCE - timedelta(minutes=1) < again <= before + funds.REFUSAL_PATIENCE
    assert (await ask(shelf, number, reading("10.01"))).asked_again_at is None, "there is more: it has been granted"


async def test_after_a_refusal_it_is_said_that_the_upstream_refused(database: Database) -> None:
    first, *_ = await orders(database, 1)
    assert not (await ask(database, first, reading("10"))).refused
    await release(database, first, refused_balance="10")
    line_position = await ask(database, first, reading("10"))
    assert (line_position.granted, line_position.refused) == (False, True)
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
    told = what_is_missing(account, Money.of("5.00", "EUR"), line_position)
    assert told.startswith(
        "the upstream refused it for lack of money. By its balance and our credit limit 10.00 EUR are free"
    )
    told = what_is_missing(account, Money.of("50.00", "EUR"), line_position)
    assert told.startswith("50.00 EUR needed, 10.00 EUR free"), "that is reason enough"


async def test_a_refusal_is_forgotten_after_a_while(database: Database) -> None:
    [number] = await orders(database, 1)
    await ask(database, number, reading("20.00"))
    await release(database, number, refused_balance="20.00")
    assert not (await ask(database, number, reading("20.00"))).granted
    async with database.write() as session:
        entry = await funds.reservation_of(session, number)
        assert entry is not None
        entry.refused_at = utc_now() - funds.REFUSAL_PATIENCE - timedelta(seconds=1)
        session.add(entry)
    assert await grant_waiting(database, reading("20.00")) == [number]


async def test_an_account_that_is_not_there_is_said(database: Database) -> None:
    async with database.write() as session:
        with pytest.raises(NotFound, match="upstream account 99"):
            await funds.grant_waiting(session, 99, reading("1"))


class Purse:
    """The upstream's own account, to check against: charging more than there is fails the test."""

    def __init__(self, balance: str) -> None:
        self.balance = Decimal(balance)

    def pay(self, amount: Decimal) -> None:
        self.balance -= amount
        assert self.balance >= 0, "overdrawn"


@pytest.mark.dialects
async def test_whatever_the_order_of_things_the_account_is_never_overdrawn(database: Database) -> None:
    """Orders ask with readings that are old, are charged, refused or give up, all at once and in any order."""
    chance = random.Random(1)  # noqa: S311 - a repeatable course of events, not a secret
    purse = Purse("30.00")
    numbers = await orders(database, 16)
    prices = {number: Decimal(chance.choice(["1.00", "5.00", "7.50"])) for number in numbers}

    async def breathe() -> None:
        await asyncio.sleep(chance.random() / 200)

    async def live(number: int) -> None:
        for _ in range(4):
            noted = await count(database)
            await breathe()
            seen = BalanceReading(Money(amount=purse.balance, currency="EUR"), noted)
            await breathe()
            if (await ask(database, number, seen, str(prices[number]))).granted:
                break
            await breathe()
        else:
            return
        if chance.random() < 0.25:
            await release(database, number)
            return
        purse.pay(prices[number])
        await breathe()
        await charge(database, number)

    await asyncio.gather(*(live(number) for number in numbers))
    assert sum(_held(await granted(database), prices)) <= purse.balance


def _held(numbers: Iterable[int], prices: dict[int, Decimal]) -> Iterable[Decimal]:
    return (prices[number] for number in numbers)


async def test_a_grant_that_covers_no_longer_what_it_costs_is_a_place_in_line_again(database: Database) -> None:
    first, second = await orders(database, 2)
    assert (await ask(database, first, reading("10.00"), "5.00")).granted
    assert (await ask(database, second, reading("10.00"), "5.00")).granted
    dearer = await ask(database, first, reading("10.00"), "5.40")
    assert (dearer.granted, dearer.amount) == (False, Decimal("5.40"))
    assert await granted(database) == [second]
    assert await grant_waiting(database, reading("10.40")) == [first]


async def test_a_grant_for_more_than_it_costs_gives_the_difference_back(database: Database) -> None:
    first, second = await orders(database, 2)
    await ask(database, first, reading("5.00"), "5.00")
    assert (await ask(database, first, reading("5.00"), "1.00")).granted
    assert (await ask(database, second, reading("5.00"), "4.00")).granted


async def test_what_costs_nothing_passes_those_that_wait(database: Database) -> None:
    large, free = await orders(database, 2)
    await ask(database, large, reading("-10.00"), "50.00")
    assert (await ask(database, free, reading("-10.00"), "0")).granted


async def test_a_sum_in_another_currency_is_never_set_aside(database: Database) -> None:
    [number] = await orders(database, 1)
    async with database.write() as session:
        with pytest.raises(CurrencyMismatch, match="kept in EUR"):
            await funds.request(session, ACCOUNT, number, Money.of("5.00", "RUB"))


async def test_running_totals_have_no_drift(database: Database) -> None:
    numbers = await orders(database, 30)
    for number in numbers:
        await ask(database, number, reading("3.0000"), "0.1000")
    assert await granted(database) == numbers, "thirty times a tenth is three, to the last one"
    assert (await ask(database, numbers[0], reading("3.0000"), "0.1000")).free == 0


async def test_the_account_shows_the_balance_by_which_money_was_given_out(database: Database) -> None:
    [number] = await orders(database, 1)
    before = utc_now()
    await ask(database, number, reading("3.25"))
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
    assert account.balance == Decimal("3.25")
    assert account.balance_at is not None
    assert before <= account.balance_at <= utc_now()


async def test_charges_are_numbered_and_what_was_not_charged_has_no_number(database: Database) -> None:
    first, second, third = await orders(database, 3)
    for number in (first, second, third):
        await ask(database, number, reading("100.00"))
    await charge(database, first)
    await release(database, second)
    await charge(database, third)
    async with database.read() as session:
        found = await session.exec(select(Reservation).order_by(col(Reservation.operation_id)))
        entries = found.all()
    assert [one.release_number for one in entries] == [1, None, 2]
    assert all(one.released_at is not None for one in entries)
    assert {one.state for one in entries} == {ReservationState.RELEASED}


async def sums(database: Database) -> tuple[int, int, int]:
    """Of the account: what is set aside, how many wait in line, and what was charged."""
    async with database.read() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
    return account.set_aside, account.waiting, account.charged


async def test_the_account_s_sums_follow_its_reservations(shelf: Database) -> None:
    first, second = await orders(shelf, 2)
    await ask(shelf, first, reading("0"))
    await ask(shelf, second, reading("0"))
    assert await sums(shelf) == (0, 2, 0)
    assert await grant_waiting(shelf, reading("5.00")) == [first]
    assert await sums(shelf) == (50_000, 1, 0)
    await charge(shelf, first)
    await release(shelf, second)
    assert await sums(shelf) == (0, 0, 50_000), "nobody waits: an order may be sent at once again"


async def test_sums_that_were_changed_by_hand_are_corrected_and_that_is_said(shelf: Database) -> None:
    first, second = await orders(shelf, 2)
    await ask(shelf, first, reading("5.00"))
    await ask(shelf, second, reading("5.00"))
    async with shelf.write() as session:
        assert await funds.recount(session, ACCOUNT)
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        account.set_aside, account.waiting = 0, 7
        session.add(account)
    async with shelf.write() as session:
        assert not await funds.recount(session, ACCOUNT)
    assert await sums(shelf) == (50_000, 1, 0)


async def test_the_head_of_the_line_is_the_oldest_that_waits(shelf: Database) -> None:
    first, second, third = await orders(shelf, 3)
    async with shelf.write() as session:
        assert await funds.first_waiting(session, ACCOUNT) is None
    for number in (third, second):
        await ask(shelf, number, reading("0"))
    await ask(shelf, first, reading("0"), "0")
    async with shelf.write() as session:
        assert await funds.first_waiting(session, ACCOUNT) == second
        assert await funds.first_waiting(session, ACCOUNT + 1) is None


async def test_a_line_that_is_longer_than_one_read_is_served_to_its_end(
    shelf: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(funds, "LINE", 2)
    numbers = await orders(shelf, 5)
    for number in numbers:
        await ask(shelf, number, reading("0"))
    for number in numbers[:2]:  # a whole read of such that wait for another reason
        await release(shelf, number, refused_balance="50.00")
        await ask(shelf, number, reading("0"))
    assert await grant_waiting(shelf, reading("20.00")) == numbers[2:]


async def test_each_grant_has_a_moment_of_its_own(shelf: Database) -> None:
    """The signal that wakes the order is named after it; one of the same name is dropped."""

    async def granted_at() -> datetime | None:
        async with shelf.read() as session:
            entry = await funds.reservation_of(session, number)
        assert entry is not None
        return entry.granted_at

    [number] = await orders(shelf, 1)
    await ask(shelf, number, reading("5.00"))
    once = await granted_at()
    await ask(shelf, number, reading("5.00"), "5.40")
    assert await granted_at() is None
    assert await grant_waiting(shelf, reading("5.40")) == [number]
    again = await granted_at()
    assert once is not None
    assert again is not None
    assert again > once


async def test_money_is_set_aside_at_once_by_a_reading_that_is_older_than_a_charge(shelf: Database) -> None:
    """What was charged before the reading is missing from it already; what was charged since is not."""
    paid, other = await orders(shelf, 2)
    before = reading("10.00", await count(shelf))
    await ask(shelf, paid, before)
    await charge(shelf, paid)
    after = reading("5.00", await count(shelf))

    async def at_once(seen: BalanceReading, amount: str) -> bool:
        async with shelf.write() as session:
            account = await session.get_one(UpstreamAccount, ACCOUNT)
            got = await funds.set_aside_at_once(session, account, other, Money.of(amount, "EUR"), seen)
            if got is not None:  # as if it had not been asked
                await session.rollback()
            return got is not None

    assert [await at_once(before, amount) for amount in ("5.00", "5.01")] == [True, False]
    assert [await at_once(after, amount) for amount in ("5.00", "5.01")] == [True, False]


async def wait_for(database: Database, operation: int, place: int) -> LinePosition:
    async with database.write() as session:
        await funds.request(session, ACCOUNT, operation, Money.of("5.00", "EUR"), place)
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        return await funds.line_position(session, account, operation, reading("0.00"))


async def test_renewals_are_served_before_orders_and_the_soonest_end_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(funds, "LINE", 2)
    numbers = await orders(database, 6)
    places = [ORDINARY_PLACE, ORDINARY_PLACE, 739_400, 739_300, 739_300, ORDINARY_PLACE]
    for number, place in zip(numbers, places, strict=True):
        stood = await wait_for(database, number, place)
    assert (stood.ahead, stood.renewals_ahead) == (5, 3)
    account = UpstreamAccount(name="main", kind="billmanager", url="u", currency="EUR")
    told = what_is_missing(account, Money.of("5.00", "EUR"), stood)
    assert told == "5.00 EUR needed, 0.00 EUR free on account main, 3 renewals and 2 orders, then yours"
    stood = await wait_for(database, numbers[0], ORDINARY_PLACE)
    assert what_is_missing(account, Money.of("5.00", "EUR"), stood).endswith(", 3 renewals, then yours")
    async with database.read() as session:
        assert await funds.first_waiting(session, ACCOUNT) == numbers[3]
    first, second, third, *others = (numbers[place] for place in (3, 4, 2, 0, 1, 5))
    assert await grant_waiting(database, reading("10.00")) == [first, second]
    assert await grant_waiting(database, reading("15.00")) == [third]
    assert await grant_waiting(database, reading("30.00")) == others


async def test_money_is_not_set_aside_at_once_past_a_renewal_that_waits(shelf: Database) -> None:
    renewal, order = await orders(shelf, 2)
    await wait_for(shelf, renewal, 739_300)
    seen = reading("50.00")
    async with shelf.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        assert await funds.set_aside_at_once(session, account, order, Money.of("5.00", "EUR"), seen) is None


async def test_what_is_set_aside_and_charged_at_once_is_one_account_s(shelf: Database) -> None:
    [order] = await orders(shelf, 1)
    async with shelf.write() as session:
        session.add(UpstreamAccount(name="away", kind="billmanager", url="http://away.invalid", currency="EUR"))

    async def sums() -> list[tuple[int, int, int]]:
        async with shelf.read() as session:
            found = await session.exec(select(UpstreamAccount).order_by(col(UpstreamAccount.id)))
            return [(one.set_aside, one.charged, one.release_count) for one in found.all()]

    async with shelf.write() as session:
        account = await session.get_one(UpstreamAccount, ACCOUNT)
        entry = await funds.set_aside_at_once(session, account, order, Money.of("5.00", "EUR"), reading("5.00"))
        assert entry is not None
        session.add(entry)
    assert await sums() == [(units(Decimal(5)), 0, 0), (0, 0, 0)]
    async with shelf.write() as session:
        assert await funds.charge_at_once(session, ACCOUNT, order, Decimal("5.00"), names_items=False)
    assert await sums() == [(0, units(Decimal(5)), 1), (0, 0, 0)]
    assert [await grant_waiting(shelf, reading("5.00")), await granted(shelf)] == [[], []]


def test_a_prolongation_stands_by_the_end_of_its_term_and_all_else_behind() -> None:
    service = Service(customer="c", plan_id=1, product_type="vds", module_id=1, name="n", mark="m", period_months=1)
    unknown = place_of(Operation(service_id=1, kind=OperationKind.PROLONG), service)
    service.expires_on = date(2026, 3, 31)
    kinds = {kind: place_of(Operation(service_id=1, kind=kind), service) for kind in OperationKind}
    assert kinds.pop(OperationKind.PROLONG) == date(2026, 3, 31).toordinal() < unknown < ORDINARY_PLACE
    assert set(kinds.values()) == {ORDINARY_PLACE}
