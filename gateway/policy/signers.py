"""Who may sign a plan: the trusted authority, its revocations, and a signer's certificate.

Nobody is trusted by name.  A signer is who the authority says, in the role that
the certificate states, while neither has expired and a fresh list of
revocations does not name the certificate.  Without that list nobody signs.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtensionOID, NameOID

from gateway.errors import NOWHERE, Problem, Refused, Where, problem, refuse_any
from gateway.policy.algorithms import AUTHORITY_SIGNATURES, algorithm_name
from gateway.policy.statement import ascii_if_hidden

AUTHORITY_FILE = "authority.pem"
REVOCATIONS_FILE = "crl.pem"

#: Largest file of keys, certificates or revocations, in bytes: some 20 000 serials.
LARGEST_TRUST_BYTES = 1024 * 1024


class SignerRole(StrEnum):
    """For whom a person signs: the information centre's author, or the Secrecy Bureau."""

    AUTHOR = "author"
    BUREAU = "bureau"


#: Our arc: the UUID a79e8efa-8c81-4b25-bfc6-b8ddfc22b8c6 under the arc that Microsoft keeps
#: for such.  2.25.<UUID> would be shorter, but Debian 13's python3-cryptography takes no arc
#: of more than 32 bits.  The authority's side, `pki`, states the same.
ROLE_ARC = "1.2.840.113556.1.8000.2554.42910.36602.35969.19237.49094.12115452.2275526"
ROLE_POLICIES: Mapping[str, SignerRole] = {
    f"{ROLE_ARC}.1": SignerRole.AUTHOR,
    f"{ROLE_ARC}.2": SignerRole.BUREAU,
}

#: What a critical extension may be; another one would say something we do not understand.
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    }
)
#: What the library raises for a damaged certificate; a KeyError for an odd kind of string.
_MALFORMED = (
    KeyError,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_REVOCATIONS = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Signer:
    """A person as the certificate names them; `fingerprint` and `key` are SHA-256 in hex."""

    role: SignerRole
    name: str
    number: str
    serial: int
    fingerprint: str
    key: str

    def is_same_person(self, other: "Signer") -> bool:
        """Tell whether the two may be one person: one shared mark is enough."""
        return (
            _folded(self.number) == _folded(other.number)
            or _folded(self.name) == _folded(other.name)
            or self.key == other.key
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities whose signers count, and what they have revoked."""

    authorities: tuple[x509.Certificate, ...]
    revocations: tuple[x509.CertificateRevocationList, ...]
    where: Where = field(default=NOWHERE, compare=False)


def load_trust(folder: Path) -> Trust:
    """Read `authority.pem` and `crl.pem`, one or more of each.

    Raises:
        Refused: one is missing, empty or not what it should be.
    """
    authority_file, list_file = folder / AUTHORITY_FILE, folder / REVOCATIONS_FILE
    refuse_any(
        problem(code, Where(str(file)))
        for code, file in (("ZG350", authority_file), ("ZG353", list_file))
        if not file.exists()
    )
    try:
        authorities = x509.load_pem_x509_certificates(read_small_file(authority_file))
    except _MALFORMED as error:
        raise Refused(problem("ZG350", Where(str(authority_file)))) from error
    blocks = _REVOCATIONS.findall(read_small_file(list_file))
    try:
        revocations = [_parse_revocations(block) for block in blocks]
    except _MALFORMED as error:
        raise Refused(problem("ZG358", Where(str(list_file)))) from error
    if not revocations:
        raise Refused(problem("ZG353", Where(str(list_file))))
    return Trust(tuple(authorities), tuple(revocations), Where(str(folder)))


def load_certificate(file: Path) -> x509.Certificate:
    """Read one certificate.

    Raises:
        Refused: the file cannot be read, or holds none or more than one.
    """
    try:
        (certificate,) = x509.load_pem_x509_certificates(read_small_file(file))
    except _MALFORMED as error:
        raise Refused(problem("ZG338", Where(str(file)), error=error)) from error
    return certificate


def load_key(file: Path, passphrase: bytes | None) -> PrivateKeyTypes:
    """Read a private key that only its owner can read.

    Raises:
        Refused: others may read it, it is no key, or the passphrase is wrong.
    """
    where = Where(str(file))
    content = read_small_file(file)
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(problem("ZG372", where))
    try:
        return load_pem_private_key(content, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused(problem("ZG371", where)) from error


def read_passphrase(file: Path) -> bytes:
    """Read the first line of a file, without its end.

    Raises:
        Refused: the file cannot be read.
    """
    return read_small_file(file).split(b"\n", 1)[0].rstrip(b"\r")


def read_small_file(file: Path, limit_bytes: int = LARGEST_TRUST_BYTES) -> bytes:
    """Read a regular file without following a link.

    Raises:
        Refused: it cannot be read, is no regular file, or is too large.
    """
    where = Where(str(file))
    try:
        # Without waiting: a pipe in place of the file would hold us for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(problem("ZG004", where))
            with os.fdopen(descriptor, "rb", closefd=False) as opened:
                content = opened.read(limit_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Refused(problem("ZG007", where, error=error.strerror)) from error
    if len(content) > limit_bytes:
        raise Refused(problem("ZG005", where, limit=limit_bytes))
    return content


def read_signer(certificate: x509.Certificate, where: Where) -> Signer:
    """Give the signer whom a certificate describes, whoever issued it.

    Raises:
        Refused: it is not a signer's certificate: an authority's, of no role or of
            two, without a name or number, with a key or a condition that we do not take.
    """
    try:
        return _read_signer(certificate, where)
    except _MALFORMED as error:
        raise Refused(problem("ZG338", where, error=error)) from error


def certificate_problems(
    certificate: x509.Certificate,
    name: str,
    times: tuple[datetime, ...],
    trust: Trust,
    where: Where,
) -> Iterator[Problem]:
    """Find why a certificate does not count: time, authority or revocation.

    Args:
        certificate: one that read_signer took.
        name: what to call it in a problem.
        times: every moment at which it must be valid; the last is now.
        trust: whom to believe.
        where: the place to name in a problem.
    """
    for at in times:
        if not _is_valid_at(certificate, at):
            yield problem("ZG341", where, name=name, at=at.isoformat(), **_validity(certificate))
            break
    authority = _authority_of(certificate, trust)
    if authority is None:
        yield problem("ZG340", where, name=name)
        return
    yield from _authority_problems(authority, times, trust.where)
    lists = [crl for crl in trust.revocations if crl.issuer == authority.subject]
    yield from _freshness_problems(lists, authority, times[-1], trust.where)
    serial = certificate.serial_number
    # A list that is old or doubtful may still revoke; it only cannot acquit.
    if any(crl.get_revoked_certificate_by_serial_number(serial) for crl in lists):
        yield problem("ZG348", where, name=name, serial=f"{serial:x}")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _read_signer(certificate: x509.Certificate, where: Where) -> Signer:
    problems: list[Problem] = []
    extensions = {e.oid: e for e in certificate.extensions}
    name = _attribute(certificate, NameOID.COMMON_NAME)
    number = _attribute(certificate, NameOID.SERIAL_NUMBER)
    if not name or not number:
        problems.append(problem("ZG347", where))
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            oid = extension.oid.dotted_string
            problems.append(problem("ZG346", where, name=name, extension=oid))
    if not _may_only_sign(extensions):
        problems.append(problem("ZG345", where, name=name))
    roles = _roles(extensions)
    if len(roles) != 1:
        problems.append(problem("ZG344", where, name=name))
    key = certificate.public_key()
    if algorithm_name(key) is None:
        problems.append(problem("ZG349", where, name=name))
    refuse_any(problems)
    return Signer(
        role=roles[0],
        name=name,
        number=number,
        serial=certificate.serial_number,
        fingerprint=sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        key=sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest(),
    )


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    """Give the one value of a part of the subject's name; empty where there is not one."""
    values = certificate.subject.get_attributes_for_oid(oid)
    if len(values) != 1 or not isinstance(values[0].value, str):
        return ""
    return ascii_if_hidden(values[0].value.strip())


_Extensions = Mapping[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]


def _may_only_sign(extensions: _Extensions) -> bool:
    """Tell whether the certificate is for signatures, and its key issues nothing."""
    constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = extensions.get(ExtensionOID.KEY_USAGE)
    return (
        constraints is not None
        and isinstance(constraints.value, x509.BasicConstraints)
        and not constraints.value.ca
        and usage is not None
        and isinstance(usage.value, x509.KeyUsage)
        and usage.value.digital_signature
        and not usage.value.key_cert_sign
        and not usage.value.crl_sign
    )


def _roles(extensions: _Extensions) -> tuple[SignerRole, ...]:
    policies = extensions.get(ExtensionOID.CERTIFICATE_POLICIES)
    if policies is None or not isinstance(policies.value, x509.CertificatePolicies):
        return ()
    stated = (policy.policy_identifier.dotted_string for policy in policies.value)
    return tuple(ROLE_POLICIES[oid] for oid in stated if oid in ROLE_POLICIES)


def _parse_revocations(pem: bytes) -> x509.CertificateRevocationList:
    """Read a list, and at once the parts that are otherwise read late."""
    crl = x509.load_pem_x509_crl(pem)
    list(crl.extensions)
    list(crl.issuer)
    return crl


def _authority_of(certificate: x509.Certificate, trust: Trust) -> x509.Certificate | None:
    """Give the authority that signed this certificate itself, not through another."""
    if certificate.signature_algorithm_oid not in AUTHORITY_SIGNATURES:
        return None
    for authority in trust.authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, *_MALFORMED):
            continue
        return authority
    return None


def _authority_problems(
    authority: x509.Certificate, times: tuple[datetime, ...], where: Where
) -> Iterator[Problem]:
    if not _may_issue(authority):
        yield problem("ZG351", where)
    if not all(_is_valid_at(authority, at) for at in times):
        yield problem("ZG352", where, **_validity(authority))


def _may_issue(authority: x509.Certificate) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, *_MALFORMED):
        return False
    return constraints.ca and usage.key_cert_sign and usage.crl_sign


def _freshness_problems(
    lists: list[x509.CertificateRevocationList],
    authority: x509.Certificate,
    now: datetime,
    where: Where,
) -> Iterator[Problem]:
    """Find why none of the authority's lists can be relied on today; one is enough."""
    if not lists:
        yield problem("ZG353", where)
    faults = [list(_list_problems(crl, authority, now, where)) for crl in lists]
    if all(faults):
        yield from (fault for of_one in faults for fault in of_one)


def _list_problems(
    crl: x509.CertificateRevocationList,
    authority: x509.Certificate,
    now: datetime,
    where: Where,
) -> Iterator[Problem]:
    if not _signed_by(crl, authority):
        yield problem("ZG354", where)
        return
    if any(e.critical or e.oid == ExtensionOID.DELTA_CRL_INDICATOR for e in crl.extensions):
        yield problem("ZG357", where)
    begin, end = crl.last_update_utc, crl.next_update_utc
    if now < begin:
        yield problem("ZG356", where, begin=begin.isoformat())
    if end is None or now > end:
        yield problem("ZG355", where, end=end.isoformat() if end else "-")


def _signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    if crl.signature_algorithm_oid not in AUTHORITY_SIGNATURES:
        return False
    return isinstance(
        key, (ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey)
    ) and crl.is_signature_valid(key)


def _is_valid_at(certificate: x509.Certificate, at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _validity(certificate: x509.Certificate) -> Mapping[str, str]:
    return {
        "begin": certificate.not_valid_before_utc.isoformat(),
        "end": certificate.not_valid_after_utc.isoformat(),
    }
