"""What processes have used: CPU and memory, read from /proc. Where there is none (not Linux), everything is None."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Cpu

PROC = Path("/proc")


def cpu_seconds(pid: int) -> float | None:
    """User and system time of a process, all its threads included; None if it can't be known."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold anything; utime and stime are the 14th and 15th.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory_mib(pid: int) -> float | None:
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    kib = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return None if kib is None else round(int(kib) / 1024, 1)


@dataclass(frozen=True)
class Used:
    """Between two looks."""

    seconds: float
    cpu: Mapping[str, float | None]

    def cpu_ms(self, parts: float) -> Cpu:
        """CPU milliseconds for each of so many parts: orders, or minutes."""

        def each(name: str) -> float | None:
            seconds = self.cpu.get(name)
            return None if seconds is None else round(seconds * 1000 / parts, 2)

        return Cpu(
            worker=each("worker"),
            server=each("server"),
            placing=each("placing"),
            api=each("api"),
            simulator=each("simulator"),
        )

    @property
    def minutes(self) -> float:
        return self.seconds / 60


class Meter:
    """Notes what these processes have used; `used` tells what they used since then."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = dict(processes)
        self._before = {name: cpu_seconds(pid) for name, pid in self._processes.items()}
        self._began = time.monotonic()

    def used(self) -> Used:
        seconds = time.monotonic() - self._began
        now = {name: cpu_seconds(pid) for name, pid in self._processes.items()}
        cpu: dict[str, float | None] = {}
        for name, after in now.items():
            before = self._before[name]
            cpu[name] = None if before is None or after is None else after - before
        return Used(seconds, cpu)
