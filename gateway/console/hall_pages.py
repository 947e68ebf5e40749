"""The exhibition hall's screen: counts and one word, for whoever walks by.

It is given one small file, which has nothing else in it; neither the sites nor
the picture is shown to its service.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, render_template
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from gateway.console.guard import guard
from gateway.console.shown import set_up_words
from gateway.observe.city.hall import SHOWN
from gateway.observe.city.watch import LASTS_SECONDS
from gateway.observe.told import Source, told_by

#: What is shown where nothing is known.
_UNKNOWN: Mapping[str, Any] = {
    "title": "",
    "at": 0,
    "exercise_only": False,
    "standing": "unknown",
    **{name: {"good": 0, "warning": 0, "unknown": 0} for name in SHOWN},
    "alerts": 0,
    "refused": 0,
    "accepted": 0,
}


def hall_pages(source: Source, hosts: Iterable[str]) -> Flask:
    """Give the application; it shows what `source` has written, or that nothing is known."""
    app = Flask(__name__, static_url_path="/static")
    app.jinja_env.undefined = StrictUndefined
    guard(app, hosts)
    set_up_words(app)

    def view() -> tuple[Mapping[str, Any], float, bool]:
        told = told_by(source)
        if told.body is None or told.age_seconds is None:
            return _UNKNOWN, 0.0, False
        return {name: told.body[name] for name in _UNKNOWN}, told.age_seconds, True

    @app.get("/")
    def screen() -> str:
        shown, age, is_known = view()
        return render_template(
            "hall.html",
            hall=shown,
            names=SHOWN,
            seconds=age,
            lasts=LASTS_SECONDS,
            is_known=is_known,
        )

    @app.get("/hall.json")
    def feed() -> Response:
        shown, age, is_known = view()
        return jsonify({**shown, "is_known": is_known, "age_seconds": round(age, 1)})

    @app.errorhandler(HTTPException)
    def refused(fault: HTTPException) -> Response:
        return Response(status=fault.code or HTTPStatus.INTERNAL_SERVER_ERROR)

    return app
