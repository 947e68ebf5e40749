"""The identity header as a gateway makes it, and the pieces of which a forger would make one."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from applications.identity import HEADER, Asker, IdentityCheck, Reason, read_keys
from applications.identity.refusal import IdentityRefused
from gateway.labels import Label, Level
from gateway.load.identity_tokens import Asking, TokenSigner, key_set, thumbprint
from gateway.policy.model import Subject

GATEWAY = "city-gw.gw.lab.internal"
HOST = "applications-city.svc.lab.internal"
OTHER_HOST = "archive-city.svc.lab.internal"
DECISION = "city-gw.1764081000.17"
NUMBER = "5f3a09c1d2e4b687"
REST = f" decision={DECISION}; number={NUMBER}"
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
REVISION = 7

CLERK = Subject(
    name="tax_clerk",
    title="税务局经办岗",
    type="post",
    zones=("tax.office",),
    clearance=Label(Level.内部),
    certificate="tax-clerk",
)

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
KID = thumbprint(KEY.public_key())

HEAD: Mapping[str, Any] = {"alg": "ES256", "kid": KID, "typ": "JWT"}


def claims(**other: object) -> dict[str, Any]:
    """Give what the clerk's token says, or something else in some places; `...` leaves one out."""
    at = int(NOW.timestamp())
    said = {
        "iss": GATEWAY,
        "aud": HOST,
        "sub": CLERK.name,
        "zone": "tax.office",
        "iat": at,
        "nbf": at,
        "exp": at + 300,
        "title": CLERK.title,
        "revision": REVISION,
    }
    return {name: value for name, value in {**said, **other}.items() if value is not ...}


def token(
    said: object = None,
    head: object = HEAD,
    key: ec.EllipticCurvePrivateKey = KEY,
) -> str:
    """Sign anything at all, by the gateway's key or another."""
    signed = f"{encoded(head)}.{encoded(claims() if said is None else said)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f"{signed}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"


def mac_token(secret: bytes, head: object) -> str:
    """Sign with a secret (HS256): whoever takes a public key for one can be forged to."""
    signed = f"{encoded(head)}.{encoded(claims())}"
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def encoded(value: object) -> str:
    """Write JSON as base64url; text stands as it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return base64url(text.encode())


def base64url(content: bytes) -> str:
    """Write it without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def gateways_token(
    subject: Subject = CLERK, host: str = HOST, now: datetime = NOW, gateway: str = GATEWAY
) -> str:
    """Give a token as a gateway makes it."""
    signer = TokenSigner(gateway, REVISION, KEY)
    return signer.tokens([subject], [host], now)[Asking(subject.name, subject.zones[0], host)]


def checked(*, now: float | None = None, **other: Any) -> IdentityCheck:  # noqa: ANN401 - any of its fields
    """Give an application's check, with the gateway's keys and a clock that stands."""
    published = read_keys(key_set(KEY.public_key()).encode())
    at = NOW.timestamp() if now is None else now
    fields = {"host": HOST, "gateway": GATEWAY, "keys": lambda: published, "clock": lambda: at}
    return IdentityCheck(**{**fields, **other})


def asker(value: str, check: IdentityCheck | None = None) -> Asker:
    """Give who asks by one header."""
    return (check or checked()).identify([("Host", HOST), (HEADER, value)])


def refusal(*headers: tuple[str, str], check: IdentityCheck | None = None) -> Reason | None:
    """Give why some headers are refused; nothing where they are taken."""
    try:
        (check or checked()).identify(headers)
    except IdentityRefused as refused:
        return refused.reason
    return None


def settings_text(said: Mapping[str, object]) -> str:
    """Give an application's file of settings, as its role writes it: texts, and lists of them."""
    plain = {k: v if isinstance(v, list) else str(v) for k, v in said.items()}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in plain.items())
