"""A case is filed, accepted or amended, and decided, by whoever the gateway says."""

import re
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from applications.approval.words import WORDS
from applications.identity import HEADER
from applications.web.answers import COMMON
from tests.applications.cluster import Cluster
from tests.applications.desk import FILING, HALL, Desk, approval_desk
from tests.applications.tokens import CLERK, HOST, NUMBER, OTHER_KEY, REST, token


@pytest.fixture(name="desk")
def _desk(database: Cluster) -> Desk:
    return approval_desk(database)


def test_a_case_goes_its_way(desk: Desk) -> None:
    """Filed at the hall, accepted and decided by the department; each step says by whom."""
    number = desk.file()
    assert [desk.step(number, "accept"), desk.step(number, "grant", "")] == [200, 200]

    found = desk.case(number)
    assert {name: found["case"][name] for name in FILING} == FILING
    assert (found["case"]["state"], found["case"]["clock"]["pace"]) == ("granted", "done")
    assert [(s["step"], s["subject"], s["title"], s["zone"]) for s in found["steps"]] == [
        ("file", HALL.name, HALL.title, "hall.counter"),
        ("accept", CLERK.name, CLERK.title, "tax.office"),
        ("grant", CLERK.name, CLERK.title, "tax.office"),
    ]
    assert {(s["number"], s["revision"]) for s in found["steps"]} == {(NUMBER, 7)}
    assert len({s["decision"] for s in found["steps"]}) == 3


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nobody"),
        pytest.param({HEADER: token(key=OTHER_KEY) + REST}, id="a forger"),
        pytest.param(
            {"X-Forwarded-User": "leader", "Authorization": "Basic eDp4", "Cookie": "user=leader"},
            id="by other headers",
        ),
    ],
)
def test_nobody_is_served_whom_the_gateway_does_not_name(
    desk: Desk, method: str, headers: dict[str, str]
) -> None:
    """Whatever is asked, also for what is not there; only that it was refused is said."""
    number = desk.file()
    client = desk.app.test_client()
    for path in ("/cases/", f"/cases/{number}", "/cases/-/style.css", "/nowhere"):
        answer = client.open(path, method=method, headers=headers, json=FILING)
        assert answer.status_code == 403
        assert "signature" not in answer.text

    assert [s["step"] for s in desk.case(number)["steps"]] == ["file"]


def test_the_health_check_needs_no_name_and_says_nothing(desk: Desk) -> None:
    """It is for the gateway's own probe; nothing else is answered without a name there."""
    client = desk.app.test_client()

    assert client.get("/health").get_json() == {"status": "ok"}
    assert [client.post("/health").status_code, client.get("/health/").status_code] == [403, 403]


# --- what may follow what --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "step"),
    [
        pytest.param((), "grant", id="decided before it is accepted"),
        pytest.param((), "extend", id="extended before it is accepted"),
        pytest.param((), "correct", id="corrected though nobody asked"),
        pytest.param(("accept",), "accept", id="accepted twice"),
        pytest.param(("accept",), "ask_correction", id="sent back after it was accepted"),
        pytest.param(("accept", "extend"), "extend", id="extended twice"),
        pytest.param(("accept", "grant"), "deny", id="decided twice"),
        pytest.param(("not_accept",), "accept", id="accepted after it was not"),
        pytest.param(("ask_correction",), "accept", id="accepted before it is corrected"),
    ],
)
def test_a_step_that_does_not_follow_is_refused(
    desk: Desk, before: tuple[str, ...], step: str
) -> None:
    """And leaves no trace."""
    number = desk.file()
    assert [desk.step(number, each) for each in before] == [200] * len(before)
    found = desk.case(number)

    assert desk.step(number, step) == 409
    assert desk.case(number) == found


@pytest.mark.parametrize("step", ["ask_correction", "not_accept", "deny", "extend"])
def test_who_gets_less_than_was_asked_for_is_told_why(desk: Desk, step: str) -> None:
    """A step against the applicant needs a reason (art. 32, 38, 42)."""
    number = desk.file()
    if step in {"deny", "extend"}:
        desk.step(number, "accept")

    assert [desk.step(number, step, ""), desk.step(number, step, " \n")] == [400, 400]
    assert desk.step(number, step, "材料不齐") == 200


def test_what_nobody_answered_in_five_days_was_accepted_when_it_came(desk: Desk) -> None:
    """It cannot be sent back any more, and is decided within twenty days of that day."""
    number = desk.file()
    desk.today.day = date(2026, 11, 12)
    clock = desk.case(number)["case"]["clock"]

    assert (clock["deemed"], clock["accepted_on"]) == (True, "2026-11-04")
    assert clock["due_on"] == "2026-12-02"
    assert [desk.step(number, "ask_correction"), desk.step(number, "not_accept")] == [409, 409]
    assert desk.step(number, "grant") == 200
    assert desk.case(number)["case"]["accepted_on"] == "2026-11-04"


def test_a_correction_begins_the_five_days_again(desk: Desk) -> None:
    """While the applicant has it no clock runs."""
    number = desk.file()
    desk.step(number, "ask_correction", "缺图纸")
    desk.today.day = date(2026, 12, 1)
    assert desk.case(number)["case"]["clock"]["pace"] == "waiting"
    desk.step(number, "correct", "图纸已补")

    clock = desk.case(number)["case"]["clock"]
    assert (clock["due"], clock["due_on"], clock["deemed"]) == ("notice", "2026-12-08", False)


def test_what_is_overdue_is_not_extended(desk: Desk) -> None:
    """Ten days more are for before the end (art. 42)."""
    late, in_time = desk.file(), desk.file()
    for number in (late, in_time):
        desk.step(number, "accept")
    desk.today.day = date(2026, 12, 2)
    assert desk.step(in_time, "extend", "案情复杂") == 200
    desk.today.day = date(2026, 12, 3)

    assert desk.step(late, "extend", "案情复杂") == 409
    assert desk.case(late)["case"]["clock"]["pace"] == "overdue"
    assert desk.case(in_time)["case"]["clock"]["due_on"] == "2026-12-16"


# --- what a request may contain ------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "sent", "status"),
    [
        pytest.param("POST", {"json": {**FILING, "state": "granted"}}, 400, id="a field more"),
        pytest.param("POST", {"json": {**FILING, "matter": " \t"}}, 400, id="nothing"),
        pytest.param("POST", {"json": {**FILING, "matter": "x" * 201}}, 400, id="too long"),
        pytest.param("POST", {"json": {**FILING, "matter": "a\x00b"}}, 400, id="a zero"),
        pytest.param("POST", {"json": {**FILING, "matter": "a\u202eb"}}, 400, id="turned round"),
        pytest.param("POST", {"json": {**FILING, "matter": 7}}, 400, id="a number"),
        pytest.param("POST", {"json": {**FILING, "matter": None}}, 400, id="null"),
        pytest.param("POST", {"json": [FILING]}, 400, id="a list"),
        pytest.param("POST", {"data": "{", "content_type": "application/json"}, 400, id="half"),
        pytest.param("POST", {"data": "x", "content_type": "text/plain"}, 415, id="plain text"),
        pytest.param("POST", {"data": {**FILING, "matter": ["a", "b"]}}, 400, id="a field twice"),
        pytest.param("POST", {"json": {**FILING, "content": "x" * 200_000}}, 413, id="too large"),
        pytest.param("POST", {"json": FILING, "query_string": "a=1"}, 400, id="by the query"),
        pytest.param("PATCH", {"json": {"step": "grant"}}, 400, id="decided by PATCH"),
        pytest.param("PATCH", {"json": {"step": "file"}}, 400, id="filed by PATCH"),
        pytest.param("PATCH", {"json": {"step": ["accept"]}}, 400, id="a list of steps"),
        pytest.param("PATCH", {"json": {}}, 400, id="no step"),
        pytest.param("PUT", {"json": {"step": "accept"}}, 400, id="accepted by PUT"),
        pytest.param("DELETE", {}, 405, id="deleted"),
    ],
)
def test_a_request_is_exactly_of_the_form(
    desk: Desk, method: str, sent: dict[str, Any], status: int
) -> None:
    """So the method says what is done, and a grant for one is none for another."""
    number = desk.file()
    path = "/cases/" if method == "POST" else f"/cases/{number}"
    answer = desk.ask(method, path, **sent)

    assert answer.status_code == status
    assert len(desk.ask("GET", "/cases/").get_json()["cases"]) == 1
    assert [s["step"] for s in desk.case(number)["steps"]] == ["file"]


@pytest.mark.parametrize("number", ["999", "0", "99999999999999999999999999", "1x", "-1"])
def test_a_case_that_is_not_there_is_not_found(desk: Desk, number: str) -> None:
    """Also one whose number no database has."""
    assert desk.ask("GET", f"/cases/{number}").status_code == 404
    assert desk.ask("PUT", f"/cases/{number}", json={"step": "grant"}).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://portal.example"}, id="another page"),
        pytest.param({"Origin": f"http://{HOST}"}, id="without TLS"),
        pytest.param({"Origin": "null"}, id="a page without a name"),
        pytest.param({"Origin": f"https://{HOST}.example"}, id="a name that begins alike"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a neighbour, in newer browsers"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="another, in newer browsers"),
    ],
)
def test_another_page_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    """A browser shows its certificate to whoever asks; a form of ours passes."""
    own = {"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}

    assert desk.ask("POST", "/cases/", data=FILING, headers=headers).status_code == 403
    assert desk.ask("POST", "/cases/", data=FILING, headers=own).status_code == 201


def test_a_decision_lets_one_thing_be_done(desk: Desk) -> None:
    """The gateway counts its decisions; one that comes again was not the gateway's."""
    first = desk.ask("POST", "/cases/", json=FILING, decision="city-gw.1.7")
    again = desk.ask("POST", "/cases/", json=FILING, decision="city-gw.1.7")
    step = {"step": "accept", "note": ""}
    other = desk.ask("PATCH", "/cases/1", json=step, decision="city-gw.1.7")

    assert [first.status_code, again.status_code, other.status_code] == [201, 409, 409]
    assert desk.case(1)["case"]["state"] == "filed"
    assert len(desk.ask("GET", "/cases/").get_json()["cases"]) == 1


def test_two_who_decide_at_once_decide_once(desk: Desk) -> None:
    """One after the other, and the second is told that it is decided."""
    number = desk.file()
    desk.step(number, "accept")
    statuses: list[int] = []
    both = [
        threading.Thread(
            target=lambda taken: statuses.append(desk.step(number, taken)), args=[step]
        )
        for step in ("grant", "deny")
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()

    assert sorted(statuses) == [200, 409]
    assert len(desk.case(number)["steps"]) == 3


# --- how it answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "language", "expected"),
    [
        pytest.param("text/html", "zh-CN,zh;q=0.9,en;q=0.5", "作出决定", id="Chinese"),
        pytest.param("text/html", "en-GB,en;q=0.9", "Decide", id="English"),
        pytest.param("text/html", "", "作出决定", id="whoever does not say"),
        pytest.param("text/html", "fr", "作出决定", id="whoever says another"),
        pytest.param("*/*", "", "作出决定", id="whoever takes anything"),
        pytest.param("application/json;q=0.1,text/html", "", "作出决定", id="rather a page"),
    ],
)
def test_people_get_pages_in_their_language(
    desk: Desk, accept: str, language: str, expected: str
) -> None:
    """With who is asking and the decision that they can read out."""
    number = desk.file()
    desk.step(number, "accept")
    headers = {"Accept": accept, "Accept-Language": language}
    answer = desk.ask("GET", f"/cases/{number}", headers=headers, decision="city-gw.1764081000.99")

    assert answer.mimetype == "text/html"
    assert f"<h2>{expected}</h2>" in answer.text
    assert CLERK.title in answer.text
    assert "city-gw.1764081000.99" in answer.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [("/cases/7", 404, "没有此页面或此件"), ("/cases/", 200, "暂无办件")],
)
def test_a_page_says_also_what_is_not_there(desk: Desk, path: str, status: int, said: str) -> None:
    """In words."""
    answer = desk.ask("GET", path, headers={"Accept": "text/html"})

    assert (answer.status_code, said in answer.text) == (status, True)


def test_what_an_applicant_writes_is_text(desk: Desk) -> None:
    """It is shown, and never run; a page could run no script of its own either."""
    number = desk.file(matter="<script>alert(1)</script>", content="</textarea><img src=x>")
    for path in ("/cases/", f"/cases/{number}"):
        answer = desk.ask("GET", path, headers={"Accept": "text/html"})
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert "&lt;script&gt;alert" in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_without_a_script_files_a_case(desk: Desk) -> None:
    """And the browser is led to it."""
    headers = {"Accept": "text/html", "Origin": f"https://{HOST}"}
    answer = desk.ask("POST", "/cases/", data=FILING, headers=headers)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/cases/1")


def test_a_page_shows_fifty_and_leads_on(desk: Desk) -> None:
    """The newest first."""
    numbers = [desk.file() for _ in range(52)]
    newest = desk.ask("GET", "/cases/").get_json()["cases"]
    older = desk.ask("GET", f"/cases/?before={newest[-1]['id']}").get_json()["cases"]

    assert [case["id"] for case in newest + older] == numbers[::-1]


def test_both_languages_say_the_same_things() -> None:
    """No text is missing in one of them, and Chinese is Chinese."""
    for words in (WORDS, COMMON):
        assert set(words["zh"]) == set(words["en"])
        assert all(re.search(r"[\u4e00-\u9fff]", text) for text in words["zh"].values())


def test_without_its_database_it_says_so(tmp_path: Path) -> None:
    """And is not healthy."""
    lost = approval_desk(Cluster(folder=tmp_path, programs=tmp_path))

    assert lost.app.test_client().get("/health").status_code == 503
    answer = lost.ask("GET", "/cases/")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "unavailable")
