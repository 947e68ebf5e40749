"""An application takes who asks from the gateway's header, exactly as it is, or not at all."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from applications.identity import HEADER, Asker, KeyFile, KeySetError, Reason, read_keys
from applications.identity.jws import bytes_of
from gateway.load.identity_tokens import key_set, thumbprint
from tests.applications.tokens import (
    CLERK,
    DECISION,
    HEAD,
    HOST,
    KEY,
    KID,
    NOW,
    NUMBER,
    OTHER_HOST,
    OTHER_KEY,
    REST,
    asker,
    base64url,
    checked,
    claims,
    encoded,
    gateways_token,
    mac_token,
    refusal,
    token,
)

AT = int(NOW.timestamp())
GOOD = gateways_token()
GOOD_HEAD, GOOD_PAYLOAD, GOOD_SIGNATURE = GOOD.split(".")
LONGER = bytes_of(GOOD_SIGNATURE)[:32] + b"\0" + bytes_of(GOOD_SIGNATURE)[32:]

PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PUBLIC_DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_the_gateway_says_who_asks() -> None:
    """Whom, in words, from where, by which policy; the request's own number, and the person's."""
    found = asker(GOOD + REST)

    assert found == Asker(CLERK.name, CLERK.title, "tax.office", 7, DECISION, NUMBER)


def test_who_has_no_number_is_taken_too() -> None:
    """A system is not one of several people."""
    assert asker(f"{GOOD} decision={DECISION}; number=").number == ""


@pytest.mark.parametrize("name", [HEADER, HEADER.lower(), HEADER.upper()])
def test_case_is_no_spelling(name: str) -> None:
    """Names of headers have none (RFC 9110, 5.1)."""
    assert refusal((name, GOOD + REST)) is None


def other_signature() -> str:
    """Give a signature of which one bit is another."""
    return ("A" if GOOD_SIGNATURE[0] != "A" else "B") + GOOD_SIGNATURE[1:]


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        pytest.param(token(key=OTHER_KEY), Reason.SIGNATURE, id="another key in the name of ours"),
        pytest.param(
            token(head={**HEAD, "kid": thumbprint(OTHER_KEY.public_key())}, key=OTHER_KEY),
            Reason.UNKNOWN_KEY,
            id="another key by its own name",
        ),
        pytest.param(
            f"{GOOD_HEAD}.{encoded(claims(sub='leader'))}.{GOOD_SIGNATURE}",
            Reason.SIGNATURE,
            id="another subject under the same signature",
        ),
        pytest.param(
            f"{GOOD_HEAD}.{GOOD_PAYLOAD}.{other_signature()}", Reason.SIGNATURE, id="one bit"
        ),
        pytest.param(
            f"{GOOD_HEAD}.{GOOD_PAYLOAD}.{base64url(bytes(64))}",
            Reason.SIGNATURE,
            id="a signature of zeros (CVE-2022-21449)",
        ),
        pytest.param(
            f"{GOOD_HEAD}.{GOOD_PAYLOAD}.{base64url(LONGER)}",
            Reason.SIGNATURE,
            id="the same two numbers, one with a zero before it",
        ),
        pytest.param(f"{GOOD_HEAD}.{GOOD_PAYLOAD}.", Reason.FORM, id="no signature"),
        pytest.param(
            f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{GOOD_PAYLOAD}.AA",
            Reason.ALGORITHM,
            id="no algorithm",
        ),
        pytest.param(token(head={**HEAD, "alg": "none"}), Reason.ALGORITHM, id="none, signed"),
        pytest.param(token(head={**HEAD, "alg": "es256"}), Reason.ALGORITHM, id="in small letters"),
        pytest.param(token(head={**HEAD, "alg": None}), Reason.ALGORITHM, id="nothing at all"),
        pytest.param(
            mac_token(PUBLIC_PEM, {**HEAD, "alg": "HS256"}),
            Reason.ALGORITHM,
            id="HS256 with the public key, PEM",
        ),
        pytest.param(
            mac_token(PUBLIC_DER, {**HEAD, "alg": "HS256"}),
            Reason.ALGORITHM,
            id="HS256 with the public key, DER",
        ),
        pytest.param(mac_token(PUBLIC_PEM, HEAD), Reason.SIGNATURE, id="a hash that says ES256"),
        pytest.param(token(head={**HEAD, "kid": "x"}), Reason.UNKNOWN_KEY, id="an unknown key"),
        pytest.param(token(head={**HEAD, "kid": [KID]}), Reason.UNKNOWN_KEY, id="a list of keys"),
        pytest.param(token(head={"alg": "ES256", "typ": "JWT"}), Reason.FORM, id="no key is named"),
        pytest.param(
            token(head={**HEAD, "jwk": {"kty": "EC"}}, key=OTHER_KEY),
            Reason.FORM,
            id="it brings its key along",
        ),
        pytest.param(token(head={**HEAD, "jku": "https://x"}), Reason.FORM, id="or says where"),
        pytest.param(token(head={**HEAD, "crit": ["exp"]}), Reason.FORM, id="more is critical"),
        pytest.param(token(head={**HEAD, "typ": "at+jwt"}), Reason.FORM, id="another type"),
        pytest.param(token(head='["ES256"]'), Reason.FORM, id="its head is a list"),
        pytest.param(
            token(head=f'{{"alg":"none","alg":"ES256","kid":"{KID}","typ":"JWT"}}'),
            Reason.FORM,
            id="a member twice",
        ),
    ],
)
def test_a_forged_token_is_refused(forged: str, reason: Reason) -> None:
    """ES256 by the gateway's key, whatever the token itself says."""
    assert refusal((HEADER, forged + REST)) is reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"aud": OTHER_HOST}, Reason.AUDIENCE, id="another application"),
        pytest.param({"aud": f"{HOST}."}, Reason.AUDIENCE, id="a dot more"),
        pytest.param({"aud": [HOST, OTHER_HOST]}, Reason.FORM, id="several applications"),
        pytest.param({"iss": "tax-gw.gw.lab.internal"}, Reason.ISSUER, id="another gateway"),
        pytest.param({"iss": ""}, Reason.ISSUER, id="nobody"),
        pytest.param({"exp": AT + 301}, Reason.LIFETIME, id="too long"),
        pytest.param({"exp": AT}, Reason.LIFETIME, id="no time at all"),
        pytest.param({"iat": AT + 1}, Reason.LIFETIME, id="it begins before it was made"),
        pytest.param({"exp": ...}, Reason.FORM, id="no end"),
        pytest.param({"nbf": ...}, Reason.FORM, id="no beginning"),
        pytest.param({"exp": float(AT + 300)}, Reason.FORM, id="an end that is no whole number"),
        pytest.param({"exp": str(AT + 300)}, Reason.FORM, id="an end that is text"),
        pytest.param({"revision": True}, Reason.FORM, id="a revision that is true"),
        pytest.param({"revision": 0}, Reason.FORM, id="no revision"),
        pytest.param({"sub": ""}, Reason.FORM, id="nobody asks"),
        pytest.param({"sub": ["tax_clerk", "leader"]}, Reason.FORM, id="two ask"),
        pytest.param({"sub": None}, Reason.FORM, id="nothing asks"),
        pytest.param({"title": ...}, Reason.FORM, id="no title"),
        pytest.param({"admin": True}, Reason.FORM, id="it says more"),
    ],
)
def test_what_a_good_key_signed_is_judged_all_the_same(
    changed: dict[str, object], reason: Reason
) -> None:
    """It must be for this application, of its gateway, for minutes, and of the form."""
    assert refusal((HEADER, token(claims(**changed)) + REST)) is reason


@pytest.mark.parametrize(
    ("seconds", "leeway", "reason"),
    [
        pytest.param(0, 0, None, id="from its first second"),
        pytest.param(299, 0, None, id="to its last"),
        pytest.param(300, 0, Reason.EXPIRED, id="and not in the next"),
        pytest.param(-1, 0, Reason.NOT_YET, id="nor in the one before"),
        pytest.param(359, 60, None, id="our clock is fast"),
        pytest.param(360, 60, Reason.EXPIRED, id="too fast"),
        pytest.param(-60, 60, None, id="our clock is slow"),
        pytest.param(-61, 60, Reason.NOT_YET, id="too slow"),
    ],
)
def test_a_token_is_good_for_its_minutes(seconds: int, leeway: int, reason: Reason | None) -> None:
    """Clocks may differ by the leeway and no second more."""
    check = checked(now=AT + seconds, leeway_seconds=leeway)

    assert refusal((HEADER, GOOD + REST), check=check) is reason


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"leeway_seconds": 61}, id="too much leeway"),
        pytest.param({"leeway_seconds": -1}, id="less than none"),
        pytest.param({"host": ""}, id="for no application"),
        pytest.param({"gateway": ""}, id="of no gateway"),
    ],
)
def test_a_check_that_would_take_too_much_is_not_set_up(fields: dict[str, Any]) -> None:
    """It is refused when the application starts."""
    with pytest.raises(ValueError, match="leeway of at most 60"):
        checked(**fields)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        pytest.param((), Reason.NO_HEADER, id="none"),
        pytest.param((("Identity", GOOD + REST),), Reason.NO_HEADER, id="another"),
        pytest.param(((HEADER, GOOD + REST),) * 2, Reason.SEVERAL_HEADERS, id="the same twice"),
        pytest.param(
            ((HEADER, GOOD + REST), (HEADER.lower(), "")), Reason.SEVERAL_HEADERS, id="one empty"
        ),
        pytest.param((("Loushan_Identity", GOOD + REST),), Reason.SPELLING, id="by underscore"),
        pytest.param(
            ((HEADER, GOOD + REST), ("Loushan_Identity", "x")), Reason.SPELLING, id="one beside it"
        ),
        pytest.param((("LoushanIdentity", GOOD + REST),), Reason.SPELLING, id="without a stroke"),
        pytest.param((("Loushan-Identity ", GOOD + REST),), Reason.SPELLING, id="with a space"),
        pytest.param((("Loushan.Identity", GOOD + REST),), Reason.SPELLING, id="with a dot"),
    ],
)
def test_there_is_exactly_one_header(headers: tuple[tuple[str, str], ...], reason: Reason) -> None:
    """A second one, or one that only looks like it, was not the gateway's."""
    assert refusal(*headers) is reason


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param(GOOD, id="the token alone"),
        pytest.param(REST, id="no token"),
        pytest.param(f"Bearer {GOOD}{REST}", id="a word before it"),
        pytest.param(f"{GOOD}{REST},{GOOD}{REST}", id="two joined by a comma"),
        pytest.param(f"{GOOD}{REST} ", id="a space after it"),
        pytest.param(f"{GOOD}{REST}\n", id="a line's end after it"),
        pytest.param(f"{GOOD} {REST}", id="a space more between"),
        pytest.param(f"{GOOD}{REST}; role=admin", id="a field more"),
        pytest.param(f"{GOOD} decision={DECISION}", id="no number"),
        pytest.param(f"{GOOD} number={NUMBER}; decision={DECISION}", id="in another order"),
        pytest.param(f"{GOOD} decision=; number=", id="no decision"),
        pytest.param(f"{GOOD} decision=city-gw.1; number=", id="a decision of two parts"),
        pytest.param(f"{GOOD} decision={DECISION}; number=李", id="a number that is none"),
        pytest.param(f"{GOOD} decision=city-gw.1.१; number=", id="figures of another script"),
        pytest.param(f"{GOOD}={REST}", id="padding"),
        pytest.param(f"{GOOD}.x{REST}", id="four parts"),
        pytest.param(f"{GOOD_HEAD}.{GOOD_PAYLOAD}{REST}", id="two parts"),
        pytest.param(token(claims(title="长" * 2000)) + REST, id="longer than any"),
    ],
)
def test_nothing_is_taken_that_is_not_exactly_of_the_form(value: str) -> None:
    """One text means one thing."""
    assert refusal((HEADER, value)) is Reason.FORM


def test_loose_bits_are_refused() -> None:
    """The last letter of base64url has bits that nobody reads; a text may have no twin."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = GOOD[:-1] + alphabet[alphabet.index(GOOD[-1]) + 1]

    assert refusal((HEADER, twin + REST)) is Reason.FORM


# --- the keys --------------------------------------------------------------------------------


def test_both_keys_count_while_one_takes_the_others_place() -> None:
    """Tokens by the key before end by themselves."""
    both = read_keys(key_set(OTHER_KEY.public_key(), KEY.public_key()).encode())

    for key in (KEY, OTHER_KEY):
        signed = token(head={**HEAD, "kid": thumbprint(key.public_key())}, key=key)
        assert refusal((HEADER, signed + REST), check=checked(keys=lambda: both)) is None


def test_a_key_that_was_taken_away_counts_no_more(tmp_path: Path) -> None:
    """The file is read again when it changes, without a restart."""
    file = tmp_path / "gateway.jwks"
    file.write_text(key_set(KEY.public_key()))
    check = checked(keys=KeyFile(file))
    before = refusal((HEADER, GOOD + REST), check=check)
    beside = tmp_path / "new"
    beside.write_text(key_set(OTHER_KEY.public_key()))
    beside.replace(file)

    assert before is None
    assert refusal((HEADER, GOOD + REST), check=check) is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("content", [None, b"", b'{"keys":[', bytes(20_000)])
def test_without_good_keys_nobody_is_known(tmp_path: Path, content: bytes | None) -> None:
    """Missing or damaged, the keys before do not count on; the file put right, all is well."""
    file = tmp_path / "gateway.jwks"
    file.write_text(key_set(KEY.public_key()))
    check = checked(keys=KeyFile(file))
    assert refusal((HEADER, GOOD + REST), check=check) is None
    file.unlink()
    if content is not None:
        file.write_bytes(content)

    assert refusal((HEADER, GOOD + REST), check=check) is Reason.NO_KEYS
    file.write_text(key_set(KEY.public_key()))
    os.utime(file)
    assert refusal((HEADER, GOOD + REST), check=check) is None


def published(**other: object) -> str:
    """Give a set of one key, with something else in some places; `...` leaves one out."""
    numbers = KEY.public_key().public_numbers()
    key = {
        "kty": "EC",
        "crv": "P-256",
        "use": "sig",
        "alg": "ES256",
        "kid": KID,
        "x": base64url(numbers.x.to_bytes(32)),
        "y": base64url(numbers.y.to_bytes(32)),
        **other,
    }
    return json.dumps({"keys": [{k: v for k, v in key.items() if v is not ...}]})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"keys":[]}', id="none"),
        pytest.param("[]", id="a list"),
        pytest.param('{"keys":{}}', id="no list"),
        pytest.param('{"keys":["x"]}', id="no key"),
        pytest.param('{"keys":[1]}', id="a number"),
        pytest.param(published(d="AA"), id="a private key"),
        pytest.param(published(kty="oct", k="AA"), id="a secret"),
        pytest.param(published(alg="HS256"), id="for another algorithm"),
        pytest.param(published(alg=...), id="for any algorithm"),
        pytest.param(published(use="enc"), id="for another use"),
        pytest.param(published(crv="P-384"), id="on another curve"),
        pytest.param(published(kid=""), id="without a name"),
        pytest.param(published(kid=7), id="with a number for a name"),
        pytest.param(published(x="AA"), id="too short"),
        pytest.param(published(x=base64url(bytes(32))), id="not on the curve"),
        pytest.param(published(x=7), id="a number that is not text"),
        pytest.param(f'{{"keys":[{published()[10:-2]},{published()[10:-2]}]}}', id="a key twice"),
    ],
)
def test_a_set_with_anything_else_in_it_is_refused_whole(text: str) -> None:
    """Nobody meant to publish it."""
    with pytest.raises(KeySetError):
        read_keys(text.encode())


def test_the_set_above_is_good_where_nothing_is_changed() -> None:
    """So each of the refusals is for what was changed."""
    assert list(read_keys(published().encode())) == [KID]
