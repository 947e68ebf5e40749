"""Asks the enrolment server (`loushan pki serve`) over TLS: its lists, and its clock.

The server is known by a certificate below the root that the gateway was given.
What it hands out is judged by whoever takes it: a list carries its authority's
signature, so a server that lies can keep news away and nothing more.
"""

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Self

from gateway.errors import Refused, problem

#: How long the server may be silent.
_PATIENCE_SECONDS = 10

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
    """A list as it came, in DER, and how far our clock is before the server's, in seconds."""

    content: bytes
    ahead_seconds: float


def list_of(server: Server, authority: str) -> Answer:
    """Fetch an authority's newest list of revocations.

    Raises:
        Refused: ZG520, the server cannot be asked, or does not give it.
    """
    path = f"/crl/{authority}.crl"
    with _refusing(server), _connected(server) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read(LARGEST_LIST_BYTES + 1)
        if answer.status != _OK or len(content) > LARGEST_LIST_BYTES:
            raise Refused(problem("ZG520", server=server.url, error=f"{path}: {answer.status}"))
        return Answer(content, _ahead(answer.getheader("Date")))


@contextmanager
def _connected(server: Server) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context(cafile=str(server.root))
    connection = http.client.HTTPSConnection(
        server.host, server.port, timeout=_PATIENCE_SECONDS, context=context
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
