"""Cases and the steps taken with them, in PostgreSQL; each change is one transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from applications.approval.cases import Case, Filing, Step, after
from applications.approval.schema import check_is_whole, migrations
from applications.clocks.calendar import Calendar, DayKind
from applications.clocks.clocks import Course, State
from applications.identity import Asker

#: A page shows so many.
PAGE = 50

_PATIENCE_SECONDS = 5
_STATEMENT_MILLISECONDS = 5000

_CASE = (
    "SELECT id, matter, applicant, content, state, received_on, accepted_on, extended, decided_on"
    " FROM cases"
)

Row = dict[str, Any]


class NoSuchCase(Exception):  # noqa: N818 - says what happened, not that a program failed
    """There is no such case."""


class DecisionUsed(Exception):  # noqa: N818 - as above
    """The gateway's decision has already let something else be done."""


@dataclass(frozen=True, slots=True)
class Done:
    """One step, who took it, and by which decision of the gateway."""

    step: Step
    note: str
    at: datetime
    subject: str
    title: str
    zone: str
    number: str
    revision: int
    decision: str


class Store:
    """The database, as the application's own role may use it."""

    def __init__(self, database: str, today: Callable[[], date]) -> None:
        """Name the database as libpq does, and what tells the day."""
        self._database, self._today = database, today

    def calendar(self) -> Calendar:
        """Give the days that are not as their weekday."""
        with self._open() as connection:
            return _calendar(connection)

    def cases(self, before: int | None = None) -> list[Case]:
        """Give the newest cases, or those before one."""
        query = f"{_CASE} WHERE id < coalesce(%s, id + 1) ORDER BY id DESC LIMIT %s"
        with self._open() as connection:
            return [_case(row) for row in connection.execute(query, [before, PAGE])]

    def case(self, number: int) -> tuple[Case, list[Done]]:
        """Give a case and what was done with it.

        Raises:
            NoSuchCase: there is none.
        """
        query = "SELECT * FROM steps WHERE case_id = %s ORDER BY id"
        with self._open() as connection:
            found = _find(connection, number, "")
            return found, [_done(row) for row in connection.execute(query, [number])]

    def file(self, filing: Filing, asker: Asker) -> int:
        """Record a new case, and give its number.

        Raises:
            DecisionUsed: the decision has let something else be done.
        """
        query = (
            "INSERT INTO cases (matter, applicant, content, state, received_on)"
            " VALUES (%s, %s, %s, 'filed', %s) RETURNING id"
        )
        said = [filing.matter, filing.applicant, filing.content, self._today()]
        with self._open() as connection:
            row = connection.execute(query, said).fetchone()
            number = int(row["id"]) if row else 0
            _record(connection, number, Step.FILE, "", asker)
            return number

    def take(self, number: int, step: Step, note: str, asker: Asker) -> None:
        """Take a step with a case; two at once are taken one after the other.

        Raises:
            NoSuchCase: there is none.
            StepRefused: the step does not follow from how it stands.
            DecisionUsed: the decision has let something else be done.
        """
        query = (
            "UPDATE cases SET state = %s, received_on = %s, accepted_on = %s, extended = %s,"
            " decided_on = %s WHERE id = %s"
        )
        with self._open() as connection:
            found = _find(connection, number, " FOR NO KEY UPDATE")
            now = after(found.course, step, _calendar(connection), self._today())
            days = [now.received_on, now.accepted_on, now.extended, now.decided_on]
            connection.execute(query, [now.state, *days, number])
            _record(connection, number, step, note, asker)

    def check(self) -> None:
        """Return nothing where the database is there and whole.

        Raises:
            SchemaError: it is not what our files make.
            psycopg.Error: it is not there.
        """
        with psycopg.connect(self._database, connect_timeout=_PATIENCE_SECONDS) as connection:
            check_is_whole(connection, migrations())

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection[Row]]:
        options = f"-c statement_timeout={_STATEMENT_MILLISECONDS} -c TimeZone=Asia/Shanghai"
        with psycopg.connect(
            self._database, row_factory=dict_row, connect_timeout=_PATIENCE_SECONDS, options=options
        ) as connection:
            yield connection


def _find(connection: psycopg.Connection[Row], number: int, how: str) -> Case:
    try:
        row = connection.execute(f"{_CASE} WHERE id = %s{how}", [number]).fetchone()
    except errors.NumericValueOutOfRange:
        row = None
    if row is None:
        raise NoSuchCase(number)
    return _case(row)


def _record(
    connection: psycopg.Connection[Row], number: int, step: Step, note: str, asker: Asker
) -> None:
    query = (
        "INSERT INTO steps (case_id, step, note, subject, title, zone, number, revision, decision)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    who = [asker.subject, asker.title, asker.zone, asker.number, asker.revision, asker.decision]
    try:
        connection.execute(query, [number, step, note, *who])
    except errors.UniqueViolation as fault:
        raise DecisionUsed(asker.decision) from fault


def _calendar(connection: psycopg.Connection[Row]) -> Calendar:
    rows = connection.execute("SELECT day, kind FROM days").fetchall()
    return Calendar.of((row["day"], DayKind(row["kind"])) for row in rows)


def _case(row: Row) -> Case:
    course = Course(
        state=State(row["state"]),
        received_on=row["received_on"],
        accepted_on=row["accepted_on"],
        extended=row["extended"],
        decided_on=row["decided_on"],
    )
    return Case(row["id"], Filing(row["matter"], row["applicant"], row["content"]), course)


def _done(row: Row) -> Done:
    fields = {name: row[name] for name in Done.__slots__}
    return Done(**{**fields, "step": Step(fields["step"])})
