"""Two people's signatures on a statement, and what makes a release of it.

`check_release` gives what was verified or raises with everything that is
wrong; there is no answer that a caller could forget to read.  Each signature
covers the role, the time, the algorithm and the certificate it was made with,
so none of them can be exchanged.  It knows nothing of files or of hosts.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import NOWHERE, Problem, Refused, Where, problem, refuse_any
from gateway.policy.algorithms import ALGORITHMS, algorithm_name
from gateway.policy.canonical import (
    canonical_bytes,
    fields,
    parse_json,
    readable_bytes,
    text_field,
    time_field,
    time_text,
)
from gateway.policy.documents import Document
from gateway.policy.signers import (
    Signer,
    SignerRole,
    Trust,
    certificate_problems,
    read_signer,
)
from gateway.policy.statement import (
    Statement,
    content_problems,
    form_problems,
    parse_statement,
    window_problems,
)

#: A release names at most 2 000 documents; this is five times what they need.
LARGEST_RELEASE_BYTES = 1024 * 1024

#: Goes before what is signed, so that a signature made here means nothing elsewhere.
_DOMAIN = b"loushan release signature 1\n"

_FIELDS = ("algorithm", "certificate", "role", "signed_at", "value")


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's signature; `signed_at` is UTC in whole seconds."""

    role: SignerRole
    algorithm: str
    certificate: x509.Certificate
    signed_at: datetime
    value: bytes

    def covered(self, statement: Statement) -> bytes:
        """Give the bytes that the value signs: everything here but the value itself."""
        data = {
            "role": self.role.value,
            "algorithm": self.algorithm,
            "certificate": sha256(self.certificate.public_bytes(Encoding.DER)).hexdigest(),
            "signed_at": time_text(self.signed_at),
            "statement": statement.as_json(),
        }
        return _DOMAIN + canonical_bytes(data)

    def as_json(self) -> dict[str, object]:
        """Give the signature as it is written."""
        return {
            "role": self.role.value,
            "algorithm": self.algorithm,
            "certificate": self.certificate.public_bytes(Encoding.PEM).decode("ascii"),
            "signed_at": time_text(self.signed_at),
            "value": b64encode(self.value).decode("ascii"),
        }


@dataclass(frozen=True, slots=True)
class Release:
    """A statement and the signatures it has so far; nothing about it is verified yet."""

    statement: Statement
    signatures: tuple[Signature, ...] = ()
    where: Where = field(default=NOWHERE, compare=False)

    @property
    def content(self) -> bytes:
        """The one form of this release as a file."""
        signatures = sorted(self.signatures, key=lambda s: s.role)
        return readable_bytes(
            {
                "statement": self.statement.as_json(),
                "signatures": [signature.as_json() for signature in signatures],
            }
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A release that two people signed and that fits its documents at one moment."""

    statement: Statement
    digest: str
    author: Signer
    bureau: Signer


def parse_release(content: bytes, where: Where = NOWHERE) -> Release:
    """Read a release; the only bytes taken are those that it would be written as.

    Raises:
        Refused: it is not a release, or is one in another form.
    """
    if len(content) > LARGEST_RELEASE_BYTES:
        raise Refused(problem("ZG005", where, limit=LARGEST_RELEASE_BYTES))
    given = fields(parse_json(content, where), "release", ("signatures", "statement"), where)
    signatures = given["signatures"]
    if not isinstance(signatures, list) or len(signatures) > len(SignerRole):
        raise Refused(problem("ZG305", where, field="signatures", wanted="author, bureau"))
    release = Release(
        parse_statement(given["statement"], where),
        tuple(_parse_signature(signature, where) for signature in signatures),
        where,
    )
    if release.content != content:
        raise Refused(problem("ZG306", where))
    return release


def check_release(  # noqa: PLR0913 - each is something the release must fit
    documents: Iterable[Document],
    release: Release,
    difference: bytes,
    trust: Trust,
    now: datetime,
    *,
    plan: str,
) -> Verified:
    """Verify a release in full.  Whether it is a step back is check_may_follow's question.

    Args:
        documents: every document of the plan, as it will be compiled.
        release: as it was read.
        difference: the bytes that stand beside the release.
        trust: whose signers count.
        now: with a time zone.
        plan: the name that the documents give to the plan.

    Raises:
        Refused: with every reason.
    """
    problems = list(_statement_problems(documents, release, difference, now, plan))
    signers: list[Signer] = []
    for signature in release.signatures:
        try:
            signers.append(_verified_signer(signature, release, trust, now))
        except Refused as refused:
            problems += refused.problems
    problems += _pair_problems(release, signers)
    refuse_any(problems)
    by_role = {signer.role: signer for signer in signers}
    return Verified(
        release.statement,
        release.statement.digest,
        by_role[SignerRole.AUTHOR],
        by_role[SignerRole.BUREAU],
    )


def sign(
    statement: Statement,
    role: SignerRole,
    key: PrivateKeyTypes,
    certificate: x509.Certificate,
    now: datetime,
) -> Signature:
    """Sign a statement in a role.  Use add_signature, which asks what this cannot know.

    Raises:
        Refused: the certificate is not for this role, not valid now or not this
            key's; or nobody may sign such a statement any more.
    """
    signer = read_signer(certificate, NOWHERE)
    problems = list(form_problems(statement, NOWHERE))
    if now > statement.not_after:
        problems += window_problems(statement, now, NOWHERE)
    problems += _role_problems(signer, role, NOWHERE)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        problems.append(
            problem(
                "ZG341",
                name=signer.name,
                begin=certificate.not_valid_before_utc.isoformat(),
                end=certificate.not_valid_after_utc.isoformat(),
                at=now.isoformat(),
            )
        )
    algorithm = algorithm_name(certificate.public_key())
    if algorithm is None or not _is_pair(key, certificate):
        problems.append(problem("ZG370", name=signer.name))
    refuse_any(problems)
    signed_at = now.astimezone(UTC).replace(microsecond=0)
    signature = Signature(role, algorithm or "", certificate, signed_at, b"")
    value = ALGORITHMS[signature.algorithm].sign(key, signature.covered(statement))
    return replace(signature, value=value)


def add_signature(  # noqa: PLR0913 - a person, what they sign, and what it must fit
    release: Release,
    role: SignerRole,
    key: PrivateKeyTypes,
    certificate: x509.Certificate,
    *,
    documents: Iterable[Document],
    difference: bytes,
    trust: Trust,
    now: datetime,
    plan: str,
) -> Release:
    """Give the release with one signature more.

    Nobody countersigns what has changed since: the documents, the difference
    and the signature that is there already are all verified first.

    Raises:
        Refused: the signature would be refused later; or the role has signed already.
    """
    if any(signature.role is role for signature in release.signatures):
        raise Refused(problem("ZG373", release.where, role=role.value))
    problems = list(_content_problems(documents, release, difference, plan))
    signers: list[Signer] = []
    try:
        new = sign(release.statement, role, key, certificate, now)
    except Refused as refused:
        raise Refused(*problems, *refused.problems) from refused
    signed = replace(release, signatures=(*release.signatures, new))
    for signature in signed.signatures:
        try:
            signers.append(_verified_signer(signature, signed, trust, now))
        except Refused as refused:
            problems += refused.problems
    problems += _same_person_problems(signers, release.where)
    refuse_any(problems)
    return signed


def _parse_signature(data: object, where: Where) -> Signature:
    given = fields(data, "signature", _FIELDS, where)
    role = text_field(given, "role", where)
    if role not in list(SignerRole):
        raise Refused(problem("ZG305", where, field="role", wanted="author, bureau"))
    pem, value = given["certificate"], given["value"]
    if not isinstance(pem, str) or not isinstance(value, str):
        raise Refused(problem("ZG305", where, field="certificate, value", wanted="PEM, base64"))
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise Refused(problem("ZG338", where, error=error)) from error
    try:
        decoded = b64decode(value, validate=True)
    except (ValueError, binascii.Error) as error:
        raise Refused(problem("ZG305", where, field="value", wanted="base64")) from error
    return Signature(
        SignerRole(role),
        text_field(given, "algorithm", where),
        certificate,
        time_field(given, "signed_at", where),
        decoded,
    )


def _statement_problems(
    documents: Iterable[Document], release: Release, difference: bytes, now: datetime, plan: str
) -> Iterator[Problem]:
    yield from form_problems(release.statement, release.where)
    yield from window_problems(release.statement, now, release.where)
    yield from _content_problems(documents, release, difference, plan)


def _content_problems(
    documents: Iterable[Document], release: Release, difference: bytes, plan: str
) -> Iterator[Problem]:
    if release.statement.plan != plan:
        yield problem("ZG310", release.where, found=release.statement.plan, plan=plan)
    yield from content_problems(release.statement, documents, difference, release.where)


def _verified_signer(signature: Signature, release: Release, trust: Trust, now: datetime) -> Signer:
    """Give who made the signature.

    Raises:
        Refused: with every reason why it does not count.
    """
    where = release.where
    signer = read_signer(signature.certificate, where)
    problems = [
        *_role_problems(signer, signature.role, where),
        *_value_problems(signature, signer, release.statement, where),
        *certificate_problems(
            signature.certificate, signer.name, (signature.signed_at, now), trust, where
        ),
    ]
    if signature.signed_at > now:
        problems.append(
            problem("ZG336", where, name=signer.name, at=time_text(signature.signed_at))
        )
    if signature.signed_at > release.statement.not_after:
        problems.append(
            problem("ZG337", where, name=signer.name, at=time_text(signature.signed_at))
        )
    refuse_any(problems)
    return signer


def _value_problems(
    signature: Signature, signer: Signer, statement: Statement, where: Where
) -> Iterator[Problem]:
    algorithm = ALGORITHMS.get(signature.algorithm)
    if algorithm is None:
        known = ", ".join(ALGORITHMS)
        yield problem("ZG334", where, algorithm=signature.algorithm, known=known)
        return
    key = signature.certificate.public_key()
    if not algorithm.fits(key):
        yield problem("ZG335", where, algorithm=signature.algorithm, name=signer.name)
        return
    try:
        algorithm.verify(key, signature.value, signature.covered(statement))
    except InvalidSignature:
        yield problem("ZG333", where, name=signer.name)


def _role_problems(signer: Signer, role: SignerRole, where: Where) -> Iterator[Problem]:
    if signer.role is not role:
        yield problem("ZG343", where, name=signer.name, role=role.value, found=signer.role.value)


def _pair_problems(release: Release, signers: Iterable[Signer]) -> Iterator[Problem]:
    """Find whether exactly one person signed in each role, and not the same person."""
    roles = [signature.role for signature in release.signatures]
    for role in SignerRole:
        if role not in roles:
            yield problem("ZG330", release.where, role=role.value)
        elif roles.count(role) > 1:
            yield problem("ZG331", release.where, role=role.value)
    yield from _same_person_problems(list(signers), release.where)


def _same_person_problems(signers: list[Signer], where: Where) -> Iterator[Problem]:
    for position, signer in enumerate(signers):
        for other in signers[:position]:
            if signer.is_same_person(other):
                yield problem("ZG332", where, name=signer.name)


def _is_pair(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    return bool(key.public_key() == certificate.public_key())
