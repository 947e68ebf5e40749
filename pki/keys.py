"""Private keys in files: encrypted by a passphrase, or for their owner alone."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pki.errors import Code, PkiRefused
from pki.files import read_private
from pki.parts import Key

SHORTEST_PASSPHRASE = 12


def read_passphrase(file: Path) -> bytes:
    """Read a passphrase from the first line of a file.

    Raises:
        PkiRefused: the file cannot be read or the passphrase is too short.
    """
    try:
        first = file.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise PkiRefused(Code.ZP002, file=file, error=error.strerror) from error
    if len(first) < SHORTEST_PASSPHRASE:
        raise PkiRefused(Code.ZP006, file=file, shortest=SHORTEST_PASSPHRASE)
    return first


def key_text(key: Key, passphrase: bytes | None) -> bytes:
    """Give a private key as PEM, encrypted where there is a passphrase."""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def read_key(file: Path, passphrase: bytes | None) -> Key:
    """Read a private key that only its owner can read.

    Raises:
        PkiRefused: others may read it, it is no key of ours, or the passphrase is wrong.
    """
    content = read_private(file)
    # A passphrase is given for all keys of a folder; some have none.
    encrypted = b"ENCRYPTED" in content
    try:
        key = load_pem_private_key(content, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="private key") from error
    if not isinstance(key, (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey)):
        raise PkiRefused(Code.ZP003, file=file, wanted="private key")
    return key


def key_identity(key: PublicKeyTypes) -> bytes:
    """Give the bytes by which a public key is known again."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
