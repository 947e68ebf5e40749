"""The service that says which BPF programs meet packets: it reads nothing, and ends when old."""

import json
import socket
import threading
from collections.abc import Iterator
from itertools import chain, cycle
from pathlib import Path

import pytest

from gateway.agent import programs
from gateway.verify.bpf import Attached


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run it until it has served three."""
    monkeypatch.setattr(programs, "answer", lambda: b"[]\n")
    file = tmp_path / "programs.sock"
    is_current = chain((True, True, True), cycle((False,)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        listener.listen()
        serving = threading.Thread(
            target=programs.serve, args=(listener, lambda: next(is_current)), daemon=True
        )
        serving.start()
        yield file
        serving.join(10)
        assert not serving.is_alive()


def ask(place: Path, said: bytes = b"") -> bytes:
    """Connect, say something, and take what comes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(place))
        if said:
            connection.sendall(said)
        with connection.makefile("rb") as answer:
            return answer.read()


def test_one_after_the_other_is_answered_until_it_is_old(place: Path) -> None:
    """Also after one that went away, and whatever one says."""
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(str(place))
    assert ask(place) == b"[]\n"
    assert ask(place) == b"[]\n"


def test_what_is_found_is_told() -> None:
    """As who asks reads it."""
    found = [Attached("netfilter link at forward", 0), Attached("tcx link", 7)]

    told = json.loads(programs.answer(lambda: found))

    assert told == [["netfilter link at forward", 0], ["tcx link", 7]]


def test_a_kernel_that_does_not_tell_is_no_answer() -> None:
    """Nobody takes it for an empty list: it is not JSON, and the prover has a finding."""

    def refused() -> list[Attached]:
        raise PermissionError(1, "Operation not permitted")

    said = programs.answer(refused)

    assert b"Operation not permitted" in said
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(said)
