"""What a person is told in each stage: what it waits for, what happens next, what they may do.

The one source of the first two: the database, the API, the console and Temporal UI all show them. What a person may do
depends on more than the stage, and is computed by `orders.lifecycle.allowed`; the sentences here stand where only the
stage is known (Temporal UI, stages that have passed), and promise nothing that may be refused.
"""

import re
from dataclasses import dataclass

from models.enums import FailureClass, Stage
from models.outside import as_code, visible_lines


@dataclass(frozen=True)
class Explanation:
    waits_for: str
    next_step: str
    person_may: str

    def as_markdown(self, stage: Stage, since: str, reason: str = "") -> str:
        """For Temporal UI. `reason` may hold words of others, which are shown letter by letter."""
        particular = f" ({as_code(reason)})" if reason else ""
        return (
            f"**{stage.value}** since {since}\n\n"
            f"- waits for: {self.waits_for}{particular}\n- next: {self.next_step}\n- a person may: {self.person_may}"
        )


def fenced(text: str) -> str:
    """A block that Markdown shows letter by letter: elsewhere `--` becomes a dash, and quotes become curly ones."""
    text = visible_lines(text)
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


_NOTHING = "nothing to do"

_EXPLANATIONS: dict[Stage, Explanation] = {
    Stage.ACCEPTED: Explanation(
        "its workflow to be started",
        "starts by itself, also after Temporal was away; then the balance is checked",
        "cancel the order",
    ),
    Stage.QUEUED: Explanation(
        "the running operation of the same service to end", "starts by itself when its turn comes", "cancel the order"
    ),
    Stage.CHECKING_BALANCE: Explanation(
        "the upstream's answer about the balance",
        "money is set aside, then the set-up request is sent",
        "cancel the order while nothing of it is sent",
    ),
    Stage.WAITING_FOR_FUNDS: Explanation(
        "money on the upstream account",
        "the balance is watched; the order goes on by itself, in turn, when the money is there",
        "top up the upstream account, or cancel the order",
    ),
    Stage.SUBMITTING: Explanation("the upstream's answer to the request", "then the confirmation is awaited", _NOTHING),
    Stage.RETRYING: Explanation(
        "what stands in its way to be over",
        "tried again by itself, at growing intervals; no request of it is under way",
        "see what stands in its way if it lasts long, or cancel the order",
    ),
    Stage.OUTCOME_UNKNOWN: Explanation(
        "proof of what became of a request whose answer was lost",
        "the upstream is read until the service is found (then it is adopted) or proven absent (then it is sent again)",
        _NOTHING,
    ),
    Stage.AWAITING_CONFIRMATION: Explanation(
        "the event poller to see the service in its new state at the upstream",
        "the service is updated and the operation completed; without news the order asks the upstream itself",
        "have the upstream asked now (look_now), ask its staff, mark it done, or stop waiting for it (cancel)",
    ),
    Stage.AWAITING_MANUAL_TASK: Explanation(
        "a person to carry out the task",
        "the result is checked at the upstream and applied",
        "do the task and complete it",
    ),
    Stage.NEEDS_ATTENTION: Explanation(
        "a person's decision",
        "nothing is sent until a person decides",
        "decide, as far as its requests so far allow: the operation's document says what (`resell operations show`)",
    ),
    Stage.COMPLETED: Explanation("nothing", "done", _NOTHING),
    Stage.CANCELLED: Explanation("nothing", "ended without effect", _NOTHING),
}


_RETRYING_BECAUSE: dict[FailureClass, Explanation] = {
    FailureClass.NOT_SENT: Explanation(
        "the upstream to be reachable again",
        "tried again by itself, at growing intervals; the request of this try has not left",
        "mend the connection if it is down for long, or cancel the order",
    ),
    FailureClass.OUTCOME_UNKNOWN: Explanation(
        "an answer of the upstream to what was read before the request",
        "read again by itself, at growing intervals; the request of this try has not left",
        "see what ails the upstream if it lasts long, or cancel the order",
    ),
    FailureClass.UNHEALTHY: Explanation(
        "the upstream account to be well again",
        "one call tries the account now and then, and the order goes on once that works; until then nothing of it is "
        "asked or sent",
        "mend the account (`resell upstreams` says what is wrong), or cancel the order",
    ),
    FailureClass.NOT_YET: Explanation(
        "the time before which the upstream does not do it",
        "tried again by itself then, money first; the upstream has refused the request, and nothing was charged",
        "wait, or cancel the order",
    ),
}


_CALLED_OFF = Explanation(
    "proof that its requests have left nothing at the upstream: it is not wanted any more",
    "nothing of it is sent; what is left unpaid is removed, then it ends without a charge. What is paid already is "
    "adopted, and the closing that waits deletes it",
    _NOTHING,
)
_OUTLIVE_A_CALL = frozenset(
    {Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK, Stage.NEEDS_ATTENTION, Stage.COMPLETED, Stage.CANCELLED}
)
"""What these wait for stays so when the order is called off."""


def explain(
    stage: Stage, reason: str = "", *, called_off: bool = False, failure: FailureClass | None = None
) -> Explanation:
    """The stage's explanation; `reason` says what is particular this time, `failure` of what kind that is."""
    plain = _EXPLANATIONS[stage]
    if stage is Stage.RETRYING and failure is not None:
        plain = _RETRYING_BECAUSE.get(failure, plain)
    if called_off and stage not in _OUTLIVE_A_CALL:
        plain = _CALLED_OFF
    if not reason:
        return plain
    return Explanation(f"{plain.waits_for} ({reason})", plain.next_step, plain.person_may)
