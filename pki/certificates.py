"""The signers' authority as values: keys, certificates and lists of revocations.

An authority issues two kinds of certificate, one for each role that signs a
plan, and says so in a certificate policy.  It knows nothing of files.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.parts import CLOCK_DIFFERENCE, Key, digest_for, key_usage, make_key, whole

#: The same as the gateway's; a test holds the two together.  A UUID's arc, see
#: docs/decisions/0005-signature-format.md.
ROLE_ARC = "1.2.840.113556.1.8000.2554.42910.36602.35969.19237.49094.12115452.2275526"
ROLE_POLICIES: Mapping[str, str] = {"author": f"{ROLE_ARC}.1", "bureau": f"{ROLE_ARC}.2"}

#: Posts, not people: who holds a post is the organ's own business.
ROLE_NAMES: Mapping[str, tuple[str, str]] = {
    "author": ("市信息中心", "信息中心策略编制岗"),
    "bureau": ("市保密局", "保密局审签岗"),
}
AUTHORITY_NAME = ("市信息中心", "规划签名人签发机构")

AUTHORITY_LIFETIME = timedelta(days=5 * 365)
SIGNER_LIFETIME = timedelta(days=2 * 365)
REVOCATIONS_LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Authority:
    """A signers' authority: its key, and the certificate that others trust."""

    key: Key
    certificate: x509.Certificate


def make_authority(algorithm: str, now: datetime) -> Authority:
    """Make an authority that issues signers' certificates and nothing below them."""
    key = make_key(algorithm)
    name = _name(*AUTHORITY_NAME, secrets.token_hex(8))
    builder = (
        _certificate(name, name, key, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(issues=True), critical=True)
    )
    return Authority(key, builder.sign(key, digest_for(key)))


def issue_signer(authority: Authority, role: str, key: Key, now: datetime) -> x509.Certificate:
    """Issue the certificate with which one post signs plans in one role.

    Raises:
        KeyError: there is no such role.
    """
    policy = x509.PolicyInformation(x509.ObjectIdentifier(ROLE_POLICIES[role]), None)
    issuer = authority.certificate
    subject = _name(*ROLE_NAMES[role], secrets.token_hex(8))
    builder = (
        _certificate(subject, issuer.subject, key, now, SIGNER_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(issues=False), critical=True)
        .add_extension(x509.CertificatePolicies([policy]), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]  # an authority's key is one that issues
            critical=False,
        )
    )
    return builder.sign(authority.key, digest_for(authority.key))


def make_revocations(
    authority: Authority,
    revoked: Iterable[x509.RevokedCertificate],
    number: int,
    now: datetime,
) -> x509.CertificateRevocationList:
    """Make the authority's list of revocations: each one so far, and good for 30 days.

    `number` counts the lists, from 1.
    """
    begin = whole(now)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(begin)
        .next_update(begin + REVOCATIONS_LIFETIME)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, digest_for(authority.key))


def revocation(serial: int, now: datetime) -> x509.RevokedCertificate:
    """Say that a certificate counts no more, from now on."""
    return (
        x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(whole(now)).build()
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Key, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    begin = whole(now) - CLOCK_DIFFERENCE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(organ: str, post: str, number: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organ),
            x509.NameAttribute(NameOID.COMMON_NAME, post),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, number),
        ]
    )
