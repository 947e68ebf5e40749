"""A certificate says who was authorised, for a key that its host has, and nothing else."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pki.errors import Code, PkiRefused
from pki.initialise import initialise, root_key_in_file
from pki.issue import MOST_IN_FORCE, issue, newest_of, renew
from pki.keys import key_text
from pki.parts import make_key
from pki.revoke import revoke
from pki.state import Secrets, open_state
from tests.authorities import (
    GATEWAY,
    GATEWAY_HOST,
    NO_SECRETS,
    NOW,
    PASSPHRASE,
    REALM,
    certify,
    make_state,
    request,
)


def day(number: float) -> datetime:
    """Give a moment after the beginning."""
    return NOW + timedelta(days=number)


def names_of(certificate: x509.Certificate) -> list[str]:
    """Give the DNS names that a certificate carries."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def test_a_gateway_is_named_as_it_was_authorised(tmp_path: Path) -> None:
    """By its whole name, its host name and its policy, for thirty days."""
    state = make_state(tmp_path)
    key = make_key("ecdsa-p384")

    asked = request(GATEWAY, key, hosts=(GATEWAY_HOST,))
    issued = issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=NOW)

    made = issued.record.certificate
    assert made.subject == REALM.subject("links", GATEWAY, None)
    assert names_of(made) == [GATEWAY_HOST]
    assert made.public_key() == key.public_key()
    assert made.not_valid_after_utc - made.not_valid_before_utc == timedelta(days=30)
    assert state.leaf_of(issued.record) == state.profiles.leaves[2]
    assert issued.chain().count(b"BEGIN CERTIFICATE") == 2


def test_a_name_that_is_not_ascii_has_a_host_name_that_is(tmp_path: Path) -> None:
    """The subject keeps what people read."""
    issued = certify(make_state(tmp_path), name="汇川-gw")

    assert names_of(issued.record.certificate) == ["xn---gw-tb2f894d.gw.zunyi.internal"]
    assert issued.record.name == "汇川-gw"


def test_serials_are_random(tmp_path: Path) -> None:
    """More than 64 bits of them, and none twice."""
    state = make_state(tmp_path)

    serials = {certify(state, name=f"gw-{i}").record.serial for i in range(8)}

    assert len(serials) == 8
    assert min(serials) > 2**100


def test_a_place_to_fetch_lists_is_written_where_there_is_one(tmp_path: Path) -> None:
    """And only then."""
    url = "http://lists.svc.zunyi.internal/crl"
    with_url = certify(make_state(tmp_path / "a", list_url=url)).record.certificate
    without = certify(make_state(tmp_path / "b")).record.certificate

    (point,) = with_url.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert point.full_name == [x509.UniformResourceIdentifier(f"{url}/links.crl")]
    with pytest.raises(x509.ExtensionNotFound):
        without.extensions.get_extension_for_class(x509.CRLDistributionPoints)


OTHER_ORGAN = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "别的机关"),
        x509.NameAttribute(NameOID.COMMON_NAME, GATEWAY),
    ]
)
TWO_NAMES = x509.Name(
    [
        x509.NameAttribute(NameOID.COMMON_NAME, GATEWAY),
        x509.NameAttribute(NameOID.COMMON_NAME, "city-gw"),
    ]
)
NAMELESS = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN")])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        pytest.param(request("city-gw"), Code.ZP033, id="another name"),
        pytest.param(request(subject=OTHER_ORGAN), Code.ZP033, id="another organ"),
        pytest.param(request(subject=TWO_NAMES), Code.ZP033, id="two names"),
        pytest.param(request(subject=NAMELESS), Code.ZP033, id="no name"),
        pytest.param(
            request(hosts=("city-gw.gw.zunyi.internal",)), Code.ZP033, id="another host name"
        ),
        pytest.param(
            request(hosts=(GATEWAY_HOST, "city-gw.gw.zunyi.internal")),
            Code.ZP033,
            id="one host name more",
        ),
        pytest.param(
            request(extension=x509.SubjectAlternativeName([x509.RFC822Name("a@zunyi.internal")])),
            Code.ZP033,
            id="a name of another kind",
        ),
        pytest.param(
            request(extension=x509.BasicConstraints(ca=True, path_length=0)),
            Code.ZP034,
            id="to be an authority",
        ),
        pytest.param(
            request(extension=x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])),
            Code.ZP034,
            id="another use",
        ),
        pytest.param(
            request(key=rsa.generate_private_key(65537, 2048)), Code.ZP032, id="a kind of key"
        ),
        pytest.param(request(key=make_key("ed25519")), Code.ZP032, id="not the profile's key"),
        pytest.param(b"rubbish", Code.ZP030, id="no request"),
        pytest.param(b"", Code.ZP030, id="nothing"),
    ],
)
def test_a_request_for_anything_else_is_refused(tmp_path: Path, asked: bytes, code: Code) -> None:
    """And nothing is recorded."""
    state = make_state(tmp_path)

    with pytest.raises(PkiRefused) as refused:
        issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is code
    assert state.records("links") == ()


def test_a_request_that_its_key_did_not_sign_is_refused(tmp_path: Path) -> None:
    """Who does not have a key cannot have it certified."""
    state = make_state(tmp_path)
    der = bytearray(x509.load_pem_x509_csr(request()).public_bytes(Encoding.DER))
    der[-3] ^= 1

    with pytest.raises(PkiRefused) as refused:
        issue(state, "gateway", GATEWAY, bytes(der), secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP031


def test_a_request_with_a_weak_digest_is_refused(tmp_path: Path) -> None:
    """SHA-1 proves nothing any more."""
    state, weak = make_state(tmp_path / "pki"), tmp_path / "weak.csr"
    (tmp_path / "key").write_bytes(key_text(make_key("ecdsa-p384"), None))
    command: list[str | Path] = ["openssl", "req", "-new", "-sha1", "-subj", f"/CN={GATEWAY}"]
    subprocess.run([*command, "-key", tmp_path / "key", "-out", weak], check=True)

    with pytest.raises(PkiRefused) as refused:
        issue(state, "gateway", GATEWAY, weak.read_bytes(), secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP031


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Huichuan-gw",
        "a.b",
        "-gw",
        "a" * 64,
        "../gw",
        "g w",
        "gw\u200b",
        "xn--huichuan",
        "GW汇川",
    ],
)
def test_a_name_that_is_no_host_is_refused(tmp_path: Path, name: str) -> None:
    """One label, in the one way to write it."""
    state = make_state(tmp_path)

    with pytest.raises(PkiRefused) as refused:
        issue(state, "gateway", name, request(), secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP035


@pytest.mark.parametrize("name", ["", "../x", " x", "x\u202e", "x" * 65, "x\n"])
def test_a_post_that_a_reader_would_not_see_as_it_is_is_refused(tmp_path: Path, name: str) -> None:
    """Nor one that would name a file elsewhere."""
    with pytest.raises(PkiRefused) as refused:
        issue(make_state(tmp_path), "person", name, request(), secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP035


def test_a_second_certificate_needs_to_be_a_renewal(tmp_path: Path) -> None:
    """Another host that calls itself the same gets none."""
    state = make_state(tmp_path)
    certify(state)

    with pytest.raises(PkiRefused) as refused:
        certify(state)

    assert refused.value.code is Code.ZP036
    certify(state, name="city-gw")
    assert len(state.records("links")) == 2


def test_the_same_request_again_gets_the_same_certificate(tmp_path: Path) -> None:
    """What was cut off before the answer came may ask again."""
    state, asked = make_state(tmp_path), request()
    first = issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=NOW)

    second = issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=day(1))

    assert (first.again, second.again) == (False, True)
    assert second.record.serial == first.record.serial


def test_one_that_has_ended_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """A site that comes back after years is admitted like a new one."""
    state = make_state(tmp_path)
    certify(state)

    assert not certify(state, now=day(31)).again


@pytest.mark.parametrize("same_key", [True, False])
def test_a_renewal_keeps_the_name(tmp_path: Path, *, same_key: bool) -> None:
    """The key may be new."""
    state, old = make_state(tmp_path), make_key("ecdsa-p384")
    issue(state, "gateway", GATEWAY, request(key=old), secrets=NO_SECRETS, now=NOW)
    asked = request(key=old if same_key else make_key("ecdsa-p384"))

    renewed = renew(state, newest_of(state, GATEWAY), asked, NO_SECRETS, day(15))

    assert renewed.record.ends_at - day(45) == -timedelta(minutes=5)
    assert names_of(renewed.record.certificate) == [GATEWAY_HOST]


def test_a_post_keeps_its_number_when_renewed(tmp_path: Path) -> None:
    """By its number a signer is known to be the same."""
    state = make_state(tmp_path)
    first = certify(state, "bureau", "保密局审签岗").record

    second = renew(state, first, request("保密局审签岗"), NO_SECRETS, day(1)).record

    assert second.certificate.subject == first.certificate.subject
    numbers = first.certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    assert len(str(numbers[0].value)) == 16


def test_a_renewal_judges_the_request_too(tmp_path: Path) -> None:
    """A gateway cannot become another one."""
    state = make_state(tmp_path)
    record = certify(state).record

    with pytest.raises(PkiRefused) as refused:
        renew(state, record, request("city-gw"), NO_SECRETS, day(1))

    assert refused.value.code is Code.ZP033


def test_nothing_is_renewed_that_is_not_there(tmp_path: Path) -> None:
    """The first certificate needs somebody who authorises it."""
    with pytest.raises(PkiRefused) as refused:
        newest_of(make_state(tmp_path), GATEWAY)

    assert refused.value.code is Code.ZP039


def test_a_name_that_stands_for_two_things_is_asked_about(tmp_path: Path) -> None:
    """Which is meant is said, not guessed."""
    state = make_state(tmp_path)
    certify(state, "gateway", "portal")
    certify(state, "service", "portal")

    with pytest.raises(PkiRefused) as refused:
        newest_of(state, "portal")

    assert refused.value.code is Code.ZP027
    assert newest_of(state, "portal", "service").authority == "services"


@pytest.mark.parametrize("lost", [0, 1])
def test_a_name_that_several_hosts_show_is_renewed_by_what_counts(
    tmp_path: Path, lost: int
) -> None:
    """One host's certificate was revoked, the first or the last; only where all are, none is."""
    state = make_state(tmp_path)
    first = certify(state, "service", "gate").record
    second = renew(state, first, request("gate"), NO_SECRETS, day(1)).record
    both = (first, second)

    revoke(state, f"{both[lost].serial:x}", "keyCompromise", NO_SECRETS, day(2))
    found = newest_of(state, "gate")
    revoke(state, f"{both[1 - lost].serial:x}", "keyCompromise", NO_SECRETS, day(3))

    assert found.serial == both[1 - lost].serial
    with pytest.raises(PkiRefused) as refused:
        renew(state, newest_of(state, "gate"), request("gate"), NO_SECRETS, day(4))
    assert refused.value.code is Code.ZP045


def test_renewals_without_end_are_refused(tmp_path: Path) -> None:
    """A host gone wrong does not fill the disk."""
    state = make_state(tmp_path)
    record = certify(state).record
    for _ in range(MOST_IN_FORCE - 1):
        renew(state, record, request(), NO_SECRETS, NOW)

    with pytest.raises(PkiRefused) as refused:
        renew(state, record, request(), NO_SECRETS, NOW)

    assert refused.value.code is Code.ZP038


def test_a_revoked_key_never_comes_back(tmp_path: Path) -> None:
    """Re-admission needs a new key; also a key that the name had before counts as lost."""
    state, first, second = make_state(tmp_path), make_key("ecdsa-p384"), make_key("ecdsa-p384")
    issue(state, "gateway", GATEWAY, request(key=first), secrets=NO_SECRETS, now=NOW)
    record = newest_of(state, GATEWAY)
    renew(state, record, request(key=second), NO_SECRETS, day(20))
    revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, day(50))

    for key in (first, second):
        for name in (GATEWAY, "city-gw"):
            with pytest.raises(PkiRefused) as refused:
                issue(state, "gateway", name, request(name, key), secrets=NO_SECRETS, now=day(51))
            assert refused.value.code is Code.ZP037
    third = request(key=make_key("ecdsa-p384"))
    admitted = issue(state, "gateway", GATEWAY, third, secrets=NO_SECRETS, now=day(51)).record
    assert renew(state, admitted, third, NO_SECRETS, day(60)).record.key == admitted.key


def test_a_key_that_was_revoked_at_once_does_not_come_back_either(tmp_path: Path) -> None:
    """In the second in which it was certified."""
    state, asked = make_state(tmp_path), request()
    issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=NOW)
    revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    with pytest.raises(PkiRefused) as refused:
        issue(state, "gateway", GATEWAY, asked, secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is Code.ZP037


def test_a_revoked_certificate_renews_nothing(tmp_path: Path) -> None:
    """Not even with a new key."""
    state = make_state(tmp_path)
    record = certify(state).record
    revoke(state, GATEWAY, "unspecified", NO_SECRETS, NOW)

    with pytest.raises(PkiRefused) as refused:
        renew(state, record, request(), NO_SECRETS, NOW)

    assert refused.value.code is Code.ZP045


def test_nothing_outlives_its_authority(tmp_path: Path) -> None:
    """It would be refused on the way, and nobody would know why."""
    state = make_state(tmp_path)
    last = day(1095 - 30)

    certify(state, now=last)
    with pytest.raises(PkiRefused) as refused:
        certify(state, name="city-gw", now=last + timedelta(seconds=1))

    assert refused.value.code is Code.ZP016


def test_issuing_keys_may_be_encrypted_too(tmp_path: Path) -> None:
    """Then a wrong passphrase issues nothing."""
    root = root_key_in_file("ecdsa-p384", PASSPHRASE)
    initialise(tmp_path, REALM, root, NOW, issuing_passphrase=b"another one that is long")
    state = open_state(tmp_path, NOW)

    with pytest.raises(PkiRefused) as refused:
        certify(state)
    secrets = Secrets(passphrase=b"another one that is long")
    issued = issue(state, "gateway", GATEWAY, request(), secrets=secrets, now=NOW)

    assert refused.value.code is Code.ZP003
    assert issued.record.name == GATEWAY


def test_the_second_of_a_pair_shows_the_name_of_both(tmp_path: Path) -> None:
    """It is certified under its own name, so that it can be revoked alone."""
    state = make_state(tmp_path)
    shared = names_of(certify(state, name="city-gw").record.certificate)

    second = certify(state, name="city-gw-2").record

    assert shared == ["city-gw.gw.zunyi.internal"]
    assert names_of(second.certificate) == ["city-gw-2.gw.zunyi.internal", *shared]
    assert second.name == "city-gw-2"


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        pytest.param("gateway", "city-gw-3", id="a third"),
        pytest.param("gateway", "city-2", id="no gateway"),
        pytest.param("gateway", "gw-2", id="the second of nothing"),
        pytest.param("service", "city-gw-2", id="a service of that name"),
    ],
)
def test_nobody_else_shows_a_name_beside_its_own(tmp_path: Path, profile: str, name: str) -> None:
    """A certificate is for one host, and for a pair's name only where it is of a pair."""
    state = make_state(tmp_path)
    asked = request(name, make_key("ecdsa-p384"))

    issued = issue(state, profile, name, asked, secrets=NO_SECRETS, now=NOW)

    assert len(names_of(issued.record.certificate)) == 1


def test_a_request_for_the_name_of_both_alone_is_refused(tmp_path: Path) -> None:
    """Who is certified as the second says so."""
    asked = request("city-gw-2", make_key("ecdsa-p384"), hosts=("city-gw.gw.zunyi.internal",))

    with pytest.raises(PkiRefused, match="ZP033"):
        issue(make_state(tmp_path), "gateway", "city-gw-2", asked, secrets=NO_SECRETS, now=NOW)
