"""What a line of the proxy says: a decision, or what it is instead; nothing is dropped."""

import json

import pytest

from gateway.observe.content import LARGEST, Kind, content_of
from gateway.observe.records import NOTHING_BEFORE, Record
from tests.decision_logs import NOW, decision, line, refusal

PLACE = (0, 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(decision(1), id="by a grant"),
        pytest.param(refusal(2), id="refused"),
        pytest.param(refusal(3, "no_policy", revision="", subject=""), id="without a policy"),
        pytest.param(refusal(4, status=-1), id="gone before the answer"),
        pytest.param(decision(5, path="/%E5%8A%9E/办件"), id="a path in Chinese"),
    ],
)
def test_a_decision_is_kept_whole(data: dict[str, object]) -> None:
    """With every field as the proxy wrote it."""
    found = content_of(line(data)[:-1], PLACE)

    assert found.kind is Kind.DECISION
    assert found.body == data


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(b"", "not_json", id="nothing"),
        pytest.param(b"[NOTICE] haproxy: ready", "not_json", id="words"),
        pytest.param(line(decision(1))[:80], "not_json", id="a part of a decision"),
        pytest.param(b"[" * 30_000, "not_json", id="nested without end"),
        pytest.param(b'{"id":"a","id":"b"}', "not_json", id="a key twice"),
        pytest.param(b"\0" * 40, "not_json", id="a hole"),
        pytest.param(b"[1]", "wrong_form", id="no object"),
        pytest.param(b'{"id":"city-gw.1.1"}', "wrong_form", id="few fields"),
        pytest.param(line(decision(1, more="x"))[:-1], "wrong_form", id="a field more"),
        pytest.param(line(decision(1, subject=None))[:-1], "wrong_form", id="no text"),
        pytest.param(line(decision(1, at=""))[:-1], "wrong_form", id="no time"),
        pytest.param(line(decision(1, at=1.5))[:-1], "wrong_form", id="a broken number"),
        pytest.param(line(decision(1, revision=True))[:-1], "wrong_form", id="no number"),
        pytest.param(line(decision(1, at=LARGEST + 1))[:-1], "wrong_form", id="beyond counting"),
        pytest.param(line(decision(0))[:-1], "wrong_form", id="counted from 0"),
        pytest.param(line(decision(1, id="city-gw.17"))[:-1], "wrong_form", id="no id"),
        pytest.param(line(decision(1, id=".17.1"))[:-1], "wrong_form", id="nobody's id"),
        pytest.param(line(decision(1, verdict="MAYBE"))[:-1], "wrong_form", id="no verdict"),
        pytest.param(line(decision(1, verdict="DROP"))[:-1], "wrong_form", id="a grant refuses"),
        pytest.param(
            line(decision(1, reason="no_grant"))[:-1], "wrong_form", id="accepted by no grant"
        ),
        pytest.param(line(refusal(1, "mood"))[:-1], "unknown_reason", id="a reason of no list"),
    ],
)
def test_what_is_no_decision_is_kept_as_what_it_is(text: bytes, why: str) -> None:
    """With its first characters, its length and its digest."""
    found = content_of(text, PLACE)

    assert (found.kind, found.body["why"]) == (Kind.UNREADABLE, why)
    assert found.body["bytes"] == len(text)
    assert text.decode().startswith(found.body["text"])


def test_a_client_cannot_hide_its_decision_behind_bytes_that_are_no_text() -> None:
    """A refused path may hold any byte; the decision stays one, and the line is kept too."""
    text = line(refusal(9, "not_canonical", path="/x"))[:-1].replace(b"/x", b"/\xff\xfe")

    found = content_of(text, PLACE)

    assert found.kind is Kind.DECISION
    assert found.body["id"].endswith(".9")
    assert "/\\xff\\xfe" in found.body["line"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/\u202e/x", id="a character that turns the line round"),
        pytest.param("/\x1b[2J", id="a command to a terminal"),
        pytest.param("/\ud800", id="half a character"),
        pytest.param('/"},{"id":"forged', id="an end of the text"),
    ],
)
def test_a_record_is_one_line_of_plain_characters(path: str) -> None:
    """Whatever a path holds; and it is read back as it was."""
    record = Record(3, "ab", Kind.DECISION, refusal(1, path=path), (7, 9), int(NOW))

    text = record.line()

    assert text.isascii()
    assert text.decode().isprintable()
    assert Record.read(text).body["path"] == path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: t.replace(b":", b": "), id="with spaces"),
        pytest.param(lambda t: b"{" + b'"time":1,' + t[1:], id="a key twice"),
        pytest.param(lambda t: t.replace(b'"record":3', b'"record":-3'), id="a number below 0"),
        pytest.param(lambda t: t.replace(b'"kind":"decision"', b'"kind":"x"'), id="no kind"),
        pytest.param(lambda t: t.replace(b'"raw":[7,9]', b'"raw":[7]'), id="half a place"),
        pytest.param(lambda t: json.dumps(json.loads(t)["body"]).encode(), id="the body alone"),
        pytest.param(lambda _: b"[]", id="no object"),
    ],
)
def test_a_record_is_read_in_one_way_only(change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a lambda of the table
    """What can be written in two ways could be altered unseen."""
    text = Record(3, NOTHING_BEFORE, Kind.DECISION, decision(1), (7, 9), int(NOW)).line()

    with pytest.raises(ValueError, match=r".*"):
        Record.read(change(text))


def unasked(**changes: object) -> dict[str, object]:
    """Give what the proxy says of somebody who shows no certificate."""
    return {
        "at": 1764118800123,
        "source": "10.11.1.9",
        "port": 443,
        "server_name": "business-city.svc.lab.internal",
        "authority": "",
        "name": "",
        "number": "",
        "serial": "",
        "certificate": 0,
        "above": 0,
        "tls": 0x0A0000C7,
        "connection": 34,
        "fault": "error:0A0000C7:SSL routines::peer did not return a certificate",
        "status": 0,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({}, "no_certificate", id="nothing shown"),
        pytest.param({"certificate": 20, "tls": 0x0A000086}, "untrusted_certificate", id="whose"),
        pytest.param({"above": 19, "tls": 0x0A000086}, "untrusted_certificate", id="whose above"),
        pytest.param({"certificate": 9}, "certificate_not_yet_valid", id="too early"),
        pytest.param({"certificate": 10}, "certificate_expired", id="too late"),
        pytest.param({"above": 10}, "certificate_expired", id="an authority too late"),
        pytest.param({"tls": 0x0A000102}, "no_tls", id="an older protocol"),
        pytest.param({"tls": 0, "connection": 30}, "no_tls", id="gone in the handshake"),
        pytest.param({"tls": 0, "connection": 0, "status": 408}, "incomplete", id="too slow"),
        pytest.param({"tls": 0, "connection": 0, "status": 400}, "malformed", id="no request"),
        pytest.param({"tls": 0, "connection": 0}, "malformed", id="no frame of HTTP/2"),
    ],
)
def test_who_did_not_get_as_far_as_a_request_is_refused_for_a_reason(
    changes: dict[str, object], reason: str
) -> None:
    """There is none for which none follows; all that the proxy knows is kept."""
    data = unasked(**changes)

    found = content_of(line(data)[:-1], PLACE)

    assert (found.kind, found.body["reason"], found.body["verdict"]) == (
        Kind.UNASKED, reason, "DROP",
    )  # fmt: skip
    assert found.body.items() >= data.items()


@pytest.mark.parametrize(
    "changes",
    [{"tls": ""}, {"certificate": "20"}, {"name": None}, {"more": 1}, {"status": 1.5}],
    ids=str,
)
def test_what_is_not_of_that_form_is_kept_as_a_line(changes: dict[str, object]) -> None:
    """A reason that followed from half of it would be none."""
    found = content_of(line(unasked(**changes))[:-1], PLACE)

    assert (found.kind, found.body["why"]) == (Kind.UNREADABLE, "wrong_form")
