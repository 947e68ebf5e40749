"""A window into a host of the lab: this machine's browser reaches one port of it, and no other."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread

import pytest

from lab import namespace
from lab.hosts import window
from lab.hosts.window import Window, into, listen
from tests.repo.tree import ROOT

pytestmark = pytest.mark.kernel

PORT, OTHER = 8470, 8471
PATIENCE_SECONDS = 20


@pytest.fixture(name="host")
def a_namespace() -> Iterator[str]:
    """Make the network of a host that has nothing but its loopback."""
    name = f"lst-window{os.getpid()}"
    namespace.add([name])
    try:
        namespace.ip(["link set lo up"], name)
        yield name
    finally:
        namespace.remove([name])


@contextmanager
def answering(host: str, port: int, said: bytes) -> Iterator[None]:
    """Have somebody answer on the host's own loopback, with what was asked after it."""
    listener = namespace.inside(host, lambda: socket.create_server(("127.0.0.1", port)))

    def answer() -> None:
        while True:
            try:
                talk, _ = listener.accept()
            except OSError:
                return
            with talk:
                talk.sendall(said + talk.recv(64))

    Thread(target=answer, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def asked(port: int, words: bytes = b"?") -> bytes:
    """Ask on this machine's loopback; give all that is answered, nothing where that is refused."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as talk:
        try:
            talk.sendall(words)
            talk.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: talk.recv(4096), b""))
        except ConnectionError:
            return b""


@contextmanager
def opened(host: str, port: int) -> Iterator[int]:
    """Run a window as `lab open` does: a process of its own; give its port here."""
    with listen(0) as listener:
        near = listener.getsockname()[1]
        number = listener.fileno()
        command = [sys.executable, "-m", "lab.hosts.window", str(number), host, str(port)]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[number])
    try:
        yield near
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def test_a_window_leads_to_one_port_of_the_host(host: str) -> None:
    """Many talks at once; each is whole."""
    with answering(host, PORT, b"page "), opened(host, PORT) as near:
        assert [asked(near, f"{n}".encode()) for n in range(20)] == [
            f"page {n}".encode() for n in range(20)
        ]


def test_it_leads_nowhere_else(host: str) -> None:
    """Neither to another port of the host, nor to this machine's own."""
    with answering(host, OTHER, b"other"), opened(host, PORT) as near:
        assert asked(near) == b""


def test_it_listens_on_this_machines_loopback_alone(host: str) -> None:
    """No network of this machine comes to it."""
    with ExitStack() as stack:
        listener = stack.enter_context(listen(0))
        assert listener.getsockname()[0] == "127.0.0.1"
        taken = stack.enter_context(listen(listener.getsockname()[1]))

        assert taken.getsockname()[0] == "127.0.0.1"
        assert taken.getsockname() != listener.getsockname()
    assert host


def test_a_talk_that_is_silent_ends(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So nobody keeps all places."""
    monkeypatch.setattr(window, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(window, "MOST_TALKS", 1)
    with answering(host, PORT, b"page "), listen(0) as listener:
        near = listener.getsockname()[1]
        passing = Window(listener, into(host, PORT))
        thread = Thread(target=passing.run, daemon=True)
        thread.start()
        silent = socket.create_connection(("127.0.0.1", near), PATIENCE_SECONDS)
        with silent, suppress(ConnectionError):
            while silent.recv(64):
                pass

        assert asked(near) == b"page ?"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_SECONDS)
