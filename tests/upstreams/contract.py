"""What every adapter must do, whatever it speaks: the port's promises, and the faults of "intent, send, settle".

An adapter's tests make a `Bench` (see `bench`) and a class of this one:

    class TestMyAdapter(Contract):
        @pytest.fixture
        async def bench(self) -> AsyncIterator[Bench]: ...

The faults are laid by a proxy between adapter and far side, so nothing in an adapter is patched.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

import pytest
from pydantic import SecretStr

from models.enums import UnpaidKind, UpstreamStatus
from tests.infrastructure.proxy import RETRY_AFTER_SECONDS, Answer, Reaches
from tests.upstreams.bench import Bench
from tests.upstreams.changes import (
    CHANGES,
    KEY,
    MARK,
    OPEN,
    RESUME,
    Change,
    Subject,
    close,
    digests,
    form,
    is_active,
    is_on_other_plan,
    is_ordered,
    is_suspended,
    listed,
    resume,
    subject,
    suspend,
)
from tests.upstreams.contract_of_lists import ContractOfLists
from tests.upstreams.faults import (
    COMMON_FAULTS,
    FAULTS,
    FAULTS_OF_ORDERS,
    READ_FAULTS,
    Fault,
    LapsesWhileConnecting,
    impatient,
)
from upstreams.capabilities import Capabilities
from upstreams.errors import (
    CapabilityAbsent,
    ConnectionUnhealthy,
    LeaseExpired,
    LeftAlone,
    NoSuchItem,
    NotEnoughMoney,
    NotSent,
    OutcomeUnknown,
    Rejected,
    SetupFault,
    UpstreamError,
)
from upstreams.lease import Clocks, Lease, holding
from upstreams.port import Upstream, UpstreamItem


async def _nothing(rows: Sequence[object]) -> None:
    """Take no row of a list."""


CALLS_OF_CAPABILITIES: dict[str, list[Callable[[Upstream, Bench], Awaitable[object]]]] = {
    "balance": [lambda one, _: one.balance()],
    "quotes": [
        lambda one, bench: one.quote(bench.spec(MARK)),
        lambda one, bench: one.quote_prolong(bench.product_type, bench.number_of_nobody, 1),
        lambda one, bench: one.quote_plan_change(bench.number_of_nobody, bench.other_plan, 1),
        lambda one, bench: one.quote_parameters(bench.product_type, bench.number_of_nobody, bench.dearer_parameters),
    ],
    "change_feed": [lambda one, _: one.news(None)],
    "price_list": [lambda one, bench: one.on_sale(bench.product_type, None)],
    "cart": [
        lambda one, _: one.read_cart(UnpaidKind.CART_ROW),
        lambda one, bench: one.confirm_cart([bench.number_of_nobody]),
        lambda one, bench: one.pay(bench.number_of_nobody),
        lambda one, _: one.expenses(date(2026, 1, 1)),
        lambda one, bench: one.remove_cart_row(UnpaidKind.CART_ROW, bench.number_of_nobody),
    ],
    "refunds": [lambda one, _: one.walk_ledger(date(2026, 1, 1), None, _nothing)],
    "unpaid_items": [lambda one, bench: one.delete_unpaid(bench.product_type, bench.number_of_nobody)],
    "call_off": [lambda one, bench: one.call_off(bench.product_type, bench.number_of_nobody, key=KEY)],
    "renewal_switch": [lambda one, bench: one.set_renewal(bench.product_type, bench.number_of_nobody, None)],
    "set_mark": [lambda one, bench: one.set_mark(bench.product_type, bench.number_of_nobody, MARK)],
    "set_parameters": [
        lambda one, bench: one.set_parameters(
            bench.product_type, bench.number_of_nobody, bench.dearer_parameters, key=KEY
        )
    ],
    "change_plan": [lambda one, bench: one.change_plan(bench.number_of_nobody, bench.other_plan, 1, key=KEY)],
    "change_password": [lambda one, bench: one.change_password(bench.number_of_nobody, SecretStr("n3w-secret"))],
    "licence_keys": [
        lambda one, bench: one.read_licence_key(bench.product_type, bench.number_of_nobody),
        lambda one, bench: one.new_licence_key(bench.product_type, bench.number_of_nobody, key=KEY),
    ],
}


class Contract(ContractOfLists):
    """One method for each promise. Subclasses give `bench`. `changes` leaves out what the adapter can't do, or what
    other tests hold."""

    changes: ClassVar[Collection[str]] = tuple(CHANGES)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """`change`: each that the adapter is tried with; `charge`: each that charges, with or without `fault`."""
        charges = [name for name in self.changes if CHANGES[name].charges]
        if "fault" in metafunc.fixturenames:
            cases = [(name, fault) for name in charges for fault in (FAULTS_OF_ORDERS if name == OPEN else FAULTS)]
            few = [
                (name, fault)
                for name, fault in cases
                if fault in (COMMON_FAULTS if name == OPEN else COMMON_FAULTS[:1])
            ]
            given = [
                pytest.param(
                    CHANGES[name],
                    fault,
                    id=f"{name}-{fault.name}",
                    marks=[] if (name, fault) in few else [pytest.mark.proof],
                )
                for name, fault in cases
            ]
            metafunc.parametrize(("charge", "fault"), given)
        elif "charge" in metafunc.fixturenames:
            metafunc.parametrize("charge", [CHANGES[name] for name in charges], ids=charges)
        elif "change" in metafunc.fixturenames:
            metafunc.parametrize("change", [CHANGES[name] for name in self.changes], ids=self.changes)

    # -- what can be done

    async def test_an_order_is_one_item_with_our_mark_and_one_charge(self, bench: Bench) -> None:
        about = Subject(bench)
        async with aclosing(bench.connect()) as upstream:
            accepted = await upstream.order(bench.spec(MARK), key=KEY)
            await bench.carry_out()
            assert accepted.unpaid is None
            assert await is_ordered(upstream, about)
            [number] = await listed(upstream, bench)
            assert accepted.upstream_number in (None, number)
            item = await upstream.read_item(bench.product_type, number)
        assert (item.status, item.number) == (UpstreamStatus.ACTIVE, number)
        assert item.expires_on is not None
        assert (await bench.count_items(), await bench.charges()) == (1, 1)

    async def test_a_change_is_done_by_one_request_and_seen_by_reading(self, bench: Bench, change: Change) -> None:
        about = await subject(bench, change)
        charged, sent = await bench.charges(), bench.proxy.sent(bench.commits)
        async with aclosing(bench.connect()) as upstream:
            assert not await change.done(upstream, about)
            await change.make(upstream, about)
            await bench.carry_out()
            assert await change.done(upstream, about)
        assert bench.proxy.sent(bench.commits) == sent + 1
        assert await bench.charges() == charged + change.charges

    async def test_what_was_suspended_is_resumed(self, bench: Bench) -> None:
        about = await subject(bench, RESUME)
        async with aclosing(bench.connect()) as upstream:
            await suspend(upstream, about)
            await bench.carry_out()
            assert await is_suspended(upstream, about)
            await resume(upstream, about)
            await bench.carry_out()
            assert await is_active(upstream, about)
        assert await bench.charges() == 1

    async def test_a_closed_item_stays_known_as_closed_or_is_gone(self, bench: Bench) -> None:
        about = await subject(bench, CHANGES["close"])
        async with aclosing(bench.connect()) as upstream:
            await close(upstream, about)
            await bench.carry_out()
            row = (await listed(upstream, bench)).get(about.number)
            assert row is None or row.status is UpstreamStatus.DELETED

    async def test_a_quote_only_reads(self, bench: Bench) -> None:
        if not bench.capabilities.quotes:
            return
        async with aclosing(bench.connect()) as upstream:
            assert (await upstream.quote(bench.spec(MARK))).price is not None
        assert (bench.proxy.sent(bench.commits), await bench.charges()) == (0, 0)

    async def test_an_order_that_is_not_bought_yet_is_called_off_and_never_charged(self, bench: Bench) -> None:
        if not bench.capabilities.call_off:
            return
        await bench.without_money()
        async with aclosing(bench.connect()) as upstream:
            item = await _accepted(upstream, bench)
            assert item.status is UpstreamStatus.PROCESSING
            await upstream.call_off(bench.product_type, item.number, key="off")
            await bench.carry_out()
            item = await upstream.read_item(bench.product_type, item.number)
            assert (item.status, item.bought) == (UpstreamStatus.DELETED, False)
            await upstream.call_off(bench.product_type, item.number, key="off")
        assert await bench.charges() == 0

    async def test_an_order_that_is_bought_before_it_is_called_off_is_closed_and_says_so(self, bench: Bench) -> None:
        if not bench.capabilities.call_off:
            return
        async with aclosing(bench.connect()) as upstream:
            number = (await _accepted(upstream, bench)).number
            await bench.carry_out()
            await upstream.call_off(bench.product_type, number, key="off")
            await bench.carry_out()
            item = await upstream.read_item(bench.product_type, number)
        assert (item.status, item.bought) == (UpstreamStatus.DELETED, True)
        assert await bench.charges() == 1

    @pytest.mark.parametrize("reaches", [Reaches.NEVER, Reaches.BEFORE])
    async def test_a_cut_answer_to_a_calling_off_is_settled_by_reading_and_the_same_key(
        self, bench: Bench, reaches: Reaches
    ) -> None:
        if not bench.capabilities.call_off:
            return
        await bench.without_money()
        async with aclosing(bench.connect()) as upstream:
            number = (await _accepted(upstream, bench)).number
            bench.proxy.lay(Answer.CUT, reaches, chosen=bench.commits)
            with pytest.raises(OutcomeUnknown):
                await upstream.call_off(bench.product_type, number, key="off")
            item = await upstream.read_item(bench.product_type, number)
            assert (item.bought is False) is (reaches is Reaches.BEFORE)
            await upstream.call_off(bench.product_type, number, key="off")
            item = await upstream.read_item(bench.product_type, number)
        assert (item.status, item.bought) == (UpstreamStatus.DELETED, False)
        assert await bench.charges() == 0

    async def test_a_check_only_reads(self, bench: Bench) -> None:
        await subject(bench, RESUME)
        sent = bench.proxy.sent(bench.commits)
        async with aclosing(bench.connect()) as upstream:
            found = await upstream.check((bench.product_type,))
        assert found.listable_types == (bench.product_type,)
        assert bench.proxy.sent(bench.commits) == sent

    # -- what is refused

    async def test_an_item_of_nobody_is_no_such_item(self, bench: Bench) -> None:
        nobody = bench.number_of_nobody
        async with aclosing(bench.connect()) as upstream:
            known = await subject(bench, RESUME)
            assert known.before is not None
            about = replace(known, before=known.before.model_copy(update={"number": nobody}))
            with pytest.raises(NoSuchItem):
                await form(upstream, about)
            for change in [*CHANGES.values(), RESUME]:
                if change.about_an_item:
                    with pytest.raises((NoSuchItem, CapabilityAbsent)):
                        await change.make(upstream, about)
        assert (await bench.count_items(), await bench.charges()) == (1, 1)

    async def test_a_plan_that_is_not_there_is_refused(self, bench: Bench) -> None:
        about = await subject(bench, CHANGES["change of plan"])
        async with aclosing(bench.connect()) as upstream:
            with pytest.raises((Rejected, SetupFault)):
                await upstream.change_plan(about.number, "987654", 1, key=KEY)
            assert not await is_on_other_plan(upstream, about)
        assert await bench.charges() == 1

    async def test_without_money_nothing_is_bought(self, bench: Bench) -> None:
        """Where the balance is the far side's own affair, the order is accepted and waits there."""
        await bench.without_money()
        async with aclosing(bench.connect()) as upstream:
            if bench.capabilities.balance:
                with pytest.raises(NotEnoughMoney):
                    await upstream.order(bench.spec(MARK), key=KEY)
            else:
                await upstream.order(bench.spec(MARK), key=KEY)
                await bench.carry_out()
                [item] = (await listed(upstream, bench)).values()
                assert item.status is UpstreamStatus.PROCESSING
        assert await bench.charges() == 0

    def test_each_capability_has_its_calls(self) -> None:
        without_calls = {"same_key_again", "shows_charges", "holds_quotes"}
        assert CALLS_OF_CAPABILITIES.keys() == Capabilities.model_fields.keys() - without_calls

    async def test_what_needs_an_absent_capability_is_refused_before_anything_is_sent(self, bench: Bench) -> None:
        for name, calls in CALLS_OF_CAPABILITIES.items():
            for call in calls:
                sent = len(bench.proxy.requests)
                async with aclosing(bench.connect()) as upstream:
                    if getattr(bench.capabilities, name):
                        await _not_absent(call(upstream, bench))
                        continue
                    with pytest.raises(CapabilityAbsent):
                        await call(upstream, bench)
                assert len(bench.proxy.requests) == sent, name

    async def test_wrong_credentials_are_the_accounts_trouble_and_change_nothing(self, bench: Bench) -> None:
        async with aclosing(bench.connect(wrong_credentials=True)) as upstream:
            asked = await asyncio.gather(*(digests(upstream, bench) for _ in range(3)), return_exceptions=True)
            [refused] = [error for error in asked if isinstance(error, ConnectionUnhealthy)]
            assert_no_secret(bench, refused)
            assert sum(isinstance(error, LeftAlone) for error in asked) == 2, "wrong credentials are tried once"
            arrived = len(bench.proxy.requests)
            with pytest.raises(LeftAlone):
                await upstream.order(bench.spec(MARK), key=KEY)
            assert len(bench.proxy.requests) == arrived, "the account would be locked"
        assert (await bench.count_items(), await bench.charges()) == (0, 0)

    # -- what goes wrong on the line

    async def test_a_charge_without_a_good_answer_is_settled_by_reading(
        self, bench: Bench, charge: Change, fault: Fault
    ) -> None:
        about = await subject(bench, charge)
        charged, sent = await bench.charges(), bench.proxy.sent(bench.commits)
        bench.proxy.lay(fault.answer, fault.reaches, chosen=bench.commits)
        with impatient(fault.answer) as seconds:
            async with aclosing(bench.connect(seconds=seconds)) as upstream:
                with pytest.raises(UpstreamError) as raised:
                    await charge.make(upstream, about)
        assert type(raised.value) is OutcomeUnknown
        assert_no_secret(bench, raised.value)
        await bench.proxy.quiet()
        await bench.carry_out()
        assert bench.proxy.sent(bench.commits) == sent + 1, "a call that charges is sent once"
        assert await bench.charges() == charged + fault.carried_out
        await self._settle(about, charge, charged, carried_out=fault.carried_out)

    async def test_a_cut_answer_to_any_change_is_settled_by_reading(self, bench: Bench, change: Change) -> None:
        about = await subject(bench, change)
        bench.proxy.lay(Answer.CUT, Reaches.BEFORE, chosen=bench.commits)
        async with aclosing(bench.connect()) as upstream:
            with pytest.raises(OutcomeUnknown):
                await change.make(upstream, about)
            await bench.carry_out()
            assert await change.done(upstream, about)

    async def test_a_refused_connection_is_not_sent(self, bench: Bench, change: Change) -> None:
        about = await subject(bench, change)
        charged = await bench.charges()
        await bench.proxy.down()
        async with aclosing(bench.connect()) as upstream:
            with pytest.raises(NotSent) as raised:
                await change.make(upstream, about)
        assert type(raised.value) is NotSent
        await bench.proxy.up()
        await self._settle(about, change, charged, carried_out=False)

    async def test_a_read_over_a_refused_connection_is_not_sent(self, bench: Bench) -> None:
        await bench.proxy.down()
        async with aclosing(bench.connect()) as upstream:
            with pytest.raises(NotSent):
                await digests(upstream, bench)

    async def test_a_throttled_charge_is_settled_by_reading_and_the_account_is_left_alone(
        self, bench: Bench, charge: Change
    ) -> None:
        about = await subject(bench, charge)
        charged = await bench.charges()
        bench.proxy.lay(Answer.THROTTLED, chosen=bench.commits)
        async with aclosing(bench.connect()) as upstream:
            with pytest.raises(UpstreamError) as raised:
                await charge.make(upstream, about)
            assert type(raised.value) is bench.throttled
            assert raised.value.next_try is not None
            rest = (raised.value.next_try - datetime.now(UTC)).total_seconds()
            assert RETRY_AFTER_SECONDS - 10 < rest <= RETRY_AFTER_SECONDS
            arrived = len(bench.proxy.requests)
            with pytest.raises(LeftAlone):
                await charge.make(upstream, about)
            assert len(bench.proxy.requests) == arrived, "nothing leaves before the time that was named"
        await self._settle(about, charge, charged, carried_out=False)

    async def test_nothing_is_sent_after_the_lease(self, bench: Bench, charge: Change) -> None:
        about = await subject(bench, charge)
        charged, sent = await bench.charges(), bench.proxy.sent(bench.commits)
        over = Lease.starting(Clocks.now(), timedelta(seconds=-1))
        hour = Lease.starting(Clocks.now(), timedelta(hours=1))
        async with aclosing(bench.connect()) as upstream:
            connected = bench.proxy.connections
            with holding(over), pytest.raises(LeaseExpired, match="not sent, its lease was over"):
                await charge.make(upstream, about)
            assert bench.proxy.connections == connected
            with holding(LapsesWhileConnecting(hour.until)), pytest.raises(LeaseExpired):
                await charge.make(upstream, about)
        await bench.proxy.quiet()
        assert bench.proxy.sent(bench.commits) == sent
        await self._settle(about, charge, charged, carried_out=False)

    async def _settle(self, about: Subject, change: Change, charged: int, *, carried_out: bool) -> None:
        """Reading tells what happened; what was not done may be sent now; in the end there is exactly one charge."""
        bench = about.bench
        async with aclosing(bench.connect()) as upstream:
            assert await change.done(upstream, about) is carried_out
            if bench.capabilities.same_key_again or not carried_out:
                await change.make(upstream, about)
                await bench.carry_out()
            assert await change.done(upstream, about)
        assert await bench.charges() == charged + change.charges

    @pytest.mark.parametrize("answer", READ_FAULTS)
    async def test_a_read_without_a_good_answer_says_nothing_of_items(self, bench: Bench, answer: Answer) -> None:
        about = await subject(bench, RESUME)
        for read in (lambda one: digests(one, bench), lambda one: form(one, about)):
            bench.proxy.lay(answer, Reaches.BEFORE)
            with impatient(answer) as seconds:
                async with aclosing(bench.connect(seconds=seconds)) as upstream:
                    with pytest.raises((OutcomeUnknown, ConnectionUnhealthy)) as raised:
                        await read(upstream)
            assert_no_secret(bench, raised.value)
            assert (raised.value.next_try is not None) is (answer is Answer.THROTTLED)
        assert await bench.charges() == 1


async def _accepted(upstream: Upstream, bench: Bench) -> UpstreamItem:
    """The item of an order that the far side has accepted a moment ago."""
    await upstream.order(bench.spec(MARK), key=KEY)
    [number] = await listed(upstream, bench)
    return await upstream.read_item(bench.product_type, number)


async def _not_absent(call: Awaitable[object]) -> None:
    """Whatever else the far side says to it."""
    try:
        await call
    except CapabilityAbsent:
        raise
    except UpstreamError:
        return


def assert_no_secret(bench: Bench, error: UpstreamError) -> None:
    assert not [secret for secret in bench.secrets if secret in error.message]
