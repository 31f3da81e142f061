"""What a piece of work costs in statements, transactions and requests to the upstream, by who asked for them.

For shops whose workers run in this process (`Shop.working`). The activities that watch and sweep for all orders
together are counted under their own names, so that their share can be left out.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from benchmarks.statements import ELSEWHERE, FOR_ALL, Transaction, asking, recording
from upstreams.billmanager.transport import Transport


@dataclass(frozen=True)
class Cost:
    """`reads` and `writes` are transactions: each `Database.read` and `Database.write` that asked anything."""

    statements: int
    reads: int
    writes: int
    requests: int
    by_activity: dict[str, str]

    @property
    def transactions(self) -> int:
        return self.reads + self.writes

    def __str__(self) -> str:
        lines = [f"{name}: {words}" for name, words in self.by_activity.items()]
        total = f"{self.statements} statements in {self.reads} reads and {self.writes} writes, {self.requests} requests"
        return "\n".join([total, *lines])


@dataclass
class Counted:
    """What was asked since it was begun, or since the last `forget`."""

    transactions: list[Transaction]
    requests: list[tuple[str, str]] = field(default_factory=list)
    """(who asked, function)."""

    def forget(self) -> None:
        self.transactions.clear()
        self.requests.clear()

    def of(self, names: Collection[str]) -> list[Transaction]:
        return [one for one in self.transactions if one.asked_by in names]

    def names(self) -> set[str]:
        """Who asked for anything, but those that work for all orders and the test itself."""
        found = {one.asked_by for one in self.transactions} | {name for name, _ in self.requests}
        return found - FOR_ALL - {ELSEWHERE}

    def cost(self, names: Collection[str] | None = None) -> Cost:
        """Of these, or of all that is `names()`."""
        chosen = self.names() if names is None else set(names)
        found = self.of(chosen)
        requests = [function for name, function in self.requests if name in chosen]
        return Cost(
            statements=sum(len(one.statements) for one in found),
            reads=sum(1 for one in found if not one.writes),
            writes=sum(1 for one in found if one.writes),
            requests=len(requests),
            by_activity={name: self._words(name) for name in sorted(chosen)},
        )

    def _words(self, name: str) -> str:
        found = self.of([name])
        reads = sum(1 for one in found if not one.writes)
        asked = Counter(function for who, function in self.requests if who == name)
        statements = sum(len(one.statements) for one in found)
        requests = ", ".join(f"{function} x{count}" for function, count in asked.items()) or "no requests"
        return f"{statements} statements in {reads} reads and {len(found) - reads} writes; {requests}"


@contextmanager
def counting() -> Iterator[Counted]:
    """Count every statement, transaction and upstream request of this process."""
    with recording() as transactions, pytest.MonkeyPatch.context() as patch:
        counted = Counted(transactions)
        post = Transport.post

        async def counted_post(self, call, fields):  # type: ignore[no-untyped-def]  # as `Transport.post`
            committing = "+ok" if fields.get("sok") == "ok" else ""
            counted.requests.append((asking(), call.function + committing))
            return await post(self, call, fields)

        patch.setattr(Transport, "post", counted_post)
        yield counted
