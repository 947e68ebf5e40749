"""What is asked of Prometheus, and what becomes of whatever it answers: all of it is untrusted."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.observe.city import asking
from gateway.observe.city.answers import (
    MOST_ALERTS,
    WRONG_FORM,
    alerts_of,
    clean,
    series_of,
)
from gateway.observe.city.asking import Asked, ask_city
from gateway.observe.city.questions import QUESTIONS, SHOWN, Question
from gateway.observe.metrics import METRICS
from tests.watched_city import alert


def vector(*rows: dict[str, Any]) -> dict[str, Any]:
    """Give an answer of Prometheus."""
    return {"status": "success", "data": {"resultType": "vector", "result": [*rows]}}


def row(value: str = "1", **labels: str) -> dict[str, Any]:
    """Give one value of it."""
    return {"metric": {"__name__": "up", **labels}, "value": [1_800_000_000.0, value]}


# --- what is read ---------------------------------------------------------------------------------


def test_an_answer_is_read() -> None:
    """Its time, its labels, its values."""
    now, series = series_of(vector(row(instance="tax-gw"), row("0", instance="hall-gw")))

    assert now == 1_800_000_000.0
    assert [(each.labels["instance"], each.value) for each in series] == [
        ("tax-gw", 1.0),
        ("hall-gw", 0.0),
    ]


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_no_value(value: str) -> None:
    """It is not taken for nothing, or for very much."""
    assert series_of(vector(row(value)))[1] == ()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([], id="a list"),
        pytest.param({"status": "error"}, id="an error"),
        pytest.param(vector() | {"status": "error"}, id="an error with data"),
        pytest.param(
            {"status": "success", "data": {"resultType": "matrix", "result": []}}, id="rows"
        ),
        pytest.param(vector({"metric": {}}), id="no value"),
        pytest.param(vector(row("many")), id="words"),
        pytest.param(vector(row() | {"metric": [1]}), id="labels of another form"),
        pytest.param(vector(row(**{f"l{n}": "x" for n in range(40)})), id="too many labels"),
        pytest.param(None, id="nothing"),
    ],
)
def test_an_answer_of_another_form_is_none(body: object) -> None:
    """It raises what the asker takes for no answer."""
    with pytest.raises(WRONG_FORM):
        series_of(body)


def test_too_many_values_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of them would be a lie about the rest."""
    monkeypatch.setattr("gateway.observe.city.answers.MOST_SERIES", 2)
    assert len(series_of(vector(row(), row()))[1]) == 2

    with pytest.raises(ValueError, match="3"):
        series_of(vector(row(), row(), row()))


def test_labels_are_cut_and_show_nothing_but_themselves() -> None:
    """No control of a terminal, no text that runs the other way, no end of the page."""
    hostile = "tax\x1b[2J\u202egw\u200b" + "x" * 5000
    (each,) = series_of(vector(row(instance=hostile)))[1]

    assert each.labels["instance"].startswith("tax[2Jgwx")
    assert each.labels["instance"].endswith("x…")
    assert len(each.labels["instance"]) <= 128


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("税务局 tax-gw", "税务局 tax-gw", id="words"),
        pytest.param("a\nb\tc\x00d", "abcd", id="controls"),
        pytest.param("\u2066x\u2069\ufeff", "x", id="directions"),
        pytest.param(7, "7", id="no text"),
    ],
)
def test_text_is_cleaned(text: object, shown: str) -> None:
    """What is left is what a reader sees."""
    assert clean(text) == shown


def test_alerts_are_read_the_worst_first() -> None:
    """With their words, their site, and a runbook of ours."""
    cut = alert("LinkDown", "urgent", "city", "cut", "断", cut_off="tax")
    found = alerts_of([alert("DiskNearlyFull", "warning", "hall", "full", "满"), cut])

    assert [(each.alert, each.of, each.runbook) for each in found] == [
        ("LinkDown", "tax", "LinkDown"),
        ("DiskNearlyFull", "hall", "DiskNearlyFull"),
    ]
    assert (found[0].en, found[0].zh) == ("cut", "断")


@pytest.mark.parametrize(
    "runbook",
    ["https://evil.example/x", "docs/runbooks/../../x.md", "javascript:x", "docs/runbooks/a b.md"],
)
def test_a_runbook_is_ours_or_none(runbook: str) -> None:
    """Nothing else becomes a link."""
    said = alert("LinkDown", "urgent", "tax", "x", "x")
    said["annotations"]["runbook"] = runbook

    assert alerts_of([said])[0].runbook == ""


def test_of_too_many_alerts_no_page_is_made() -> None:
    """It is cut: whoever sees five hundred has seen enough."""
    many = [alert("X", "urgent", "tax", "x", "x")] * (MOST_ALERTS + 50)

    assert len(alerts_of(many)) == MOST_ALERTS


@pytest.mark.parametrize(
    "body", [{}, None, [{}], [{"labels": {}}], "x" * 9, [alert("A", "b", "c", "d", "e"), 7]]
)
def test_alerts_of_another_form_are_none(body: Any) -> None:  # noqa: ANN401 - anybody's JSON
    """Empty is another thing: no alert."""
    if body == {}:
        body = {"x": 1}
    with pytest.raises(WRONG_FORM):
        alerts_of(body)


# --- what is asked --------------------------------------------------------------------------------


def test_what_is_asked_for_is_told_by_gateways() -> None:
    """Every metric by its name."""
    assert set(SHOWN) <= METRICS.keys()
    assert set(QUESTIONS) == set(Question)


class Oddly(BaseHTTPRequestHandler):
    """Answers as its server was told to."""

    def do_POST(self) -> None:
        """Answer."""
        server: Any = self.server
        server.asked += 1
        if server.how == "slow":
            self._begin(1 << 20)
            for _ in range(400):
                time.sleep(0.02)
                self.wfile.write(b" ")
            return
        if server.how == "long":
            self._begin(4096)
            self.wfile.write(b" " * 4096)
        elif server.how == "elsewhere":
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            body = (
                json.dumps(server.how).encode() if not isinstance(server.how, bytes) else server.how
            )
            self._begin(len(body))
            self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def _begin(self, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    """A server whose client may leave in the middle."""

    daemon_threads, block_on_close = True, False
    how: object = b""
    asked = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextmanager
def answering(how: object) -> Iterator[tuple[str, Quiet]]:
    """Serve whatever is asked for in one way."""
    server = Quiet(("127.0.0.1", 0), Oddly)
    server.how = how
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        pytest.param(b"no JSON", "JSONDecodeError", id="no JSON"),
        pytest.param(b"[" * 100_000, "RecursionError", id="very deep"),
        pytest.param(b"\xff\xfe\x00", "UnicodeDecodeError", id="no text"),
        pytest.param({"status": "error"}, "KeyError", id="an error"),
        pytest.param("slow", "TimeoutError", id="drop by drop"),
        pytest.param("long", "more than", id="too much"),
        pytest.param("elsewhere", "status 307", id="it sends us elsewhere"),
    ],
)
def test_who_answers_oddly_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, how: object, why: str
) -> None:
    """It is said why; nobody waits for it, and nobody is asked in its place."""
    monkeypatch.setattr(asking, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(asking, "LARGEST_BYTES", 1000 if how == "long" else 1 << 20)
    with answering(how) as (url, server):
        began = time.monotonic()
        answers = ask_city(Asked(url, ""))

    assert why in answers.missing["prometheus"]
    assert answers.series == {}
    assert time.monotonic() - began < 6
    assert server.asked == 1


def test_who_is_not_there_does_not_answer() -> None:
    """Neither of them; and then nothing is known."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nowhere = f"http://127.0.0.1:{port}"
    answers = ask_city(Asked(nowhere, nowhere))

    assert set(answers.missing) == {"prometheus", "alertmanager"}
    assert answers.alerts is None


def test_an_answer_comes_with_the_time_of_who_gave_it() -> None:
    """Ages are counted by Prometheus' clock, and not by ours."""
    with answering(vector(row(instance="tax-gw"))) as (url, _):
        answers = ask_city(Asked(url, ""))

    assert answers.now == 1_800_000_000.0
    assert set(answers.series) == set(Question)
    assert answers.missing == {}


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:9090", "file:///etc/passwd", "http://", "http://x:y"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """With what one looks like."""
    with pytest.raises(Refused, match="ZG972"):
        ask_city(Asked(url, ""))
