"""The enrolment server's answers (EST, RFC 7030): first certificates, renewals, lists.

A host without a certificate shows a code; one with a certificate shows that, by
TLS.  Which certificate counts is our record's to say, not the TLS library's: it
knows neither our revocations nor the grace for a site that was cut off.
strongSwan's `pki --est` is the client.  Lists are fetched, or waited for
(`/news`), which is ours alone.
"""

import base64
import binascii
import json
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from flask import Flask, Request, Response, abort, request

from pki.codes import issue_by_code
from pki.errors import Code, PkiRefused
from pki.files import locked, read_file
from pki.issue import Issued, grace_end, renew
from pki.news import News
from pki.profiles import PACKAGED
from pki.revoke import list_is_due, renew_list
from pki.state import ISSUED, ROOT, Record, Secrets, State, open_state

#: Who waits for news is told after this that there is none; a path between that forgets quiet
#: connections does so later.
NEWS_SECONDS = 50

_LARGEST_REQUEST_BYTES = 16 * 1024
_LONGEST_NUMBER = 50
_WELL_KNOWN = "/.well-known/est"
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="enrolment"'}
_ABOUT_CODES = frozenset({Code.ZP040, Code.ZP041, Code.ZP042})


def make_app(
    folder: Path,
    secrets: Secrets,
    clock: Callable[[], datetime],
    profiles: Path = PACKAGED,
) -> Flask:
    """Give the application; each request opens the folder anew, under its lock."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST_BYTES

    @app.get(f"{_WELL_KNOWN}/cacerts")
    def cacerts() -> Response:
        state = open_state(folder, clock(), profiles)
        renewing = [leaf.authority for leaf in state.profiles.leaves if leaf.renews_itself]
        names = [name for name in state.authority_names() if name in {ROOT, *renewing}]
        return _certificates([state.certificate(name) for name in names])

    @app.post(f"{_WELL_KNOWN}/simpleenroll")
    def simpleenroll() -> Response:
        asked = request.authorization
        name, code = (asked.username, asked.password) if asked else (None, None)
        if name is None or code is None:
            raise PkiRefused(Code.ZP040, name="-")
        content = _content(request)
        with locked(folder):
            now = clock()
            state = open_state(folder, now, profiles)
            issued = issue_by_code(state, code, name, content, secrets=secrets, now=now)
        return _answer("simpleenroll", issued)

    @app.post(f"{_WELL_KNOWN}/simplereenroll")
    def simplereenroll() -> Response:
        shown, content = request.environ.get("SSL_CLIENT_CERT"), _content(request)
        if shown is None:
            raise PkiRefused(Code.ZP046)
        certificate = x509.load_pem_x509_certificate(shown.encode())
        with locked(folder):
            now = clock()
            state = open_state(folder, now, profiles)
            record = record_shown(state, certificate, now)
            issued = renew(state, record, content, secrets, now)
        return _answer("simplereenroll", issued)

    _give_lists(app, folder, secrets, clock, profiles)

    @app.errorhandler(PkiRefused)
    def refused(problem: PkiRefused) -> Response:
        _log(request.path, problem.code.name)
        if problem.code in _ABOUT_CODES:
            # Which of them it was is in the log, not for who tries codes.
            return _say(PkiRefused(Code.ZP040, name="-"), 401, _CHALLENGE)
        return _say(problem, 403)

    return app


def _give_lists(
    app: Flask, folder: Path, secrets: Secrets, clock: Callable[[], datetime], profiles: Path
) -> None:
    """Give lists of revocations to whoever asks, and news of them to whoever waits."""
    news = News(folder)

    @app.get("/crl/<authority>.crl")
    def crl(authority: str) -> Response:
        state = open_state(folder, clock(), profiles)
        if authority not in state.authority_names():
            return Response(status=404)
        found = fresh_list(state, authority, secrets, clock())
        return Response(found.public_bytes(Encoding.DER), mimetype="application/pkix-crl")

    @app.get("/news")
    def newer_lists() -> Response:
        held = {name: _number(number) for name, number in request.args.items()}
        with news.room(str(request.remote_addr)) as has_room:
            if not has_room:
                return Response(status=429)
            found = news.newer(held, NEWS_SECONDS)
        lists = {name: base64.b64encode(der).decode("ascii") for name, der in found.items()}
        return Response(json.dumps({"lists": lists}), mimetype="application/json")


def fresh_list(
    state: State, authority: str, secrets: Secrets, now: datetime
) -> x509.CertificateRevocationList:
    """Give an authority's list; one that is due is made anew first, but the root's, who is away.

    Raises:
        PkiRefused: the list there is damaged, or the authority's key cannot be opened.
    """
    found = state.revocations(authority)
    if authority == ROOT or not list_is_due(found, now):
        return found
    with locked(state.folder):
        # Somebody else may have made it meanwhile.
        if list_is_due(state.revocations(authority), now):
            number = renew_list(state, authority, secrets, now)
            _log("crl", "renewed", authority=authority, number=str(number))
        return state.revocations(authority)


def record_shown(state: State, shown: x509.Certificate, now: datetime) -> Record:
    """Find the record of a certificate with which somebody wants to renew it.

    Raises:
        PkiRefused: it is not one that was issued here, byte for byte, its kind does not
            renew itself, or it ended longer ago than the grace of its profile.
    """
    for authority in state.profiles.authorities:
        file = state.folder / authority.name / ISSUED / f"{shown.serial_number:x}.pem"
        if file.exists() and read_file(file) == shown.public_bytes(Encoding.PEM):
            record = Record(authority.name, file, shown)
            break
    else:
        raise PkiRefused(Code.ZP046)
    leaf = state.leaf_of(record)
    if leaf is None or not leaf.renews_itself:
        raise PkiRefused(Code.ZP047, name=record.name)
    end = grace_end(state, record)
    if now > end:
        raise PkiRefused(Code.ZP048, name=record.name, end=end.isoformat())
    return record


def _number(word: str) -> int:
    if not word.isdecimal() or len(word) > _LONGEST_NUMBER:
        abort(400)
    return int(word)


def _content(asked: Request) -> bytes:
    """Give a request's body, which is base64 whatever its header says (RFC 8951)."""
    try:
        return base64.b64decode(b"".join(asked.get_data().split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PkiRefused(Code.ZP030) from error


def _answer(operation: str, issued: Issued) -> Response:
    _log(operation, "issued", name=issued.record.name, serial=f"{issued.record.serial:x}")
    return _certificates([issued.record.certificate])


def _certificates(certificates: list[x509.Certificate]) -> Response:
    der = pkcs7.serialize_certificates(certificates, Encoding.DER)
    return Response(
        base64.encodebytes(der),
        content_type="application/pkcs7-mime; smime-type=certs-only",
        headers={"Content-Transfer-Encoding": "base64"},
    )


def _say(problem: PkiRefused, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(f"{problem.render('en')}\n", status, headers, mimetype="text/plain")


def _log(operation: str, said: str, **facts: str) -> None:
    """Record what was done or refused, a line each; the service's journal keeps it."""
    line = {"peer": request.remote_addr, "operation": operation, "said": said, **facts}
    sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")
