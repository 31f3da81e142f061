"""What a caller may decide about an operation: computed here and nowhere else.

Documents offer what `allowed_decisions` says, the handlers refuse what it does not say (`judge`), and the sentence for
people (`person_may`) is written from it. Pure: what is known of the operation comes in as `Facts`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from models.enums import FailureClass, IntentState, IntentStep, OperationKind, Stage, UnpaidKind
from models.messages import DecisionKind
from models.order import Intent
from orders.access.roles import OPERATOR, Requester, Right, holders_in_words, lacks
from orders.operations.registry import operation_type

REASON = "reason"
_ASK_WHETHER_CHARGED = "ask whether it charges for it all the same"
NOTHING_BOUGHT = "nothing_was_bought"
PAID = "it_is_paid"
PAID_STAYS = "what_is_paid_stays"
ITEM = "upstream_number"
PARAMETERS = "parameters"
PRICE = "price"


class Traces(StrEnum):
    """What an operation's requests can have done at the upstream."""

    NONE = "none"
    """No request has ever left."""
    POSSIBLE = "possible"
    """Each is refused, proven not done, given up or not charged yet: all the same something may be there."""
    UNDER_WAY = "under_way"
    """The outcome of one is not known."""
    ACCEPTED = "accepted"
    """One was accepted, and charged if it costs."""


@dataclass(frozen=True)
class Facts:
    """What the rules look at."""

    kind: OperationKind
    stage: Stage
    failure: FailureClass | None = None
    traces: Traces = Traces.NONE
    called_off: bool = False
    """Nothing of it is sent any more; what earlier requests left is looked for, then it ends."""
    has_no_values: bool = False
    """Nothing of what it asks for is a value that a person could correct, although others of its kind have some."""
    owes: str = ""
    """What the upstream made of it that has yet to be paid there, in words; empty: nothing."""
    in_hand_of: str = ""
    """Who has its manual task in hand."""
    has_item: bool = False
    """An opening whose item at the upstream is known."""
    called_off_there: bool = False
    """The upstream had accepted it and has called it off, as the item was last seen."""
    can_be_called_off: bool = False
    """An opening that the upstream has accepted and may still call off: whether it is bought there is not known."""
    number: int = 0


@dataclass(frozen=True)
class Allowed:
    """A decision that would be acted upon."""

    decision: DecisionKind
    needs: tuple[str, ...]
    """Fields that must be given with it; a shop may leave out the reason."""
    may: tuple[str, ...] = ()
    """Fields that can be given, and change what is done."""
    effect: str = ""
    """What it does, as an infinitive."""
    right: Right = Right.DECIDE
    """Who may take it. A shop that asked for the operation itself may cancel it with the right to order."""


@dataclass(frozen=True)
class Denied:
    """A decision that would be refused, and why."""

    why: str
    by_role: bool = False
    """Another role may take it now."""


Permission = Allowed | Denied


def traces(intents: Sequence[Intent], *, has_item: bool = False) -> Traces:
    """What these requests can have done. `has_item`: an opening whose item is known.

    The item of a row in a cart is known before anybody pays it: there only a charge says that it is bought.
    """
    if any(not intent.state.is_settled for intent in intents):
        return Traces.UNDER_WAY
    was_unpaid = any(intent.unpaid_kind is not None for intent in intents)
    if (has_item and not was_unpaid) or any(
        intent.state is IntentState.ACCEPTED and not _is_unpaid(intent) for intent in intents
    ):
        return Traces.ACCEPTED
    return Traces.NONE if all(map(_never_left, intents)) else Traces.POSSIBLE


def charged_nothing(facts: Facts) -> bool:
    """For certain: no request has left, or each was refused or proven not done, and nothing waits to be paid."""
    return facts.traces in (Traces.NONE, Traces.POSSIBLE) and not facts.owes and not facts.called_off


def debt(intents: Sequence[Intent]) -> Intent | None:
    """The accepted call, of these in their order, whose row or order has yet to be paid; None: nothing has."""
    accepted = [intent for intent in intents if intent.state is IntentState.ACCEPTED]
    return accepted[-1] if accepted and accepted[-1].unpaid_kind is not None else None


def what_is_owed(intents: Sequence[Intent]) -> str:
    """In words, for people; empty: nothing."""
    owed = debt(intents)
    if owed is None:
        return ""
    name = "order" if owed.unpaid_kind is UnpaidKind.ORDER else "row"
    row = f"{name} {owed.unpaid_number}" if owed.unpaid_number else f"its {name}"
    return f"{row} in the upstream's cart"


def _is_unpaid(intent: Intent) -> bool:
    """The upstream took it and has charged nothing yet: the payment is a step of its own."""
    return intent.step is IntentStep.SEND and intent.unpaid_kind is not None


def _never_left(intent: Intent) -> bool:
    """For certain. A connection that was refused as unhealthy counts as not sent, but bytes of it have left."""
    return intent.state is IntentState.NOT_SENT and intent.failure_class is FailureClass.NOT_SENT


def allowed_decisions(facts: Facts, requester: Requester = OPERATOR) -> tuple[Allowed, ...]:
    """Everything that this caller may decide now, in the order in which people think of it."""
    judged = (judge(facts, kind, requester) for kind in _RULES)
    return tuple(one for one in judged if isinstance(one, Allowed))


def judge(facts: Facts, kind: DecisionKind, requester: Requester = OPERATOR) -> Permission:
    if facts.stage.is_final:
        return Denied(
            f"operation {facts.number} is in stage {facts.stage.value}: it has ended, nothing can be decided any more"
        )
    if not requester.is_staff and not (kind is DecisionKind.CANCEL and requester.asked_for_it):
        return Denied("only an operator may decide this; a shop may cancel what it requested itself", by_role=True)
    judged = _RULES[kind](facts, requester)
    if isinstance(judged, Denied):
        return judged
    if not requester.may(judged.right):
        what = f"{_spoken(kind)} of operation {facts.number}, as it is now,"
        return Denied(lacks(requester.name, requester.role, judged.right, what), by_role=True)
    if not requester.may(Right.VOUCH):
        judged = replace(judged, may=tuple(name for name in judged.may if name != NOTHING_BOUGHT))
    if requester.is_staff:
        return judged
    needs = tuple(name for name in judged.needs if name != REASON)  # a shop may leave the reason out
    return replace(judged, needs=needs, may=(REASON, *judged.may))


def _retry(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is not Stage.NEEDS_ATTENTION:
        return _only_in_attention(facts, DecisionKind.RETRY)
    if facts.traces is Traces.ACCEPTED:
        return Denied(
            "the upstream has accepted it, so nothing of it is sent again: have it looked at now (look-now), mark it "
            "done, or cancel it"
        )
    vouch = (NOTHING_BOUGHT,) if facts.traces is Traces.UNDER_WAY or facts.owes else ()
    if facts.called_off:
        effect = "have what its requests left looked for again (nothing is sent)"
    elif facts.traces is Traces.UNDER_WAY:
        effect = "try again (the earlier request is settled first)"
    elif facts.owes:
        effect = f"try again ({facts.owes} is paid, nothing is ordered again)"
    else:
        effect = "try again"
    return Allowed(DecisionKind.RETRY, (REASON,), vouch, effect)


def _look_now(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is Stage.AWAITING_CONFIRMATION:
        return Allowed(DecisionKind.LOOK_NOW, (), (REASON,), "have its item looked at now")
    if facts.stage is Stage.NEEDS_ATTENTION and facts.traces is Traces.ACCEPTED:
        effect = "have its result looked for now (the upstream has accepted it, nothing is sent)"
        return Allowed(DecisionKind.LOOK_NOW, (), (REASON,), effect)
    return Denied(
        f"operation {facts.number} is in stage {facts.stage.value}; look-now is possible once the upstream has "
        "accepted it: in awaiting_confirmation, and in needs_attention after that"
    )


def _correct(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is not Stage.NEEDS_ATTENTION:
        return _only_in_attention(facts, DecisionKind.CORRECT_AND_RETRY)
    if facts.has_no_values or not operation_type(facts.kind).correctable:
        return Denied("it has nothing that can be corrected: cancel this operation and ask again with other values")
    if facts.called_off:
        return Denied("it is called off: nothing of it is sent any more; cancel it or mark it done")
    if facts.owes:
        return Denied(
            f"{facts.owes} is unpaid and was ordered as it is: paying it would buy the wrong thing. Cancel this "
            "operation, then ask for what is right"
        )
    needs: tuple[str, ...] = (REASON, PARAMETERS)
    right = Right.DECIDE
    match facts.traces:
        case Traces.ACCEPTED:
            return Denied("the upstream has accepted the order as it was; it can't be corrected any more")
        case Traces.UNDER_WAY:
            needs, right = (*needs, NOTHING_BOUGHT), Right.VOUCH
        case Traces.NONE | Traces.POSSIBLE:
            pass
    return Allowed(DecisionKind.CORRECT_AND_RETRY, needs, effect="correct its parameters and try again", right=right)


def _mark_done(facts: Facts, requester: Requester) -> Permission:
    if facts.stage not in (Stage.NEEDS_ATTENTION, Stage.AWAITING_CONFIRMATION):
        now = f"operation {facts.number} is in stage {facts.stage.value}"
        return Denied(f"{now}; mark-done is possible in: awaiting_confirmation, needs_attention")
    needs: tuple[str, ...] = (REASON, ITEM) if facts.kind is OperationKind.OPEN else (REASON,)
    effect = "mark it done with the number of its item" if facts.kind is OperationKind.OPEN else "mark it done"
    if facts.owes:
        needs, effect = (*needs, PAID), f"{effect}, once {facts.owes} is paid there"
    return Allowed(DecisionKind.MARK_DONE, needs, effect=effect, right=Right.VOUCH)


def _cancel(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is Stage.AWAITING_CONFIRMATION or facts.traces is Traces.ACCEPTED:
        return _give_up(facts, requester)
    if facts.in_hand_of:
        return Denied(f"{facts.in_hand_of} has taken its task: have the task rejected or completed instead")
    match facts.traces:
        case Traces.NONE:
            right = Right.ORDER if requester.asked_for_it else Right.DECIDE
            return Allowed(DecisionKind.CANCEL, (REASON,), effect=_cancel_it(facts), right=right)
        case Traces.POSSIBLE if facts.called_off and requester.is_staff:
            effect = "end it at once, if you have looked and vouch that nothing was bought"
            return Allowed(DecisionKind.CANCEL, (REASON, NOTHING_BOUGHT), effect=effect, right=Right.VOUCH)
        case Traces.POSSIBLE if facts.called_off:
            return Denied("it is already called off; it ends automatically once nothing of it is left at the upstream")
        case Traces.POSSIBLE:
            right = Right.ORDER if requester.asked_for_it else Right.VOUCH
            return Allowed(
                DecisionKind.CANCEL, (REASON,), (NOTHING_BOUGHT,), f"{_cancel_it(facts)}, {_after_what(facts)}", right
            )
        case Traces.UNDER_WAY if facts.stage is not Stage.NEEDS_ATTENTION:
            return Denied(f"a request may be under way; wait for its outcome{_or_close(facts)}")
        case Traces.UNDER_WAY if requester.is_staff:
            effect = f"{_cancel_it(facts)}, if you have looked and vouch that nothing was bought"
            return Allowed(DecisionKind.CANCEL, (REASON, NOTHING_BOUGHT), effect=effect, right=Right.VOUCH)
        case Traces.UNDER_WAY:
            return Denied(f"the outcome of its request is not known, and an operator has to look{_or_close(facts)}")


def _give_up(facts: Facts, requester: Requester) -> Permission:
    """The upstream has accepted it: only the waiting can be ended."""
    if facts.can_be_called_off and not requester.is_staff:
        return Denied("the upstream has accepted this order; close the service, then it is called off there")
    if not requester.is_staff:
        return Denied(
            "the upstream has accepted and charged this order; close the service instead of cancelling it"
            if facts.kind is OperationKind.OPEN
            else "the upstream has accepted it already; only an operator may end the waiting for it"
        )
    if facts.stage not in (Stage.AWAITING_CONFIRMATION, Stage.NEEDS_ATTENTION):
        return Denied("the upstream has accepted it already; wait for what comes of it")
    if facts.kind is OperationKind.OPEN and not facts.has_item:
        return Denied(
            "the upstream has accepted this order, and which item it made is not known: find it there and mark the "
            "order done with its number, or have it looked for now (look-now)"
        )
    effect = f"stop waiting for it: {what_giving_up_means(facts)}"
    return Allowed(DecisionKind.CANCEL, (REASON, PAID_STAYS), effect=effect, right=Right.VOUCH)


def what_giving_up_means(facts: Facts) -> str:
    """What a cancellation leaves behind once the upstream has accepted the operation, in words."""
    if facts.kind is OperationKind.OPEN:
        return (
            "what the upstream has charged stays paid, its item stays there and with the service, which is closed by "
            "an operation of its own"
        )
    if facts.called_off_there:
        over = "the upstream has cancelled it and does not go on with it"
        return f"{over}; {_ASK_WHETHER_CHARGED}" if operation_type(facts.kind).charges else over
    if not operation_type(facts.kind).charges:
        return "it costs nothing, and the upstream may still do it"
    return "it may be charged and may still be done there; asked for again, it may be charged twice"


def _cancel_it(facts: Facts) -> str:
    return "cancel the order" if facts.kind is OperationKind.OPEN else "cancel the operation"


def _after_what(facts: Facts) -> str:
    if facts.kind is OperationKind.OPEN:
        return "after what an earlier request left at the upstream is removed"
    if facts.owes:
        return "after what waits unpaid in the upstream's cart is taken out"
    return "once it is proven that an earlier request had no effect"


def _or_close(facts: Facts) -> str:
    """An opening is called off by closing its service; closing is no way out of a renewal or a change."""
    return ", or close the service" if facts.kind is OperationKind.OPEN else ""


def _closing_is_the_way_out(facts: Facts, requester: Requester) -> bool:
    """No decision is possible while a request may be under way; who may call the opening off still can."""
    if facts.stage is not Stage.OUTCOME_UNKNOWN or facts.traces is not Traces.UNDER_WAY or facts.called_off:
        return False
    return bool(_or_close(facts)) and requester.may(Right.ORDER if requester.asked_for_it else Right.VOUCH)


def _accept_price(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is not Stage.NEEDS_ATTENTION or facts.failure is not FailureClass.PRICE_CHANGED:
        failure = f" with class {facts.failure.value}" if facts.failure else ""
        return Denied(
            f"operation {facts.number} is in stage {facts.stage.value}{failure}; accept-price is possible in "
            "needs_attention with class price_changed"
        )
    if facts.called_off:
        return Denied("it is called off: nothing of it is sent any more")
    return Allowed(DecisionKind.ACCEPT_PRICE, (REASON,), (PRICE,), "accept the price that is shown", Right.ACCEPT_PRICE)


def _reject_task(facts: Facts, requester: Requester) -> Permission:
    if facts.stage is not Stage.AWAITING_MANUAL_TASK:
        return Denied(f"operation {facts.number} is in stage {facts.stage.value}; it has no open manual task")
    match facts.traces:
        case Traces.ACCEPTED:
            return Denied("the upstream has accepted it already; do the task and complete it")
        case Traces.UNDER_WAY:
            return Denied("a request may be under way; wait for its outcome")
        case Traces.NONE | Traces.POSSIBLE:
            effect = f"reject its task (then {facts.owes} is removed, or named if it can't be)" if facts.owes else ""
            return Allowed(DecisionKind.REJECT_TASK, (REASON,), effect=effect or "reject its task")


def _only_in_attention(facts: Facts, kind: DecisionKind) -> Denied:
    now = f"operation {facts.number} is in stage {facts.stage.value}"
    return Denied(f"{now}; {_spoken(kind)} is possible in: needs_attention")


def _spoken(kind: DecisionKind) -> str:
    """The name of the decision in addresses of the API."""
    return kind.value.replace("_", "-")


_RULES: dict[DecisionKind, Callable[[Facts, Requester], Permission]] = {
    DecisionKind.ACCEPT_PRICE: _accept_price,
    DecisionKind.RETRY: _retry,
    DecisionKind.CORRECT_AND_RETRY: _correct,
    DecisionKind.LOOK_NOW: _look_now,
    DecisionKind.MARK_DONE: _mark_done,
    DecisionKind.REJECT_TASK: _reject_task,
    DecisionKind.CANCEL: _cancel,
}


_BESIDES = {
    Stage.WAITING_FOR_FUNDS: "top up the upstream account",
    Stage.RETRYING: "repair the connection or the account if it is down for long, or resume a paused upstream",
    Stage.AWAITING_CONFIRMATION: "look at the item at the upstream if this takes long",
    Stage.AWAITING_MANUAL_TASK: "do the task and complete it",
}
"""What people can do about a stage without deciding anything here."""
NOTHING = "nothing to do"
_CLOSE = "close the service, which calls its opening off"


def person_may(facts: Facts, requester: Requester = OPERATOR) -> str:
    """The same in a sentence; for all but shops with what can be done outside of Resellflow, and with what other roles
    may do."""
    outside = requester.is_staff and not facts.called_off and facts.stage in _BESIDES
    besides = [_BESIDES[facts.stage]] if outside else [_CLOSE] if _closing_is_the_way_out(facts, requester) else []
    own = allowed_decisions(facts, requester)
    parts = [_one_of([*besides, *(one.effect for one in own)]) or NOTHING]
    if requester.is_staff:
        mine = {one.decision for one in own}
        others: dict[Right, list[str]] = {}
        for one in allowed_decisions(facts, replace(OPERATOR, asked_for_it=requester.asked_for_it)):
            if one.decision not in mine:
                others.setdefault(one.right, []).append(one.effect)
        parts += [f"{holders_in_words(right)} may {_one_of(effects)}" for right, effects in others.items()]
    return "; ".join(parts)


def _one_of(parts: Sequence[str]) -> str:
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])}, or {parts[-1]}"
