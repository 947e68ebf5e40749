"""An OCSP responder (RFC 6960): says of one certificate whether it was revoked.

It answers from the record itself, with a key and a short certificate of its own
that the authority delegates; they live in memory and are renewed at half.
The root has none: its key is offline, and its list says what it took back.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from flask import Flask, Response, request

from pki.build import Issuer, make_responder
from pki.errors import PkiRefused
from pki.parts import CLOCK_DIFFERENCE, Key, PublicKey, digest_for, make_key, whole
from pki.profiles import PACKAGED
from pki.state import ISSUED, MALFORMED, Secrets, State, open_state, public_key, read_certificate
from pki.status import Standing, standing_at

_GOOD_FOR = timedelta(hours=12)
_LONGEST_NONCE_BYTES = 128
_LARGEST_REQUEST_BYTES = 4 * 1024

_Status = ocsp.OCSPResponseStatus


@dataclass(frozen=True, slots=True)
class _Responder:
    """What an authority's answers are signed with."""

    key: Key
    certificate: x509.Certificate
    issuer: x509.Certificate


class Responders:
    """The responders of a folder's authorities; each is made when it is first asked."""

    def __init__(self, folder: Path, secrets: Secrets, profiles: Path = PACKAGED) -> None:
        """Name the folder, and what opens its keys."""
        self._folder, self._secrets, self._profiles = folder, secrets, profiles
        self._made: dict[str, _Responder] = {}

    def answer(self, untrusted_request: bytes, now: datetime) -> ocsp.OCSPResponse:
        """Answer one request; what cannot be answered is said in OCSP's own words."""
        try:
            asked = ocsp.load_der_ocsp_request(untrusted_request)
            nonce = _nonce(asked)
            _ = asked.hash_algorithm
        except (NotImplementedError, UnsupportedAlgorithm, *MALFORMED):
            return ocsp.OCSPResponseBuilder.build_unsuccessful(_Status.MALFORMED_REQUEST)
        try:
            return self._answer(asked, nonce, now)
        except PkiRefused:
            return ocsp.OCSPResponseBuilder.build_unsuccessful(_Status.INTERNAL_ERROR)

    def _answer(
        self, asked: ocsp.OCSPRequest, nonce: bytes | None, now: datetime
    ) -> ocsp.OCSPResponse:
        state = open_state(self._folder, now, self._profiles)
        authority = _authority_of(state, asked)
        file = self._folder / (authority or "") / ISSUED / f"{asked.serial_number:x}.pem"
        if authority is None or not file.exists():
            # Nothing is said of what was not issued here; never "good".
            return ocsp.OCSPResponseBuilder.build_unsuccessful(_Status.UNAUTHORIZED)
        responder = self._responder(state, authority, now)
        revoked = state.revocations(authority).get_revoked_certificate_by_serial_number(
            asked.serial_number
        )
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=read_certificate(file),
                issuer=responder.issuer,
                algorithm=asked.hash_algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
                this_update=whole(now) - CLOCK_DIFFERENCE,
                next_update=whole(now) + _GOOD_FOR,
                revocation_time=revoked.revocation_date_utc if revoked else None,
                revocation_reason=_reason(revoked),
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
            .certificates([responder.certificate])
        )
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return builder.sign(responder.key, digest_for(responder.key))

    def _responder(self, state: State, authority: str, now: datetime) -> _Responder:
        made = self._made.get(authority)
        if made is not None:
            begin, end = made.certificate.not_valid_before_utc, made.certificate.not_valid_after_utc
            if standing_at(begin, end, now) is Standing.GOOD:
                return made
        issuer = state.issuer(authority, self._secrets)
        made = _new_responder(state, authority, issuer, now)
        self._made[authority] = made
        return made


def make_app(responders: Responders, clock: Callable[[], datetime]) -> Flask:
    """Give the application: POST as RFC 6960 has it, GET as RFC 5019 has it."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST_BYTES

    def answer(content: bytes) -> Response:
        said = responders.answer(content, clock())
        return Response(said.public_bytes(Encoding.DER), mimetype="application/ocsp-response")

    @app.post("/")
    def posted() -> Response:
        return answer(request.get_data())

    @app.get("/<path:encoded>")
    def got(encoded: str) -> Response:
        try:
            return answer(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            return answer(b"")

    return app


def _new_responder(state: State, authority: str, issuer: Issuer, now: datetime) -> _Responder:
    profile = state.profiles.responder
    key = make_key(profile.key)
    subject = state.realm.subject(authority, f"{state.realm.plan} {authority} responder", None)
    certificate = make_responder(profile, subject, key.public_key(), issuer, now)
    return _Responder(key, certificate, issuer.certificate)


def _authority_of(state: State, asked: ocsp.OCSPRequest) -> str | None:
    for authority in state.profiles.authorities:
        certificate = state.certificate(authority.name)
        name = _digest(asked.hash_algorithm, certificate.subject.public_bytes())
        key = _digest(asked.hash_algorithm, _key_bits(public_key(certificate)))
        if (name, key) == (asked.issuer_name_hash, asked.issuer_key_hash):
            return authority.name
    return None


def _nonce(asked: ocsp.OCSPRequest) -> bytes | None:
    try:
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
    if not 1 <= len(nonce) <= _LONGEST_NONCE_BYTES:
        raise ValueError(nonce)
    return nonce


def _reason(revoked: x509.RevokedCertificate | None) -> x509.ReasonFlags | None:
    if revoked is None:
        return None
    try:
        return revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()


def _key_bits(key: PublicKey) -> bytes:
    """Give what RFC 6960 hashes of an issuer's key: the bits without their wrapping."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
