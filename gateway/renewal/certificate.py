"""Renews this gateway's certificate, with a new key, by EST; strongSwan's `pki` is the client.

At every moment the certificate on the disk has its key beside it: the new key is
written first, then the certificate takes the old one's place, then the key does.
Whoever is killed in between is put right by the next one.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from gateway.errors import Refused, Where, problem
from gateway.renewal.server import Server

#: strongSwan's, in the package strongswan-pki.
_PKI = "/usr/bin/pki"

#: The server may be busy; a stranger's silence ends here.
_PATIENCE_SECONDS = 60

_PRIVATE, _PUBLIC = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Identity:
    """What a gateway is known by, below the folder that was given to strongSwan."""

    credentials: Path

    @property
    def certificate(self) -> Path:
        """The certificate."""
        return self.credentials / "x509" / "gateway.pem"

    @property
    def key(self) -> Path:
        """Its key."""
        return self.credentials / "private" / "gateway.key"

    @property
    def next_key(self) -> Path:
        """The key that is to take its place."""
        return self.credentials / "private" / "gateway.next.key"

    def authority(self, name: str) -> Path:
        """Give an authority's certificate."""
        return self.credentials / "x509ca" / f"{name}.pem"

    def revocations(self, name: str) -> Path:
        """Give an authority's list."""
        return self.credentials / "x509crl" / f"{name}.crl"


def read_certificate(identity: Identity) -> x509.Certificate:
    """Read the gateway's certificate.

    Raises:
        Refused: ZG521, there is none, or it is damaged.
    """
    file = identity.certificate
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError) as fault:
        raise Refused(problem("ZG521", Where(str(file)), error=fault)) from fault


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether half of its life is over: so it is renewed well before two thirds."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now >= begin + (end - begin) / 2


def settle(identity: Identity) -> None:
    """Finish what a renewal that was killed had begun.

    Raises:
        Refused: ZG521, the certificate has no key here.
    """
    wanted = _public(read_certificate(identity).public_key())
    if _public_of(identity.key) == wanted:
        return
    if _public_of(identity.next_key) != wanted:
        raise Refused(problem("ZG521", Where(str(identity.key)), error="public key"))
    _promote(identity)


def renew(identity: Identity, server: Server) -> x509.Certificate:
    """Get a certificate for a new key, and put both in the place of those that are there.

    Raises:
        Refused: ZG522, the server did not certify it, or certified something else; what
            was there is still there.
    """
    before = read_certificate(identity)
    key = _next_key(identity)
    text = _certified(identity, server, _request(before, key))
    try:
        after = x509.load_pem_x509_certificate(text)
    except ValueError as fault:
        raise Refused(problem("ZG522", server=server.url, error=fault)) from fault
    if wrong := _wrong(identity, before, after, key):
        raise Refused(problem("ZG522", server=server.url, error=wrong))
    write(identity.certificate, after.public_bytes(Encoding.PEM), _PUBLIC)
    _promote(identity)
    return after


def write(file: Path, content: bytes, mode: int = _PUBLIC) -> None:
    """Write a file whole or not at all, with its mode from its first moment."""
    descriptor, beside = tempfile.mkstemp(prefix=".new-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as new:
            os.fchmod(new.fileno(), mode)
            new.write(content)
            new.flush()
            os.fsync(new.fileno())
        Path(beside).replace(file)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def _promote(identity: Identity) -> None:
    identity.next_key.chmod(_PRIVATE)
    identity.next_key.replace(identity.key)


def _next_key(identity: Identity) -> ec.EllipticCurvePrivateKey:
    """Give the new key; one that a former try has left is as good."""
    try:
        left = load_pem_private_key(identity.next_key.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        left = None
    if isinstance(left, ec.EllipticCurvePrivateKey):
        return left
    made = ec.generate_private_key(ec.SECP384R1())
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(identity.next_key, text, _PRIVATE)
    return made


def _request(before: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> bytes:
    names = before.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value))])
    )
    return builder.sign(key, hashes.SHA384()).public_bytes(Encoding.DER)


def _certified(identity: Identity, server: Server, request: bytes) -> bytes:
    with tempfile.NamedTemporaryFile(prefix="renewal-", suffix=".csr") as asked:
        asked.write(request)
        asked.flush()
        words = ["--est", "--url", server.url, "--in", asked.name, "--outform", "pem"]
        shown = ["--cert", str(identity.certificate), "--key", str(identity.key)]
        known = ["--cacert", str(server.root), "--cacert", str(identity.authority("links"))]
        try:
            done = subprocess.run(
                [_PKI, *words, *known, *shown],
                capture_output=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise Refused(problem("ZG522", server=server.url, error=fault)) from fault
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Refused(problem("ZG522", server=server.url, error=" | ".join(said[-3:])))
    return done.stdout


def _wrong(
    identity: Identity,
    before: x509.Certificate,
    after: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
) -> str:
    """Say what is wrong with a certificate that came; empty where nothing is."""
    authority = x509.load_pem_x509_certificate(identity.authority("links").read_bytes())
    now = datetime.now(UTC)
    if _public(after.public_key()) != _public(key.public_key()):
        return "public key"
    if after.subject != before.subject or _names(after) != _names(before):
        return "subject"
    if not after.not_valid_before_utc <= now < after.not_valid_after_utc:
        return f"{after.not_valid_before_utc} .. {after.not_valid_after_utc}"
    try:
        after.verify_directly_issued_by(authority)
    except Exception as fault:  # noqa: BLE001 - the library raises several kinds, all meaning no
        return f"{type(fault).__name__}"
    return ""


def _names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def _public(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_of(file: Path) -> bytes:
    """Give the public half of a key that lies in a file; empty where there is none."""
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return b""
    return _public(key.public_key())
