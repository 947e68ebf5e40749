"""The key of a log: made by the follower at its first start, and never exchanged."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import Refused, Where, problem
from gateway.observe.checkpoint import Verifier
from gateway.observe.files import KEY_FILE, days, replace_file, write_all
from gateway.policy.disk import settle

_OWNER_ONLY = 0o600


def key_of(file: Path, folder: Path, origin: str) -> Ed25519PrivateKey:
    """Give the key that signs a log; make it where there is neither key nor log.

    The public half is written beside the records, for whoever copies it to
    where the log is judged.

    Raises:
        Refused: ZG988, it is none, others may read it, or it is not the log's.
        OSError: it cannot be written.
    """
    where = Where(str(file))
    if not file.exists():
        if days(folder):
            raise Refused(problem("ZG988", where, error="missing, and the log has records"))
        _make(file)
    key = _read(file, where)
    verifier = Verifier.of(origin, key)
    public = folder / KEY_FILE
    if public.exists():
        if read_verifier(public) != verifier:
            raise Refused(problem("ZG988", where, error=f"not the one of {public}"))
    else:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_file(public, verifier.text().encode())
    return key


def read_verifier(file: Path) -> Verifier:
    """Read the public key of a log.

    Raises:
        Refused: ZG988, it cannot be read.
    """
    try:
        return Verifier.read(file.read_text("utf-8"))
    except (OSError, ValueError) as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise Refused(problem("ZG988", Where(str(file)), error=error)) from fault


def _make(file: Path) -> None:
    """Put a key where none is, whole: who is killed meanwhile makes another."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    content = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(file)
    settle(file.parent)


def _read(file: Path, where: Where) -> Ed25519PrivateKey:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(problem("ZG988", where, error="others than its owner may read it"))
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise Refused(problem("ZG988", where, error=type(fault).__name__)) from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(problem("ZG988", where, error="not Ed25519"))
    return key
