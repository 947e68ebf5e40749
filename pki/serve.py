"""Answer on the network: one process, one thread for each connection, TLS in the thread.

The HTTP is werkzeug's and Python's.  Its server would shake hands where it
accepts, so one silent client could stop all others; here each has its own
thread and a time limit.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from pki.errors import Code, PkiRefused
from pki.state import CERTIFICATE, KEY, ROOT, State

#: How long a client may be silent.
_SILENCE_SECONDS = 15

#: Every gateway of a city waits for news here; a process may have 1024 files open.
_MOST_CONNECTIONS = 900
_LAST_PORT = 65_535

#: X509_V_FLAG_NO_CHECK_TIME: the end of a client's certificate is judged with its grace.
_NO_CHECK_TIME = 0x200000


class Handler(WSGIRequestHandler):
    """One connection; what is done is logged by the application."""

    timeout = _SILENCE_SECONDS
    server_version = "Loushan"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing: a line for each request is in the application's log."""


class Server(ThreadedWSGIServer):
    """Listens on one socket; with `tls` every connection is one of TLS."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, app: Flask, tls: "TlsFiles | None") -> None:
        """Serve an application on a socket that listens already."""
        host, port = listening.getsockname()[:2]
        super().__init__(host, port, app, Handler, fd=listening.fileno())
        listening.close()
        self._tls = tls
        self._room = BoundedSemaphore(_MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's own
        """Wait for room: more than so many connections are let stand in the queue."""
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Give the room back, whatever happened."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Shake hands in the connection's own thread, and answer."""
        request.settimeout(_SILENCE_SECONDS)
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        with self._tls.context().wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as above
        """Say nothing of connections that broke off; a scan would fill the log."""


class TlsFiles:
    """The server's certificate and key, read anew when they were renewed."""

    def __init__(self, certificate: Path, key: Path, trusted: str) -> None:
        """Name the files, and whom to trust, as PEM."""
        self._files = (certificate, key)
        self._trusted = trusted
        self._read_at: tuple[int, ...] = ()
        self._context = self._load()

    def context(self) -> ssl.SSLContext:
        """Give what a handshake needs.

        A half-written renewal is not used: the working one stays.
        """
        try:
            if self._times() != self._read_at:
                self._context = self._load()
        except (PkiRefused, OSError):
            return self._context
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # A resumed connection would show a certificate that was judged at another time.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
        context.load_verify_locations(cadata=self._trusted)
        try:
            read_at = self._times()
            context.load_cert_chain(*self._files)
        except OSError as error:
            raise PkiRefused(Code.ZP051, file=self._files[0], error=error.strerror) from error
        self._read_at = read_at
        return context

    def _times(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files)


def authorities_text(state: State) -> str:
    """Give the root and the authorities below it as PEM."""
    files = (state.folder / name / CERTIFICATE for name in state.authority_names())
    return "".join(file.read_text() for file in files)


def check_root_is_away(folder: Path) -> None:
    """Return nothing, or raise.

    Raises:
        PkiRefused: the root's key lies on a machine that is about to answer the network.
    """
    file = folder / ROOT / KEY
    if file.exists():
        raise PkiRefused(Code.ZP017, file=file)


@contextmanager
def serving(listen: str, app: Flask, tls: TlsFiles | None) -> Iterator[Server]:
    """Give a server that listens, and close it afterwards.

    Raises:
        PkiRefused: HOST:PORT is none, or is taken.
    """
    server = Server(_listening(listen), app, tls)
    try:
        yield server
    finally:
        server.server_close()


def _listening(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise PkiRefused(Code.ZP049, listen=listen, error="HOST:PORT")
    try:
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError as error:
        raise PkiRefused(Code.ZP049, listen=listen, error=error.strerror) from error
