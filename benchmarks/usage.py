"""What processes have used: CPU and memory, read from /proc. Where there is none (not Linux), everything is None."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Cpu, Memory

PROC = Path("/proc")
WORKER = "worker"


def cpu_seconds(pid: int, *, has_children: bool = False) -> float | None:
    """User and system time of a process, all its threads included; None if it can't be known.

    `has_children`: with that of its children, of those that have ended, too.
    """
    stat = _stat(pid)
    if stat is None:
        return None
    if not has_children:
        return _ticks(stat, 2) / os.sysconf("SC_CLK_TCK")
    every = [_stat(int(process.name)) for process in PROC.glob("[0-9]*")]
    children = sum(_ticks(one, 4) for one in every if one is not None and one[1] == str(pid))
    return (_ticks(stat, 4) + children) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    """The fields of `stat` from the third on; the second is the program's name in brackets and may hold anything."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _ticks(stat: list[str], fields: int) -> int:
    """Two fields: utime and stime, the 14th and 15th. Four: those of children that have ended, too."""
    return sum(map(int, stat[11 : 11 + fields]))


def peak_memory_mib(pid: int) -> float | None:
    return _status_mib(pid, "VmHWM:")


def resident_memory_mib(pid: int) -> float | None:
    return _status_mib(pid, "VmRSS:")


def _status_mib(pid: int, field: str) -> float | None:
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    kib = next((line.split()[1] for line in status.splitlines() if line.startswith(field)), None)
    return None if kib is None else round(int(kib) / 1024, 1)


@dataclass(frozen=True)
class Process:
    """`name` is a field of `Cpu`; several processes may have the same one, and differ by their roles."""

    name: str
    pid: int
    roles: str = ""
    has_children: bool = False

    def cpu_seconds(self) -> float | None:
        return cpu_seconds(self.pid, has_children=self.has_children)


def memory(processes: Sequence[Process]) -> Memory:
    """What these processes hold now."""
    return Memory(**_fields(processes, [resident_memory_mib(process.pid) for process in processes], 1))


def _fields(processes: Sequence[Process], values: Sequence[float | None], digits: int) -> dict[str, Any]:
    """By name, summed up; workers also by their roles where there are several."""

    def total(name: str) -> float | None:
        found = [value for process, value in zip(processes, values, strict=True) if process.name == name]
        known = [value for value in found if value is not None]
        return round(sum(known), digits) if found and len(known) == len(found) else None

    workers = {
        process.roles: None if value is None else round(value, digits)
        for process, value in zip(processes, values, strict=True)
        if process.name == WORKER
    }
    names = ("worker", "server", "placing", "api", "simulator", "postgresql")
    return {name: total(name) for name in names} | {"workers": workers if len(workers) > 1 else {}}


@dataclass(frozen=True)
class Used:
    """Between two looks."""

    seconds: float
    processes: Sequence[Process]
    cpu: Sequence[float | None]
    """Seconds of each process."""

    def cpu_ms(self, parts: float) -> Cpu:
        """CPU milliseconds for each of so many parts: orders, or minutes."""
        each = [None if seconds is None else seconds * 1000 / parts for seconds in self.cpu]
        return Cpu(**_fields(self.processes, each, 2))

    @property
    def minutes(self) -> float:
        return self.seconds / 60


class Meter:
    """Notes what these processes have used; `used` says what they used since then."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = tuple(processes)
        self._before = [process.cpu_seconds() for process in self._processes]
        self._began = time.monotonic()

    def used(self) -> Used:
        seconds = time.monotonic() - self._began
        now = [process.cpu_seconds() for process in self._processes]
        cpu = [
            None if before is None or after is None else after - before
            for before, after in zip(self._before, now, strict=True)
        ]
        return Used(seconds, self._processes, cpu)
