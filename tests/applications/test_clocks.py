"""The law's time limits, in working days (行政许可法 32(4), 42, 82)."""

from dataclasses import replace
from datetime import date

import pytest

from applications.clocks.calendar import Calendar, DayKind
from applications.clocks.clocks import Course, Due, Pace, State, clock_of

PLAIN = Calendar.of([])

#: An example of a table: some days off, and two weekends that are worked for them.
TABLE = Calendar.of(
    [
        (date(2026, 10, 1), DayKind.HOLIDAY),
        (date(2026, 10, 2), DayKind.HOLIDAY),
        (date(2026, 10, 5), DayKind.HOLIDAY),
        (date(2026, 10, 6), DayKind.HOLIDAY),
        (date(2026, 10, 7), DayKind.HOLIDAY),
        (date(2026, 9, 27), DayKind.WORKED),
        (date(2026, 10, 10), DayKind.WORKED),
    ]
)

#: A Wednesday.
RECEIVED = date(2026, 11, 4)
FILED = Course(State.FILED, RECEIVED)
ACCEPTED = Course(State.ACCEPTED, RECEIVED, accepted_on=RECEIVED)


@pytest.mark.parametrize(
    ("calendar", "begin", "count", "end"),
    [
        pytest.param(PLAIN, date(2026, 11, 4), 5, date(2026, 11, 11), id="over a weekend"),
        pytest.param(PLAIN, date(2026, 11, 7), 1, date(2026, 11, 9), id="from a Saturday"),
        pytest.param(PLAIN, date(2026, 11, 6), 0, date(2026, 11, 6), id="none at all"),
        pytest.param(PLAIN, date(2026, 12, 31), 1, date(2027, 1, 1), id="a year nobody knows"),
        pytest.param(TABLE, date(2026, 9, 30), 1, date(2026, 10, 8), id="over holidays"),
        pytest.param(TABLE, date(2026, 9, 25), 1, date(2026, 9, 27), id="a Sunday that is worked"),
        pytest.param(TABLE, date(2026, 10, 9), 1, date(2026, 10, 10), id="a Saturday worked"),
    ],
)
def test_working_days_are_counted_from_the_day_after(
    calendar: Calendar, begin: date, count: int, end: date
) -> None:
    """And the same number is found when it is counted back."""
    assert calendar.after(begin, count) == end
    assert calendar.between(begin, end) == count
    assert calendar.between(end, begin) == 0


@pytest.mark.parametrize(
    ("today", "due", "pace", "left"),
    [
        pytest.param(RECEIVED, Due.NOTICE, Pace.ON_TIME, 5, id="on the day it came"),
        pytest.param(date(2026, 11, 10), Due.NOTICE, Pace.DUE_SOON, 1, id="one day before"),
        pytest.param(date(2026, 11, 11), Due.NOTICE, Pace.DUE_SOON, 0, id="on the fifth day"),
        pytest.param(date(2026, 11, 12), Due.DECISION, Pace.ON_TIME, 14, id="on the sixth"),
    ],
)
def test_what_nobody_answers_in_five_days_was_accepted_when_it_came(
    today: date, due: Due, pace: Pace, left: int
) -> None:
    """Then the twenty days have run since that day (art. 32(4))."""
    clock = clock_of(FILED, PLAIN, today)

    assert (clock.due, clock.pace, clock.days_left) == (due, pace, left)
    assert clock.deemed is (due is Due.DECISION)
    assert clock.accepted_on == (RECEIVED if clock.deemed else None)


@pytest.mark.parametrize(
    ("course", "today", "due_on", "pace"),
    [
        pytest.param(ACCEPTED, RECEIVED, date(2026, 12, 2), Pace.ON_TIME, id="twenty days"),
        pytest.param(ACCEPTED, date(2026, 11, 26), date(2026, 12, 2), Pace.ON_TIME, id="four left"),
        pytest.param(ACCEPTED, date(2026, 11, 27), date(2026, 12, 2), Pace.DUE_SOON, id="three"),
        pytest.param(ACCEPTED, date(2026, 12, 2), date(2026, 12, 2), Pace.DUE_SOON, id="the last"),
        pytest.param(ACCEPTED, date(2026, 12, 3), date(2026, 12, 2), Pace.OVERDUE, id="one more"),
        pytest.param(
            replace(ACCEPTED, extended=True),
            date(2026, 12, 3),
            date(2026, 12, 16),
            Pace.ON_TIME,
            id="ten days by extension",
        ),
        pytest.param(
            replace(ACCEPTED, extended=True),
            date(2026, 12, 17),
            date(2026, 12, 16),
            Pace.OVERDUE,
            id="and not one more",
        ),
        pytest.param(
            replace(ACCEPTED, state=State.GRANTED, decided_on=date(2026, 12, 2)),
            date(2027, 6, 1),
            date(2026, 12, 2),
            Pace.DONE,
            id="decided on the last day",
        ),
        pytest.param(
            replace(ACCEPTED, state=State.DENIED, decided_on=date(2026, 12, 3)),
            date(2027, 6, 1),
            date(2026, 12, 2),
            Pace.DONE_LATE,
            id="decided one day late, for ever",
        ),
    ],
)
def test_a_decision_takes_twenty_days(
    course: Course, today: date, due_on: date, pace: Pace
) -> None:
    """Ten more where it was extended (art. 42)."""
    clock = clock_of(course, PLAIN, today)

    assert (clock.due, clock.due_on, clock.pace) == (Due.DECISION, due_on, pace)


@pytest.mark.parametrize(
    ("state", "pace"), [(State.CORRECTING, Pace.WAITING), (State.NOT_ACCEPTED, Pace.DONE)]
)
def test_nothing_is_due_while_the_applicant_has_it(state: State, pace: Pace) -> None:
    """However long that takes, nor where it was not accepted."""
    clock = clock_of(Course(state, RECEIVED), PLAIN, date(2030, 1, 1))

    assert (clock.due, clock.due_on, clock.pace) == (None, None, pace)


def test_a_year_without_a_table_is_said() -> None:
    """A case that runs into such a year too; the reckoning by weekends is not certain."""
    inside = Course(State.ACCEPTED, date(2026, 10, 8), accepted_on=date(2026, 10, 8))
    beyond = Course(State.ACCEPTED, date(2026, 12, 20), accepted_on=date(2026, 12, 20))

    assert clock_of(inside, TABLE, date(2026, 10, 9)).certain
    assert not clock_of(beyond, TABLE, date(2026, 12, 21)).certain
    assert not clock_of(inside, PLAIN, date(2026, 10, 9)).certain
