"""What certificates and lists are put together from: keys, usages, digests, times.

Pure values; it knows no file and no profile.
"""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

ALGORITHMS = ("ed25519", "ecdsa-p256", "ecdsa-p384")

#: A clock that is a little behind must not find a new certificate "not yet valid".
CLOCK_DIFFERENCE = timedelta(minutes=5)

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ecdsa-p256": ec.SECP256R1,
    "ecdsa-p384": ec.SECP384R1,
}


def make_key(algorithm: str) -> Key:
    """Make a private key for one of ALGORITHMS.

    Raises:
        KeyError: there is no such algorithm.
    """
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[algorithm]())


def algorithm_of(key: object) -> str | None:
    """Give the name of a public key's algorithm; None where it is not one of ALGORITHMS."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return next((n for n, c in _CURVES.items() if isinstance(key.curve, c)), None)
    return None


def digest_for(key: Key) -> hashes.SHA256 | hashes.SHA384 | None:
    """Give the hash that the key signs with; Ed25519 has its own."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    return hashes.SHA384() if isinstance(key.curve, ec.SECP384R1) else hashes.SHA256()


def key_usage(*, issues: bool) -> x509.KeyUsage:
    """Say that a key issues certificates and lists, or else that it signs."""
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def whole(now: datetime) -> datetime:
    """Give the same moment in UTC, without the part of a second."""
    return now.astimezone(UTC).replace(microsecond=0)
