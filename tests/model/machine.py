"""Random stories of a reseller: requests, decisions, what an upstream and its staff do, faults and time."""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.catalogue import UpstreamAccount
from models.columns import units
from models.enums import (
    IncidentKind,
    IntentState,
    OperationKind,
    ReservationState,
    ServiceStatus,
    Stage,
    SuspendReason,
    UpstreamStatus,
)
from models.incident import Incident
from models.messages import Decision, DecisionKind, TaskCompletion
from models.order import Intent, Operation, Reservation, Service
from orders.decisions.allowed import allowed_decisions
from orders.decisions.facts import facts_of
from orders.errors import InvalidField, NotFound, Refused
from orders.lifecycle.intake import ServiceRequest
from orders.operations.change_plan import PlanChange
from orders.operations.close import Closing
from orders.operations.prolong import Prolongation
from orders.operations.resume import Resumption
from orders.operations.set_parameters import ServiceChange
from orders.operations.suspend import Suspension
from temporal.updates import TemporalUnavailable
from tests.model.temporal import in_place_of_temporal
from tests.model.upstream import Fault
from tests.model.world import World

PEOPLE = (Stage.NEEDS_ATTENTION, Stage.AWAITING_MANUAL_TASK)
STEPS = [timedelta(seconds=15), timedelta(minutes=2), timedelta(minutes=12), timedelta(hours=2)]
PLANS = {"VDS-1": Decimal(5), "VDS-2": Decimal(10), "LIC-1": Decimal(4)}
UNSETTLED = (IntentState.PREPARED, IntentState.UNKNOWN)
STATUS = {
    UpstreamStatus.ACTIVE: ServiceStatus.ACTIVE,
    UpstreamStatus.SUSPENDED: ServiceStatus.SUSPENDED,
    UpstreamStatus.DELETED: ServiceStatus.CLOSED,
}
SAID = {IncidentKind.LATE_YES, IncidentKind.PAID_LEFTOVER, IncidentKind.SECOND_ITEM}

pick = some.integers(0, 99)


class Reseller(RuleBasedStateMachine):
    """One upstream account. `new_database` gives the address of an empty database each time."""

    new_database: Callable[[ExitStack], str]

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._runner = self._stack.enter_context(asyncio.Runner())
        self._world = World(type(self).new_database(self._stack))
        self._stack.enter_context(in_place_of_temporal(self._world.temporal))
        self._keys = 0
        self._handmade: set[int] = set()
        """Operations that a person has ended."""
        self._renewed_by_staff = False
        self._do(self._world.begin())
        self._upstream.held = Decimal(20)

    @property
    def _upstream(self) -> Any:
        return self._world.upstream

    def _do(self, work: Awaitable[Any]) -> Any:
        async def whole() -> Any:
            result = await work
            await self._world.temporal.quiesce()
            return result

        return self._runner.run(whole())

    def _ask(self, work: Awaitable[Any]) -> None:
        async def asked() -> None:
            with suppress(Refused, InvalidField, NotFound, TemporalUnavailable):
                await self._world.until(work)

        self._do(asked())

    def _all(self, table: type[Any]) -> list[Any]:
        return list(self._runner.run(self._world.all_of(table)))

    def _key(self) -> str:
        self._keys += 1
        return f"k{self._keys}"

    def _one_of(self, number: int, rows: list[Any]) -> Any:
        return rows[number % len(rows)] if rows else None

    # What shops ask for.

    @rule(plan=some.sampled_from(sorted(PLANS)), ram=some.integers(0, 2))
    def order(self, plan: str, ram: int) -> None:
        addons = {"ram": ram} if ram and plan != "LIC-1" else {}
        request = ServiceRequest.model_validate({"plan": plan, "period_months": 1, "customer": "c", "addons": addons})
        self._ask(self._world.resellflow.place_order(request, key=self._key()))

    @rule(count=some.integers(2, 4))
    def order_several(self, count: int) -> None:
        request = ServiceRequest(plan="VDS-1", period_months=1, customer="c")

        async def several() -> None:
            await asyncio.gather(*(self._world.resellflow.place_order(request, key=self._key()) for _ in range(count)))

        self._ask(several())

    @rule(
        which=pick,
        asked=some.sampled_from(
            [
                Prolongation.of(period_months=1),
                Suspension.of(urgent=False, reason=None),
                Suspension.of(urgent=True, reason="abuse"),
                Resumption(),
                Closing(),
                PlanChange.of(plan="VDS-2", drop_addons=False, agreed_cost_limit=None),
                ServiceChange(addons={"ram": 2}),
            ]
        ),
    )
    def ask(self, which: int, asked: Any) -> None:
        service = self._one_of(which, self._all(Service))
        if service is not None:
            self._ask(self._world.resellflow.ask(service.id, asked, key=self._key()))

    # What people decide. They look at the upstream, and say what is so.

    @rule(which=pick, what=pick)
    def decide(self, which: int, what: int) -> None:
        operation = self._one_of(which, [one for one in self._all(Operation) if not one.stage.is_final])
        if operation is None:
            return

        async def allowed() -> Any:
            async with self._world.database.read() as session:
                return allowed_decisions(await facts_of(session, operation))

        choice = self._one_of(what, list(self._runner.run(allowed())))
        if choice is None:
            return
        service = self._service(operation)
        key = f"{service.mark}.{operation.id}"
        charged = self._upstream.charged_for(key)
        said: dict[str, Any] = {}
        may = {*choice.needs, *choice.may}
        if "nothing_was_bought" in may and not charged:
            said["nothing_was_bought"] = True
        if "nothing_was_bought" in choice.needs and (charged or self._upstream.under_way(key)):
            return
        if "what_is_paid_stays" in choice.needs:
            said["what_is_paid_stays"] = True
        if choice.decision is DecisionKind.MARK_DONE:
            if operation.kind is OperationKind.OPEN:
                if not charged:
                    return
                said["upstream_number"] = charged[0].number
        elif choice.decision in (DecisionKind.CORRECT_AND_RETRY, DecisionKind.ACCEPT_PRICE):
            return
        if choice.decision in (DecisionKind.CANCEL, DecisionKind.REJECT_TASK, DecisionKind.MARK_DONE):
            self._handmade.add(operation.id)
        decision = Decision(actor="ann", reason="because", **said)
        if choice.decision is DecisionKind.REJECT_TASK:
            if charged:
                return
            self._ask(self._world.resellflow.reject_task(operation.id, decision))
        else:
            self._ask(self._world.resellflow.decide(operation.id, choice.decision, decision))

    @rule(which=pick)
    def complete_task(self, which: int) -> None:
        task = self._one_of(which, [one for one in self._all(Operation) if one.stage is Stage.AWAITING_MANUAL_TASK])
        if task is not None:
            self._handmade.add(task.id)
            self._ask(self._world.resellflow.complete_task(task.id, TaskCompletion(actor="ann")))

    # What happens at the upstream.

    @rule(amount=some.sampled_from([5, 12, 40]))
    def top_up(self, amount: int) -> None:
        self._upstream.held += amount

    @rule(amount=some.sampled_from([1, 5]))
    def somebody_spends(self, amount: int) -> None:
        self._upstream.spent_by_others(min(Decimal(amount), self._upstream.held))

    @rule(which=pick, act=some.sampled_from(["suspends", "resumes", "deletes", "renews", "changes plan", "refuses"]))
    def staff(self, which: int, act: str) -> None:
        item = self._one_of(which, self._upstream.living())
        if item is None:
            return
        match act:
            case "suspends":
                item.status, item.suspended_by = UpstreamStatus.SUSPENDED, SuspendReason.STAFF
            case "resumes":
                item.status, item.suspended_by = UpstreamStatus.ACTIVE, None
            case "deletes":
                item.status = UpstreamStatus.DELETED
            case "renews":
                self._renewed_by_staff = True
                item.expires_on += timedelta(days=30)
            case "changes plan":
                if item.product_type == "vds":
                    item.tariff = "59" if item.tariff == "58" else "58"
            case "refuses":
                item.dead_end = item.status is UpstreamStatus.PROCESSING

    @rule(slow=some.booleans())
    def staff_opens(self, slow: bool) -> None:
        self._upstream.slow = slow
        self._upstream.open_all()

    @rule(fault=some.sampled_from(Fault))
    def next_request_fails(self, fault: Fault) -> None:
        self._upstream.next_fault = fault

    @rule(count=some.integers(1, 4))
    def reads_fail(self, count: int) -> None:
        self._upstream.failing_reads = count

    @rule(narrowed=some.booleans())
    def a_filter_is_set(self, narrowed: bool) -> None:
        self._upstream.narrowed = narrowed

    # What happens to us.

    @rule(after=some.integers(0, 5), committed=some.booleans())
    def a_worker_dies(self, after: int, committed: bool) -> None:
        self._world.dying_at, self._world.dies_after_commit = after, committed

    @rule(losing=some.booleans())
    def signals_are_lost(self, losing: bool) -> None:
        self._world.temporal.losing_signals = losing

    @rule(which=pick)
    def a_run_is_terminated(self, which: int) -> None:
        run = self._one_of(which, [one for one in self._world.temporal.runs.values() if one.running])
        if run is not None:
            self._do(self._world.temporal.terminate(run))

    @rule()
    def poll(self) -> None:
        self._do(self._world.poll())

    @rule()
    def sweep(self) -> None:
        self._do(self._world.sweep())

    @rule(by=some.sampled_from(STEPS))
    def time_passes(self, by: timedelta) -> None:
        self._do(self._world.pass_time(by))

    # What holds after every step.

    @invariant()
    def nothing_unforeseen(self) -> None:
        assert not self._world.temporal.failures, self._world.temporal.failures

    @invariant()
    def nothing_is_charged_twice(self) -> None:
        counted = Counter(one.key for one in self._upstream.charges if one.key)
        assert not [key for key, count in counted.items() if count > 1], counted

    @invariant()
    def money_is_in_order(self) -> None:
        self._runner.run(self._check_money())

    async def _check_money(self) -> None:
        account: UpstreamAccount = await self._world.account()
        entries: list[Reservation] = await self._world.all_of(Reservation)
        granted = {one.operation_id: one.amount for one in entries if one.state is ReservationState.GRANTED}
        waiting = [one for one in entries if one.state is ReservationState.WAITING]
        assert account.set_aside == sum(map(units, granted.values()))
        assert account.waiting == len(waiting)
        charged = {int(one.key.rpartition(".")[2]) for one in self._upstream.charges if one.key}
        to_be_charged = sum(amount for number, amount in granted.items() if number not in charged)
        assert to_be_charged <= self._upstream.held + self._upstream.foreign, "granted more than there is"
        intents: list[Intent] = await self._world.all_of(Intent)
        unsettled = Counter(one.operation_id for one in intents if one.state in UNSETTLED)
        assert max(unsettled.values(), default=0) <= 1
        operations = {one.id: one for one in await self._world.all_of(Operation)}
        for number in unsettled:
            cost = operations[number].cost
            if cost is not None and cost.amount:
                assert granted.get(number, Decimal(0)) >= cost.amount, f"operation {number} may be charged"

    @invariant()
    def each_operation_has_its_turn_a_cause_and_a_next_step(self) -> None:
        self._runner.run(self._check_turns())

    async def _check_turns(self) -> None:
        operations: list[Operation] = await self._world.all_of(Operation)
        running = Counter(one.service_id for one in operations if one.stage.is_running)
        assert max(running.values(), default=0) <= 1, "two operations of one service run"
        for one in operations:
            if one.stage in (*PEOPLE, Stage.WAITING_FOR_FUNDS, Stage.RETRYING):
                assert one.reason, f"operation {one.id} is {one.stage} and does not say why"
            if one.stage in PEOPLE:
                async with self._world.database.read() as session:
                    assert allowed_decisions(await facts_of(session, one)), f"nobody can decide about {one.id}"

    # What holds in the end, when nothing fails any more.

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._drain()
        finally:
            self._runner.run(self._world.end())
            self._stack.close()

    def _drain(self) -> None:
        world, upstream = self._world, self._upstream
        upstream.next_fault, upstream.failing_reads, upstream.narrowed, upstream.slow = None, 0, False, False
        world.dying_at, world.temporal.losing_signals = None, False
        upstream.held += 1000
        for minutes in (1, 2, 2, 2, 12, 12, 120, 120):
            upstream.open_all()
            self._do(world.pass_time(timedelta(minutes=minutes)))
            self._do(world.sweep())
            self._do(world.poll())
        for check in (self.nothing_unforeseen, self.nothing_is_charged_twice, self.money_is_in_order):
            check()
        self.each_operation_has_its_turn_a_cause_and_a_next_step()
        operations = self._all(Operation)
        left_to_people = {one.service_id for one in operations if one.stage in PEOPLE}
        for one in operations:
            queued_behind = one.stage is Stage.QUEUED and one.service_id in left_to_people
            assert one.stage.is_final or one.stage in PEOPLE or queued_behind, f"{one.id}: {one.stage}: {one.reason}"
        self._check_what_was_charged(operations)
        self._check_services({one.service_id for one in operations if not one.stage.is_final})

    def _check_what_was_charged(self, operations: list[Operation]) -> None:
        said = {one.operation_id for one in self._all(Incident) if one.kind in SAID}
        for one in operations:
            charged = self._upstream.charged_for(f"{self._service(one).mark}.{one.id}")
            if one.id in self._handmade:
                continue
            if one.stage is Stage.CANCELLED:
                assert not charged or one.id in said, f"operation {one.id} was charged, and nobody was told"
            if one.stage is Stage.COMPLETED and one.kind is OperationKind.OPEN:
                assert len(charged) == 1, f"operation {one.id} is completed, and charged {len(charged)} times"
            if one.stage is Stage.COMPLETED and one.kind is OperationKind.PROLONG and not self._renewed_by_staff:
                assert len(charged) == 1, f"operation {one.id} is completed, and charged {len(charged)} times"

    def _check_services(self, under_way: set[int]) -> None:
        services: list[Service] = self._all(Service)
        for one in services:
            item = self._upstream.items.get(one.upstream_number)
            if item is None or one.id in under_way:
                continue
            assert one.status is STATUS[item.status], f"service {one.id}: {one.status}, and there {item.status.name}"
            if one.status is not ServiceStatus.CLOSED:
                assert one.expires_on == item.expires_on, f"service {one.id}"

    def _service(self, operation: Operation) -> Service:
        found: Service = next(one for one in self._all(Service) if one.id == operation.service_id)
        return found
