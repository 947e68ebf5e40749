"""The one view: every case with what is due, the late ones first."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response

from applications.clocks.calendar import Calendar
from applications.clocks.clocks import Clock, Pace, clock_of
from applications.identity import IdentityCheck
from applications.supervision.store import Watched, read
from applications.supervision.words import WORDS
from applications.web.answers import answer, refusal, set_up_answers
from applications.web.guard import HEALTH, guard
from applications.web.pages import page_application, today_in_china

HOME = "/supervision/"

_OWN = Path(__file__).with_name("templates")

#: In this order they are shown: what needs somebody comes first.
_ORDER = (
    Pace.OVERDUE,
    Pace.DUE_SOON,
    Pace.ON_TIME,
    Pace.WAITING,
    Pace.DONE_LATE,
    Pace.DONE,
)


def make_app(
    check: IdentityCheck, database: str, today: Callable[[], date] = today_in_china
) -> Flask:
    """Give the application."""
    app = page_application(__name__, HOME, _OWN)
    guard(app, check)
    set_up_answers(app, WORDS)

    @app.get(HEALTH)
    def health() -> tuple[dict[str, str], int]:
        try:
            read(database, today())
        except psycopg.Error as fault:
            app.logger.warning("not healthy: %s", fault)
            return {"status": "unavailable"}, 503
        return {"status": "ok"}, 200

    @app.get(HOME)
    def view() -> Response:
        cases, calendar = read(database, today())
        return answer("view.html", **as_shown(cases, calendar, today()))

    @app.errorhandler(psycopg.Error)
    def no_database(fault: psycopg.Error) -> Response:
        app.logger.error("database: %s", fault)
        return refusal(503, "unavailable")

    return app


def as_shown(cases: list[Watched], calendar: Calendar, day: date) -> dict[str, Any]:
    """Give all cases with their clocks, and how many there are of each pace, as plain values."""
    judged = [(case, clock_of(case.course, calendar, day)) for case in cases]
    judged.sort(key=lambda each: (_ORDER.index(each[1].pace), each[1].due_on or day, each[0].id))
    counted = Counter(clock.pace for _, clock in judged)
    return {
        "day": day.isoformat(),
        "counts": {pace.value: counted[pace] for pace in _ORDER},
        "cases": [_shown(case, clock) for case, clock in judged],
    }


def _shown(case: Watched, clock: Clock) -> dict[str, Any]:
    return {
        "id": case.id,
        "matter": case.matter,
        "state": case.course.state,
        "received_on": case.course.received_on.isoformat(),
        "due": clock.due,
        "due_on": clock.due_on.isoformat() if clock.due_on else None,
        "days_left": clock.days_left,
        "pace": clock.pace,
        "deemed": clock.deemed,
        "certain": clock.certain,
    }
