"""Connections that never block: lines in both directions, bounded.

For the agent's two kinds of talk: with the loader, of which there is one at a
time, and with whoever asks the agent.
"""

import json
import socket
from dataclasses import dataclass, field
from typing import Any

from gateway.agent.requests import (
    LARGEST_DELIVERY_BYTES,
    LONGEST_LINE_BYTES,
    Ask,
    Request,
    parse_request,
)
from gateway.errors import Refused, problem

_CHUNK_BYTES = 1 << 18

#: What one who does not read what is answered may leave unread.
_MOST_UNREAD_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Talk:
    """One connection; `gone` once the other end has ended it or broke a bound."""

    connection: socket.socket
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    gone: bool = False

    def __post_init__(self) -> None:
        """Never wait for the other end."""
        self.connection.settimeout(0)

    def read(self, limit: int) -> None:
        """Take what has come; more than the limit at once ends the talk."""
        try:
            chunk = self.connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self.gone = True
            return
        self.received += chunk
        if not chunk or len(self.received) > limit:
            self.gone = True

    def lines(self) -> list[dict[str, Any]]:
        """Give the whole lines that have come, as JSON; what is none ends the talk."""
        *whole, rest = bytes(self.received).split(b"\n")
        self.received = bytearray(rest)
        found: list[dict[str, Any]] = []
        for line in whole:
            try:
                body = json.loads(line)
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict):
                self.gone = True
                return found
            found.append(body)
        return found

    def send(self, content: bytes) -> None:
        """Send as much as the other end takes; keep the rest for later."""
        self.unsent += content
        self.flush()

    def flush(self) -> None:
        """Go on sending."""
        try:
            while self.unsent:
                sent = self.connection.send(self.unsent[:_CHUNK_BYTES])
                del self.unsent[:sent]
        except BlockingIOError:
            return
        except OSError:
            self.gone = True

    @property
    def too_slow(self) -> bool:
        """Tell whether the other end does not read."""
        return len(self.unsent) > _MOST_UNREAD_BYTES


@dataclass(slots=True)
class Client:
    """Somebody who asks the agent; `user` is who the kernel says it is."""

    talk: Talk
    user: int
    until: float
    request: Request | None = None
    content: bytes = b""
    waiting: bool = False

    def take(self) -> bool:
        """Take what has come; tell whether the request is whole now.

        Raises:
            Refused: ZG806, it is none.
        """
        self.talk.read(LONGEST_LINE_BYTES + LARGEST_DELIVERY_BYTES)
        if self.request is None:
            line, end, rest = bytes(self.talk.received).partition(b"\n")
            if not end:
                if len(line) > LONGEST_LINE_BYTES:
                    raise Refused(problem("ZG806", error=f"> {LONGEST_LINE_BYTES}"))
                return False
            self.request = parse_request(line)
            self.talk.received = bytearray(rest)
        if len(self.talk.received) < self.request.size:
            return False
        self.content = bytes(self.talk.received[: self.request.size])
        self.talk.received.clear()
        return True


@dataclass(slots=True)
class Job:
    """One piece of work that the loader is doing, and for whom."""

    ask: Ask
    talk: Talk
    began: float
    until: float
    client: Client | None = None
    probation: dict[str, Any] | None = None
    words_from: list[Client] = field(default_factory=list)
