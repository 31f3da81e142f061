"""The result of one poll."""

from dataclasses import dataclass, field


@dataclass
class PollResult:
    """What reading a list, a part of it or a form has changed."""

    events: int = 0
    suspects: list[str] = field(default_factory=list)
    """Numbers missing so often that they should be asked for one by one."""
    to_read: list[str] = field(default_factory=list)
    """Numbers of our own items that changed: their forms show what the list does not."""
    list_again: bool = False
    """A form shows something newer than the list did, which is the one that counts."""
    form_changed: bool = False
    """A form shows something else than when it was read before."""
    waiting: int = 0
    """Events that wait to be signalled."""

    def add(self, other: "PollResult") -> None:
        """Add the result of a further part of the same poll."""
        self.events += other.events
        self.suspects += other.suspects
        self.to_read += other.to_read
        self.list_again |= other.list_again
        self.form_changed |= other.form_changed
        self.waiting += other.waiting
