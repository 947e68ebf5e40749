"""The monitoring centre's pages: the wall, a site, a runbook; and the picture for a machine."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, NotFound

from gateway.console.guard import guard
from gateway.console.shown import set_up_words
from gateway.observe.city.judging import unknown_city
from gateway.observe.city.sites import CitySites
from gateway.observe.city.watch import LASTS_SECONDS
from gateway.observe.told import Source, told_by

#: In a city with more sites than this, those that are good are a sign each.
MOST_LARGE_SITES = 30

_RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
_RUNBOOK = re.compile("[A-Za-z]{1,40}")
_MOST_REASONS = 6

City = Mapping[str, Any]


def city_pages(source: Source, sites: CitySites, hosts: Iterable[str]) -> Flask:
    """Give the application; it shows what `source` has written, or that nothing is known."""
    app = Flask(__name__, static_url_path="/static")
    app.jinja_env.undefined = StrictUndefined
    guard(app, hosts)
    set_up_words(app)
    _add_pages(app, lambda: _picture(source, sites))
    _add_refusals(app)
    return app


def _picture(source: Source, sites: CitySites) -> tuple[City, float]:
    """Give the picture and its age; where there is none of now, one that knows nothing."""
    told = told_by(source)
    if told.body is not None and told.age_seconds is not None:
        return told.body, told.age_seconds
    why = "-" if told.age_seconds is None else f"{told.age_seconds:.0f} s"
    return unknown_city(sites, time.time(), {"picture": why}).as_json(), 0.0


def _add_pages(app: Flask, picture: Any) -> None:  # noqa: ANN401 - gives a picture and its age
    @app.get("/")
    def wall() -> str:
        city, age = picture()
        large = sum(len(group["sites"]) for group in city["groups"]) <= MOST_LARGE_SITES
        return _page("wall.html", city, age, is_large=large, reasons=[*_most(city)])

    @app.get("/site/<name>")
    def site(name: str) -> str:
        city, age = picture()
        every = [each for group in city["groups"] for each in group["sites"]]
        titles = {each["name"]: each["title"] for each in every}
        for each in every:
            if each["name"] == name:
                below = [one for one in every if one["link"] and one["link"]["hub"] == name]
                return _page("site.html", city, age, site=each, below=below, titles=titles)
        raise NotFound

    @app.get("/runbook/<name>")
    def runbook(name: str) -> str:
        file = _RUNBOOKS / f"{name}.md"
        if not _RUNBOOK.fullmatch(name) or not file.is_file():
            raise NotFound
        return render_template("runbook.html", name=name, text=file.read_text("utf-8"))

    @app.get("/city.json")
    def city_json() -> Response:
        city, age = picture()
        return jsonify({**city, "age_seconds": age})


def _page(template: str, city: City, age: float, **more: object) -> str:
    return render_template(template, city=city, seconds=age, lasts=LASTS_SECONDS, **more)


def _most(city: City) -> Iterator[dict[str, Any]]:
    """Give the reasons by which most was refused, with how much of the most each is."""
    counts = city["counts"]
    rows = [
        {"kind": kind, "reason": name, "count": count}
        for kind in ("packets", "requests")
        for name, count in counts[kind].items()
    ]
    rows.sort(key=lambda row: -row["count"])
    for row in rows[:_MOST_REASONS]:
        yield {**row, "part": row["count"] / rows[0]["count"]}


def _add_refusals(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def refused(fault: HTTPException) -> Response:
        status = fault.code or HTTPStatus.INTERNAL_SERVER_ERROR
        key = "not_found" if status == HTTPStatus.NOT_FOUND else "refused_page"
        # A name that is not trusted is not even told what else there is.
        if status == HTTPStatus.BAD_REQUEST:
            return Response(status=status)
        return make_response(render_template("refusal.html", key=key), status)
