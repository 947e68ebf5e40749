"""Certificates that no authority of ours would issue, made with the lab's own keys.

The lab's authorities are samples, and their keys lie open: so somebody can be
tried who has stolen one, or has bribed its keeper.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: What the keys of links are on, and what is too weak for one.
STRONG, WEAK = ec.SECP384R1(), ec.SECP256R1()

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and a certificate of it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def key_text(self) -> str:
        """Give the key as OpenSSL reads it."""
        form = PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    @property
    def text(self) -> str:
        """Give the certificate as OpenSSL reads it."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def shown(self) -> bytes:
        """Give the certificate as it goes over a line."""
        return self.certificate.public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows: a pair, and the authorities above it that are sent along."""

    pair: Pair
    above: tuple[Pair, ...] = ()


def authority(folder: Path, name: str) -> Pair:
    """Take an authority's key, as a thief would."""
    passphrase = folder.with_name(f"{folder.name}.passphrase").read_bytes().strip()
    is_root = name == "root"
    # The root's is kept elsewhere: this thief is thorough.
    file = (
        folder.with_name("root") / "authority.key" if is_root else folder / name / "authority.key"
    )
    key = load_pem_private_key(file.read_bytes(), passphrase if is_root else None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Pair(key, x509.load_pem_x509_certificate((folder / name / "authority.pem").read_bytes()))


def stranger(like: Pair) -> Pair:
    """Make an authority of the same name, with another key, that certified itself."""
    key = ec.generate_private_key(ec.SECP384R1())
    builder = _builder(like.certificate.subject, like.certificate.subject, key, (-1, 30))
    constraints = x509.BasicConstraints(ca=True, path_length=0)
    builder = builder.add_extension(constraints, critical=True)
    return Pair(
        key, builder.add_extension(_usage(signs=False, issues=True), critical=True).sign(key, _SHA)
    )


def below(issuer: Pair) -> Pair:
    """Make an authority that an authority had no right to make."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = _name(issuer, "one more authority")
    builder = _builder(name, issuer.certificate.subject, key, (-1, 30))
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.add_extension(constraints, critical=True)
    builder = builder.add_extension(_usage(signs=False, issues=True), critical=True)
    return Pair(key, builder.sign(issuer.key, _SHA))


def leaf(  # noqa: PLR0913 - everything that can be wrong with one
    issuer: Pair,
    *hosts: str,
    unit: str = "links",
    days: tuple[float, float] = (-1, 30),
    signs: bool = True,
    issues: bool = False,
    curve: ec.EllipticCurve = STRONG,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.IPSEC_IKE,
    more: Mapping[x509.ExtensionType, bool] | None = None,
) -> Pair:
    """Make a gateway's certificate that is right, but for what is said.

    `more` are extensions, and whether who does not know one must refuse.
    """
    key = ec.generate_private_key(curve)
    subject = _name(issuer, (*hosts, "somebody")[0].partition(".")[0], unit)
    builder = _builder(subject, issuer.certificate.subject, key, days)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(signs=signs, issues=issues), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    for extension, critical in (more or {}).items():
        builder = builder.add_extension(extension, critical=critical)
    return Pair(key, builder.sign(issuer.key, _SHA))


_SHA = hashes.SHA384()


def _name(issuer: Pair, name: str, unit: str = "links") -> x509.Name:
    """Give a name where the authority of links may give names."""
    kept = [
        each
        for each in issuer.certificate.subject
        if each.oid not in {NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME}
    ]
    own = (NameOID.ORGANIZATIONAL_UNIT_NAME, unit), (NameOID.COMMON_NAME, name)
    return x509.Name([*kept, *(x509.NameAttribute(*each) for each in own)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: tuple[float, float],
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(16)) >> 1)
        .not_valid_before(now + days[0] * _DAY)
        .not_valid_after(now + days[1] * _DAY)
    )


def _usage(*, signs: bool = True, issues: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not signs and not issues,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )
