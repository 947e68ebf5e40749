"""A case, and which step may follow which; the articles are of 行政许可法."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from applications.clocks.calendar import Calendar
from applications.clocks.clocks import Course, Pace, State, clock_of


class Step(StrEnum):
    """What is done with a case."""

    FILE = "file"
    ASK_CORRECTION = "ask_correction"
    CORRECT = "correct"
    ACCEPT = "accept"
    NOT_ACCEPT = "not_accept"
    EXTEND = "extend"
    GRANT = "grant"
    DENY = "deny"


#: By PATCH a case is amended, by PUT it is decided; the gateway grants each apart.
AMENDING = (Step.ACCEPT, Step.ASK_CORRECTION, Step.CORRECT, Step.NOT_ACCEPT, Step.EXTEND)
DECIDING = (Step.GRANT, Step.DENY)

#: Who gets less than was asked for is told why (art. 32, 38, 42).
WITH_REASON = frozenset({Step.ASK_CORRECTION, Step.NOT_ACCEPT, Step.EXTEND, Step.DENY})

_FROM: Mapping[Step, State] = {
    Step.ASK_CORRECTION: State.FILED,
    Step.CORRECT: State.CORRECTING,
    Step.ACCEPT: State.FILED,
    Step.NOT_ACCEPT: State.FILED,
    Step.EXTEND: State.ACCEPTED,
    Step.GRANT: State.ACCEPTED,
    Step.DENY: State.ACCEPTED,
}


class StepRefused(Exception):  # noqa: N818 - says what happened, not that a program failed
    """The step does not follow from how the case stands; `key` names the words for it."""

    def __init__(self, key: str) -> None:
        """Name why."""
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Filing:
    """What an applicant asks for."""

    matter: str
    applicant: str
    content: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it is recorded."""

    id: int
    filing: Filing
    course: Course


def after(course: Course, step: Step, calendar: Calendar, today: date) -> Course:
    """Give how a case stands after a step.

    A case that nobody answered in five days is taken for accepted first: it
    can be decided, and no longer be sent back (art. 32(4)).

    Raises:
        StepRefused: the step does not follow.
    """
    clock = clock_of(course, calendar, today)
    if clock.deemed:
        course = replace(course, state=State.ACCEPTED, accepted_on=clock.accepted_on)
    if clock.deemed and step is Step.ACCEPT:
        return course
    if course.state is not _FROM[step]:
        raise StepRefused("deemed" if clock.deemed else "not_now")
    if step is Step.EXTEND and (course.extended or clock.pace is Pace.OVERDUE):
        key = "no_extension"
        raise StepRefused(key)
    return replace(course, **_changes(step, today))


def _changes(step: Step, today: date) -> Mapping[str, Any]:
    """Give what is otherwise after a step."""
    changes: dict[Step, dict[str, Any]] = {
        Step.ASK_CORRECTION: {"state": State.CORRECTING},
        # The materials are whole from today on: the five days begin again.
        Step.CORRECT: {"state": State.FILED, "received_on": today},
        Step.ACCEPT: {"state": State.ACCEPTED, "accepted_on": today},
        Step.NOT_ACCEPT: {"state": State.NOT_ACCEPTED},
        Step.EXTEND: {"extended": True},
        Step.GRANT: {"state": State.GRANTED, "decided_on": today},
        Step.DENY: {"state": State.DENIED, "decided_on": today},
    }
    return changes[step]
