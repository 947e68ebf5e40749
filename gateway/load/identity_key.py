"""The key by which a gateway signs who asks; it is made here and never leaves."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.errors import Refused, Where, problem
from gateway.load.accepted import put_in_place
from gateway.load.identity_tokens import key_set

KEY_FILE, PUBLISHED_FILE = "identity.key", "identity-keys.json"

_PRIVATE = 0o600


def identity_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Give the key, made and published where there is none.

    Applications get the published one, `identity-keys.json`, before the first token.

    Raises:
        Refused: ZG535, it cannot be read or made.
    """
    file = folder / KEY_FILE
    try:
        if not file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            put_in_place(file, text, _PRIVATE)
        key = _read(file)
        published, text = folder / PUBLISHED_FILE, key_set(key.public_key()).encode()
        if not published.exists() or published.read_bytes() != text:
            put_in_place(published, text)
    except (OSError, ValueError, TypeError) as fault:
        raise Refused(problem("ZG535", Where(str(file)), error=fault)) from fault
    return key


def _read(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(type(key).__name__)
    return key
