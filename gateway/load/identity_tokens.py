"""The tokens by which applications learn who asks, and the keys that they check them with.

A token says that a subject asks from a zone, for one application, for minutes
(JWS of RFC 7515, ES256).  They are made ahead of time for all who may ask, so
the proxy only picks one; it signs nothing and has no key.

Nothing here opens a file or a socket: keys come in and text goes out.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.policy.model import Subject

#: An application takes none that is good for longer.
LIFETIME_SECONDS = 300

_NUMBER_BYTES = 32


@dataclass(frozen=True, slots=True, order=True)
class Asking:
    """Who asks, from which zone, which application by its host's name."""

    subject: str
    zone: str
    audience: str


@dataclass(frozen=True, slots=True)
class TokenSigner:
    """A gateway's name, the policy's revision in force, and the key, which must be on P-256."""

    gateway: str
    revision: int
    key: ec.EllipticCurvePrivateKey
    lifetime_seconds: int = LIFETIME_SECONDS

    def __post_init__(self) -> None:
        """Refuse what would only make tokens that no application takes.

        Raises:
            ValueError: the key is on another curve, or the tokens would last too long.
        """
        _check_curve(self.key.public_key())
        if not 0 < self.lifetime_seconds <= LIFETIME_SECONDS:
            message = f"a token is good for 1 to {LIFETIME_SECONDS} seconds"
            raise ValueError(message)

    def tokens(
        self, subjects: Iterable[Subject], audiences: Iterable[str], now: datetime
    ) -> dict[Asking, str]:
        """Give a token for each subject, each of its zones, and each application."""
        hosts, head = tuple(audiences), _text(self._head())
        issued_at = int(now.timestamp())
        return {
            Asking(subject.name, zone, host): self._signed(
                head, self._claims(subject, zone, host, issued_at)
            )
            for subject in subjects
            for zone in subject.zones
            for host in hosts
        }

    def _head(self) -> dict[str, str]:
        return {"alg": "ES256", "kid": thumbprint(self.key.public_key()), "typ": "JWT"}

    def _claims(
        self, subject: Subject, zone: str, host: str, issued_at: int
    ) -> dict[str, str | int]:
        return {
            "iss": self.gateway,
            "aud": host,
            "sub": subject.name,
            "zone": zone,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + self.lifetime_seconds,
            "title": subject.title,
            "revision": self.revision,
        }

    def _signed(self, head: str, claims: Mapping[str, str | int]) -> str:
        signed = f"{head}.{_text(claims)}"
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(SHA256())))
        signature = b"".join(number.to_bytes(_NUMBER_BYTES) for number in (r, s))
        return f"{signed}.{_base64url(signature)}"


def key_set(
    current: ec.EllipticCurvePublicKey, previous: ec.EllipticCurvePublicKey | None = None
) -> str:
    """Give the JWK set (RFC 7517) that applications get: the key in use, and the one before.

    It is published before the first token by a new key is, and the previous
    key stays in it until the last token by that one has ended.

    Raises:
        ValueError: a key is on another curve.
    """
    keys = [current] if previous is None or previous == current else [current, previous]
    entries = [_published(key) for key in keys]
    return json.dumps({"keys": entries}, indent=2) + "\n"


def thumbprint(key: ec.EllipticCurvePublicKey) -> str:
    """Give what a key is called: the hash of its numbers (RFC 7638)."""
    members = {"crv": "P-256", "kty": "EC", **_coordinates(key)}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(text.encode()).digest())


def _published(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    _check_curve(key)
    return {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": thumbprint(key),
        **_coordinates(key),
    }


def _coordinates(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        name: _base64url(number.to_bytes(_NUMBER_BYTES))
        for name, number in (("x", numbers.x), ("y", numbers.y))
    }


def _check_curve(key: ec.EllipticCurvePublicKey) -> None:
    if not isinstance(key.curve, ec.SECP256R1):
        message = f"tokens are signed with a key on P-256, not on {key.curve.name}"
        raise ValueError(message)  # noqa: TRY004 - the type is right, the curve is not


def _text(value: Mapping[str, str | int]) -> str:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _base64url(written.encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
