"""Cases and the days that count, read from the approval application's database.

The role it comes as may read these columns and write nothing; each
transaction is read-only besides, whatever the role's own setting is.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from applications.clocks.calendar import Calendar, DayKind
from applications.clocks.clocks import Course, State

_PATIENCE_SECONDS = 5
_OPTIONS = "-c statement_timeout=10000 -c default_transaction_read_only=on"

#: Cases that are done stay in view for so long.
_DONE_FOR = timedelta(days=30)

_CASES = """
SELECT id, matter, state, received_on, accepted_on, extended, decided_on FROM cases
WHERE state <> 'not_accepted' AND (decided_on IS NULL OR decided_on > %s)
ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """A case, as far as supervision sees it."""

    id: int
    matter: str
    course: Course


def read(database: str, today: date) -> tuple[list[Watched], Calendar]:
    """Give all cases that are not done, or were lately, and the calendar they are judged by.

    Raises:
        psycopg.Error: the database is not there, or does not let us read.
    """
    with psycopg.connect(
        database, row_factory=dict_row, connect_timeout=_PATIENCE_SECONDS, options=_OPTIONS
    ) as connection:
        days = connection.execute("SELECT day, kind FROM days").fetchall()
        rows = connection.execute(_CASES, [today - _DONE_FOR]).fetchall()
    calendar = Calendar.of((row["day"], DayKind(row["kind"])) for row in days)
    return [_watched(row) for row in rows], calendar


def _watched(row: dict[str, Any]) -> Watched:
    course = Course(
        state=State(row["state"]),
        received_on=row["received_on"],
        accepted_on=row["accepted_on"],
        extended=row["extended"],
        decided_on=row["decided_on"],
    )
    return Watched(row["id"], row["matter"], course)
