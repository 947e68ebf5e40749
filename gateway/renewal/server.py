"""Asks the enrolment server (`loushan pki serve`) over TLS: its lists, and its clock.

The server is known by a certificate below the root that the gateway was given.
What it hands out is judged by whoever takes it: a list carries its authority's
signature, so a server that lies can keep news away and nothing more.
"""

import http.client
import json
import socket
import ssl
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from gateway.errors import Refused, problem

#: How long the server may be silent.
_PATIENCE_SECONDS = 10

#: It says that there is no news after 50 seconds.
_NEWS_PATIENCE_SECONDS = 75

#: Who waits in silence notices within some seconds that the other end, or the way there, is gone.
_ALIVE = (
    (socket.TCP_KEEPIDLE, 5),
    (socket.TCP_KEEPINTVL, 2),
    (socket.TCP_KEEPCNT, 3),
)

#: strongSwan takes none larger.
LARGEST_LIST_BYTES = 65_535

_OK = 200


@dataclass(frozen=True, slots=True)
class Server:
    """Where the enrolment server is, by the name in its certificate, and what it is known by."""

    host: str
    port: int
    root: Path

    @classmethod
    def named(cls, name: str, root: Path) -> Self:
        """Read `host:port`, as the settings have it.

        Raises:
            ValueError: it is none.
        """
        host, _, port = name.rpartition(":")
        if not host:
            raise ValueError(name)
        return cls(host, int(port), root)

    @property
    def url(self) -> str:
        """Give where EST is served (RFC 7030)."""
        return f"https://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, as a list in DER; and how far our clock is before the server's, in seconds."""

    content: bytes
    ahead_seconds: float


def list_of(server: Server, authority: str) -> Answer:
    """Fetch an authority's newest list of revocations.

    Raises:
        Refused: ZG520, the server cannot be asked, or does not give it.
    """
    path = f"/crl/{authority}.crl"
    with _refusing(server), _connected(server) as connection:
        return _answer(server, connection, path, LARGEST_LIST_BYTES)


@dataclass(frozen=True, slots=True)
class News:
    """Lists that are newer than those that we have, by their authorities, in DER."""

    lists: Mapping[str, bytes]
    ahead_seconds: float


def news_of(server: Server, held: Mapping[str, int]) -> News:
    """Wait until the server has a list that is newer, or says that there is none.

    Args:
        server: who is asked.
        held: by its authority, the number of the list that we have.

    Raises:
        Refused: ZG520, the server cannot be asked, or says something else.
    """
    path = f"/news?{urlencode(held)}"
    most = LARGEST_LIST_BYTES * 2 * len(held)
    with _refusing(server), _connected(server, _NEWS_PATIENCE_SECONDS) as connection:
        connection.connect()
        for option, value in _ALIVE:
            connection.sock.setsockopt(socket.IPPROTO_TCP, option, value)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        answer = _answer(server, connection, path, most)
        return News(_lists(answer.content, held), answer.ahead_seconds)


def _answer(
    server: Server, connection: http.client.HTTPSConnection, path: str, most: int
) -> Answer:
    """Ask for a path, and give what comes, which is no longer than so many bytes."""
    connection.request("GET", path)
    answer = connection.getresponse()
    content = answer.read(most + 1)
    if answer.status != _OK or len(content) > most:
        raise Refused(problem("ZG520", server=server.url, error=f"{path}: {answer.status}"))
    return Answer(content, _ahead(answer.getheader("Date")))


def _lists(content: bytes, held: Mapping[str, int]) -> Mapping[str, bytes]:
    """Read the lists that were asked for; others are nothing to us.

    Raises:
        HTTPException: it is not what such a server says.
    """
    try:
        said = json.loads(content)["lists"]
        return {name: b64decode(said[name], validate=True) for name in held if name in said}
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise http.client.HTTPException(type(fault).__name__, fault) from fault


@contextmanager
def _connected(
    server: Server, patience: float = _PATIENCE_SECONDS
) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=str(server.root))
    connection = http.client.HTTPSConnection(
        server.host, server.port, timeout=patience, context=context
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _refusing(server: Server) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise Refused(problem("ZG520", server=server.url, error=error)) from fault


def _ahead(date: str | None) -> float:
    """Compare our clock with the server's, which says the time with each answer (RFC 9110)."""
    if date is None:
        return 0.0
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (datetime.now(UTC) - theirs).total_seconds()
