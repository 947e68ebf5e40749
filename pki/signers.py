"""The signers' folder: made once, then revoked from and kept fresh.

`authority.pem` and `crl.pem` go to every host that checks plans.  Each `.key`
goes to the one who holds the post, and `authority.key` off the network.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from pki.certificates import (
    ROLE_NAMES,
    Authority,
    Key,
    issue_signer,
    make_authority,
    make_key,
    make_revocations,
    revocation,
)
from pki.errors import Code, PkiRefused

AUTHORITY = "authority"
REVOCATIONS_FILE = "crl.pem"

SHORTEST_PASSPHRASE = 12


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
    return tuple(_create(folder, contents))


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


def read_passphrase(file: Path) -> bytes:
    """Read a passphrase from the first line of a file.

    Raises:
        PkiRefused: the file cannot be read or the passphrase is too short.
    """
    first = _read(file).split(b"\n", 1)[0].rstrip(b"\r")
    if len(first) < SHORTEST_PASSPHRASE:
        raise PkiRefused(Code.ZP006, file=file, shortest=SHORTEST_PASSPHRASE)
    return first


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
    _replace(file, after.public_bytes(Encoding.PEM))


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
    try:
        key = load_pem_private_key(_read(file), passphrase)
    except (ValueError, TypeError) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="private key") from error
    if not isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)):
        raise PkiRefused(Code.ZP003, file=file, wanted="private key")
    if key.public_key() != certificate.public_key():
        raise PkiRefused(Code.ZP003, file=file, wanted=f"key of {AUTHORITY}.pem")
    return Authority(key, certificate)


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(file))
    except ValueError as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="X.509") from error


def _read_revocations(folder: Path) -> x509.CertificateRevocationList:
    file = folder / REVOCATIONS_FILE
    try:
        return x509.load_pem_x509_crl(_read(file))
    except ValueError as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="CRL") from error


def _pair(
    name: str, key: Key, certificate: x509.Certificate, passphrase: bytes | None
) -> Mapping[str, bytes]:
    """Give the two files of a key and its certificate."""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    return {
        f"{name}.key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption),
        f"{name}.pem": certificate.public_bytes(Encoding.PEM),
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


def _create(folder: Path, contents: Mapping[str, bytes]) -> Iterator[Path]:
    """Write new files; keys for their owner alone, from their first moment."""
    for name in contents:
        if os.path.lexists(folder / name):
            raise PkiRefused(Code.ZP001, file=folder / name)
    file = folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in contents.items():
            file = folder / name
            _write_new(file, content, 0o600 if name.endswith(".key") else 0o644)
            yield file
        _sync_folder(folder)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        with tempfile.TemporaryDirectory(prefix=".new-", dir=file.parent) as beside:
            new = Path(beside) / file.name
            _write_new(new, content, 0o644)
            new.replace(file)
        _sync_folder(file.parent)
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
