"""One signed token (JWS, RFC 7515, compact form): ES256, whatever the token itself says.

Every text that is not exactly of the form is refused, so that no two texts
mean the same token: base64url without padding and without loose bits, JSON
without a member twice, and no member that is not known here.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from applications.identity.refusal import IdentityRefused, Reason

#: The one algorithm (RFC 7518, 3.4): ECDSA on P-256 with SHA-256.
ALGORITHM = "ES256"
_NUMBER_BYTES = 32

#: RFC 7519, 5.1.
_TYPE = "JWT"


def payload_of(token: str, keys: Mapping[str, ec.EllipticCurvePublicKey]) -> dict[str, Any]:
    """Give what a token says, after its signature has been found good.

    Raises:
        IdentityRefused: it is not of the form, not by ES256, or not signed by one of the keys.
    """
    parts = token.split(".")
    try:
        head_text, _, signature_text = parts
        head = object_of(bytes_of(head_text))
    except ValueError as fault:
        raise IdentityRefused(Reason.FORM) from fault
    _verify(f"{head_text}.{parts[1]}".encode("ascii"), signature_text, _key_for(head, keys))
    try:
        return object_of(bytes_of(parts[1]))
    except ValueError as fault:
        raise IdentityRefused(Reason.FORM) from fault


def bytes_of(text: str) -> bytes:
    """Read base64url as RFC 7515 has it, the one way that it can be written.

    Raises:
        ValueError: it is something else.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as fault:
        raise ValueError(text) from fault
    if base64.urlsafe_b64encode(content).rstrip(b"=") != text.encode("utf-8"):
        raise ValueError(text)
    return content


def object_of(content: bytes) -> dict[str, Any]:
    """Read a JSON object that says nothing twice.

    Raises:
        ValueError: it is something else.
    """
    try:
        found = json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except RecursionError as fault:
        raise ValueError(content) from fault
    if not isinstance(found, dict):
        raise ValueError(content)  # noqa: TRY004 - whoever calls expects one kind of error
    return found


def _key_for(
    head: Mapping[str, Any], keys: Mapping[str, ec.EllipticCurvePublicKey]
) -> ec.EllipticCurvePublicKey:
    """Give the key that a token names.

    Its header has three members and no others: `jwk`, `jku` and `x5c` would
    bring a key along, `crit` would ask for something that is not known here.
    """
    if head.get("alg") != ALGORITHM:
        raise IdentityRefused(Reason.ALGORITHM)
    if set(head) != {"alg", "kid", "typ"} or head["typ"] != _TYPE:
        raise IdentityRefused(Reason.FORM)
    kid = head["kid"]
    if not isinstance(kid, str) or kid not in keys:
        raise IdentityRefused(Reason.UNKNOWN_KEY)
    return keys[kid]


def _verify(signed: bytes, signature_text: str, key: ec.EllipticCurvePublicKey) -> None:
    try:
        signature = bytes_of(signature_text)
    except ValueError as fault:
        raise IdentityRefused(Reason.FORM) from fault
    if len(signature) != 2 * _NUMBER_BYTES:
        raise IdentityRefused(Reason.SIGNATURE)
    r, s = (int.from_bytes(half) for half in (signature[:_NUMBER_BYTES], signature[_NUMBER_BYTES:]))
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature as fault:
        raise IdentityRefused(Reason.SIGNATURE) from fault


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError(members)
    return found


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python would read and JSON does not have."""
    raise ValueError(name)
