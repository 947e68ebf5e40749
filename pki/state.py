"""The folder of a plan's authorities, and what has been issued and revoked.

There is no database: the record is what was signed.  A certificate that counts
lies in its authority's `issued/` under its serial, and what is revoked stands in
the authority's list; both carry signatures, so a damaged one is seen.

    DIR/pki.json                 plan, organ, and where lists are fetched from
    DIR/root/                    authority.pem, crl.pem, crl.der; authority.key or token.json
    DIR/<authority>/             the same, and issued/<serial>.pem
    DIR/codes/                   enrolment codes, by their digest
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from pki.build import Issuer, issued_at, make_list
from pki.errors import Code, PkiRefused
from pki.files import read_file, replace_file
from pki.keys import key_identity, read_key
from pki.names import Realm, common_name
from pki.parts import CLOCK_DIFFERENCE, Key, PublicKey
from pki.profiles import PACKAGED, AuthorityProfile, LeafProfile, Profiles, load_profiles

ROOT = "root"
SETTINGS = "pki.json"
CERTIFICATE = "authority.pem"
KEY = "authority.key"
TOKEN = "token.json"  # noqa: S105 - the name of a file
LIST_PEM = "crl.pem"
LIST_DER = "crl.der"
ISSUED = "issued"

_FORMAT = 1
_EARLIEST_YEAR = 2009

#: What the library raises for a damaged certificate or list.
MALFORMED = (
    KeyError,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens the keys: a passphrase for files, a PIN for a token."""

    passphrase: bytes | None = None
    pin: str | None = None


NO_SECRETS = Secrets()


@dataclass(frozen=True)
class Record:
    """One certificate that was issued, read from its file."""

    authority: str
    file: Path
    certificate: x509.Certificate

    @cached_property
    def name(self) -> str:
        """The name that it certifies."""
        return common_name(self.certificate.subject)

    @property
    def serial(self) -> int:
        """Its number."""
        return self.certificate.serial_number

    @cached_property
    def issued_at(self) -> datetime:
        """When it was made."""
        return issued_at(self.certificate)

    @cached_property
    def ends_at(self) -> datetime:
        """When it ends."""
        return self.certificate.not_valid_after_utc

    @cached_property
    def key(self) -> bytes:
        """The bytes by which its key is known again."""
        return key_identity(public_key(self.certificate))

    @cached_property
    def policies(self) -> frozenset[str]:
        """The numbers of its certificate policies."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.CertificatePolicies)
        except x509.ExtensionNotFound:
            return frozenset()
        return frozenset(p.policy_identifier.dotted_string for p in found.value)


@dataclass(frozen=True)
class State:
    """One folder of authorities; opened anew for each operation."""

    folder: Path
    realm: Realm
    profiles: Profiles
    list_url: str | None

    def issuer(self, name: str, secrets: Secrets) -> Issuer:
        """Open an authority, so that it can sign.

        Raises:
            PkiRefused: a file of it is missing, damaged, another's or open to others.
        """
        certificate = self.certificate(name)
        key = self._key(name, secrets)
        if key_identity(key.public_key()) != key_identity(public_key(certificate)):
            raise PkiRefused(Code.ZP013, file=self.folder / name / KEY, name=name)
        return Issuer(key, certificate)

    def certificate(self, name: str) -> x509.Certificate:
        """Read an authority's certificate, which the root must have signed.

        Raises:
            PkiRefused: it is missing, damaged, or not this folder's.
        """
        certificate = read_certificate(self.folder / name / CERTIFICATE)
        root = certificate if name == ROOT else self.certificate(ROOT)
        if certificate.subject != self.realm.authority(name) or not _signed(certificate, root):
            raise PkiRefused(Code.ZP013, file=self.folder / name / CERTIFICATE, name=name)
        return certificate

    def revocations(self, name: str) -> x509.CertificateRevocationList:
        """Read an authority's list, which it must have signed.

        Raises:
            PkiRefused: it is missing, damaged, or another's.
        """
        file = self.folder / name / LIST_PEM
        try:
            found = x509.load_pem_x509_crl(read_file(file))
            number = list_number(found)
            valid = found.is_signature_valid(public_key(self.certificate(name)))
        except (x509.ExtensionNotFound, *MALFORMED) as error:
            raise PkiRefused(Code.ZP003, file=file, wanted="CRL") from error
        # A list that the authority did not sign would be made good by signing it again.
        if not valid or number < 1:
            raise PkiRefused(Code.ZP013, file=file, name=name)
        return found

    def records(self, authority: str) -> tuple[Record, ...]:
        """Read everything that an authority issued, oldest first.

        Raises:
            PkiRefused: a file is damaged, or is not what its name says.
        """
        found = tuple(self._records(authority))
        return tuple(sorted(found, key=lambda record: (record.issued_at, record.serial)))

    def keep(self, authority: str, certificate: x509.Certificate) -> Record:
        """Record a certificate; only then may anybody have it.

        Raises:
            PkiRefused: it cannot be written.
        """
        folder = self.folder / authority / ISSUED
        file = folder / f"{certificate.serial_number:x}.pem"
        replace_file(file, certificate.public_bytes(Encoding.PEM))
        return Record(authority, file, certificate)

    def write_list(
        self, issuer: Issuer, name: str, new: tuple[x509.RevokedCertificate, ...], now: datetime
    ) -> x509.CertificateRevocationList:
        """Write an authority's next list: all that was revoked before, and what is new.

        Raises:
            PkiRefused: the list before it is missing, damaged or another's.
        """
        before = self.revocations(name)
        after = make_list(
            issuer, (*before, *new), list_number(before) + 1, self.list_days(name), now
        )
        write_lists(self.folder / name, after)
        return after

    def list_days(self, name: str) -> int:
        """Give how long an authority's list is good for."""
        if name == ROOT:
            return self.profiles.root.list_days
        return self.profiles.get(name, AuthorityProfile).list_days

    def authority_names(self) -> tuple[str, ...]:
        """Give the authorities of this folder that issue certificates, the root first."""
        return (ROOT, *(authority.name for authority in self.profiles.authorities))

    def leaf_of(self, record: Record) -> LeafProfile | None:
        """Give the profile of a record, known by its policy; None where there is none."""
        for leaf in self.profiles.below(record.authority):
            if leaf.policy_oid in record.policies:
                return leaf
        return None

    def check_clock(self, now: datetime) -> None:
        """Return nothing, or raise.

        What is signed under a wrong clock is believed, or refused, by everyone else.

        Raises:
            PkiRefused: the clock is before 2009, or before what was signed here last.
        """
        check_year(now)
        latest = max(
            self.revocations(name).last_update_utc + CLOCK_DIFFERENCE
            for name in self.authority_names()
        )
        if now + CLOCK_DIFFERENCE < latest:
            raise PkiRefused(Code.ZP008, now=now.isoformat(), latest=latest.isoformat())

    def _key(self, name: str, secrets: Secrets) -> Key:
        token = self.folder / name / TOKEN
        if token.exists():
            return open_token(token, secrets.pin)
        return read_key(self.folder / name / KEY, secrets.passphrase)

    def _records(self, authority: str) -> Iterator[Record]:
        for file in (self.folder / authority / ISSUED).glob("*.pem"):
            certificate = read_certificate(file)
            if file.stem != f"{certificate.serial_number:x}":
                raise PkiRefused(Code.ZP015, file=file)
            yield Record(authority, file, certificate)


def open_state(folder: Path, now: datetime, profiles: Path = PACKAGED) -> State:
    """Open a folder that `loushan pki init` made.

    Raises:
        PkiRefused: it is none, a file of it is damaged, or the clock cannot be right.
    """
    file = folder / SETTINGS
    try:
        settings = json.loads(read_file(file))
        plan, organ, url = (settings[word] for word in ("plan", "organ", "list_url"))
        known = settings["format"] == _FORMAT and len(settings) == 4  # noqa: PLR2004 - its words
    except (ValueError, TypeError, KeyError) as error:
        raise PkiRefused(Code.ZP012, file=file) from error
    if not known or not isinstance(plan, str) or not isinstance(organ, str):
        raise PkiRefused(Code.ZP012, file=file)
    realm = Realm(plan, organ)
    realm.check()
    state = State(folder, realm, load_profiles(profiles), None if url is None else str(url))
    state.check_clock(now)
    return state


def open_token(file: Path, pin: str | None) -> Key:
    """Open the key that a token holds.

    Raises:
        PkiRefused: the optional library is missing, or the token does not agree.
    """
    try:
        from pki.token_key import open_token_key  # noqa: PLC0415 - an optional library
    except ImportError as error:
        raise PkiRefused(Code.ZP054) from error
    return open_token_key(file, pin)


def settings_text(realm: Realm, list_url: str | None) -> bytes:
    """Give the content of a folder's settings."""
    settings: Mapping[str, object] = {
        "format": _FORMAT,
        "plan": realm.plan,
        "organ": realm.organ,
        "list_url": list_url,
    }
    return json.dumps(settings, ensure_ascii=False, indent=2).encode() + b"\n"


def write_lists(folder: Path, revocations: x509.CertificateRevocationList) -> None:
    """Write a list in both forms; the first is the record, the second is for fetching."""
    replace_file(folder / LIST_PEM, revocations.public_bytes(Encoding.PEM))
    replace_file(folder / LIST_DER, revocations.public_bytes(Encoding.DER))


def list_number(revocations: x509.CertificateRevocationList) -> int:
    """Give the number of a list."""
    return revocations.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def read_certificate(file: Path) -> x509.Certificate:
    """Read one certificate, whole.

    Raises:
        PkiRefused: it cannot be read, or is none.
    """
    try:
        certificate = x509.load_pem_x509_certificate(read_file(file))
        # Read now what the library would read late, so that damage is seen here.
        _ = (list(certificate.extensions), list(certificate.subject), certificate.public_key())
    except MALFORMED as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="X.509") from error
    return certificate


def public_key(certificate: x509.Certificate) -> PublicKey:
    """Give a certificate's key, which is of a kind that we certify."""
    key = certificate.public_key()
    if not isinstance(key, (ed25519.Ed25519PublicKey, ec.EllipticCurvePublicKey)):
        raise TypeError(key)
    return key


def check_year(now: datetime) -> None:
    """Return nothing, or raise.

    Raises:
        PkiRefused: the clock is before 2009: a machine that lost its time.
    """
    if now.astimezone(UTC).year < _EARLIEST_YEAR:
        raise PkiRefused(Code.ZP007, now=now.isoformat())


def _signed(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(by)
    except (InvalidSignature, *MALFORMED):
        return False
    return True
