"""The signature algorithms that a release may use, each bound to its kind of key.

To add SM2 is to add one entry to ALGORITHMS: a name, `fits`, `sign` and
`verify` (SM2 with SM3, 密码法 and GM/T 0009).  `cryptography` has no SM2, so it
is not here.  Nothing else in the format names an algorithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.x509.oid import SignatureAlgorithmOID


class Algorithm(Protocol):
    """How one kind of key signs and is verified; the key's kind decides, not the sender."""

    def fits(self, key: PublicKeyTypes) -> bool:
        """Tell whether this algorithm is the one for the key."""

    def sign(self, key: PrivateKeyTypes, content: bytes) -> bytes:
        """Give the signature.

        Raises:
            TypeError: the key is of another kind.
        """

    def verify(self, key: PublicKeyTypes, value: bytes, content: bytes) -> None:
        """Return nothing, or raise.

        Raises:
            InvalidSignature: the value is not the key's signature of the content.
        """


class _Ed25519:
    def fits(self, key: PublicKeyTypes) -> bool:
        return isinstance(key, ed25519.Ed25519PublicKey)

    def sign(self, key: PrivateKeyTypes, content: bytes) -> bytes:
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise TypeError(key)
        return key.sign(content)

    def verify(self, key: PublicKeyTypes, value: bytes, content: bytes) -> None:
        if not isinstance(key, ed25519.Ed25519PublicKey):
            raise InvalidSignature
        key.verify(value, content)


@dataclass(frozen=True, slots=True)
class _Ecdsa:
    curve: type[ec.EllipticCurve]
    digest: type[SHA256 | SHA384]

    def fits(self, key: PublicKeyTypes) -> bool:
        return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, self.curve)

    def sign(self, key: PrivateKeyTypes, content: bytes) -> bytes:
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(key)
        return key.sign(content, ec.ECDSA(self.digest()))

    def verify(self, key: PublicKeyTypes, value: bytes, content: bytes) -> None:
        if not isinstance(key, ec.EllipticCurvePublicKey) or not self.fits(key):
            raise InvalidSignature
        key.verify(value, content, ec.ECDSA(self.digest()))


ALGORITHMS: Mapping[str, Algorithm] = {
    "ed25519": _Ed25519(),
    "ecdsa-p256-sha256": _Ecdsa(ec.SECP256R1, SHA256),
    "ecdsa-p384-sha384": _Ecdsa(ec.SECP384R1, SHA384),
}

#: What an authority may sign certificates and revocations with.
AUTHORITY_SIGNATURES = frozenset(
    {
        SignatureAlgorithmOID.ED25519,
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    }
)


def algorithm_name(key: PublicKeyTypes) -> str | None:
    """Give the name of the algorithm for a key; None where we take no such key."""
    return next((name for name, algorithm in ALGORITHMS.items() if algorithm.fits(key)), None)
