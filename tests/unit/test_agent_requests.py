"""What may be asked: a closed set, bounded; and what comes out is what went in."""

import json

import pytest

from gateway.agent.requests import (
    LONGEST_LINE_BYTES,
    Ask,
    Request,
    files_of,
    json_line,
    parse_request,
    parse_word,
    problems_from,
    problems_json,
)
from gateway.agent.signed import delivered
from gateway.errors import Problem, Refused, Where, problem
from gateway.policy.documents import LARGEST_PLAN_BYTES

FILES = (("plan.yml", 3), ("release/release.json", 2))


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(Request(Ask.LOAD, FILES, 120), id="a delivery"),
        pytest.param(Request(Ask.CHECK, FILES), id="a question about one"),
        pytest.param(Request(Ask.PROVE), id="a proof"),
        pytest.param(Request(Ask.CONFIRM, revision=7), id="a confirmation"),
    ],
)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    """Both ends agree."""
    assert parse_request(request_.line()) == request_


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"[" * 100_000, id="nested without end"),
        pytest.param(b'{"request": "shell"}', id="something else"),
        pytest.param(b'{"request": "prove", "gateway": "other"}', id="a word too many"),
        pytest.param(b'{"request": "load"}', id="a delivery of nothing"),
        pytest.param(b'{"request": "prove", "files": [["a.yml", 1]]}', id="a proof with files"),
        pytest.param(b'{"request": "load", "files": [["a.yml", -1]]}', id="a negative size"),
        pytest.param(b'{"request": "load", "files": [["a.yml", true]]}', id="a size that is none"),
        pytest.param(b'{"request": "load", "files": [["a.yml", 99999999]]}', id="too large"),
        pytest.param(
            b'{"request": "load", "files": [["a.yml", 20000000], ["b.yml", 20000000]]}',
            id="too large together",
        ),
        pytest.param(b'{"request": "load", "files": [["a.yml", 1], ["a.yml", 1]]}', id="twice"),
        pytest.param(
            b'{"request": "load", "files": [["a.yml", 1]], "confirm_within": 99999}',
            id="a probation without end",
        ),
        pytest.param(b'{"request": "confirm", "revision": "7"}', id="a revision in quotes"),
        pytest.param(b'{"request": "load", "files": [["\\ud800.yml", 1]]}', id="a name no text"),
        pytest.param(b'{"request": "\\ud800"}', id="a request no text"),
    ],
)
def test_anything_else_is_refused(line: bytes) -> None:
    """What is not understood is not done."""
    with pytest.raises(Refused) as refused:
        parse_request(line)

    assert {p.code for p in refused.value.problems} == {"ZG806"}


def test_what_is_no_text_is_sent_all_the_same() -> None:
    """An interface may have any bytes for a name; saying so ends no service."""
    body = {"found": "x\udcff"}

    assert json.loads(json_line(body)) == body


def test_too_many_files_are_refused() -> None:
    """Before any of them is read."""
    files = [[f"{number}.yml", 0] for number in range(2_003)]

    with pytest.raises(Refused):
        parse_request(json.dumps({"request": "load", "files": files}).encode())


def test_a_policy_on_probation_hears_three_words() -> None:
    """A delivery is none of them."""
    assert parse_word(Request(Ask.ROLLBACK).line()).what == "rollback"
    with pytest.raises(Refused):
        parse_word(Request(Ask.CLOSE).line())


def test_files_are_cut_as_they_were_named() -> None:
    """No byte goes to another file."""
    assert files_of(Request(Ask.LOAD, FILES), b"abcde") == {
        "plan.yml": b"abc",
        "release/release.json": b"de",
    }


def test_problems_travel_whole() -> None:
    """Who asked hears them in their own language."""
    told = (
        problem("ZG505", Where("plan.yml", 3), given="a", highest="b"),
        problem("ZG804", stamp="x"),
    )

    assert problems_from(json.loads(json.dumps(problems_json(told)))) == told


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(
            tuple(problem("ZG602", table=f"inet {n:0200}", contents="-") for n in range(20_000)),
            id="too many",
        ),
        pytest.param((problem("ZG806", error="'\x01\U0010ffff" * 1_000_000),), id="too long"),
        pytest.param((problem("ZG002", Where("x" * 10_000_000)),), id="a name without end"),
    ],
)
def test_problems_without_end_fit_into_an_answer(told: tuple[Problem, ...]) -> None:
    """A line that is too long would be no answer, and the drift in it never put right."""
    line = json_line({"result": {"findings": problems_json(told)}})

    assert len(line) < LONGEST_LINE_BYTES
    assert problems_from(json.loads(line)["result"]["findings"])[0].code == told[0].code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("../plan.yml", "ZG003", id="out of the folder"),
        pytest.param("/etc/plan.yml", "ZG003", id="elsewhere"),
        pytest.param("a/./plan.yml", "ZG003", id="by a detour"),
        pytest.param("release/plan.yml", "ZG003", id="beside what was signed"),
        pytest.param("plan.sh", "ZG003", id="no document"),
        pytest.param("a\nb.yml", "ZG003", id="two lines"),
        pytest.param("x" * 300 + ".yml", "ZG003", id="a name without end"),
    ],
)
def test_a_file_that_no_plan_could_hold_is_refused(name: str, code: str) -> None:
    """Names come from outside, and are written to a disk later."""
    files = {"release/release.json": b"{}", "release/difference.json": b"{}", name: b""}

    with pytest.raises(Refused) as refused:
        delivered(files)

    assert {p.code for p in refused.value.problems} == {code}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({"plan.yml": b""}, "ZG301", id="unsigned"),
        pytest.param({"plan.yml": b"", "release/release.json": b"{}"}, "ZG315", id="no difference"),
        pytest.param(
            {"release/release.json": b"{}", "release/difference.json": b"{}"},
            "ZG002",
            id="no document",
        ),
        pytest.param(
            {
                "plan.yml": b"",
                "release/release.json": b"{}",
                "release/difference.json": b" " * (LARGEST_PLAN_BYTES + 1),
            },
            "ZG005",
            id="a difference that no folder could hold",
        ),
    ],
)
def test_a_delivery_that_no_folder_could_hold_is_refused(
    files: dict[str, bytes], code: str
) -> None:
    """As a folder would be."""
    with pytest.raises(Refused) as refused:
        delivered(files)

    assert {p.code for p in refused.value.problems} == {code}
