"""The table of days that count otherwise than their weekday, filled from a file.

A line is `2026-10-01 holiday 国庆节` or `2026-10-10 worked`; `#` begins a
remark.  The file replaces the table: what it does not say is an ordinary day.
"""

from datetime import date

import psycopg

from applications.clocks.calendar import DayKind

Day = tuple[date, DayKind, str]


class DaysError(ValueError):
    """The file is not such a table; the one before stays."""


def read_days(text: str) -> list[Day]:
    """Read the file.

    Raises:
        DaysError: a line is none, or a day is there twice.
    """
    days = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split(maxsplit=2)
        if words:
            try:
                days.append((date.fromisoformat(words[0]), DayKind(words[1]), " ".join(words[2:])))
            except (IndexError, ValueError) as fault:
                message = f"line {number}: {line.strip()}"
                raise DaysError(message) from fault
    if len({day for day, _, _ in days}) != len(days):
        message = "a day twice"
        raise DaysError(message)
    return days


def replace_days(connection: psycopg.Connection[tuple[object, ...]], days: list[Day]) -> None:
    """Put a table in the place of the one that is there, at once."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM days")
        cursor.executemany("INSERT INTO days (day, kind, title) VALUES (%s, %s, %s)", days)
