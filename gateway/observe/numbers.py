"""The numbers of each proxy process: which came, which are awaited, which never came.

A line is written when its request ends, so numbers come out of order.  A
number that is missing is awaited for a while, and is a gap after that.  It
knows no clock and no file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.observe.content import DecisionId


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers of one process, both ends included, and since when they are missed (seconds)."""

    first: int
    last: int
    since: float = 0.0

    def without(self, number: int) -> Iterator["Missing"]:
        """Give what is left when one of them has come."""
        if self.first < number:
            yield Missing(self.first, number - 1, self.since)
        if number < self.last:
            yield Missing(number + 1, self.last, self.since)

    def __len__(self) -> int:
        """Give how many they are."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Process:
    """What came from one process of the proxy."""

    highest: int = 0
    awaited: list[Missing] = field(default_factory=list)
    gaps: list[Missing] = field(default_factory=list)

    def take(self, number: int, now: float) -> bool:
        """Take a number; tell whether it is new."""
        if number > self.highest:
            if number > self.highest + 1:
                self.awaited.append(Missing(self.highest + 1, number - 1, now))
            self.highest = number
            return True
        return _fill(self.awaited, number) or _fill(self.gaps, number)

    def give_up(self, first: int, last: int) -> None:
        """Await these no longer.

        Raises:
            ValueError: they were not awaited.
        """
        found = next((m for m in self.awaited if (m.first, m.last) == (first, last)), None)
        if found is None:
            message = f"{first} .. {last}"
            raise ValueError(message)
        self.awaited.remove(found)
        self.gaps.append(found)


@dataclass(slots=True)
class Numbers:
    """All processes, by node and start."""

    processes: dict[str, Process] = field(default_factory=dict)

    def take(self, of: DecisionId, now: float) -> bool:
        """Take a decision's number; tell whether it is new."""
        process = self.processes.get(of.process)
        if process is None:
            process = self.processes[of.process] = Process()
        return process.take(of.counter, now)

    def overdue(self, until: float) -> Iterator[tuple[str, Missing]]:
        """Give what has been awaited since before a moment, each with its process."""
        for name, process in self.processes.items():
            yield from ((name, missing) for missing in process.awaited if missing.since <= until)

    def gaps(self) -> Iterator[tuple[str, Missing]]:
        """Give what never came, each with its process."""
        for name, process in self.processes.items():
            yield from ((name, missing) for missing in process.gaps)

    @property
    def awaited_count(self) -> int:
        """Give how many numbers are awaited."""
        return sum(len(m) for process in self.processes.values() for m in process.awaited)

    @property
    def missed_count(self) -> int:
        """Give how many decisions never came."""
        return sum(len(missing) for _, missing in self.gaps())

    def as_json(self) -> dict[str, object]:
        """Give it all, to be read again."""
        return {
            name: {
                "highest": process.highest,
                "awaited": [[m.first, m.last, m.since] for m in process.awaited],
                "gaps": [[m.first, m.last, m.since] for m in process.gaps],
            }
            for name, process in self.processes.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Numbers":
        """Read it again.

        Raises:
            ValueError, TypeError, KeyError: it is damaged.
        """
        return cls(
            {
                name: Process(
                    int(body["highest"]),
                    [Missing(*each) for each in body["awaited"]],
                    [Missing(*each) for each in body["gaps"]],
                )
                for name, body in data.items()
            }
        )


def _fill(missing: list[Missing], number: int) -> bool:
    for index, each in enumerate(missing):
        if each.first <= number <= each.last:
            missing[index : index + 1] = each.without(number)
            return True
    return False
