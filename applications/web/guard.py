"""Whom an application serves: whoever the gateway says, and nobody else.

Each request is somebody's, found before anything else is looked at; `g.asker`
says whose.  A browser shows its certificate to whatever page asks, so a change
must come from a page of our own: browsers say where a change comes from, and
nobody else's page can say otherwise.
"""

from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from applications.identity import IdentityCheck, IdentityRefused
from applications.web.answers import RequestRefused

#: The gateway's probe asks here, and no resource of a policy lies here.
HEALTH = "/health"

#: These change nothing (RFC 9110, 9.2.1).
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer` a browser would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def guard(app: Flask, check: IdentityCheck) -> None:
    """Have an application serve those alone whom the gateway names."""

    @app.before_request
    def who_asks() -> None:
        if request.path == HEALTH and request.method in _SAFE:
            return
        try:
            g.asker = check.identify(request.headers)
        except IdentityRefused as refused:
            app.logger.warning("refused: %s", refused.reason)
            raise RequestRefused(403, "not_through_the_gateway") from refused
        if request.method not in _SAFE and not _is_own(check.host):
            raise RequestRefused(403, "other_page")

    @app.after_request
    def with_headers(answer: Response) -> Response:
        answer.headers.update(_HEADERS)
        return answer


def _is_own(host: str) -> bool:
    """Tell whether a change comes from a page of this host, or from no page at all."""
    for origin in request.headers.getlist("Origin"):
        found = urlsplit(origin)
        if (found.scheme, found.hostname) != ("https", host):
            return False
    return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
