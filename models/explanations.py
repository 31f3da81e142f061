"""The sentences that explain each stage: what an operation waits for, what happens next, what a person may do.

The API, the console and Temporal UI take the first two from here. What a person may do depends on more than the stage:
`orders.decisions.allowed` computes it. The sentences here are used where only the stage is known (Temporal UI, stages
that have passed), and promise nothing that could be refused.
"""

import re
from dataclasses import dataclass, replace

from models.enums import FailureClass, Stage
from models.untrusted_text import as_code, visible_lines


@dataclass(frozen=True)
class Explanation:
    waits_for: str
    next_step: str
    person_may: str
    shop_may: str = "nothing to do"
    """The same for a storefront, which has no access to upstream accounts and no command line."""

    def as_markdown(self, stage: Stage, since: str, reason: str = "") -> str:
        """For Temporal UI. `reason` may contain words of others, so its Markdown is not rendered."""
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
_CANCEL = "cancel the operation"
_SEE = "`allowed_decisions` of the operation's document has what you may decide"

_EXPLANATIONS: dict[Stage, Explanation] = {
    Stage.ACCEPTED: Explanation(
        "the start of its workflow",
        "it starts automatically, also if Temporal was away; what it costs is looked up first",
        _CANCEL,
        shop_may=_CANCEL,
    ),
    Stage.QUEUED: Explanation(
        "the end of the running operation of the same service",
        "it starts automatically when its turn comes",
        _CANCEL,
        shop_may=_CANCEL,
    ),
    Stage.CHECKING_BALANCE: Explanation(
        "the upstream's answers to what is read before the request: for what costs money, price and balance",
        "the request is sent; for what costs money, the sum is set aside first",
        f"{_CANCEL} as long as nothing of it was sent",
        shop_may=_CANCEL,
    ),
    Stage.WAITING_FOR_FUNDS: Explanation(
        "money on the upstream account",
        "the balance is watched; the operation continues automatically, in turn, when the money is there",
        f"top up the upstream account, or {_CANCEL}",
        shop_may=_CANCEL,
    ),
    Stage.SUBMITTING: Explanation(
        "the upstream's answer to the request", "the operation waits for the confirmation", _NOTHING
    ),
    Stage.RETRYING: Explanation(
        "the end of the problem that holds it up",
        "it is tried again automatically, at growing intervals; no request of it is under way",
        f"look for the problem if it lasts long, or {_CANCEL}",
        shop_may=_CANCEL,
    ),
    Stage.OUTCOME_UNKNOWN: Explanation(
        "proof whether a request with a lost answer took effect",
        "the upstream is read until the request is proven done (then the operation goes on from there) or not done "
        "(then it is sent again)",
        _NOTHING,
    ),
    Stage.AWAITING_CONFIRMATION: Explanation(
        "the event poller to see the service in its new state at the upstream",
        "the service is updated and the operation completed; without news the operation asks the upstream itself",
        "have the upstream asked now (look-now), ask its staff, mark it done, or stop waiting for it (cancel)",
    ),
    Stage.AWAITING_MANUAL_TASK: Explanation(
        "a person to carry out the task",
        "the result is checked at the upstream and applied",
        "do the task and complete it",
        shop_may=_SEE,
    ),
    Stage.NEEDS_ATTENTION: Explanation(
        "a person's decision",
        "nothing is sent until a person decides",
        "decide: the operation's document lists the possible decisions (`resell operations show`)",
        shop_may=_SEE,
    ),
    Stage.COMPLETED: Explanation("nothing", "done", _NOTHING),
    Stage.CANCELLED: Explanation(
        "nothing", "the operation has ended; the reason says whether anything stays paid at the upstream", _NOTHING
    ),
}


_RETRYING_BECAUSE: dict[FailureClass, Explanation] = {
    FailureClass.NOT_SENT: Explanation(
        "the upstream to be reachable again, or to be resumed where a person has paused it",
        "it is tried again automatically, at growing intervals; the request of this attempt was not sent",
        f"restore the connection if it is down for long, resume the upstream if it is paused, or {_CANCEL}",
        shop_may=_CANCEL,
    ),
    FailureClass.OUTCOME_UNKNOWN: Explanation(
        "an answer of the upstream to the reading before the request",
        "the reading is repeated automatically, at growing intervals; the request of this attempt was not sent",
        f"look for the upstream's problem if it lasts long, or {_CANCEL}",
        shop_may=_CANCEL,
    ),
    FailureClass.UNHEALTHY: Explanation(
        "the upstream account to work again",
        "one call tests the account from time to time, and the operation continues when that works; until then it asks "
        "and sends nothing",
        f"repair the account (`resell upstreams` says what is wrong), or {_CANCEL}",
        shop_may=_CANCEL,
    ),
    FailureClass.NOT_YET: Explanation(
        "the time before which the upstream refuses it",
        "it is tried again automatically then; the upstream has refused the request, and nothing was charged",
        f"wait, or {_CANCEL}",
        shop_may=_CANCEL,
    ),
}


_CALLED_OFF = Explanation(
    "proof that its requests left nothing at the upstream, because it is not wanted any more",
    "nothing of it is sent. What is left unpaid is removed, and it ends without a charge. What is already paid is "
    "adopted, and the close that waits deletes it",
    _NOTHING,
)
_OUTLIVE_A_CALL = frozenset(
    {Stage.AWAITING_CONFIRMATION, Stage.AWAITING_MANUAL_TASK, Stage.NEEDS_ATTENTION, Stage.COMPLETED, Stage.CANCELLED}
)
"""Calling the order off does not change what these stages wait for."""


def explain(
    stage: Stage, reason: str = "", *, called_off: bool = False, failure: FailureClass | None = None
) -> Explanation:
    """The explanation of a stage. `reason` is added to what it waits for; `failure` is the class of that reason."""
    plain = _EXPLANATIONS[stage]
    if stage is Stage.RETRYING and failure is not None:
        plain = _RETRYING_BECAUSE.get(failure, plain)
    if called_off and stage not in _OUTLIVE_A_CALL:
        plain = _CALLED_OFF
    if not reason:
        return plain
    return replace(plain, waits_for=f"{plain.waits_for} ({reason})")
