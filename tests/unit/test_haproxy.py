"""What a program says at its control socket is believed where it was said to the end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.haproxy import Haproxy, HaproxyRefused


@contextmanager
def saying(folder: Path, answers: list[bytes]) -> Iterator[tuple[Haproxy, list[str]]]:
    """Answer one question after the other, then nobody any more; give who does, and the questions.

    A program that is killed in the middle of an answer, but when the test says so.
    """
    asked: list[str] = []
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "control.sock"))
    listening.listen()

    def answer() -> None:
        for each in answers:
            peer, _ = listening.accept()
            with peer:
                asked.append(peer.recv(1 << 16).decode())
                peer.sendall(each)
        listening.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield Haproxy(folder / "control.sock"), asked
    finally:
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"0x55 a b\n0x56 c", id="in a line"),
        pytest.param(b"0x55 a b\n", id="between two lines"),
    ],
)
def test_an_answer_that_is_cut_is_none(tmp_path: Path, answer: bytes) -> None:
    """Else entries that were not read would be taken for missing, or for nobody's."""
    with (
        saying(tmp_path, [answer]) as (haproxy, _),
        pytest.raises(HaproxyRefused, match=f"cut after {len(answer)} bytes"),
    ):
        haproxy.entries("/maps/grants.map")


@pytest.mark.parametrize(
    ("answer", "entries"), [(b"\n", {}), (b"0x55 a b\n0x56 c d\n\n", {"a": "b", "c": "d"})]
)
def test_a_whole_answer_is_taken(tmp_path: Path, answer: bytes, entries: dict[str, str]) -> None:
    """Nothing at all may be one."""
    with saying(tmp_path, [answer]) as (haproxy, _):
        assert haproxy.entries("/maps/grants.map") == entries


def test_what_was_wrong_first_is_told(tmp_path: Path) -> None:
    """Also where the program is gone before it could be tidied up after."""
    answers = [b"New version created: 7\n\n", b"unknown map identifier\n\n"]
    with (
        saying(tmp_path, answers) as (haproxy, asked),
        pytest.raises(HaproxyRefused, match="unknown map identifier"),
    ):
        haproxy.replace("/maps/grants.map", {"a": "b"})

    assert asked[1].startswith("add map @7 /maps/grants.map <<")


def test_what_is_not_taken_is_cleared_away(tmp_path: Path) -> None:
    """No half of a map is left for whoever commits next."""
    answers = [b"New version created: 7\n\n", b"no memory\n\n", b"\n"]
    with (
        saying(tmp_path, answers) as (haproxy, asked),
        pytest.raises(HaproxyRefused, match="no memory"),
    ):
        haproxy.replace("/maps/grants.map", {"a": "b"})

    assert asked[2] == "clear map @7 /maps/grants.map\n"
