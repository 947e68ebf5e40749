"""Certificates for ssh that no authority of ours would issue, made with the lab's own keys."""

import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
    load_pem_private_key,
    load_ssh_public_key,
)

USER, HOST = SSHCertificateType.USER, SSHCertificateType.HOST

_HOUR_SECONDS = 3600


def thief(folder: Path, name: str) -> ec.EllipticCurvePrivateKey:
    """Take the key of one of ssh's authorities, as a thief would."""
    key = load_pem_private_key((folder / name / "authority.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def stranger() -> ec.EllipticCurvePrivateKey:
    """Make an authority that nobody knows."""
    return ec.generate_private_key(ec.SECP384R1())


def certificate(
    issuer: ec.EllipticCurvePrivateKey,
    key: str,
    *names: str,
    kind: SSHCertificateType = USER,
    hours: tuple[float, float] = (-1, 24),
) -> str:
    """Make a certificate that is right, but for what is said."""
    public = load_ssh_public_key(key.encode())
    assert isinstance(public, ed25519.Ed25519PublicKey)
    begin, end = (int(time.time() + hour * _HOUR_SECONDS) for hour in hours)
    builder = (
        SSHCertificateBuilder()
        .public_key(public)
        .serial(1)
        .type(kind)
        .key_id(b"somebody")
        .valid_after(begin)
        .valid_before(end)
    )
    if names:
        builder = builder.valid_principals([name.encode() for name in names])
    else:
        builder = builder.valid_for_all_principals()  # type: ignore[no-untyped-call]  # as it is
    return builder.sign(issuer).public_bytes().decode() + "\n"
