"""What is answered, by path and method: read is GET, file POST, amend PATCH, decide PUT.

Who may do which is the gateway's matter; here everybody who comes is let.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response, g, request

from applications.approval.asked import filing_in, step_in
from applications.approval.cases import AMENDING, DECIDING, Case, Step, StepRefused
from applications.approval.schema import SchemaError
from applications.approval.store import DecisionUsed, Done, NoSuchCase, Store
from applications.approval.words import WORDS
from applications.clocks.calendar import Calendar
from applications.clocks.clocks import clock_of
from applications.identity import IdentityCheck
from applications.web.answers import answer, refusal, set_up_answers, wants_json
from applications.web.guard import HEALTH, guard
from applications.web.pages import CHINA, page_application, today_in_china

HOME = "/cases/"

_OWN = Path(__file__).with_name("templates")


def make_app(
    check: IdentityCheck, database: str, today: Callable[[], date] = today_in_china
) -> Flask:
    """Give the application."""
    store = Store(database, today)
    app = page_application(__name__, HOME, _OWN)
    guard(app, check)
    set_up_answers(app, WORDS)
    _read(app, store, today)
    _change(app, store)
    _refuse(app)
    return app


def _read(app: Flask, store: Store, today: Callable[[], date]) -> None:
    @app.get(HEALTH)
    def health() -> tuple[dict[str, str], int]:
        try:
            store.check()
        except (psycopg.Error, SchemaError) as fault:
            app.logger.warning("not healthy: %s", fault)
            return {"status": "unavailable"}, 503
        return {"status": "ok"}, 200

    @app.get(HOME)
    def cases() -> Response:
        before = request.args.get("before", type=int)
        calendar = store.calendar()
        shown = [as_shown(each, calendar, today()) for each in store.cases(before)]
        return answer("cases.html", cases=shown)

    @app.get(f"{HOME}<int:number>")
    def case(number: int) -> Response:
        return _one(store, number, today())


def _change(app: Flask, store: Store) -> None:
    @app.post(HOME)
    def file() -> Response:
        number = store.file(filing_in(request), g.asker)
        if wants_json():
            made = answer("", 201, id=number)
            made.location = f"{HOME}{number}"
            return made
        return _seen_at(number)

    @app.patch(f"{HOME}<int:number>")
    def amend(number: int) -> Response:
        return _take(number, AMENDING)

    @app.put(f"{HOME}<int:number>")
    def decide(number: int) -> Response:
        return _take(number, DECIDING)

    def _take(number: int, possible: tuple[Step, ...]) -> Response:
        step, note = step_in(request, possible)
        store.take(number, step, note, g.asker)
        return answer("", 200, id=number, step=step) if wants_json() else _seen_at(number)


def _refuse(app: Flask) -> None:
    @app.errorhandler(NoSuchCase)
    def no_such_case(_fault: NoSuchCase) -> Response:
        return refusal(404, "not_found")

    @app.errorhandler(StepRefused)
    def not_now(fault: StepRefused) -> Response:
        return refusal(409, fault.key)

    @app.errorhandler(DecisionUsed)
    def used(_fault: DecisionUsed) -> Response:
        return refusal(409, "decision_used")

    @app.errorhandler(psycopg.Error)
    def no_database(fault: psycopg.Error) -> Response:
        app.logger.error("database: %s", fault)
        return refusal(503, "unavailable")


def _one(store: Store, number: int, day: date) -> Response:
    found, steps = store.case(number)
    return answer(
        "case.html",
        case=as_shown(found, store.calendar(), day),
        steps=[_step_shown(step) for step in steps],
    )


def _seen_at(number: int) -> Response:
    return Response(status=303, headers={"Location": f"{HOME}{number}"})


def as_shown(case: Case, calendar: Calendar, day: date) -> dict[str, Any]:
    """Give a case and its clock as plain values."""
    clock = clock_of(case.course, calendar, day)
    return {
        "id": case.id,
        **asdict(case.filing),
        **_plain(asdict(case.course)),
        "clock": _plain(asdict(clock)),
    }


def _step_shown(step: Done) -> dict[str, Any]:
    return {**asdict(step), "at": step.at.astimezone(CHINA).isoformat(timespec="seconds")}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
    }
