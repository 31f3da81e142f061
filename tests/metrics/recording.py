"""A run recorded as Prometheus would scrape it, and played to a real Prometheus with a minute between two scrapes.

So a fault of seconds lasts for many minutes, as alerts want it. Values that are times are moved along.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import run
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.infrastructure.eventually import assert_eventually
from tests.infrastructure.processes import Program, free_port

PAUSE_SECONDS = 0.3
MINUTE = 60.0
PATIENCE_SECONDS = 2.0
TIMES = "_timestamp_seconds"


@dataclass(frozen=True)
class Target:
    job: str
    url: str


@dataclass(frozen=True)
class Scrape:
    at: float
    """Wall clock."""
    found: Mapping[Target, tuple[Sample, ...] | None]
    """None: no answer."""


def shown_by(scrape: Scrape) -> list[Sample]:
    """The samples of all targets."""
    return [sample for samples in scrape.found.values() for sample in samples or ()]


@dataclass
class Recording:
    scrapes: list[Scrape] = field(default_factory=list)

    async def more(self, minutes: int) -> None:
        """Until the run has gone on for so many scrapes."""
        wanted = len(self.scrapes) + minutes
        await assert_eventually(lambda: len(self.scrapes) >= wanted, timeout=60, message=f"{minutes} more scrapes")

    async def until(self, seen: Callable[[list[Sample]], bool], what: str, *, minutes: int = 0) -> None:
        """Until the last scrape shows it, and has done so for so many."""

        def all_show_it() -> bool:
            last = self.scrapes[-minutes - 1 :]
            return len(last) > minutes and all(seen(shown_by(one)) for one in last)

        await assert_eventually(all_show_it, timeout=60, message=what)

    def last(self) -> list[Sample]:
        """What the last scrape showed."""
        return shown_by(self.scrapes[-1]) if self.scrapes else []

    def open_metrics(self, ends_at: float) -> Iterator[str]:
        """The lines of a file that promtool takes; the last scrape is at `ends_at`."""
        begins_at = ends_at - MINUTE * (len(self.scrapes) - 1)
        real = [scrape.at for scrape in self.scrapes]

        def moved(moment: float) -> float:
            """A moment of the run as one of the played time."""
            after = min(max(bisect_left(real, moment), 1), len(real) - 1)
            passed = (moment - real[after - 1]) / (real[after] - real[after - 1])
            return begins_at + MINUTE * (after - 1 + passed)

        for number, scrape in enumerate(self.scrapes):
            at = begins_at + MINUTE * number
            for target, samples in scrape.found.items():
                of = {"job": target.job, "instance": target.url.split("/")[2]}
                yield _line("up", of, float(samples is not None), at)
                for one in samples or ():
                    is_time = one.name.endswith(TIMES) and one.value > 0
                    yield _line(one.name, {**one.labels, **of}, moved(one.value) if is_time else one.value, at)
        yield "# EOF\n"


def _line(name: str, labels: Mapping[str, str], value: float, at: float) -> str:
    pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value!r} {at:.3f}\n".replace(" inf ", " +Inf ").replace(" nan ", " NaN ")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@asynccontextmanager
async def recording(targets: list[Target]) -> AsyncIterator[Recording]:
    """Scrape them again and again meanwhile."""
    recorded = Recording()
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as client:

        async def scrape(target: Target) -> tuple[Sample, ...] | None:
            try:
                answer = await client.get(target.url)
                answer.raise_for_status()
            except httpx.HTTPError:
                return None
            families = text_string_to_metric_families(answer.text)
            return tuple(sample for family in families for sample in family.samples)

        async def scrape_on() -> None:
            while True:
                at = time.time()
                found = await asyncio.gather(*map(scrape, targets))
                recorded.scrapes.append(Scrape(at, dict(zip(targets, found, strict=True))))
                await asyncio.sleep(PAUSE_SECONDS)

        scraping = asyncio.create_task(scrape_on())
        try:
            yield recorded
        finally:
            scraping.cancel()
            with suppress(asyncio.CancelledError):
                await scraping


@dataclass(frozen=True)
class Prometheus:
    """A real server over a recorded run."""

    address: str
    begins_at: float
    ends_at: float

    def over_the_run(self, query: str) -> list[dict[float, float]]:
        """Each series of the result: time -> value, a minute apart."""
        asked: dict[str, str | float] = {"query": query, "start": self.begins_at, "end": self.ends_at, "step": MINUTE}
        answer = httpx.get(f"{self.address}/api/v1/query_range", params=asked, trust_env=False, timeout=30)
        document: dict[str, Any] = answer.json()
        assert document["status"] == "success", f"{query}\n{document}"
        return [
            {at: float(value) for at, value in one["values"] if value != "NaN"} for one in document["data"]["result"]
        ]

    def lasted(self, query: str) -> float:
        """The longest time for which one series of it had values, in seconds; -1: there never was one."""
        longest = -1.0
        for series in self.over_the_run(query):
            begun = before = float("-inf")
            for at in sorted(series):
                begun = begun if at - before <= MINUTE + 1 else at
                before = at
                longest = max(longest, at - begun)
        return longest


@contextmanager
def prometheus_over(recorded: Recording, home: Path) -> Iterator[Prometheus]:
    """Raises CalledProcessError where promtool does not take the recording."""
    ends_at = float(int(time.time() / MINUTE) * MINUTE - MINUTE)
    lines, blocks = home / "run.txt", home / "blocks"
    with lines.open("w") as file:
        file.writelines(recorded.open_metrics(ends_at))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(lines), str(blocks)]
    done = run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (home / "empty.yml").write_text("")
    port = free_port()
    arguments = {
        "config.file": home / "empty.yml",
        "storage.tsdb.path": blocks,
        "storage.tsdb.retention.time": "1y",
        "web.listen-address": f"127.0.0.1:{port}",
    }
    options = [f"--{name}={value}" for name, value in arguments.items()]
    with Program(["prometheus", *options], name="prometheus") as server:
        server.wait_for_http(f"http://127.0.0.1:{port}/-/ready")
        begins_at = ends_at - MINUTE * (len(recorded.scrapes) - 1)
        yield Prometheus(f"http://127.0.0.1:{port}", begins_at, ends_at)
