"""How a case stands in time: what is due, when, and whether it is late.

Articles are of the Administrative Licensing Law (行政许可法).
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from applications.clocks.calendar import Calendar

#: Art. 32(4): to say, once and for all, what is missing; else it was accepted when it came.
NOTICE_DAYS = 5

#: Art. 42: to decide, after acceptance; ten more with the head's approval, and reasons given.
DECISION_DAYS, EXTENSION_DAYS = 20, 10

#: So many working days before the end, it is said to be near.
SOON_DAYS = {"notice": 1, "decision": 3}


class State(StrEnum):
    """How far a case is, as it was recorded."""

    FILED = "filed"
    CORRECTING = "correcting"
    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    GRANTED = "granted"
    DENIED = "denied"


class Due(StrEnum):
    """What the organ owes next."""

    NOTICE = "notice"
    DECISION = "decision"


class Pace(StrEnum):
    """How it stands with that."""

    ON_TIME = "on_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    WAITING = "waiting"
    DONE = "done"
    DONE_LATE = "done_late"


@dataclass(frozen=True, slots=True)
class Course:
    """The days of a case that its clocks run from and stop at."""

    state: State
    received_on: date
    accepted_on: date | None = None
    extended: bool = False
    decided_on: date | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """How a case stands.

    `accepted_on` is also there where the law accepts what nobody answered
    (`deemed`).  `certain` is false where nobody has said yet which holidays
    a year has: then weekends alone were left out.
    """

    due: Due | None
    due_on: date | None
    days_left: int | None
    pace: Pace
    accepted_on: date | None
    deemed: bool
    certain: bool


def clock_of(course: Course, calendar: Calendar, today: date) -> Clock:
    """Say how a case stands today."""
    notice_by = calendar.after(course.received_on, NOTICE_DAYS)
    accepted_on, deemed = course.accepted_on, False
    if course.state is State.FILED and today > notice_by:
        accepted_on, deemed = course.received_on, True
    if course.state is State.CORRECTING or course.state is State.NOT_ACCEPTED:
        pace = Pace.WAITING if course.state is State.CORRECTING else Pace.DONE
        return Clock(None, None, None, pace, None, deemed=False, certain=True)
    if accepted_on is None:
        due, due_on = Due.NOTICE, notice_by
    else:
        due, due_on = Due.DECISION, decision_by(accepted_on, calendar, extended=course.extended)
    ended = course.decided_on
    left = None if ended else calendar.between(today, due_on)
    return Clock(
        due=due,
        due_on=due_on,
        days_left=left,
        pace=_pace(due, due_on, left, ended or today),
        accepted_on=accepted_on,
        deemed=deemed,
        certain=calendar.knows(course.received_on, due_on),
    )


def decision_by(accepted_on: date, calendar: Calendar, *, extended: bool) -> date:
    """Give the last day to decide (art. 42)."""
    return calendar.after(accepted_on, DECISION_DAYS + (EXTENSION_DAYS if extended else 0))


def _pace(due: Due, due_on: date, left: int | None, day: date) -> Pace:
    if left is None:
        return Pace.DONE if day <= due_on else Pace.DONE_LATE
    if day > due_on:
        return Pace.OVERDUE
    return Pace.DUE_SOON if left <= SOON_DAYS[due] else Pace.ON_TIME
