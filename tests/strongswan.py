"""A small daemon that speaks strongSwan's VICI protocol, and says what a test wants said.

The protocol is written here once more, and not with our client's words: what one
of the two has wrong, the other shows.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from gateway.vici import Section, decoded

REQUEST, RESPONSE, UNKNOWN_COMMAND, REGISTER, UNREGISTER, CONFIRMED, UNKNOWN_EVENT, EVENT = range(8)

Said: TypeAlias = Mapping[str, Any]


def said(message: Said) -> bytes:
    """Write a message: sections in sections, lists, and values."""
    parts = []
    for name, value in message.items():
        key = bytes([len(name)]) + name.encode()
        if isinstance(value, Mapping):
            parts.append(b"\1" + key + said(value) + b"\2")
        elif isinstance(value, list):
            items = b"".join(b"\5" + _value(item) for item in value)
            parts.append(b"\4" + key + items + b"\6")
        else:
            parts.append(b"\3" + key + _value(value))
    return b"".join(parts)


def packet(kind: int, body: bytes = b"") -> bytes:
    """Write a packet as it goes over the socket."""
    return struct.pack("!IB", 1 + len(body), kind) + body


def event(name: str, message: Said) -> bytes:
    """Write an event as it goes over the socket."""
    return packet(EVENT, bytes([len(name)]) + name.encode() + said(message))


def _value(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return struct.pack("!H", len(content)) + content


@dataclass(slots=True)
class Daemon:
    """What it says: things told by events, and by event; and what it was asked.

    `heard` is told of each question before it is answered.
    `shouts` are what it tells of an event as soon as somebody listens for it.
    `raw` is what it puts on the wire for a command, whatever that is, before it hangs up.
    """

    path: Path
    told: dict[str, list[Said]] = field(default_factory=dict)
    replies: dict[str, Said] = field(default_factory=dict)
    shouts: dict[str, list[Said]] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, Section]] = field(default_factory=list)
    hangs_up: bool = True
    heard: Callable[[str], None] | None = None

    def commands(self) -> list[str]:
        """Give the commands alone, without questions."""
        asks = ("list-", "stats")
        return [name for name, _ in self.asked if not name.startswith(asks)]

    def serve(self, listening: socket.socket) -> None:
        """Answer one after the other, until nobody listens any more."""
        while True:
            try:
                talking, _ = listening.accept()
            except OSError:
                return
            with talking, suppress(OSError):
                self._talk(talking)

    def _talk(self, talking: socket.socket) -> None:
        while True:
            head = _exactly(talking, 4)
            if not head:
                return
            body = _exactly(talking, int.from_bytes(head))
            kind, name, rest = body[0], body[2 : 2 + body[1]].decode(), body[2 + body[1] :]
            if kind in (REGISTER, UNREGISTER):
                known = not self.shouts or name in self.shouts
                talking.sendall(packet(CONFIRMED if known else UNKNOWN_EVENT))
                for one in self.shouts.get(name, ()) if kind == REGISTER else ():
                    talking.sendall(event(name, one))
                continue
            self.asked.append((name, decoded(rest)))
            if self.heard is not None:
                self.heard(name)
            if name in self.raw:
                talking.sendall(self.raw[name])
                if self.hangs_up:
                    return
                continue
            for one in self.told.get(name, ()):
                talking.sendall(event(name.removesuffix("s"), one))
            talking.sendall(packet(RESPONSE, said(self.replies.get(name, {}))))


@contextmanager
def running(path: Path) -> Iterator[Daemon]:
    """Have one running for a while, at a path."""
    daemon = Daemon(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=daemon.serve, args=(listening,), daemon=True)
        thread.start()
        try:
            yield daemon
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _exactly(talking: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count:
        more = talking.recv(count - len(received))
        if not more:
            return b""
        received += more
    return received
