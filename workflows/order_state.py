"""What a run of a ServiceOrder knows. It is made anew from the history; what counts for ever is in the database."""

from dataclasses import dataclass, field
from datetime import datetime

from models.enums import FailureClass, Stage
from models.messages import DecisionKind, TaskCompletion, UpstreamEventMessage, Written


@dataclass
class OrderState:
    stage: Stage = Stage.CHECKING_BALANCE
    since: datetime | None = None
    number: str = ""
    """The item's number at the upstream, once known."""
    funds_granted: bool = False
    seen: dict[str, UpstreamEventMessage] = field(default_factory=dict)
    """Events by id, kept: one may come before the answer to our own request."""
    heeded: int = 0
    """How many of them had come before the upstream was last searched for items of ours."""
    said_done: TaskCompletion | None = None
    """Somebody signalled that the manual work is done, and it has not been checked yet."""
    done_by: Written | TaskCompletion | None = None
    """It was checked, and it is right."""
    aside: bool = False
    """An urgent operation goes first; the database put this one back into the queue."""
    called_off: bool = False
    """Heard that it is not wanted any more, and not acted upon yet."""
    calling_back: bool = False
    """The upstream has accepted what is not wanted any more: it is asked whether it may still be called off."""
    unwanted: bool = False
    """It has acted upon that: nothing of it is sent any more."""
    clearing: bool = False
    """What its requests left at the upstream is to be looked for before anything else."""
    appeared: bool = False
    """While a person was asked what became of a request, an item of ours was seen: it is to be settled again."""
    over: bool = False
    """This run has nothing more to do; the database says how the operation stands."""
    decision: DecisionKind | None = None
    """A decision written down and not yet acted upon."""
    found: bool = False
    """The order asked the upstream itself, and the goal is reached."""
    look_asked: bool = False
    """The upstream is to be asked how far the item is, without waiting for the time of that."""
    looked: str = ""
    """What the upstream last answered to that, in words."""
    reason: str = ""
    """Why it is in its stage, as it was last shown."""
    failure: FailureClass | None = None
    """Class of that failure, as it was last shown."""
    next_try: str = ""
    """When it is tried again, in words, as it was last shown."""
    instructions: str = ""
    """What a person is to do, as it was last shown."""
    signal_dropped: str = ""
    """The last signal that could not be read, in words."""
