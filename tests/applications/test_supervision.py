"""Supervision sees which cases are late, and nothing else of them."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask import Flask

from applications.identity import HEADER
from applications.supervision import __main__ as commands
from applications.supervision.pages import make_app
from applications.supervision.words import WORDS
from applications.web.settings import VARIABLE
from gateway.load.identity_tokens import key_set
from tests.applications.cluster import ROLES, Cluster
from tests.applications.desk import FILING, Desk, WallCalendar, approval_desk
from tests.applications.tokens import CLERK, GATEWAY, HOST, KEY, checked, settings_text

SUPERVISION = ROLES[-1]


@pytest.fixture(name="desk")
def _desk(database: Cluster) -> Desk:
    return approval_desk(database)


@pytest.fixture(name="view")
def _view(database: Cluster, desk: Desk) -> Desk:
    """Give the supervision application; for both it is the same day."""
    return Desk(supervision(database, desk.today), desk.today)


def supervision(database: Cluster, today: WallCalendar) -> Flask:
    """Make the application as its host would, with a clock for tests."""
    return make_app(checked(), database.database(SUPERVISION), today)


def at_every_pace(desk: Desk) -> dict[str, int]:
    """File cases and leave them so that on 2026-12-03 there is one of each pace."""
    desk.today.day = date(2026, 10, 8)
    numbers = {name: desk.file(matter=name) for name in ("done_late", "done", "overdue")}
    for number in numbers.values():
        desk.step(number, "accept")
    desk.today.day = date(2026, 11, 5)
    desk.step(numbers["done"], "grant")
    desk.today.day = date(2026, 11, 9)
    desk.step(numbers["done_late"], "grant")
    numbers["due_soon"] = desk.file(matter="due_soon")
    desk.step(numbers["due_soon"], "accept")
    desk.today.day = date(2026, 12, 3)
    numbers["on_time"] = desk.file(matter="on_time")
    numbers["waiting"] = desk.file(matter="waiting")
    desk.step(numbers["waiting"], "ask_correction")
    desk.step(desk.file(matter="not_accepted"), "not_accept")
    return numbers


def test_it_shows_what_is_on_time_due_soon_and_overdue(desk: Desk, view: Desk) -> None:
    """The late ones first; what was not accepted has no clock and is not there."""
    numbers = at_every_pace(desk)
    shown = view.ask("GET", "/supervision/").get_json()

    assert [case["matter"] for case in shown["cases"]] == [
        *("overdue", "due_soon", "on_time", "waiting", "done_late", "done")
    ]
    assert all(case["pace"] == case["matter"] for case in shown["cases"])
    assert {case["matter"]: case["id"] for case in shown["cases"]} == numbers
    assert set(shown["counts"].values()) == {1}


def test_the_same_clocks_hold_for_both(desk: Desk, view: Desk) -> None:
    """What a clerk is shown and what supervision is shown are one reckoning."""
    numbers = at_every_pace(desk)
    for case in view.ask("GET", "/supervision/").get_json()["cases"]:
        clock = desk.case(numbers[case["matter"]])["case"]["clock"]
        assert {name: case[name] for name in ("due", "due_on", "days_left", "pace")} == {
            name: clock[name] for name in ("due", "due_on", "days_left", "pace")
        }


def test_it_shows_neither_who_applied_nor_for_what(desk: Desk, view: Desk) -> None:
    """Only the matter, its days and its clock."""
    desk.file()
    for accept in ("application/json", "text/html"):
        said = view.ask("GET", "/supervision/", headers={"Accept": accept}).text
        text = said if accept == "text/html" else str(json.loads(said))
        assert FILING["matter"] in text
        assert FILING["applicant"] not in text
        assert FILING["content"] not in text


def test_what_was_done_long_ago_is_out_of_view(desk: Desk, view: Desk) -> None:
    """It is done; thirty days later nobody looks for it."""
    number = desk.file()
    desk.step(number, "accept")
    desk.step(number, "grant")
    for day, seen in ((date(2026, 12, 3), 1), (date(2026, 12, 4), 0)):
        view.today.day = day
        assert len(view.ask("GET", "/supervision/").get_json()["cases"]) == seen


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_can_be_asked_to_change_nothing(view: Desk, method: str) -> None:
    """There is no method for it, and no other path."""
    assert view.ask(method, "/supervision/", json={}).status_code == 405
    assert view.ask(method, "/supervision/1", json={}).status_code == 404
    assert view.ask("GET", "/cases/").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [pytest.param({}, id="nobody"), pytest.param({HEADER: "x"}, id="a forger")],
)
def test_nobody_sees_it_whom_the_gateway_does_not_name(view: Desk, headers: dict[str, str]) -> None:
    """Only whether it is healthy."""
    client = view.app.test_client()

    assert client.get("/supervision/", headers=headers).status_code == 403
    assert client.get("/health").get_json() == {"status": "ok"}


@pytest.mark.parametrize(("language", "said"), [("zh", "超期"), ("en", "overdue")])
def test_it_speaks_both_languages(desk: Desk, view: Desk, language: str, said: str) -> None:
    """Pages as the asker has them, with who asks."""
    at_every_pace(desk)
    headers = {"Accept": "text/html", "Accept-Language": language}
    answer = view.ask("GET", "/supervision/", headers=headers)

    assert f'<span class="pace overdue">{said}</span>' in answer.text
    assert CLERK.title in answer.text
    assert set(WORDS["zh"]) == set(WORDS["en"])


@pytest.fixture(name="settings")
def _settings(
    database: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Give what writes the file of settings as a role would, for a database role and keys."""

    def write(role: str, keys: str) -> None:
        (tmp_path / "gateway.jwks").write_text(key_set(KEY.public_key()))
        said = {
            "host": HOST,
            "gateway": GATEWAY,
            "clients": [GATEWAY],
            "keys": str(tmp_path / keys),
            "database": database.database(role),
            **dict.fromkeys(("authority", "certificate", "key"), "/nonexistent"),
        }
        (tmp_path / "settings").write_text(settings_text(said))
        monkeypatch.setenv(VARIABLE, str(tmp_path / "settings"))

    return write


@pytest.mark.parametrize(
    ("role", "keys", "status"),
    [
        pytest.param(SUPERVISION, "gateway.jwks", 0, id="all is there"),
        pytest.param("loushan-nobody", "gateway.jwks", 1, id="no such role"),
        pytest.param(SUPERVISION, "nothing.jwks", 1, id="no keys"),
    ],
)
def test_health_says_whether_it_can_serve(
    settings: Callable[..., None], role: str, keys: str, status: int
) -> None:
    """Asked by the host's own proof."""
    settings(role, keys)

    assert commands.main(["health"]) == status
    assert commands.main(["serve"]) == 2
