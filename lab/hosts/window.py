"""A window into one host of a lab: what a browser on this machine asks here, the host hears itself.

It listens on this machine's loopback, passes on to one port of the host's own
loopback and to nothing else, and goes with the lab.
"""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Thread

from lab.namespace import inside

#: So many talks at once; others wait for their turn.
MOST_TALKS = 64

#: A talk in which nobody says anything ends.
SILENCE_SECONDS = 60.0

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 1 << 16

Connect = Callable[[], socket.socket]


@dataclass(frozen=True, slots=True)
class Window:
    """What is passed on: from a socket that listens, to whatever `connect` reaches."""

    listener: socket.socket
    connect: Connect

    def run(self) -> None:
        """Pass on, as long as it listens; a talk that fails ends alone."""
        room = BoundedSemaphore(MOST_TALKS)
        while True:
            room.acquire()
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            Thread(target=self._talk, args=(near, room), daemon=True).start()

    def _talk(self, near: socket.socket, room: BoundedSemaphore) -> None:
        try:
            with near, suppress(OSError), self.connect() as far:
                near.settimeout(SILENCE_SECONDS)
                far.settimeout(SILENCE_SECONDS)
                back = Thread(target=_pass_on, args=(far, near), daemon=True)
                back.start()
                _pass_on(near, far)
                back.join()
        finally:
            room.release()


def into(host: str, port: int) -> Connect:
    """Give what connects to a port of the loopback in a network namespace.

    The namespace is looked up each time: a host that was booted again has a new one.
    """

    def connect() -> socket.socket:
        return socket.create_connection((_LOOPBACK, port), SILENCE_SECONDS)

    return lambda: inside(host, connect)


def listen(port: int) -> socket.socket:
    """Listen on this machine's loopback, at that port or, where it is taken, at any."""
    try:
        return socket.create_server((_LOOPBACK, port))
    except OSError:
        return socket.create_server((_LOOPBACK, 0))


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(_CHUNK_BYTES):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def main(words: list[str]) -> int:
    """Be a window: a listening socket's number, the namespace, the port there."""
    number, namespace, port = words
    Window(socket.socket(fileno=int(number)), into(namespace, int(port))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
