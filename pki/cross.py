"""Recognise another organ's authority: the province's links below our root, in its names only.

Who compared the fingerprint by another way, such as by telephone, vouches for
the key; the certificate says how far it reaches.
"""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from pki.build import recognise
from pki.errors import Code, PkiRefused
from pki.names import host_label
from pki.parts import PublicKey, algorithm_of
from pki.state import MALFORMED, ROOT, Record, Secrets, State


def issue_cross(  # noqa: PLR0913 - whom, by which fingerprint, how far, and when
    state: State,
    untrusted_certificate: bytes,
    fingerprint: str,
    domain: str,
    *,
    secrets: Secrets,
    now: datetime,
) -> Record:
    """Certify another organ's authority by our root.

    Args:
        state: the folder.
        untrusted_certificate: the authority's certificate as it came, in PEM.
        fingerprint: its SHA-256 in hex, as it was compared.
        domain: below which it may name hosts.
        secrets: of the root's key.
        now: with a time zone.

    Raises:
        PkiRefused: it is another one than was compared, no authority, has ended, has a
            key that we do not take, or has no organ, or ours.
    """
    profile = state.profiles.cross
    try:
        certificate = x509.load_pem_x509_certificate(untrusted_certificate)
        key = certificate.public_key()
        subject, found = certificate.subject, certificate.fingerprint(hashes.SHA256()).hex()
    except MALFORMED as error:
        raise PkiRefused(Code.ZP070) from error
    if found != fingerprint.replace(":", "").strip().lower():
        raise PkiRefused(Code.ZP071, found=found)
    algorithm = algorithm_of(key)
    if algorithm is None or algorithm not in profile.keys:
        known = ", ".join(profile.keys)
        raise PkiRefused(Code.ZP032, found=algorithm or type(key).__name__, known=known)
    if not _may_issue(certificate) or not _is_valid_at(certificate, now):
        raise PkiRefused(Code.ZP070)
    for label in domain.split("."):
        host_label(label)
    if domain == f"{state.realm.plan}.internal" or domain.endswith(f".{state.realm.plan}.internal"):
        raise PkiRefused(Code.ZP072, name=domain)
    made = recognise(
        profile,
        subject,
        _organ_of(state, subject),
        domain,
        key=_public(key),
        root=state.issuer(ROOT, secrets),
        now=now,
    )
    return state.keep(ROOT, made)


def _organ_of(state: State, subject: x509.Name) -> x509.Name:
    """Give the name's beginning up to its organ: all that it may name lies below."""
    beginning: list[x509.RelativeDistinguishedName] = []
    for part in subject.rdns:
        beginning.append(part)
        organ = part.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        if organ:
            if organ[0].value == state.realm.organ:
                break
            return x509.Name(beginning)
    raise PkiRefused(Code.ZP072, name=ascii(subject.rfc4514_string()))


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, *MALFORMED):
        return False
    return basic.ca and usage.key_cert_sign


def _is_valid_at(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _public(key: object) -> PublicKey:
    return key  # type: ignore[return-value]  # algorithm_of knows only such keys
