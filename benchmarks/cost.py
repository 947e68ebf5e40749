"""What work costs in processor time, and how measurements spread.

Processor seconds, not seconds: other work on the machine then changes little.
"""

import gc
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from typing import TypeVar

Result = TypeVar("Result")

_FEWEST_FOR_QUARTILES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds (user and system, children too) and seconds by the clock."""

    cpu_seconds: float
    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several measurements, and the quartiles around it."""

    middle: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Give `0.98 (0.97–0.99)`."""
        return f"{shown(self.middle)} ({shown(self.low)}–{shown(self.high)})"


def shown(value: float) -> str:
    """Give a number in three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def spread(values: Sequence[float]) -> Spread:
    """Give median and quartiles; of a few values the extremes instead."""
    if len(values) < _FEWEST_FOR_QUARTILES:
        return Spread(median(values), min(values), max(values), len(values))
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high, len(values))


def measured(work: Callable[[], Result]) -> tuple[Result, Cost]:
    """Do some work and tell what it cost this process and its children."""
    gc.collect()
    cpu, wall = _cpu_seconds(), time.monotonic()
    result = work()
    return result, Cost(_cpu_seconds() - cpu, time.monotonic() - wall)


def peak_bytes() -> int:
    """Give the most memory that this process ever had (its parent's does not count)."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


@contextmanager
def one_processor() -> Iterator["Processor"]:
    """Keep this thread on the last processor, so that all it causes is done there."""
    allowed = os.sched_getaffinity(0)
    number = max(allowed)
    os.sched_setaffinity(0, {number})
    try:
        yield Processor(number)
    finally:
        os.sched_setaffinity(0, allowed)


class Processor:
    """Counts what the calling thread and the kernel's own packet thread use of one processor.

    Sending a packet through veth pairs carries it through every namespace on
    its way inside the sending call; only when that takes too long does the
    kernel's thread `ksoftirqd` take over.  The two together are the packet path.
    """

    def __init__(self, number: int) -> None:
        """Find the kernel's thread; where it cannot be seen, only the caller counts."""
        self._helper = next(_threads_called(f"ksoftirqd/{number}"), None)

    def seconds(self) -> float:
        """Give what was used so far."""
        helper = 0
        if self._helper is not None:
            helper = int((self._helper / "schedstat").read_text("ascii").split()[0])
        return (time.thread_time_ns() + helper) / 1e9


def packet_threads_seconds() -> float:
    """Give what the kernel's packet threads of all processors have used so far."""
    found = _packet_threads()
    return sum(int((t / "schedstat").read_text("ascii").split()[0]) for t in found) / 1e9


@cache
def _packet_threads() -> tuple[Path, ...]:
    numbers = os.sched_getaffinity(0)
    return tuple(t for n in numbers for t in _threads_called(f"ksoftirqd/{n}"))


def _threads_called(name: str) -> Iterator[Path]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                found = (process / "comm").read_text().strip()
            except OSError:  # it ended meanwhile
                continue
            if found == name:
                yield process


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)
