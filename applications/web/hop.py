"""The hop from the gateway: whose connection it is, by mutual TLS.

The certificate must be of the authority of services, whose own certificate is
the only one trusted here, and carry the gateway's name, or that of one of a
pair.  Other gateways and applications have certificates of that authority too.
"""

import ssl
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

_REFUSED = b'{"error":{"code":"not_the_gateway"}}\n'

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def server_context(authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Give what each handshake with the gateway needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # An authority below the root is trusted for itself, and the root's others are not.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    # A resumed connection would show a certificate that was judged at another time.
    context.num_tickets = 0
    context.load_verify_locations(authority)
    context.load_cert_chain(certificate, key)
    return context


def from_gateway(application: Wsgi, gateways: Collection[str]) -> Wsgi:
    """Have an application answer the gateways of those names, and refuse every other connection."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not names_shown(environ.get("gunicorn.socket")).isdisjoint(gateways):
            return application(environ, start_response)
        start_response(
            "403 Forbidden",
            [("Content-Type", "application/json"), ("Content-Length", str(len(_REFUSED)))],
        )
        return [_REFUSED]

    return answer


def names_shown(connection: object) -> frozenset[str]:
    """Give the names in the certificate that a connection showed; none where it is not TLS."""
    if not isinstance(connection, ssl.SSLSocket):
        return frozenset()
    shown: Any = connection.getpeercert() or {}
    return frozenset(name for kind, name in shown.get("subjectAltName", ()) if kind == "DNS")
