"""The gateway's public keys: a JWK set (RFC 7517) in a file that the gateway's owner puts there.

One key on P-256 and, while it is being changed, the one before.  A set with
anything else in it is refused whole: nobody meant to publish it.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from applications.identity.jws import ALGORITHM, bytes_of, object_of

_NUMBER_BYTES = 32
_MEMBERS = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": ALGORITHM}
_MOST_BYTES = 16 * 1024

Keys = Mapping[str, ec.EllipticCurvePublicKey]


class KeySetError(ValueError):
    """It is not a set of the gateway's public keys."""


def read_keys(content: bytes) -> Keys:
    """Read a JWK set: each key by its `kid`.

    Raises:
        KeySetError: it is none, is empty, or holds anything but public keys for ES256.
    """
    try:
        document = object_of(content)
        listed = document["keys"]
        if set(document) != {"keys"} or not isinstance(listed, list) or not listed:
            raise KeySetError(sorted(document))
        keys = dict(_key(entry) for entry in listed)
    except (KeyError, TypeError, ValueError) as fault:
        raise KeySetError(str(fault)) from fault
    if len(keys) != len(listed):
        message = "a `kid` twice"
        raise KeySetError(message)
    return keys


def _key(entry: Any) -> tuple[str, ec.EllipticCurvePublicKey]:  # noqa: ANN401 - whatever a file says
    if set(entry) != {*_MEMBERS, "kid", "x", "y"}:
        raise KeySetError(sorted(entry))
    kid = entry["kid"]
    if not isinstance(kid, str) or not kid:
        raise KeySetError(kid)
    if any(entry[name] != value for name, value in _MEMBERS.items()):
        raise KeySetError(kid)
    x, y = (bytes_of(entry[name]) for name in ("x", "y"))
    if len(x) != _NUMBER_BYTES or len(y) != _NUMBER_BYTES:
        raise KeySetError(kid)
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1())
    return kid, numbers.public_key()


class KeyFile:
    """The file, read again whenever it is another: a key changes without a restart."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is read when it is first asked for."""
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._keys: Keys = {}

    def __call__(self) -> Keys:
        """Give the keys.

        Raises:
            KeySetError: there is no file, or it is damaged; the keys before do not count on.
        """
        try:
            seen = _state(self._path)
            if seen != self._seen:
                self._keys = read_keys(_read(self._path))
                self._seen = seen
        except OSError as fault:
            self._seen = None
            message = f"{self._path}: {fault.strerror}"
            raise KeySetError(message) from fault
        except KeySetError:
            self._seen = None
            raise
        return self._keys


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > _MOST_BYTES:
            message = f"{path}: larger than any set of keys"
            raise KeySetError(message)
        return file.read(_MOST_BYTES)
