"""Answers whoever may read the metrics, by mutual TLS 1.3, on sockets that systemd opened.

The certificate must be of the authority of services, whose own certificate is
the only one trusted here, and bear a reader's name.  It is judged anew at each
scrape: there is one request to a connection, and no connection is resumed.
The process can open no socket of its own.
"""

import selectors
import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any

from gateway.errors import Refused, Where, problem
from gateway.journal import journal

#: How long who asks may be silent, and how many are heard at once; others are sent away.
SILENCE_SECONDS = 5.0
MOST_READERS = 16

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TURN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The exporter's own certificate with its key, and the one authority of those who ask."""

    identity: Path
    authority: Path

    def context(self) -> ssl.SSLContext:
        """Give what a handshake needs, from the files as they are now: they are renewed.

        Raises:
            Refused: ZG991, they cannot be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        # An authority below the root is trusted for itself, and the root's others are not.
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.num_tickets = 0
        try:
            context.load_verify_locations(self.authority)
            context.load_cert_chain(self.identity)
        except OSError as fault:
            where = Where(str(self.identity))
            raise Refused(problem("ZG991", where, error=fault)) from fault
        return context


@dataclass(slots=True)
class Exporter:
    """Answers `readers` with what is given for a port at that moment; or not, where that raises."""

    credentials: Credentials
    readers: frozenset[str]
    texts: Mapping[int, Callable[[], bytes]]
    _room: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_READERS))

    def run(self, listeners: Iterable[socket.socket], goes_on: Callable[[], bool]) -> None:
        """Answer, as long as it goes on; that is asked now and then."""
        selector = selectors.DefaultSelector()
        for each in listeners:
            each.settimeout(0)
            selector.register(each, selectors.EVENT_READ)
        while goes_on():
            for key, _ in selector.select(_TURN_SECONDS):
                self._accept(key.fileobj)

    def _accept(self, listener: Any) -> None:  # noqa: ANN401 - what was registered: a socket
        with suppress(OSError):
            connection, address = listener.accept()
            if not self._room.acquire(blocking=False):
                connection.close()
                return
            Thread(target=self._hear, args=(connection, address), daemon=True).start()

    def _hear(self, connection: socket.socket, address: object) -> None:
        try:
            connection.settimeout(SILENCE_SECONDS)
            with self.credentials.context().wrap_socket(connection, server_side=True) as secured:
                shown = names_shown(secured.getpeercert() or {})
                may_read = not shown.isdisjoint(self.readers)
                if not may_read:
                    journal({"refused": "name", "shown": sorted(shown)})
                text = self.texts.get(secured.getsockname()[1]) if may_read else None
                _Answer(secured, address, text)
        except Refused as refused:
            journal({"refused": [each.as_json() for each in refused.problems]})
        except OSError as fault:
            journal({"refused": "connection", "why": f"{type(fault).__name__}: {fault}"})
        finally:
            connection.close()
            self._room.release()


class _Answer(BaseHTTPRequestHandler):
    """One request and its answer."""

    server_version, sys_version = "Loushan", ""

    def __init__(
        self, connection: ssl.SSLSocket, address: object, text: Callable[[], bytes] | None
    ) -> None:
        self._text = text
        super().__init__(connection, address, None)  # type: ignore[arg-type]  # no server asks

    def do_GET(self) -> None:
        """Give the metrics to who may read them."""
        if self._text is None:
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        if self.path != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            body = self._text()
        except OSError as fault:
            journal({"cannot_tell": f"{type(fault).__name__}: {fault}"})
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", _CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: a line for each scrape tells nobody anything."""


def names_shown(certificate: Mapping[str, Any]) -> set[str]:
    """Give the hosts' names of a certificate that was verified."""
    names = certificate.get("subjectAltName", ())
    return {str(value) for kind, value in names if kind == "DNS"}
