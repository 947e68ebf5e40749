"""The root's key in a PKCS #11 token: it signs there, and never leaves it.

`TokenKey` is what cryptography takes for a private key of an elliptic curve, so
certificates are built with it as with any other.  The library is an optional
one, `token` in pyproject.toml; without a token nobody needs it.
"""

import json
import secrets as random
from functools import cache
from pathlib import Path
from typing import NoReturn

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    load_der_public_key,
)
from pkcs11.types import SignMixin
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from pki.errors import Code, PkiRefused
from pki.files import read_file
from pki.initialise import RootKey, root_key_in_token

_CURVES = {"ecdsa-p256": "1.2.840.10045.3.1.7", "ecdsa-p384": "1.3.132.0.34"}

#: What a library of this kind raises, for a token that is not there or does not agree.
_REFUSED = (pkcs11.exceptions.PKCS11Error, pkcs11.NoSuchKey, pkcs11.NoSuchToken, RuntimeError)


class TokenKey(ec.EllipticCurvePrivateKey):
    """A private key that lies in a token; only the public half is ever read."""

    def __init__(self, key: object, public: ec.EllipticCurvePublicKey) -> None:
        """Join the two halves of one pair."""
        if not isinstance(key, SignMixin):
            raise TypeError(key)
        self._key = key
        self._public = public

    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        """Have the token sign; it is given a digest and gives two numbers."""
        algorithm = signature_algorithm.algorithm
        if isinstance(algorithm, Prehashed):
            raise TypeError(algorithm)
        digest = hashes.Hash(algorithm)
        digest.update(data)
        raw = self._key.sign(digest.finalize(), mechanism=pkcs11.Mechanism.ECDSA)
        half = len(raw) // 2
        first, second = (int.from_bytes(part, "big") for part in (raw[:half], raw[half:]))
        return encode_dss_signature(first, second)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Give the public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve of both halves."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """The curve's size in bits."""
        return self._public.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        """Refuse: the root's key signs and does nothing else."""
        raise TypeError(algorithm, peer_public_key)

    def private_numbers(self) -> NoReturn:
        """Refuse: it does not leave the token."""
        raise TypeError(self)

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 - the library's own name
        encryption_algorithm: KeySerializationEncryption,
    ) -> NoReturn:
        """Refuse: it does not leave the token."""
        raise TypeError(encoding, format, encryption_algorithm)

    def __copy__(self) -> "TokenKey":
        """Give itself: there is one such key."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "TokenKey":
        """Give itself: there is one such key."""
        return self


def make_token_key(module: Path, token: str, algorithm: str, pin: str) -> RootKey:
    """Make the root's key in a token.

    Args:
        module: the token's PKCS #11 library.
        token: its label.
        algorithm: of the root's profile.
        pin: the user's.

    Raises:
        PkiRefused: the token is not there, does not agree, or the PIN is wrong.
    """
    identity = random.token_bytes(16)
    description = {"module": str(module), "token": token, "id": identity.hex()}
    try:
        session = _session(module, token, pin)
        parameters = session.create_domain_parameters(
            pkcs11.KeyType.EC,
            {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[algorithm])},
            local=True,
        )
        public, private = parameters.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_KEY_PAIR_GEN,
            id=identity,
            label="loushan root",
            store=True,
            private_template={
                pkcs11.Attribute.SENSITIVE: True,
                pkcs11.Attribute.EXTRACTABLE: False,
            },
        )
        key = TokenKey(private, _public(public))
    except _REFUSED as error:
        raise _problem(token, error) from error
    return root_key_in_token(key, json.dumps(description, indent=2).encode() + b"\n")


def open_token_key(file: Path, pin: str | None) -> TokenKey:
    """Find a key again in its token.

    Raises:
        PkiRefused: the file is damaged, the token is not there, or the PIN is wrong.
    """
    try:
        said = json.loads(read_file(file))
        module, token, identity = Path(said["module"]), str(said["token"]), said["id"]
        wanted = bytes.fromhex(identity)
    except (ValueError, TypeError, KeyError) as error:
        raise PkiRefused(Code.ZP003, file=file, wanted="JSON") from error
    try:
        session = _session(module, token, pin or "")
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=wanted)
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=wanted)
        return TokenKey(key, _public(public))
    except _REFUSED as error:
        raise _problem(token, error) from error


# A process logs in to a token once; another PIN is then refused by the token.
@cache
def _session(module: Path, token: str, pin: str) -> pkcs11.Session:
    found = pkcs11.lib(str(module)).get_token(token_label=token)
    return found.open(rw=True, user_pin=pin)


def _public(key: pkcs11.Key) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, pkcs11.PublicKey):
        raise TypeError(key)
    public = load_der_public_key(encode_ec_public_key(key))
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise TypeError(public)
    return public


def _problem(token: str, error: Exception) -> PkiRefused:
    return PkiRefused(Code.ZP055, token=token, error=str(error) or type(error).__name__)
