"""Who is answered, and with which headers; a page is read, and nothing can be sent to it."""

from collections.abc import Callable, Collection, Iterable
from http import HTTPStatus
from ssl import SSLSocket
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask, Response, abort, request

from gateway.observe.scrape import names_shown

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_READING = frozenset({"GET", "HEAD"})


def guard(app: Flask, hosts: Iterable[str]) -> None:
    """Have a page be read, by the names that it may be asked for, and in no other way.

    A page elsewhere cannot have a browser read this one under a name of its own
    (DNS rebinding): another name is refused.
    """
    app.config["TRUSTED_HOSTS"] = [*hosts]
    app.config["MAX_CONTENT_LENGTH"] = 0

    @app.before_request
    def only_read() -> None:
        if request.method not in _READING:
            abort(HTTPStatus.METHOD_NOT_ALLOWED)

    @app.after_request
    def with_headers(answer: Response) -> Response:
        answer.headers.update(HEADERS)
        return answer


def for_readers(application: WSGIApplication, readers: Collection[str]) -> WSGIApplication:
    """Have an application answer those whose certificate has a reader's name, and nobody else."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        connection = environ.get("gunicorn.socket")
        shown: Any = connection.getpeercert() if isinstance(connection, SSLSocket) else {}
        if not names_shown(shown or {}).isdisjoint(readers):
            return application(environ, start_response)
        start_response("403 Forbidden", [("Content-Length", "0"), *HEADERS.items()])
        return []

    return answer
