"""What strongSwan says over its socket is read exactly, or refused; nothing is guessed."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.vici import LONGEST_BYTES, Message, Vici, ViciRefused, decoded, encoded
from tests.strongswan import (
    CONFIRMED,
    RESPONSE,
    UNKNOWN_COMMAND,
    Daemon,
    event,
    packet,
    running,
    said,
)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has nothing to say yet."""
    with running(tmp_path / "vici") as daemon:
        yield daemon


#: As strongSwan's documentation writes it, byte by byte.
EXAMPLE: Message = {"key": "v", "list": ["a", "bc"], "inner": {"x": "", "deeper": {}}}
EXAMPLE_BYTES = bytes.fromhex(
    "03036b657900017604046c697374050001610500026263060105696e6e6572030178000001066465657065720202"
)


def test_a_message_is_written_as_it_is_documented() -> None:
    """And read the same way."""
    assert encoded(EXAMPLE) == EXAMPLE_BYTES
    assert decoded(EXAMPLE_BYTES) == EXAMPLE


_NAMES = st.text(min_size=1, max_size=20)
_MESSAGES: st.SearchStrategy[Message] = st.recursive(
    st.dictionaries(_NAMES, st.text(max_size=40) | st.lists(st.text(max_size=9)), max_size=4),
    lambda inner: st.dictionaries(_NAMES, inner, max_size=4),
)


@given(_MESSAGES)
def test_what_is_written_is_read_back(message: Message) -> None:
    """Also what is empty, and what is not English."""
    assert decoded(encoded(message)) == message


@given(_MESSAGES, st.data())
def test_a_message_that_was_cut_off_is_never_another(message: Message, data: st.DataObject) -> None:
    """It is refused, or is what stands before the cut, where that is whole."""
    whole = encoded(message)
    cut = whole[: data.draw(st.integers(0, len(whole)))]

    try:
        read = decoded(cut)
    except ViciRefused:
        return
    assert read.items() <= dict(message).items()


@given(st.binary(max_size=80))
def test_what_is_no_message_is_refused_and_nothing_else(body: bytes) -> None:
    """No other error, whatever comes."""
    with suppress(ViciRefused):
        assert isinstance(decoded(body), dict)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("0303", id="a name that is not there"),
        pytest.param("03036b6579ffff76", id="a value that is too short"),
        pytest.param("0303ffffff000176", id="a name that is no text"),
        pytest.param("0105696e6e6572", id="a section without an end"),
        pytest.param("02", id="an end without a section"),
        pytest.param("04046c69737405000161", id="a list without an end"),
        pytest.param("04046c697374030161000176", id="a value within a list"),
        pytest.param("0500016103", id="an item outside a list"),
        pytest.param("09", id="an element that there is not"),
    ],
)
def test_a_damaged_message_is_refused(body: str) -> None:
    """Byte by byte: each is wrong in one thing."""
    with pytest.raises(ViciRefused):
        decoded(bytes.fromhex(body))


def test_bytes_that_are_no_text_stay_bytes() -> None:
    """A certificate, for one."""
    assert decoded(said({"data": b"\x30\x82\xff"})) == {"data": b"\x30\x82\xff"}


# --- a conversation -------------------------------------------------------------------------------


def test_a_command_is_asked_and_answered(daemon: Daemon) -> None:
    """With what it was asked with, and in one conversation with the next."""
    daemon.replies = {"version": {"daemon": "charon"}, "terminate": {"success": "yes"}}

    with Vici(daemon.path) as vici:
        assert vici.ask("version") == {"daemon": "charon"}
        assert vici.ask("terminate", {"ike": "tax", "force": "yes"})["success"] == "yes"

    assert daemon.asked == [("version", {}), ("terminate", {"ike": "tax", "force": "yes"})]


def test_what_is_told_by_events_is_given_in_order(daemon: Daemon) -> None:
    """And what is asked next is not mistaken for one of them."""
    daemon.told = {"list-sas": [{"a": {"state": "UP"}}, {"b": {}}]}

    with Vici(daemon.path) as vici:
        assert vici.stream("list-sas", "list-sa") == [{"a": {"state": "UP"}}, {"b": {}}]
        assert vici.stream("list-conns", "list-conn") == []
        assert vici.ask("version") == {}


def test_what_the_daemon_did_not_do_is_refused_with_its_words(daemon: Daemon) -> None:
    """They are what a person needs."""
    daemon.replies = {"initiate": {"success": "no", "errmsg": "CHILD_SA config not found"}}

    with Vici(daemon.path) as vici, pytest.raises(ViciRefused, match="config not found"):
        vici.ask("initiate", {"child": "x"})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(packet(UNKNOWN_COMMAND), id="a command that it does not know"),
        pytest.param(packet(CONFIRMED), id="no answer but a confirmation"),
        pytest.param(packet(99), id="a kind of packet that there is not"),
        pytest.param(packet(RESPONSE, b"\3\3ke"), id="an answer that is damaged"),
        pytest.param(packet(RESPONSE, said(EXAMPLE))[:-3], id="an answer that is cut off"),
        pytest.param(struct.pack("!I", LONGEST_BYTES + 1), id="one that is too long"),
        pytest.param(struct.pack("!I", 2**32 - 1), id="one that would fill the memory"),
        pytest.param(struct.pack("!I", 0), id="one of no length"),
        pytest.param(b"\0\0", id="half a length"),
        pytest.param(b"", id="no answer at all"),
    ],
)
def test_an_answer_that_is_none_is_refused(daemon: Daemon, answer: bytes) -> None:
    """A conversation that breaks off is no answer that says nothing."""
    daemon.raw = {"version": answer, "list-sas": answer}

    with Vici(daemon.path) as vici, pytest.raises(ViciRefused):
        vici.ask("version")
    with Vici(daemon.path) as vici, pytest.raises(ViciRefused):
        vici.stream("list-sas", "list-sa")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(event("list-sa", {"a": {}}) + b"\0\0", id="in the middle of the next"),
        pytest.param(event("list-sa", {"a": {}}), id="before it has said that it is all"),
        pytest.param(packet(7, b"\7list-sa\1\1"), id="in an event that is damaged"),
        pytest.param(packet(7), id="in an event that is empty"),
    ],
)
def test_a_listing_that_breaks_off_is_refused(daemon: Daemon, answer: bytes) -> None:
    """Half of the links are not taken for all of them."""
    daemon.raw = {"list-sas": answer}

    with Vici(daemon.path) as vici, pytest.raises(ViciRefused):
        vici.stream("list-sas", "list-sa")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(packet(UNKNOWN_COMMAND), id="a command that it does not know"),
        pytest.param(packet(RESPONSE, said({"success": "no"})), id="a command that it did not do"),
    ],
)
def test_a_listing_that_was_refused_is_not_an_empty_one(daemon: Daemon, answer: bytes) -> None:
    """No link was listed, and that is not the same as no link."""
    daemon.raw, daemon.hangs_up = {"list-sas": answer}, False

    with Vici(daemon.path) as vici, pytest.raises(ViciRefused):
        vici.stream("list-sas", "list-sa")


def test_who_does_not_listen_is_refused_with_the_path(tmp_path: Path) -> None:
    """Nobody, and a file that is no socket."""
    (tmp_path / "file").touch()

    for name in ("nobody", "file"):
        with pytest.raises(ViciRefused, match=name):
            Vici(tmp_path / name)


def test_who_does_not_answer_is_not_waited_for_for_ever(daemon: Daemon) -> None:
    """A daemon that hangs does not hang the agent."""
    daemon.raw = {}
    with Vici(daemon.path) as first:
        first.ask("version")
        # It talks with one after the other, so the second waits.
        with Vici(daemon.path, timeout_seconds=0.1) as second, pytest.raises(ViciRefused):
            second.ask("version")


# --- listening ------------------------------------------------------------------------------------


def test_who_listens_is_told_in_order_and_waits_no_longer_than_it_said(daemon: Daemon) -> None:
    """And nothing was told is not the same as an empty event."""
    daemon.shouts = {"log": [{"msg": "one"}, {}]}

    with Vici(daemon.path) as vici:
        vici.listen("log")

        assert vici.heard(1) == {"msg": "one"}
        assert vici.heard(1) == {}
        assert vici.heard(0.01) is None
        assert vici.heard(-1) is None


def test_an_event_that_there_is_not_is_refused(daemon: Daemon) -> None:
    """Who waits for it would wait for ever."""
    daemon.shouts = {"log": []}

    with Vici(daemon.path) as vici, pytest.raises(ViciRefused, match="UNKNOWN_EVENT"):
        vici.listen("lgo")


def test_a_daemon_that_goes_away_is_no_silence(daemon: Daemon) -> None:
    """Who listens is told that nobody speaks any more."""
    daemon.raw = {"version": packet(CONFIRMED)}

    with Vici(daemon.path) as vici:
        vici.listen("log")
        with pytest.raises(ViciRefused):
            vici.ask("version")
        with pytest.raises(ViciRefused):
            vici.heard(1)
