"""Which days count: the law's time limits are in working days (行政许可法 82).

A holiday may fall on a weekday, and a weekend may be worked instead; the State
Council says so for each year late in the one before.  A year of which nothing
is known is reckoned by weekends alone, and whoever asks is told so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Self

_SATURDAY = 6
_DAY = timedelta(days=1)


class DayKind(StrEnum):
    """What is said of a day that is not as its weekday."""

    HOLIDAY = "holiday"
    WORKED = "worked"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekdays that are days off, and weekends that are worked."""

    holidays: frozenset[date]
    worked: frozenset[date]

    @classmethod
    def of(cls, days: Iterable[tuple[date, DayKind]]) -> Self:
        """Make one of a table of days."""
        listed = tuple(days)
        return cls(
            holidays=frozenset(day for day, kind in listed if kind is DayKind.HOLIDAY),
            worked=frozenset(day for day, kind in listed if kind is DayKind.WORKED),
        )

    def is_working(self, day: date) -> bool:
        """Tell whether a day counts."""
        if day in self.worked:
            return True
        return day.isoweekday() < _SATURDAY and day not in self.holidays

    def after(self, day: date, count: int) -> date:
        """Give the last of so many working days after a day, which itself does not count."""
        while count > 0:
            day += _DAY
            count -= self.is_working(day)
        return day

    def between(self, begin: date, end: date) -> int:
        """Count the working days after one day, up to another and with it; none backwards."""
        days = ((begin + _DAY * n) for n in range(1, (end - begin).days + 1))
        return sum(self.is_working(day) for day in days)

    def knows(self, begin: date, end: date) -> bool:
        """Tell whether something is known of each year that a time touches."""
        known = {day.year for day in self.holidays | self.worked}
        return known.issuperset(range(begin.year, end.year + 1))
