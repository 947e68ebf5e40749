"""What a test of links is put together from: knocking, listening, comparing, and the verdict."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any

import pytest

from gateway.agent.links import LinkState
from gateway.catalogue.link import TEXTS
from gateway.cli.main import main
from gateway.diagnose.carried import carries_less
from gateway.diagnose.knock import Answer, knock
from gateway.diagnose.talk import Heard, Sorter
from gateway.diagnose.verdict import CAUSES, Cause, End, Evidence, Verdict
from gateway.errors import ExitStatus, Language, problem

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HERE = IPv6Address("::1")
STATE = LinkState("tax", "tax-gw.gw.lab.internal", True, 60, 12, 14, 1200, 1400)  # noqa: FBT003 - it stands


# --- knocking -------------------------------------------------------------------------------------


@contextmanager
def peer(*answers: bytes) -> Iterator[int]:
    """Somebody who gives answers to whoever knocks; each `%` stands for what identifies it."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listening:
        listening.bind((str(HERE), 0))
        listening.settimeout(5)

        def answer() -> None:
            asked, sender = listening.recvfrom(2048)
            for each in answers:
                listening.sendto(each.replace(b"%", asked[:8]), sender)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            thread.join(5)


def test_who_answers_a_knock_is_there() -> None:
    """It is known by the number that it was asked with, whatever else comes."""
    with peer(b"something of somebody else", b"%" + bytes(28)) as port:
        assert knock(HERE, HERE, port) is Answer.IKE


def test_an_answer_to_somebody_else_is_none() -> None:
    """A stranger's packets do not make a peer."""
    with peer(bytes(36)) as port:
        assert knock(HERE, HERE, port) is Answer.SILENCE


def test_a_closed_port_is_not_silence() -> None:
    """The host is there, and nobody listens."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken:
        taken.bind((str(HERE), 0))
        port = taken.getsockname()[1]

    assert knock(HERE, HERE, port) is Answer.NO_PROGRAM


# --- listening ------------------------------------------------------------------------------------


def heard(name: str = "tax", end: str = "fd5f::3", *, before: LinkState | None = None) -> Heard:
    """One link to listen for."""
    return Heard(name, IPv6Address(end), begins=True, before=before)


def said(line: str, number: str = "", name: str = "") -> dict[str, Any]:
    """A line as strongSwan tells it."""
    numbered = {"ikesa-uniqueid": number} if number else {}
    return {"group": "IKE", "msg": line, **numbered, **({"ikesa-name": name} if name else {})}


def test_a_line_goes_to_the_link_that_it_is_about() -> None:
    """By its name, by the peer's address, or by the number that either came with."""
    one, two = heard("tax", "fd5f::3"), heard("hall", "fd5f::13")
    sorter = Sorter([one, two])

    for event in (
        said("first", "1", "tax"),
        said("parsed IKE_SA_INIT request 0 [ SA ]", "2"),
        said("fd5f::13 is initiating an IKE_SA", "2", "(unnamed)"),
        said("no matching peer config found", "2"),
        said("ignoring IKE_SA setup from fd5f::3, per-IP half-open IKE_SA limit of 10 reached"),
        said("about nobody that we know", "3"),
        said("received packet: from fd5f::133[500] to fd5f::2[500]", "4"),
    ):
        sorter.take(event, 1.0)

    assert [line.partition(" ")[0] for line in one.lines] == ["first", "ignoring"]
    assert [line.partition(" ")[0] for line in two.lines] == ["parsed", "fd5f::13", "no"]


def test_a_link_that_stands_is_waited_for_until_it_is_answered() -> None:
    """What we say ourselves is no answer."""
    link = heard(before=STATE)

    link.hear("sending packet: from fd5f::2[4500] to fd5f::3[4500]", 1.0)
    assert not link.is_done(9.0)
    link.hear("parsed INFORMATIONAL response 4 [ ]", 10.0)
    assert link.is_done(10.0)


def test_a_link_that_is_down_is_waited_for_until_nothing_more_is_said() -> None:
    """The first word of a refusal is not always the one that says why."""
    link = heard()

    assert not link.is_done(1.0)
    link.hear("retransmit 1 of request with message ID 0", 1.0)
    assert not link.is_done(5.0)
    link.hear("received AUTHENTICATION_FAILED notify error", 5.0)
    assert not link.is_done(5.1)
    assert link.is_done(6.0)


# --- what is carried ------------------------------------------------------------------------------


def connection(local: list[str], remote: list[str]) -> dict[str, Any]:
    """What a link was asked to carry."""
    return {"children": {"tax": {"local-ts": local, "remote-ts": remote}}}


def association(local: list[str], remote: list[str], state: str = "INSTALLED") -> dict[str, Any]:
    """What was agreed."""
    return {"child-sas": {"tax-1": {"state": state, "local-ts": local, "remote-ts": remote}}}


ASKED = connection(["10.1.0.0/24", "10.1.1.0/24", "fd00:1::/64"], ["0.0.0.0..10.0.255.255"])


@pytest.mark.parametrize(
    ("agreed", "expected"),
    [
        pytest.param(
            association(["10.1.0.0/23", "fd00:1::/64"], ["0.0.0.0/5", "8.0.0.0/7", "10.0.0.0/16"]),
            False,
            id="the same, written otherwise",
        ),
        pytest.param(
            association(["10.1.0.0/24", "fd00:1::/64"], ["0.0.0.0..10.0.255.255"]),
            True,
            id="a network less",
        ),
        pytest.param(
            association(["10.1.0.0/23"], ["0.0.0.0..10.0.255.255"]), True, id="a family less"
        ),
        pytest.param(
            association(["10.1.0.0/23", "fd00:1::/64"], ["0.0.0.0..10.0.255.254"]),
            True,
            id="an address less",
        ),
        pytest.param(
            association(["10.1.0.0/24"], ["0.0.0.0/0"], "REKEYED"), False, id="one that has gone"
        ),
    ],
)
def test_a_link_that_carries_less_is_seen(agreed: dict[str, Any], expected: bool) -> None:  # noqa: FBT001 - an example of a table
    """Compared by addresses, not by how they are written."""
    assert carries_less(ASKED, agreed) is expected


# --- the verdict ----------------------------------------------------------------------------------


def test_every_fault_has_a_cause_and_an_end() -> None:
    """But the one that says that there is no such link."""
    assert CAUSES.keys() == TEXTS.keys() - {"ZG900"}


def test_a_fault_is_told_to_a_machine_in_both_languages() -> None:
    """With the next step, and what it was seen by."""
    found = problem("ZG902", peer="tax", interface="l-tax")
    body = Verdict("tax", found, (Evidence("l-tax", "UP NO-CARRIER"),), NOW).as_json()

    assert (body["passes"], body["cause"], body["end"]) == (False, Cause.LINE, End.BETWEEN)
    assert body["problem"] == found.as_json()
    assert body["next"] == {each: found.advice(each) for each in Language}
    assert body["evidence"] == [{"what": "l-tax", "found": "UP NO-CARRIER"}]
    assert body["since"] is None


def test_a_link_that_stands_is_told_with_since_when_and_what_passed() -> None:
    """The time is worked out from how long strongSwan has had it."""
    body = Verdict("tax", None, (), NOW, STATE).as_json()

    assert body["passes"]
    assert body["since"] == "2026-11-23T08:59:00+00:00"
    assert (body["packets_in"], body["packets_out"]) == (12, 14)
    assert Verdict("tax", None, (), NOW, replace(STATE, is_up=False)).since is None


def test_only_root_may_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has links begun."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert main(["link", "test", "--lang", "en"]) == ExitStatus.REFUSED
    assert "ZG703" in capsys.readouterr().err
