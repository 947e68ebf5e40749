"""Signers made in memory, for tests that need a signed plan: good ones and odd ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from gateway.policy.documents import Document
from gateway.policy.signature import (
    Release,
    Signature,
    Verified,
    add_signature,
    check_release,
    sign,
)
from gateway.policy.signers import ROLE_ARC, SignerRole, Trust
from gateway.policy.statement import Statement, prepare_statement

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: When the tests' plans are signed, and when they are read.
SIGNED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
END = datetime(2027, 11, 30, tzinfo=UTC)

PLAN = "小城"
DOCUMENTS = (
    Document("conduits.yml", b"document: conduits\n"),
    Document("plan.yml", "document: plan\nname: 小城\n".encode()),
    Document("sites/大厅.yml", b"document: sites\n"),
)
DIFFERENCE = b'{"added": []}\n'

ROLE_POLICY = {SignerRole.AUTHOR: f"{ROLE_ARC}.1", SignerRole.BUREAU: f"{ROLE_ARC}.2"}


@dataclass(frozen=True, slots=True)
class Person:
    """A key and the certificate that goes with it."""

    key: Key
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True)
class Shape:
    """What a certificate says; each test changes what it is about."""

    name: str = "某岗"
    number: str | None = "0001"
    policies: tuple[str, ...] = ()
    ca: bool | None = False
    signs: bool = True
    issues: bool = False
    revokes: bool = False
    usage: bool = True
    begin: datetime = SIGNED - timedelta(days=30)
    end: datetime = SIGNED + timedelta(days=700)
    extra: x509.ExtensionType | None = None
    extra_is_critical: bool = True


AUTHORITY = Shape("签发机构", "ca", ca=True, signs=False, issues=True, revokes=True)
AUTHOR = Shape("编制岗", "a1", (ROLE_POLICY[SignerRole.AUTHOR],))
BUREAU = Shape("审签岗", "b1", (ROLE_POLICY[SignerRole.BUREAU],))


def make_key(algorithm: str = "ed25519") -> Key:
    """Make a key by the name that a release gives its algorithm, or `rsa`."""
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "rsa":
        return rsa.generate_private_key(65537, 2048)
    curve = ec.SECP384R1() if "p384" in algorithm else ec.SECP256R1()
    return ec.generate_private_key(curve)


def issue(shape: Shape, issuer: Person | None = None, key: Key | None = None) -> Person:
    """Make a certificate of this shape, issued by somebody or by itself."""
    key = key or make_key()
    subject = _name(shape)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(shape.begin)
        .not_valid_after(shape.end)
    )
    if shape.usage:
        builder = builder.add_extension(_usage(shape), critical=True)
    if shape.ca is not None:
        constraints = x509.BasicConstraints(ca=shape.ca, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    if shape.policies:
        policies = [
            x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in shape.policies
        ]
        builder = builder.add_extension(x509.CertificatePolicies(policies), critical=True)
    if shape.extra:
        builder = builder.add_extension(shape.extra, critical=shape.extra_is_critical)
    signing = issuer.key if issuer else key
    return Person(key, builder.sign(signing, digest_for(signing)))


def revocations(  # noqa: PLR0913 - each test changes one
    authority: Person,
    *revoked: Person,
    begin: datetime = SIGNED - timedelta(days=1),
    lifetime: timedelta = timedelta(days=30),
    extra: x509.ExtensionType | None = None,
    extra_is_critical: bool = True,
    signed_by: Person | None = None,
    digest: hashes.SHA512 | None = None,
) -> x509.CertificateRevocationList:
    """Make a list of revocations; `signed_by` signs it in place of the authority."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(begin)
        .next_update(begin + lifetime)
    )
    for person in revoked:
        entry = (
            x509.RevokedCertificateBuilder()
            .serial_number(person.certificate.serial_number)
            .revocation_date(begin)
            .build()
        )
        builder = builder.add_revoked_certificate(entry)
    if extra:
        builder = builder.add_extension(extra, critical=extra_is_critical)
    key = (signed_by or authority).key
    return builder.sign(key, digest or digest_for(key))


def digest_for(key: Key) -> hashes.SHA256 | hashes.SHA384 | None:
    """Give the hash that a key signs certificates with."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return hashes.SHA384()
    return hashes.SHA256()


def statement(**changes: object) -> Statement:
    """Give a statement of the tests' documents, changed as told."""
    made = prepare_statement(
        plan=PLAN,
        revision=7,
        not_before=BEGIN,
        not_after=END,
        documents=DOCUMENTS,
        difference=DIFFERENCE,
        base=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # a test names the field itself


@dataclass(frozen=True, slots=True)
class Office:
    """An authority, an author, the Bureau, and a release that both have signed."""

    authority: Person
    author: Person
    bureau: Person
    trust: Trust
    release: Release

    def signature(self, role: SignerRole) -> Signature:
        """Give the signature that the release has in a role."""
        return next(s for s in self.release.signatures if s.role is role)

    def with_signatures(self, *signatures: Signature) -> "Office":
        """Give the same with a release that has these signatures instead."""
        return replace(self, release=replace(self.release, signatures=signatures))

    def signed_by(self, author: Person, bureau: Person) -> "Office":
        """Give the same with a release that these two signed, asked nothing."""
        pairs = ((SignerRole.AUTHOR, author), (SignerRole.BUREAU, bureau))
        return self.with_signatures(*(forge(self.release.statement, r, p) for r, p in pairs))

    def trusting(self, **changes: object) -> "Office":
        """Give the same with another trust."""
        return replace(self, trust=replace(self.trust, **changes))  # type: ignore[arg-type] # a test names the field itself

    def check(
        self,
        documents: tuple[Document, ...] = DOCUMENTS,
        difference: bytes = DIFFERENCE,
        now: datetime = NOW,
        plan: str = PLAN,
    ) -> Verified:
        """Verify the release."""
        return check_release(documents, self.release, difference, self.trust, now, plan=plan)

    def add(
        self,
        release: Release,
        role: SignerRole,
        person: Person,
        documents: tuple[Document, ...] = DOCUMENTS,
        difference: bytes = DIFFERENCE,
    ) -> Release:
        """Add a signature."""
        return add_signature(
            release,
            role,
            person.key,
            person.certificate,
            documents=documents,
            difference=difference,
            trust=self.trust,
            now=SIGNED,
            plan=PLAN,
        )


def open_office(algorithm: str = "ed25519") -> Office:
    """Make an office whose release is good at NOW."""
    authority = issue(AUTHORITY, key=make_key(algorithm))
    author = issue(AUTHOR, authority, make_key(algorithm))
    bureau = issue(BUREAU, authority, make_key(algorithm))
    trust = Trust((authority.certificate,), (revocations(authority),))
    made = statement()
    signatures = (
        sign(made, SignerRole.AUTHOR, author.key, author.certificate, SIGNED),
        sign(made, SignerRole.BUREAU, bureau.key, bureau.certificate, SIGNED),
    )
    return Office(authority, author, bureau, trust, Release(made, signatures))


def forge(  # noqa: PLR0913 - whatever a signature says, a forger can say
    signed: Statement,
    role: SignerRole,
    person: Person,
    *,
    signed_at: datetime = SIGNED,
    algorithm: str = "ed25519",
    change: Callable[[bytes], bytes] = bytes,
) -> Signature:
    """Sign without any of the questions that `sign` asks."""
    signature = Signature(role, algorithm, person.certificate, signed_at, b"")
    content = change(signature.covered(signed))
    key = person.key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        value = key.sign(content)
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        value = key.sign(content, ec.ECDSA(digest_for(key) or hashes.SHA256()))
    return replace(signature, value=value)


def _name(shape: Shape) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, shape.name)]
    if shape.number is not None:
        parts.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, shape.number))
    return x509.Name(parts)


def _usage(shape: Shape) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=shape.signs,
        content_commitment=False,
        key_encipherment=not shape.signs and not shape.issues,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=shape.issues,
        crl_sign=shape.revokes,
        encipher_only=False,
        decipher_only=False,
    )
