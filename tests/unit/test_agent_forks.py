"""Who forks for each connection: one cannot harm another, and nobody stays for ever."""

import faulthandler
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.forks import Bounds, Forks
from gateway.agent.loader import Setup, serve
from gateway.agent.requests import Ask, Request
from gateway.agent.systemd import packages

PATIENCE_SECONDS = 60.0

#: What a child may leave behind in its memory.
MEMORY: list[str] = []


def obey(connection: socket.socket) -> int:
    """Do what one word asks, and tell who did it."""
    word = connection.recv(64).decode()
    before = list(MEMORY)
    MEMORY.append(word)
    told = {"process": os.getpid(), "memory": before, "began": 0}
    if word == "begin":
        told["began"] = subprocess.Popen(["sleep", "1000"]).pid
    if word == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    answer = json.dumps(told).encode() + b"\n"
    if word in {"stay", "begin", "stubborn"}:
        _stay(connection, answer)
        return 0
    connection.sendall(answer)
    if word == "raise":
        raise RuntimeError(word)
    return 0


def _stay(connection: socket.socket, answer: bytes) -> None:
    try:
        connection.sendall(answer)
        select.select([connection], [], [])
    except SystemExit:
        # What takes a policy back takes its time, and is not to be broken off.
        connection.sendall(b"goes back\n")
        connection.recv(1)
        connection.sendall(b"went back\n")
        raise


@dataclass
class Parent:
    """A process that forks for each connection to a socket, and those who talk with it."""

    file: Path
    listener: socket.socket
    process: int = 0
    closing: ExitStack = field(default_factory=ExitStack)

    def begins(
        self,
        work: Callable[[socket.socket], int] = obey,
        bounds: Bounds | None = None,
        is_current: Callable[[], bool] = lambda: True,
    ) -> None:
        """Be there, with the socket that was there before."""
        self.process = os.fork()
        if self.process == 0:
            faulthandler.disable()  # a fault of memory is what is tried
            try:
                Forks(self.listener, work, is_current, bounds or Bounds()).run()
            finally:
                os._exit(0)

    def connects(self) -> socket.socket:
        """Come as somebody else."""
        connection = self.closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(str(self.file))
        return connection

    def asks(self, word: str) -> tuple[socket.socket, dict[str, Any]]:
        """Ask for something, and hear who does it; nothing where nobody does."""
        connection = self.connects()
        with suppress(BrokenPipeError):
            connection.sendall(word.encode())
        return connection, json.loads(hear(connection) or b"{}")

    def is_gone(self) -> bool:
        """Wait until it has ended by itself."""
        handle = os.pidfd_open(self.process)
        ended, _, _ = select.select([handle], [], [], PATIENCE_SECONDS)
        os.close(handle)
        if ended:
            os.waitpid(self.process, 0)
            self.process = 0
        return bool(ended)

    def leaves(self) -> None:
        """End it, whatever was tried."""
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        self.closing.close()


@pytest.fixture(name="parent")
def _parent(tmp_path: Path) -> Iterator[Parent]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        parent = Parent(tmp_path / "socket", listener)
        yield parent
        parent.leaves()


def hear(connection: socket.socket) -> bytes:
    """Hear a line; nothing where the other end left."""
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:
        return b""


def runs(process: int) -> bool:
    """Tell whether a process is there and at work."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(holds: Callable[[], bool]) -> bool:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.01)
    return held


def opened(process: int) -> Counter[str]:
    """Give the sockets that a process has, and what it waits with."""
    links = []
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # by which this run itself looked
            links.append(str(each.readlink()))
    return Counter(link for link in links if link.startswith(("socket:", "anon_inode:")))


def called(connection: socket.socket) -> str:
    """Give what the kernel calls a socket."""
    return f"socket:[{os.fstat(connection.fileno()).st_ino}]"


def test_each_request_has_a_process_that_knows_nothing_of_another(parent: Parent) -> None:
    """Neither memory, nor connections, nor what the parent waits for."""
    # Whatever else this run has open is the parent's from its beginning, but for where it listens.
    of_this_run = opened(os.getpid()) - Counter([called(parent.listener)])
    parent.begins()

    _, first = parent.asks("stay")
    _, second = parent.asks("stay")

    assert len({first["process"], second["process"], parent.process}) == 3
    assert (first["memory"], second["memory"]) == ([], [])
    (own,) = opened(second["process"]) - of_this_run
    assert own.startswith("socket:")


def test_one_that_is_killed_stops_nobody_else_and_leaves_nothing(parent: Parent) -> None:
    """What it began ends with it."""
    parent.begins()
    staying, _ = parent.asks("stay")
    killed, told = parent.asks("begin")

    os.kill(told["process"], signal.SIGKILL)

    assert hear(killed) == b""
    assert until(lambda: not runs(told["began"]))
    assert parent.asks("who")[1]["process"]
    assert select.select([staying], [], [], 0)[0] == []


def test_one_that_raises_becomes_no_second_parent(parent: Parent) -> None:
    """It ends, and the next is answered by a child of the same parent."""
    parent.begins()

    _, told = parent.asks("raise")

    assert until(lambda: not runs(told["process"]))
    _, after = parent.asks("stay")
    status = Path(f"/proc/{after['process']}/status").read_text()
    assert f"PPid:\t{parent.process}\n" in status


def test_a_fifth_is_turned_away_until_one_of_four_leaves(parent: Parent) -> None:
    """At once, as by systemd: who asks need not wait to learn it."""
    parent.begins()
    four = [parent.asks("stay")[0] for _ in range(4)]

    assert hear(parent.connects()) == b""
    four.pop().close()
    assert until(lambda: bool(parent.asks("who")[1]))


def test_who_is_told_to_end_lets_everybody_go_back_first(parent: Parent) -> None:
    """Told a second time nobody is broken off; and who comes now is for the next parent."""
    parent.begins()
    staying, told = parent.asks("stay")

    os.kill(parent.process, signal.SIGTERM)
    assert hear(staying) == b"goes back\n"
    for process in (parent.process, told["process"]):
        os.kill(process, signal.SIGTERM)
    waiting = parent.connects()
    waiting.sendall(b"who")
    staying.sendall(b".")

    assert hear(staying) == b"went back\n"
    assert parent.is_gone()
    assert select.select([waiting], [], [], 0)[0] == []
    parent.begins()
    assert json.loads(hear(waiting))["memory"] == []


@pytest.mark.parametrize(
    ("word", "heard"),
    [
        pytest.param("stay", b"goes back\n", id="it is told to end, and killed if it stays"),
        pytest.param("stubborn", b"", id="it does not hear, and is killed"),
    ],
)
def test_nobody_is_at_work_for_ever(parent: Parent, word: str, heard: bytes) -> None:
    """Longer than the longest probation is too long."""
    parent.begins(bounds=Bounds(longest_seconds=0.3, farewell_seconds=1.0))

    connection, told = parent.asks(word)

    assert hear(connection) == heard
    assert until(lambda: not runs(told["process"]))
    assert parent.asks("who")[1]["process"]


def test_with_new_programs_it_ends_when_nobody_is_at_work(parent: Parent, tmp_path: Path) -> None:
    """Nobody is told to end for it; who comes meanwhile has the new ones."""
    status = tmp_path / "status"
    status.write_text("before")
    parent.begins(is_current=packages(status))
    staying, _ = parent.asks("stay")

    (tmp_path / "new").write_text("after")
    (tmp_path / "new").rename(status)
    waiting = parent.connects()
    waiting.sendall(b"who")

    assert select.select([staying, waiting], [], [], 0.5)[0] == []
    staying.close()
    assert parent.is_gone()
    parent.begins()
    assert json.loads(hear(waiting))["process"]


@pytest.mark.parametrize(
    ("number", "ends"),
    [
        pytest.param(signal.SIGSEGV, True, id="by a fault of memory"),
        pytest.param(signal.SIGABRT, True, id="by a check of memory"),
        pytest.param(signal.SIGKILL, False, id="by somebody who kills"),
    ],
)
def test_after_a_fault_of_memory_there_is_another_parent(
    parent: Parent, number: signal.Signals, *, ends: bool
) -> None:
    """Its children have one layout of memory: nobody may try again and again where things lie."""
    parent.begins()
    connection, told = parent.asks("stay")

    os.kill(told["process"], number)

    assert hear(connection) == b""
    assert parent.is_gone() if ends else parent.asks("who")[1]["process"]


def test_a_stranger_is_refused_whatever_they_ask(parent: Parent) -> None:
    """The kernel says who they are."""
    parent.begins(lambda connection: serve(connection, Setup(), frozenset({os.getuid() + 1})))

    connection = parent.connects()
    connection.sendall(Request(Ask.PROVE).line())

    assert [each["code"] for each in json.loads(hear(connection))["refused"]] == ["ZG807"]
    assert hear(connection) == b""


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"request": "prove"', id="half a line"),
        pytest.param(Request(Ask.LOAD, (("a.yml", 10),)).line(), id="no file that was announced"),
    ],
)
def test_who_stays_silent_is_not_waited_for(parent: Parent, said: bytes) -> None:
    """And whoever comes next is served."""
    setup = Setup(arrival_seconds=0.3)
    parent.begins(lambda connection: serve(connection, setup, frozenset({os.getuid()})))

    connection = parent.connects()
    connection.sendall(said)

    assert [each["code"] for each in json.loads(hear(connection))["refused"]] == ["ZG806"]
    assert hear(connection) == b""
