"""Exceptions by which a step leaves the usual course of an order."""

from models.enums import FailureClass, Stage


class NeedsAttention(Exception):
    """A machine can't finish this step."""

    def __init__(self, reason: str, failure: FailureClass | None = None, *, late: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure
        self.late = late
        """The upstream has accepted it, and nothing has come of it. Should it come yet, no person is needed."""


class ByHand(Exception):
    """Only a person can do it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CalledOff(Exception):
    """It is not wanted any more; the database lets nothing of it be sent."""


class Ended(Exception):
    """A person ended the order; the database says so already."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.value)
        self.stage = stage
