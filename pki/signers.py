"""The signers' folder: made once, then revoked from and kept fresh.

`authority.pem` and `crl.pem` go to every host that checks plans.  Each `.key`
goes to the one who holds the post, and `authority.key` off the network.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pki.certificates import (
    ROLE_NAMES,
    Authority,
    issue_signer,
    make_authority,
    make_revocations,
    revocation,
)
from pki.errors import Code, PkiRefused
from pki.files import create_files, read_file, replace_file
from pki.keys import key_text, read_key
from pki.parts import Key, make_key

AUTHORITY = "authority"
REVOCATIONS_FILE = "crl.pem"


def make_signers(
    folder: Path, algorithm: str, passphrase: bytes | None, now: datetime
) -> tuple[Path, ...]:
    """Make an authority, a signer for each role and an empty list of revocations.

    Args:
        folder: where to; it may exist, but hold none of the files.
        algorithm: one of ALGORITHMS.
        passphrase: encrypts each private key; None leaves them to the file's mode.
        now: with a time zone.

    Returns:
        The files that were made.

    Raises:
        PkiRefused: a file is there already, or cannot be written.
    """
    authority = make_authority(algorithm, now)
    contents = dict(_pair(AUTHORITY, authority.key, authority.certificate, passphrase))
    for role in ROLE_NAMES:
        key = make_key(algorithm)
        contents |= _pair(role, key, issue_signer(authority, role, key, now), passphrase)
    first = make_revocations(authority, (), 1, now)
    contents[REVOCATIONS_FILE] = first.public_bytes(Encoding.PEM)
    return tuple(create_files(folder, contents))


def revoke_signer(folder: Path, wanted: str, passphrase: bytes | None, now: datetime) -> int:
    """Revoke a certificate of the folder and write the new list.

    Args:
        folder: one that make_signers made.
        wanted: the file's name without `.pem`, the post's name, or the serial in hex.
        passphrase: of the authority's key.
        now: with a time zone.

    Returns:
        The serial that was revoked.

    Raises:
        PkiRefused: there is no such certificate, it is revoked already, or the
            authority cannot be read.
    """
    serial = _serial_of(folder, wanted)
    before = _read_revocations(folder)
    if before.get_revoked_certificate_by_serial_number(serial) is not None:
        raise PkiRefused(Code.ZP005, wanted=wanted)
    _renew(folder, before, (*before, revocation(serial, now)), passphrase, now)
    return serial


def renew_revocations(folder: Path, passphrase: bytes | None, now: datetime) -> None:
    """Write the same list again, good for another 30 days.

    Raises:
        PkiRefused: the authority or its list cannot be read.
    """
    before = _read_revocations(folder)
    _renew(folder, before, tuple(before), passphrase, now)


def _renew(
    folder: Path,
    before: x509.CertificateRevocationList,
    revoked: tuple[x509.RevokedCertificate, ...],
    passphrase: bytes | None,
    now: datetime,
) -> None:
    authority = _read_authority(folder, passphrase)
    file = folder / REVOCATIONS_FILE
    # A list that the authority did not sign would be made good by signing it again.
    if not before.is_signature_valid(authority.key.public_key()):
        raise PkiRefused(Code.ZP003, file=file, wanted="CRL")
    number = before.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    after = make_revocations(authority, revoked, number + 1, now)
    replace_file(file, after.public_bytes(Encoding.PEM))


def _serial_of(folder: Path, wanted: str) -> int:
    certificates = dict(_issued(folder))
    for name, certificate in certificates.items():
        post = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        if wanted in {name, post, f"{certificate.serial_number:x}"}:
            return certificate.serial_number
    known = ", ".join(f"{name} ({c.serial_number:x})" for name, c in certificates.items())
    raise PkiRefused(Code.ZP004, wanted=wanted, known=known or "-")


def _issued(folder: Path) -> Iterator[tuple[str, x509.Certificate]]:
    for file in sorted(folder.glob("*.pem")):
        if file.stem != AUTHORITY and file.name != REVOCATIONS_FILE:
            yield file.stem, _read_certificate(file)


def _read_authority(folder: Path, passphrase: bytes | None) -> Authority:
    file = folder / f"{AUTHORITY}.key"
    certificate = _read_certificate(folder / f"{AUTHORITY}.pem")
    key = read_key(file, passphrase)
    if key.public_key() != certificate.public_key():
        raise PkiRefused(Code.ZP003, file=file, wanted=f"key of {AUTHORITY}.pem")
    return Authority(key, certificate)


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_file(file))
    except ValueError as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="X.509") from error


def _read_revocations(folder: Path) -> x509.CertificateRevocationList:
    file = folder / REVOCATIONS_FILE
    try:
        return x509.load_pem_x509_crl(read_file(file))
    except ValueError as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="CRL") from error


def _pair(
    name: str, key: Key, certificate: x509.Certificate, passphrase: bytes | None
) -> Mapping[str, bytes]:
    """Give the two files of a key and its certificate."""
    return {
        f"{name}.key": key_text(key, passphrase),
        f"{name}.pem": certificate.public_bytes(Encoding.PEM),
    }
