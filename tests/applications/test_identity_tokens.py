"""What the gateway signs is what applications take, and OpenSSL and the RFC agree."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from applications.identity import HEADER, IdentityRefused, Reason, jws, read_keys
from applications.identity.jws import bytes_of, object_of
from gateway.load.identity_tokens import Asking, TokenSigner, key_set, thumbprint
from tests.applications.tokens import (
    CLERK,
    GATEWAY,
    HOST,
    KEY,
    NOW,
    OTHER_HOST,
    OTHER_KEY,
    REST,
    REVISION,
    checked,
    claims,
    refusal,
)

P384 = ec.generate_private_key(ec.SECP384R1())

TWO_PLACES = replace(CLERK, name="hall_counter", zones=("hall.counter", "city.office"))


def test_there_is_one_token_for_each_subject_zone_and_application() -> None:
    """Each is taken by its application, and by no other."""
    signer = TokenSigner(GATEWAY, REVISION, KEY)
    made = signer.tokens([CLERK, TWO_PLACES], [HOST, OTHER_HOST], NOW)

    assert sorted(made) == sorted(
        Asking(subject, zone, host)
        for subject, zone in (
            ("tax_clerk", "tax.office"),
            ("hall_counter", "hall.counter"),
            ("hall_counter", "city.office"),
        )
        for host in (HOST, OTHER_HOST)
    )
    for asking, text in made.items():
        taken = checked(host=asking.audience).identify([(HEADER, text + REST)])
        assert (taken.subject, taken.zone) == (asking.subject, asking.zone)
        wrong = OTHER_HOST if asking.audience == HOST else HOST
        assert refusal((HEADER, text + REST), check=checked(host=wrong)) is Reason.AUDIENCE


def test_a_token_says_what_was_agreed() -> None:
    """Member by member, and a title as it stands in the policy."""
    [text] = TokenSigner(GATEWAY, REVISION, KEY).tokens([CLERK], [HOST], NOW).values()
    head, payload, _ = text.split(".")

    assert object_of(bytes_of(head)) == {
        "alg": "ES256",
        "kid": thumbprint(KEY.public_key()),
        "typ": "JWT",
    }
    assert object_of(bytes_of(payload)) == claims()


@pytest.mark.parametrize(
    ("key", "seconds"),
    [
        pytest.param(P384, 300, id="a key on another curve"),
        pytest.param(KEY, 301, id="for longer than is taken"),
        pytest.param(KEY, 0, id="for no time"),
    ],
)
def test_tokens_that_nobody_takes_are_not_made(
    key: ec.EllipticCurvePrivateKey, seconds: int
) -> None:
    """It is refused where the signer is set up, not at the application's door."""
    with pytest.raises(ValueError, match="token"):
        TokenSigner(GATEWAY, REVISION, key, seconds)


def test_a_token_ends() -> None:
    """One that was made five minutes ago is not taken, beyond what clocks may differ."""
    earlier = NOW - timedelta(seconds=360)
    [text] = TokenSigner(GATEWAY, REVISION, KEY).tokens([CLERK], [HOST], earlier).values()

    assert refusal((HEADER, text + REST)) is Reason.EXPIRED


def test_the_set_holds_the_key_in_use_and_the_one_before() -> None:
    """Once each, and public halves only."""
    ours, others = KEY.public_key(), OTHER_KEY.public_key()

    assert list(read_keys(key_set(ours).encode())) == [thumbprint(ours)]
    assert list(read_keys(key_set(ours, ours).encode())) == [thumbprint(ours)]
    assert list(read_keys(key_set(ours, others).encode())) == [thumbprint(ours), thumbprint(others)]
    assert {name for key in json.loads(key_set(ours))["keys"] for name in key} == {
        *("alg", "crv", "kid", "kty", "use", "x", "y")
    }
    with pytest.raises(ValueError, match="P-256"):
        key_set(ours, P384.public_key())


def test_openssl_finds_the_signature_good(tmp_path: Path) -> None:
    """And not over anything else."""
    [text] = TokenSigner(GATEWAY, REVISION, KEY).tokens([CLERK], [HOST], NOW).values()
    signed, _, signature = text.rpartition(".")
    r, s = (int.from_bytes(bytes_of(signature)[at : at + 32]) for at in (0, 32))
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(public)
    (tmp_path / "signature").write_bytes(encode_dss_signature(r, s))
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature"]

    said = [
        subprocess.run(command, cwd=tmp_path, input=text, capture_output=True, check=False)
        for text in (signed.encode(), f"{signed}x".encode())
    ]
    assert [done.returncode for done in said] == [0, 1]


def test_the_rfcs_own_example_has_a_good_signature() -> None:
    """RFC 7515, A.3; it names no key, so it is not of our form, and is refused only for that."""
    x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    key = ec.EllipticCurvePublicNumbers(
        int.from_bytes(bytes_of(x)), int.from_bytes(bytes_of(y)), ec.SECP256R1()
    ).public_key()
    text = (
        "eyJhbGciOiJFUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
        "pmWQxfKTUJqPP3-Kg6NU1Q"
    )
    head, payload, signature = text.split(".")

    jws._verify(f"{head}.{payload}".encode(), signature, key)  # noqa: SLF001 - the mathematics alone
    with pytest.raises(IdentityRefused, match="signature"):
        jws._verify(f"{head}.{payload}x".encode(), signature, key)  # noqa: SLF001 - as above
    assert refusal((HEADER, text + REST)) is Reason.FORM
