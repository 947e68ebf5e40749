"""Takes what is posted, on a socket that systemd opened: on this host, or by mutual TLS 1.3."""

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gateway.journal import journal
from gateway.observe.scrape import Credentials, names_shown

_LARGEST_BYTES = 1 << 20
_SILENCE_SECONDS = 5.0
_TURN_SECONDS = 1.0

#: What a body of another form makes of reading it.
WRONG_FORM = (KeyError, TypeError, ValueError, AttributeError)

Hear = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Senders:
    """Who may post from the network: by the names in their certificates."""

    credentials: Credentials
    names: frozenset[str]


class Hearing(ThreadingHTTPServer):
    """Has everything that is posted heard; `hear` raises one of WRONG_FORM for what it is not."""

    daemon_threads = True
    timeout = _TURN_SECONDS
    # It opens one to throw it away, and may open none of the network's.
    address_family = socket.AF_UNIX

    def __init__(
        self, listening: socket.socket, hear: Hear, senders: Senders | None = None
    ) -> None:
        """Take over a socket that listens."""
        super().__init__(listening.getsockname()[:2], _Post, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.hear, self._senders = hear, senders

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Hear, as long as it goes on; that is asked every second."""
        while goes_on():
            self.handle_request()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's
        """Answer one connection, in a thread of its own; a name that may not post is refused."""
        request.settimeout(_SILENCE_SECONDS)
        if self._senders is None:
            super().finish_request(request, client_address)
            return
        # Who shows no certificate, or breaks off, is nobody: there is nothing to say of him.
        with (
            suppress(OSError),
            self._senders.credentials.context().wrap_socket(request, server_side=True) as secured,
        ):
            shown = names_shown(secured.getpeercert() or {})
            if shown.isdisjoint(self._senders.names):
                journal({"refused": "name", "shown": sorted(shown)})
                return
            super().finish_request(secured, client_address)


class _Post(BaseHTTPRequestHandler):
    """One request and its answer."""

    server_version, sys_version = "Loushan", ""
    server: Hearing

    def do_POST(self) -> None:
        """Have a body heard; what is of another form would be so the next time, too."""
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 < length <= _LARGEST_BYTES:
                raise ValueError(length)
            self.server.hear(json.loads(self.rfile.read(length)))
        except WRONG_FORM as fault:
            journal({"refused": "form", "why": f"{type(fault).__name__}: {fault}"})
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: a line for each post tells nobody anything."""
