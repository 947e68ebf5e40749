"""Folders of authorities, hosts' keys and requests, made at run time for tests."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki.initialise import initialise, root_key_in_file
from pki.issue import Issued, issue
from pki.names import Realm
from pki.parts import make_key
from pki.profiles import PACKAGED
from pki.state import Secrets, State, open_state

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSPHRASE = b"correct horse battery"
ROOT_SECRETS = Secrets(passphrase=PASSPHRASE)
NO_SECRETS = Secrets()
REALM = Realm("zunyi", "遵义市信息中心")

GATEWAY = "huichuan-gw"
GATEWAY_HOST = "huichuan-gw.gw.zunyi.internal"

AnyKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def make_state(
    folder: Path, now: datetime = NOW, profiles: Path = PACKAGED, list_url: str | None = None
) -> State:
    """Make a folder of authorities and open it."""
    key = root_key_in_file("ecdsa-p256", PASSPHRASE)
    initialise(folder, REALM, key, now, list_url=list_url, profiles=profiles)
    return open_state(folder, now, profiles)


def request(
    name: str = GATEWAY,
    key: AnyKey | None = None,
    *,
    hosts: tuple[str, ...] = (),
    subject: x509.Name | None = None,
    extension: x509.ExtensionType | None = None,
) -> bytes:
    """Make a request as a host would, in PEM."""
    key = key or make_key("ecdsa-p384")
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or named)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(Encoding.PEM)


def certify(
    state: State, profile: str = "gateway", name: str = GATEWAY, now: datetime = NOW
) -> Issued:
    """Issue a certificate for a new key."""
    return issue(state, profile, name, request(name), secrets=NO_SECRETS, now=now)
