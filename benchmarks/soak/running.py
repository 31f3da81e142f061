"""A whole run: start, trouble, quiet, audit."""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from benchmarks.soak.api import Api, Panel, Violation
from benchmarks.soak.audit import FOR_PEOPLE, Books, audit, read_books
from benchmarks.soak.customers import Customers, Ledger
from benchmarks.soak.options import Options
from benchmarks.soak.parts import ACCOUNTS, OPERATOR_TOKEN, SHOP_TOKEN, Installation
from benchmarks.soak.people import Operators, Payer, Staff
from benchmarks.soak.report import Found, Report
from benchmarks.soak.samples import LONGEST_ORDER, Samples, growth, longest
from benchmarks.soak.timeline import timeline
from benchmarks.soak.trouble import BadProcesses, BadUpstream, panel_of
from models.database import Database
from models.enums import Stage

PLENTY = 1_000_000
ANSWER_SECONDS = 12.0
"""How long a caller of the API waits for an answer before it asks again."""
CONVERGENCE = 30.0
"""Seconds within which our view is the upstream's, once it is quiet."""
TIMELINES = 10


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Run:
    """The actors of one run, and what they share."""

    def __init__(self, options: Options, installation: Installation, http: httpx.AsyncClient) -> None:
        self.options = options
        self.installation = installation
        self.answers: Counter[str] = Counter()
        self.shop = Api(http, installation.api_url, SHOP_TOKEN, self.answers)
        self.operator = Api(http, installation.api_url, OPERATOR_TOKEN, self.answers)
        self.panel = Panel(http, installation.simulator_url)
        self.ledger = Ledger()
        self.customers = Customers(self.shop, self.ledger, options.seed)
        self.operators = Operators(self.operator, self.panel, options.seed)
        self.staff = Staff(self.operator, self.panel, options.seed)
        self.payer = Payer(self.panel, options.seed)
        self.bad_upstream = BadUpstream(self.panel, options.seed)
        self.seconds = options.minutes * 60
        self.bad_processes = BadProcesses(installation, options.seed, self.seconds)
        self.samples = Samples(installation)
        self.violations: list[Violation] = []
        self.story: dict[str, float] = {}
        self._panel_kind = panel_of(options.seed)

    async def trouble(self) -> None:
        """Operations, faults and kills, for as long as the options say. Returns when all is running again."""
        await self.panel.call("PATCH", "/settings", self._panel_kind)
        for account in ACCOUNTS:
            await self.payer.pay(account, 100)
        over = asyncio.Event()
        every = max(3.0, min(5.0, self.seconds / 30))
        async with asyncio.TaskGroup() as group:
            for actor in (
                self.customers.run(self.options.rate, over),
                self.operators.run(over),
                self.staff.run(over),
                self.payer.run(over),
                self.bad_upstream.run(over),
                self.bad_processes.run(over),
                self.samples.run(over, every),
            ):
                group.create_task(self._noting(actor))
            await asyncio.sleep(self.seconds)
            over.set()
            await self.panel.call("DELETE", "/faults")

    async def quiet(self) -> float:
        """No faults, enough money, operators at work: seconds until what has not ended waits for people."""
        await self.panel.call("DELETE", "/faults")
        for account in ACCOUNTS:
            await self.payer.pay(account, PLENTY)
        began = time.monotonic()
        while (waiting := await self._not_ended()) and time.monotonic() - began < self.options.patience:
            await self.operators.work()
            await asyncio.sleep(2)
        if waiting:
            progress(f"  still waiting: {dict(waiting)}")
        return time.monotonic() - began

    async def audited(self) -> Books:
        """What both sides have written down, once it agrees, or when it has had time enough to."""
        database = Database(self.installation.database_url)
        ends = time.monotonic() + CONVERGENCE
        try:
            while True:
                books = await read_books(database, self.panel)
                found = audit(books, self.ledger)
                if not found or time.monotonic() > ends:
                    self.violations += found
                    return books
                await asyncio.sleep(2)
        finally:
            await database.close()

    async def report(self, quiet: float, books: Books) -> Report:
        client = await self.installation.connect()
        history = await longest(client, "OrderStage IS NOT NULL")
        self.violations += self.customers.violations + self.operators.violations + growth(self.samples.taken)
        if history is None:
            self.violations.append(Violation("Temporal gave no list of the orders, nor the lengths of their histories"))
        elif history > LONGEST_ORDER:
            self.violations.append(Violation(f"the history of an order has {history} events"))
        self.violations += [Violation(text) for part in self.installation.parts for text in part.ended_alone]
        waiting = Counter(
            f"{one.kind.value} {one.stage.value}: {one.reason}"[:160]
            for one in books.operations.values()
            if not one.stage.is_final
        )
        return Report(
            options=self.options,
            panel=self._panel_kind,
            seconds=self.seconds,
            quiet_seconds=round(quiet, 1),
            accepted=dict(self.ledger.kinds),
            operations=len(books.operations),
            services=len(books.services),
            answers=dict(self.answers),
            refused=dict(self.ledger.refused),
            decided=dict(self.operators.decided),
            staff=dict(self.staff.acts),
            faults=dict(self.bad_upstream.laid),
            disturbances=dict(self.bad_processes.done),
            ends=dict(Counter(one.stage.value for one in books.operations.values())),
            waiting=dict(waiting),
            charged={
                name: str(sum(float(one["amount"]) for one in books.charges if one["account"] == name))
                for name in ACCOUNTS
            },
            incidents=dict(Counter(one.kind.value for one in books.incidents)),
            order_history_events=history,
            samples=self.samples.taken,
            violations=[await self._found(one, place) for place, one in enumerate(self.violations)],
            seconds_of_story=self.story,
        )

    async def _found(self, violation: Violation, place: int) -> Found:
        known = violation.service in self.ledger.services and violation.service is not None and place < TIMELINES
        lines = await timeline(self.operator, self.panel, violation.service) if known and violation.service else []
        return Found(what=violation.what, service=violation.service, timeline=lines)

    async def _not_ended(self) -> Counter[str]:
        """Stages of what neither has ended nor waits for people, or behind what does. What operators can still decide
        is theirs: they are at work."""
        wanted = "&".join(f"stage={stage.value}" for stage in Stage if not stage.is_final)
        found = await self.operator.all(f"/v1/operations?{wanted}")
        for_people = [one for one in found if Stage(one["stage"]) in FOR_PEOPLE]
        behind = {one["service"] for one in for_people}
        return Counter(
            one["stage"]
            for one in found
            if not (one in for_people or (one["stage"] == Stage.QUEUED and one["service"] in behind))
        ) or Counter(one["stage"] for one in for_people if one["allowed_decisions"])

    async def _noting(self, actor: Awaitable[None]) -> None:
        """A violation does not end the run: more may be found."""
        try:
            await actor
        except Violation as violation:
            self.violations.append(violation)


async def finish(run: Run) -> Report:
    progress("Quiet")
    quiet = await run.quiet()
    progress(f"Audit after {quiet:.0f} s")
    books = await run.audited()
    return await run.report(quiet, books)


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Run]:
    limits = httpx.Limits(max_connections=300, max_keepalive_connections=100)
    with _directory(options) as directory:
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS, limits=limits) as http:
            progress("Starting the installation")
            async with Installation(options, directory, http) as installation:
                kept = [asyncio.create_task(part.keep()) for part in installation.parts]
                try:
                    yield Run(options, installation, http)
                finally:
                    for task in kept:
                        task.cancel()
                    await asyncio.gather(*kept, return_exceptions=True)


@contextmanager
def _directory(options: Options) -> Iterator[Path]:
    if options.directory is not None:
        options.directory.mkdir(parents=True, exist_ok=True)
        kept = Path(tempfile.mkdtemp(prefix=f"seed-{options.seed}-", dir=options.directory))
        progress(f"Data and logs are kept in {kept}")
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="resellflow-soak-") as passing:
        yield Path(passing)
