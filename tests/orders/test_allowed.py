"""What is offered is what works: the table of decisions, and the database held against it."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from models.columns import utc_now
from models.database import Database
from models.enums import FailureClass, IntentState, IntentStep, OperationKind, Role, Stage, TaskMode, UnpaidKind
from models.explanations import explain
from models.messages import Decision, DecisionKind, DecisionRecord
from models.order import Intent, Operation, Service, Task
from orders.access.roles import OPERATOR, Requester
from orders.decisions import deciding
from orders.decisions.allowed import (
    ITEM,
    NOTHING_BOUGHT,
    PAID,
    PAID_STAYS,
    Allowed,
    Denied,
    Facts,
    Traces,
    allowed_decisions,
    judge,
    person_may,
    traces,
)
from orders.decisions.facts import facts_of
from orders.errors import InvalidField, Refused
from orders.lifecycle.intake import ServiceRequest, accept_order
from tests.flow.shop import stock_catalogue
from tests.infrastructure.databases import copy_of

THE_SHOP = Requester(Role.STOREFRONT, "shop")
ANOTHER_SHOP = Requester(Role.STOREFRONT, "other")
RETRY, CORRECT, LOOK, MARK_DONE, CANCEL, REJECT = (
    DecisionKind.RETRY,
    DecisionKind.CORRECT_AND_RETRY,
    DecisionKind.LOOK_NOW,
    DecisionKind.MARK_DONE,
    DecisionKind.CANCEL,
    DecisionKind.REJECT_TASK,
)


def intent(
    state: IntentState,
    failure: FailureClass | None = None,
    *,
    step: IntentStep = IntentStep.SEND,
    unpaid: UnpaidKind | None = None,
) -> Intent:
    return Intent(
        operation_id=1,
        account_id=1,
        attempt=1,
        mark="m",
        state=state,
        failure_class=failure,
        step=step,
        unpaid_kind=unpaid,
    )


NEVER_LEFT = intent(IntentState.NOT_SENT, FailureClass.NOT_SENT)
UNPAID = intent(IntentState.ACCEPTED, unpaid=UnpaidKind.CART_ROW)


@pytest.mark.parametrize(
    ("intents", "expected"),
    [
        ([], Traces.NONE),
        ([NEVER_LEFT, NEVER_LEFT], Traces.NONE),
        ([intent(IntentState.NOT_SENT, FailureClass.UNHEALTHY)], Traces.POSSIBLE),  # bytes of it have left
        ([intent(IntentState.REFUSED, FailureClass.FUNDS), NEVER_LEFT], Traces.POSSIBLE),
        ([intent(IntentState.NOT_DONE), NEVER_LEFT], Traces.POSSIBLE),
        ([intent(IntentState.ABANDONED)], Traces.POSSIBLE),
        ([NEVER_LEFT, intent(IntentState.PREPARED)], Traces.UNDER_WAY),
        ([intent(IntentState.UNKNOWN)], Traces.UNDER_WAY),
        ([intent(IntentState.ACCEPTED)], Traces.ACCEPTED),
        ([UNPAID], Traces.POSSIBLE),  # it lies in a cart, and nothing is charged
        ([UNPAID, intent(IntentState.UNKNOWN, step=IntentStep.PAY)], Traces.UNDER_WAY),
        ([UNPAID, intent(IntentState.ACCEPTED, step=IntentStep.PAY)], Traces.ACCEPTED),
    ],
)
def test_nothing_was_sent_only_if_every_request_certainly_never_left(intents: list[Intent], expected: Traces) -> None:
    assert traces(intents) is expected


def test_an_opening_whose_item_is_known_is_bought() -> None:
    assert traces([], has_item=True) is Traces.ACCEPTED


def test_an_opening_whose_item_lies_unpaid_in_a_cart_is_not_bought() -> None:
    assert traces([UNPAID], has_item=True) is Traces.POSSIBLE
    taken_out = intent(IntentState.NOT_DONE, unpaid=UnpaidKind.CART_ROW)
    assert traces([taken_out], has_item=True) is Traces.POSSIBLE
    assert traces([UNPAID, intent(IntentState.ACCEPTED, step=IntentStep.PAY)], has_item=True) is Traces.ACCEPTED


def offered(requester: Requester = OPERATOR, **facts: Any) -> dict[DecisionKind, tuple[str, ...]]:
    return {
        one.decision: one.needs for one in allowed_decisions(Facts(**({"kind": OperationKind.OPEN} | facts)), requester)
    }


OWNER = Requester(Role.STOREFRONT, "shop", asked_for_it=True)
ATTENTION, FUNDS = Stage.NEEDS_ATTENTION, Stage.WAITING_FOR_FUNDS


def test_while_it_waits_for_money_it_can_be_cancelled_by_operators_and_by_who_asked_for_it() -> None:
    for traced in (Traces.NONE, Traces.POSSIBLE):
        assert list(offered(stage=FUNDS, traces=traced)) == [CANCEL]
        assert offered(OWNER, stage=FUNDS, traces=traced) == {CANCEL: ()}, "it may leave the reason out"
        assert offered(ANOTHER_SHOP, stage=FUNDS, traces=traced) == {}


def test_what_was_accepted_is_never_sent_again_and_a_person_may_always_act() -> None:
    for stage in (ATTENTION, Stage.AWAITING_CONFIRMATION):
        accepted: dict[str, Any] = {"stage": stage, "traces": Traces.ACCEPTED, "has_item": True}
        assert offered(**accepted) == {LOOK: (), MARK_DONE: ("reason", ITEM), CANCEL: ("reason", PAID_STAYS)}
        assert offered(OWNER, **accepted) == {}
    refused = judge(Facts(OperationKind.OPEN, ATTENTION, traces=Traces.ACCEPTED), RETRY)
    assert isinstance(refused, Denied)
    assert "nothing of it is sent again: have it looked at now" in refused.why


def test_what_a_cancellation_leaves_behind_is_said() -> None:
    accepted = Facts(OperationKind.OPEN, ATTENTION, traces=Traces.ACCEPTED, has_item=True)
    assert "what the upstream has charged stays paid, its item stays there and with the service" in person_may(accepted)
    assert "asked for again, it may be charged twice" in person_may(replace(accepted, kind=OperationKind.PROLONG))
    assert "it costs nothing, and the upstream may still do it" in person_may(
        replace(accepted, kind=OperationKind.CLOSE)
    )


def test_an_opening_whose_item_nobody_knows_is_not_given_up() -> None:
    refused = judge(Facts(OperationKind.OPEN, ATTENTION, traces=Traces.ACCEPTED), CANCEL)
    assert isinstance(refused, Denied)
    assert "which item it made is not known" in refused.why


def test_an_unknown_outcome_is_ended_only_by_an_operator_who_vouches() -> None:
    found = offered(stage=ATTENTION, traces=Traces.UNDER_WAY)
    assert NOTHING_BOUGHT in found[CANCEL]
    assert NOTHING_BOUGHT in found[CORRECT]
    assert NOTHING_BOUGHT not in found[RETRY], "it is settled first"
    assert offered(OWNER, stage=ATTENTION, traces=Traces.UNDER_WAY) == {}
    assert offered(stage=Stage.OUTCOME_UNKNOWN, traces=Traces.UNDER_WAY) == {}


def test_what_is_called_off_is_not_sent_again_whatever_is_decided() -> None:
    found = offered(stage=ATTENTION, traces=Traces.POSSIBLE, called_off=True)
    assert set(found) == {RETRY, MARK_DONE, CANCEL}
    assert NOTHING_BOUGHT in found[CANCEL]
    judged = judge(Facts(OperationKind.OPEN, ATTENTION, traces=Traces.POSSIBLE, called_off=True), RETRY)
    assert isinstance(judged, Allowed)
    assert "nothing is sent" in judged.effect


def test_an_opening_is_marked_done_with_its_item_and_only_an_opening_is_corrected() -> None:
    assert ITEM in offered(stage=ATTENTION)[MARK_DONE]
    prolonging = offered(stage=ATTENTION, kind=OperationKind.PROLONG)
    assert ITEM not in prolonging[MARK_DONE]
    assert CORRECT not in prolonging


def test_what_lies_unpaid_in_a_cart_is_not_corrected_and_is_done_only_once_it_is_paid() -> None:
    owed: dict[str, Any] = {"stage": ATTENTION, "traces": Traces.POSSIBLE, "owes": "row 17 in the upstream's cart"}
    assert list(offered(**owed)) == [RETRY, MARK_DONE, CANCEL]
    assert offered(**owed)[MARK_DONE][-1] == PAID
    refused = judge(Facts(OperationKind.OPEN, **owed), CORRECT)
    assert isinstance(refused, Denied)
    assert "row 17" in refused.why
    assert "Cancel" in refused.why


def test_an_item_that_is_known_and_unpaid_is_not_bought() -> None:
    refused = intent(IntentState.REFUSED, FailureClass.REJECTED, step=IntentStep.CONFIRM_CART)
    assert traces([UNPAID, refused], has_item=True) is Traces.POSSIBLE


def test_a_task_in_somebodys_hand_is_not_ended_from_outside() -> None:
    by_hand = Stage.AWAITING_MANUAL_TASK
    assert set(offered(stage=by_hand)) == {REJECT, CANCEL}
    assert set(offered(OWNER, stage=by_hand)) == {CANCEL}
    assert set(offered(stage=by_hand, in_hand_of="bob")) == {REJECT}


PRICE = DecisionKind.ACCEPT_PRICE
OF_ROLES: list[tuple[Role, dict[str, Any], set[DecisionKind]]] = [
    (Role.VIEWER, {"traces": Traces.NONE}, set()),
    (Role.FINANCE, {"traces": Traces.NONE}, {PRICE}),
    (Role.OPERATOR, {"traces": Traces.NONE}, {RETRY, CORRECT, CANCEL}),
    (Role.OPERATOR, {"traces": Traces.POSSIBLE}, {RETRY, CORRECT}),
    (Role.OPERATOR, {"traces": Traces.UNDER_WAY}, {RETRY}),
    (Role.SENIOR, {"traces": Traces.POSSIBLE}, {PRICE, RETRY, CORRECT, MARK_DONE, CANCEL}),
    (Role.SENIOR, {"traces": Traces.UNDER_WAY}, {PRICE, RETRY, CORRECT, MARK_DONE, CANCEL}),
    (Role.ADMIN, {"traces": Traces.UNDER_WAY}, {PRICE, RETRY, CORRECT, MARK_DONE, CANCEL}),
]


@pytest.mark.parametrize(("role", "facts", "expected"), OF_ROLES)
def test_each_role_decides_what_is_its_own_and_is_told_whose_the_rest_is(
    role: Role, facts: dict[str, Any], expected: set[DecisionKind]
) -> None:
    """Of an operation that somebody else asked for and that waits because of its price."""
    known = Facts(OperationKind.OPEN, ATTENTION, FailureClass.PRICE_CHANGED, **facts)
    requester = Requester(role, "anna")
    assert {one.decision for one in allowed_decisions(known, requester)} == expected
    for kind in DecisionKind:
        judged = judge(known, kind, requester)
        if isinstance(judged, Denied) and kind in {one.decision for one in allowed_decisions(known)}:
            assert judged.by_role
            assert "needs the role" in judged.why
            assert "admin" in judged.why
    assert ("senior or admin may" in person_may(known, requester)) is (MARK_DONE not in expected)


def test_who_asked_for_it_takes_it_back_after_something_was_sent_and_who_may_not_vouch_is_not_asked_to() -> None:
    known: dict[str, Any] = {"stage": ATTENTION, "traces": Traces.POSSIBLE}
    assert CANCEL in offered(Requester(Role.OPERATOR, "olga", asked_for_it=True), **known)
    assert CANCEL not in offered(Requester(Role.VIEWER, "olga", asked_for_it=True), **known), "the role of today counts"
    retry = judge(
        Facts(OperationKind.OPEN, ATTENTION, traces=Traces.UNDER_WAY), RETRY, Requester(Role.OPERATOR, "olga")
    )
    assert isinstance(retry, Allowed)
    assert NOTHING_BOUGHT not in retry.may


@pytest.mark.parametrize("stage", [Stage.ACCEPTED, Stage.QUEUED])
def test_a_new_operation_is_told_of_as_the_rules_say(stage: Stage) -> None:
    assert explain(stage).person_may == person_may(Facts(OperationKind.PROLONG, stage))


def test_a_sentence_tells_the_same_as_the_list() -> None:
    assert person_may(Facts(OperationKind.OPEN, FUNDS)) == "top up the upstream account, or cancel the order"
    assert person_may(Facts(OperationKind.OPEN, FUNDS), OWNER) == "cancel the order", "it has no hand in the account"
    assert person_may(Facts(OperationKind.OPEN, FUNDS), ANOTHER_SHOP) == "nothing to do"
    assert person_may(Facts(OperationKind.OPEN, Stage.SUBMITTING, traces=Traces.UNDER_WAY)) == "nothing to do"
    left = Facts(OperationKind.OPEN, ATTENTION, traces=Traces.POSSIBLE)
    assert "left at the upstream is removed" in person_may(left)
    told = person_may(replace(left, kind=OperationKind.SUSPEND))
    assert "removed" not in told
    assert "cancel the operation, once it is proven that an earlier request had no effect" in told
    told = person_may(Facts(OperationKind.OPEN, ATTENTION, traces=Traces.ACCEPTED))
    assert "cancel" not in told, "its item is not known"
    assert "have its result looked for now (the upstream has accepted it, nothing is sent)" in told


def test_where_nothing_can_be_decided_closing_is_told_to_whoever_may_call_the_opening_off() -> None:
    unknown = Facts(OperationKind.OPEN, Stage.OUTCOME_UNKNOWN, traces=Traces.UNDER_WAY)
    closing = "close the service, which calls its opening off"
    for requester in (Requester(Role.SENIOR), Requester(Role.OPERATOR, "olga", asked_for_it=True), OWNER):
        assert person_may(unknown, requester) == closing
    for requester in (Requester(Role.OPERATOR), Requester(Role.VIEWER, "olga", asked_for_it=True), ANOTHER_SHOP):
        assert closing not in person_may(unknown, requester)
    for other in (replace(unknown, kind=OperationKind.PROLONG), replace(unknown, called_off=True)):
        assert closing not in person_may(other)


def test_closing_is_the_way_out_of_an_opening_alone() -> None:
    for stage in (Stage.OUTCOME_UNKNOWN, ATTENTION):
        told = [
            judge(Facts(kind, stage, traces=Traces.UNDER_WAY), CANCEL, OWNER)
            for kind in (OperationKind.OPEN, OperationKind.CHANGE_PLAN)
        ]
        assert ["close the service" in one.why for one in told if isinstance(one, Denied)] == [True, False]


def test_what_is_done_before_it_ends_is_told_as_it_is() -> None:
    renewal = Facts(OperationKind.PROLONG, FUNDS, traces=Traces.POSSIBLE)
    assert "is removed" in person_may(replace(renewal, kind=OperationKind.OPEN))
    assert "once it is proven that an earlier request had no effect" in person_may(renewal)
    assert "after what waits unpaid in the upstream's cart is taken out" in person_may(replace(renewal, owes="row 7"))


# The database against the table.

STAGES = (
    Stage.ACCEPTED,
    Stage.QUEUED,
    FUNDS,
    Stage.SUBMITTING,
    Stage.AWAITING_CONFIRMATION,
    Stage.AWAITING_MANUAL_TASK,
    ATTENTION,
    Stage.CANCELLED,
)
SENT: dict[str, Callable[[], list[Intent]]] = {
    "nothing": list,
    "never left": lambda: [intent(IntentState.NOT_SENT, FailureClass.NOT_SENT)],
    "refused": lambda: [intent(IntentState.REFUSED, FailureClass.FUNDS)],
    "unknown": lambda: [intent(IntentState.UNKNOWN, FailureClass.OUTCOME_UNKNOWN)],
    "accepted": lambda: [intent(IntentState.ACCEPTED)],
    "in the cart": lambda: [intent(IntentState.ACCEPTED, unpaid=UnpaidKind.CART_ROW)],
    "its payment refused": lambda: [
        intent(IntentState.ACCEPTED, unpaid=UnpaidKind.CART_ROW),
        intent(IntentState.REFUSED, FailureClass.REJECTED, step=IntentStep.CONFIRM_CART),
    ],
    "its payment unknown": lambda: [
        intent(IntentState.ACCEPTED, unpaid=UnpaidKind.CART_ROW),
        intent(IntentState.UNKNOWN, FailureClass.OUTCOME_UNKNOWN, step=IntentStep.CONFIRM_CART),
    ],
}
WHY = Decision(actor="anna", reason="seen to")


class _Undo(Exception):
    pass


@pytest.fixture
async def one_order(migrated_sqlite_template: Path, tmp_path: Path) -> AsyncIterator[tuple[Database, int]]:
    database = Database(copy_of(migrated_sqlite_template, tmp_path))
    await stock_catalogue(database, "http://upstream.invalid/billmgr")
    request = ServiceRequest(plan="VDS-1", period_months=1, customer="c-1")
    order = await accept_order(database, request, client="shop", key="k", hostname_suffix="s.internal")
    yield database, order.operation
    await database.close()


def _decision(kind: DecisionKind, needs: tuple[str, ...]) -> Decision:
    more: dict[str, object] = {name: name in needs for name in (NOTHING_BOUGHT, PAID, PAID_STAYS)}
    if kind is CORRECT:
        more["parameters"] = {"template": "debian-12"}
    if kind is MARK_DONE:
        more["upstream_number"] = "4711"
    return WHY.model_copy(update=more)


@dataclass(frozen=True)
class _Case:
    stage: Stage
    kind: OperationKind
    sent: str
    called_off: bool
    in_hand: bool

    async def made(self, session: AsyncSession, number: int) -> Operation:
        operation = await session.get_one(Operation, number)
        operation.kind, operation.stage = self.kind, self.stage
        operation.called_off_at = utc_now() if self.called_off else None
        for made in SENT[self.sent]():
            made.operation_id = number
            session.add(made)
            await session.flush()
        if self.in_hand:
            task = await session.get_one(Task, 1)
            task.mode, task.assignee = TaskMode.MANUAL, "bob"
            session.add(task)
        session.add(operation)
        await session.flush()
        return operation


DECIDERS = [(OPERATOR, kind) for kind in DecisionKind] + [(THE_SHOP, CANCEL), (ANOTHER_SHOP, CANCEL), (THE_SHOP, RETRY)]


async def _assert_offered_is_accepted(database: Database, number: int, case: _Case) -> None:
    """Of each decision: the database accepts it if the table offers it, and else not. Nothing of it is kept."""
    with suppress(_Undo):
        async with database.write() as session:
            facts = await facts_of(session, await case.made(session, number))
            for requester, kind in DECIDERS:
                offer = judge(facts, kind, replace(requester, asked_for_it=requester is THE_SHOP))
                needs = (
                    offer.needs if isinstance(offer, Allowed) else (NOTHING_BOUGHT,) if requester is OPERATOR else ()
                )
                record = DecisionRecord(operation=number, kind=kind, decision=_decision(kind, needs), decision_id="d")
                is_accepted = False
                with suppress(Refused, _Undo):
                    async with session.begin_nested():
                        await deciding.decide(session, record, requester)
                        is_accepted = True
                        raise _Undo
                assert isinstance(offer, Allowed) is is_accepted, f"{case}: {kind.value} by {requester}"
            raise _Undo


OF_PEOPLE = (Stage.NEEDS_ATTENTION, Stage.WAITING_FOR_FUNDS)
"""Of these most can be decided; `make proof` tries the other stages, too."""


@pytest.mark.parametrize("kind", [OperationKind.OPEN, pytest.param(OperationKind.PROLONG, marks=pytest.mark.proof)])
@pytest.mark.parametrize(
    "stage", [pytest.param(one, marks=[] if one in OF_PEOPLE else [pytest.mark.proof]) for one in STAGES]
)
async def test_the_database_accepts_what_is_offered_and_nothing_else(
    one_order: tuple[Database, int], stage: Stage, kind: OperationKind
) -> None:
    by_hand = (False, True) if stage is Stage.AWAITING_MANUAL_TASK else (False,)
    for sent, called_off, in_hand in itertools.product(SENT, (False, True), by_hand):
        await _assert_offered_is_accepted(*one_order, _Case(stage, kind, sent, called_off, in_hand))


async def test_what_an_offer_needs_is_needed(one_order: tuple[Database, int]) -> None:
    database, number = one_order
    async with database.write() as session:
        operation = await session.get_one(Operation, number)
        operation.stage = ATTENTION
        made = intent(IntentState.UNKNOWN)
        made.operation_id = number
        session.add_all([operation, made])

    async def decided(kind: DecisionKind, decision: Decision = WHY, requester: Requester = OPERATOR) -> None:
        async with database.write() as session:
            record = DecisionRecord(operation=number, kind=kind, decision=decision, decision_id="d")
            await deciding.decide(session, record, requester)

    for kind, error in ((CANCEL, Refused), (CORRECT, Refused), (MARK_DONE, InvalidField)):
        with pytest.raises(error):
            await decided(kind)
    async with database.read() as session:
        assert (await session.get_one(Operation, number)).stage is ATTENTION
        assert (await session.get_one(Service, 1)).upstream_number is None


async def test_a_shop_can_not_vouch(one_order: tuple[Database, int]) -> None:
    database, number = one_order
    record = DecisionRecord(
        operation=number, kind=CANCEL, decision=WHY.model_copy(update={NOTHING_BOUGHT: True}), decision_id="d"
    )

    async def decided() -> None:
        async with database.write() as session:
            await deciding.decide(session, record, THE_SHOP)

    with pytest.raises(Refused, match="needs the role senior or admin"):
        await decided()
