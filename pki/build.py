"""Certificates and lists as values: what the profiles say, signed by an authority.

It knows no file.  RFC 5280 is the form; where strongSwan or OpenSSL takes less,
the smaller form is used and docs/decisions/0012-pki.md says so.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from pki.certificates import ROLE_ARC
from pki.errors import Code, PkiRefused
from pki.names import NOWHERE, Realm
from pki.parts import CLOCK_DIFFERENCE, Key, PublicKey, digest_for, key_usage, whole
from pki.profiles import (
    USES,
    AuthorityProfile,
    CrossProfile,
    LeafProfile,
    ResponderProfile,
    RootProfile,
)

#: RFC 5280 lets a constraint be a whole mailbox; the linter wants one.
_NOBODY = f"nobody@{NOWHERE}"

_EVERY_ADDRESS = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority that can sign: its key, and its certificate."""

    key: Key
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a certificate is to say beside what its profile says."""

    subject: x509.Name
    hosts: tuple[str, ...]
    key: PublicKey
    list_url: str | None = None


def make_root(realm: Realm, profile: RootProfile, key: Key, now: datetime) -> x509.Certificate:
    """Make the root's certificate: it may have authorities below it, and those none."""
    name = realm.authority("root")
    builder = (
        _certificate(name, name, key.public_key(), now, profile.lifetime_days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(key_usage(issues=True), critical=True)
    )
    return builder.sign(key, digest_for(key))


def make_authority(  # noqa: PLR0913 - an authority is who, what, which key, by whom and when
    realm: Realm,
    profile: AuthorityProfile,
    leaves: Iterable[LeafProfile],
    *,
    key: PublicKey,
    root: Issuer,
    now: datetime,
) -> x509.Certificate:
    """Make the certificate of an authority that issues within its own names only."""
    permitted: list[x509.GeneralName] = [
        x509.DirectoryName(realm.subtree(profile.name)),
        x509.DNSName(realm.domain(profile)),
        x509.RFC822Name(_NOBODY),
    ]
    if profile.limits_uri:
        permitted.append(x509.UniformResourceIdentifier(NOWHERE))
    return _below(
        root,
        realm.authority(profile.name),
        key,
        permitted=permitted,
        policies=[leaf.policy for leaf in leaves],
        profile=profile,
        now=now,
    )


def recognise(  # noqa: PLR0913 - a recognition is who, which key, how far, by whom and when
    profile: CrossProfile,
    subject: x509.Name,
    subtree: x509.Name,
    domain: str,
    *,
    key: PublicKey,
    root: Issuer,
    now: datetime,
) -> x509.Certificate:
    """Certify another organ's authority, within that organ's names only."""
    permitted = [x509.DirectoryName(subtree), x509.DNSName(domain), x509.RFC822Name(_NOBODY)]
    return _below(
        root,
        subject,
        key,
        permitted=permitted,
        policies=[profile.policy],
        profile=profile,
        now=now,
    )


def make_leaf(profile: LeafProfile, leaf: Leaf, issuer: Issuer, now: datetime) -> x509.Certificate:
    """Make the certificate of a gateway, a service or a post."""
    builder = _end(leaf.subject, leaf.key, issuer, now, profile.lifetime_days)
    builder = builder.add_extension(_policies([profile.policy]), critical=False)
    if profile.uses:
        builder = builder.add_extension(_uses(profile.uses), critical=False)
    if leaf.hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in leaf.hosts])
        builder = builder.add_extension(names, critical=False)
    if leaf.list_url is not None:
        at = x509.UniformResourceIdentifier(leaf.list_url)
        point = x509.DistributionPoint([at], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    return builder.sign(issuer.key, digest_for(issuer.key))


def make_responder(
    profile: ResponderProfile,
    subject: x509.Name,
    key: PublicKey,
    issuer: Issuer,
    now: datetime,
) -> x509.Certificate:
    """Make the certificate of an OCSP responder; nobody asks whether it is revoked."""
    builder = (
        _end(subject, key, issuer, now, profile.lifetime_days)
        .add_extension(_uses(("ocsp-signing",)), critical=False)
        .add_extension(x509.OCSPNoCheck(), critical=False)
    )
    return builder.sign(issuer.key, digest_for(issuer.key))


def make_list(
    issuer: Issuer,
    revoked: Iterable[x509.RevokedCertificate],
    number: int,
    days: int,
    now: datetime,
) -> x509.CertificateRevocationList:
    """Make an authority's list of revocations; `number` counts them from 1."""
    begin = whole(now) - CLOCK_DIFFERENCE
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(begin)
        .next_update(begin + timedelta(days=days))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_issuer_key(issuer), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(issuer.key, digest_for(issuer.key))


def make_revocation(
    serial: int, reason: x509.ReasonFlags, now: datetime
) -> x509.RevokedCertificate:
    """Say that a certificate counts no more, from now on, and why."""
    builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(whole(now))
    # RFC 5280, 5.3.1: a reason that is unspecified is left out.
    if reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()


def issued_at(certificate: x509.Certificate) -> datetime:
    """Give the time at which a certificate was made; it begins a little earlier."""
    return certificate.not_valid_before_utc + CLOCK_DIFFERENCE


def _below(  # noqa: PLR0913 - all that distinguishes one authority from another
    root: Issuer,
    subject: x509.Name,
    key: PublicKey,
    *,
    permitted: list[x509.GeneralName],
    policies: list[str],
    profile: AuthorityProfile | CrossProfile,
    now: datetime,
) -> x509.Certificate:
    limits = x509.NameConstraints(permitted, [x509.IPAddress(n) for n in _EVERY_ADDRESS])
    builder = _certificate(subject, root.certificate.subject, key, now, profile.lifetime_days)
    _check_end(root.certificate, now, profile.lifetime_days)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(issues=True), critical=True)
        .add_extension(limits, critical=True)
        .add_extension(_policies(policies), critical=False)
        .add_extension(_issuer_key(root), critical=False)
    )
    if profile.uses:
        builder = builder.add_extension(_uses(profile.uses), critical=False)
    return builder.sign(root.key, digest_for(root.key))


def _end(
    subject: x509.Name, key: PublicKey, issuer: Issuer, now: datetime, days: int
) -> x509.CertificateBuilder:
    _check_end(issuer.certificate, now, days)
    return (
        _certificate(subject, issuer.certificate.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(issues=False), critical=True)
        .add_extension(_issuer_key(issuer), critical=False)
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    begin = whole(now) - CLOCK_DIFFERENCE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _check_end(issuer: x509.Certificate, now: datetime, days: int) -> None:
    """Refuse what would outlive its issuer, or what an issuer signs that has ended."""
    end = issuer.not_valid_after_utc
    if whole(now) - CLOCK_DIFFERENCE + timedelta(days=days) > end:
        raise PkiRefused(Code.ZP016, name=issuer.subject.rfc4514_string(), end=end.isoformat())


def _issuer_key(issuer: Issuer) -> x509.AuthorityKeyIdentifier:
    found = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _uses(words: Iterable[str]) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([x509.ObjectIdentifier(USES[word]) for word in words])


def _policies(numbers: Iterable[str]) -> x509.CertificatePolicies:
    oids = [x509.ObjectIdentifier(f"{ROLE_ARC}.{number}") for number in numbers]
    return x509.CertificatePolicies([x509.PolicyInformation(oid, None) for oid in oids])
