"""What the authorities make is in order for two other readers, and what they cannot is refused.

pkilint reads every kind of certificate and list; OpenSSL's command line judges
paths as RFC 5280 has them.  Neither shares a line with us.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from pki.build import Issuer
from pki.parts import CLOCK_DIFFERENCE, Key, digest_for, key_usage, make_key
from pki.revoke import revoke
from pki.state import State
from tests.authorities import (
    GATEWAY,
    GATEWAY_HOST,
    NO_SECRETS,
    NOW,
    REALM,
    ROOT_SECRETS,
    certify,
    make_state,
)
from tests.linting import findings, list_findings

NAMES = {
    "gateway": "汇川区-gw",
    "service": "approval",
    "person": "市税务局窗口岗",
    "author": "信息中心策略编制岗",
    "bureau": "保密局审签岗",
}
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True)
class Forgery:
    """A certificate that somebody who has an authority's key could make."""

    unit: str = "links"
    name: str = GATEWAY
    names: tuple[x509.GeneralName, ...] = (x509.DNSName(GATEWAY_HOST),)
    begin: datetime = NOW - CLOCK_DIFFERENCE
    lifetime: timedelta = timedelta(days=30)
    is_authority: bool = False
    critical: bool = False
    subject: x509.Name | None = None


def forge(issuer: Issuer, forgery: Forgery, key: Key | None = None) -> x509.Certificate:
    """Make a certificate past all our rules."""
    public = (key or make_key("ecdsa-p384")).public_key()
    subject = forgery.subject or REALM.subject(forgery.unit, forgery.name, None)
    authority_key = issuer.certificate.extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(forgery.begin)
        .not_valid_after(forgery.begin + forgery.lifetime)
        .add_extension(x509.BasicConstraints(forgery.is_authority, None), critical=True)
        .add_extension(key_usage(issues=forgery.is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_key),
            critical=False,
        )
        .add_extension(CLIENT, critical=False)
    )
    if forgery.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(forgery.names), critical=False)
    if forgery.critical:
        odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        builder = builder.add_extension(odd, critical=True)
    return builder.sign(issuer.key, digest_for(issuer.key))


def write_pem(file: Path, *certificates: x509.Certificate) -> Path:
    """Write certificates into one file."""
    file.write_bytes(b"".join(c.public_bytes(Encoding.PEM) for c in certificates))
    return file


def judged(
    state: State,
    leaf: x509.Certificate,
    *above: x509.Certificate,
    at: datetime = NOW,
    options: tuple[str, ...] = (),
    lists: bool = True,
) -> str:
    """Have OpenSSL judge a path to the root, with every list; give `OK` or why not."""
    folder = state.folder
    listed = folder / "lists.pem"
    listed.write_bytes(
        b"".join((folder / n / "crl.pem").read_bytes() for n in state.authority_names())
    )
    authorities = [state.certificate(n) for n in state.authority_names()[1:]]
    untrusted = write_pem(folder / "above.pem", *above, *authorities)
    command: list[str | Path] = ["openssl", "verify", "-x509_strict"]
    command += ["-crl_check_all", "-CRLfile", listed] if lists else []
    command += ["-attime", str(int(at.timestamp()))]
    command += ["-trusted", folder / "root" / "authority.pem", "-untrusted", untrusted]
    command += [*options, write_pem(folder / "leaf.pem", leaf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return "OK"
    return next(line for line in done.stderr.splitlines() if line.startswith("error "))


@pytest.mark.parametrize("profile", NAMES)
def test_every_kind_of_certificate_passes_the_linter(tmp_path: Path, profile: str) -> None:
    """To the last notice."""
    state = make_state(tmp_path, list_url="http://lists.svc.zunyi.internal")

    made = certify(state, profile, NAMES[profile]).record.certificate

    assert findings(made.public_bytes(Encoding.DER)) == []


@pytest.mark.parametrize("name", ["root", "links", "services", "people", "signers"])
def test_every_authority_and_its_list_pass_the_linter(tmp_path: Path, name: str) -> None:
    """An empty list and one with a revocation."""
    state = make_state(tmp_path)
    if name == "root":
        revoke(state, "links", "cACompromise", ROOT_SECRETS, NOW)
    else:
        leaf = state.profiles.below(name)[0]
        certify(state, leaf.name, NAMES[leaf.name])

        assert list_findings((tmp_path / name / "crl.der").read_bytes()) == []
        revoke(state, NAMES[leaf.name], "unspecified", NO_SECRETS, NOW)

    assert findings(state.certificate(name).public_bytes(Encoding.DER)) == []
    assert list_findings((tmp_path / name / "crl.der").read_bytes()) == []


@pytest.mark.parametrize(("name", "below"), [("root", 1), ("links", 0), ("people", 0)])
def test_the_authorities_are_as_deep_as_they_must_be(tmp_path: Path, name: str, below: int) -> None:
    """Each says it itself, so that one that is trusted alone has none below it either."""
    certificate = make_state(tmp_path).certificate(name)

    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, below)


def test_the_linter_sees_what_is_wrong(tmp_path: Path) -> None:
    """A reader that finds nothing anywhere would be no reader."""
    state = make_state(tmp_path)
    issuer = state.issuer("links", NO_SECRETS)
    odd = forge(issuer, Forgery(names=(x509.DNSName("not a name"),)))

    assert any("invalid_domain_name" in said for said in findings(odd.public_bytes(Encoding.DER)))


@pytest.mark.parametrize("profile", NAMES)
def test_every_kind_of_certificate_is_believed(tmp_path: Path, profile: str) -> None:
    """On its path to the root, with every list there."""
    state = make_state(tmp_path)

    made = certify(state, profile, NAMES[profile]).record.certificate

    assert judged(state, made) == "OK"


@pytest.mark.parametrize(
    ("profile", "purpose", "expected"),
    [
        pytest.param("gateway", "sslclient", "OK", id="a gateway renews itself"),
        pytest.param("gateway", "sslserver", "error 26", id="a gateway is no service"),
        pytest.param("service", "sslserver", "OK", id="a service answers"),
        pytest.param("person", "sslclient", "OK", id="a person asks"),
        pytest.param("person", "sslserver", "error 26", id="a person is no service"),
        pytest.param("gateway", "ocsphelper", "OK", id="any key can help"),
    ],
)
def test_a_certificate_is_for_its_own_use(
    tmp_path: Path, profile: str, purpose: str, expected: str
) -> None:
    """What it may be used for stands in it."""
    state = make_state(tmp_path)
    made = certify(state, profile, NAMES[profile]).record.certificate

    assert judged(state, made, options=("-purpose", purpose)).startswith(expected)


@pytest.mark.parametrize(
    ("authority", "forgery", "error"),
    [
        pytest.param("links", Forgery(), "OK", id="the forger at work"),
        pytest.param("links", Forgery("people", "张三", ()), "error 47", id="links: a person"),
        pytest.param("links", Forgery("signers", "保密局", ()), "error 47", id="links: a signer"),
        pytest.param("people", Forgery("links", "gw", ()), "error 47", id="people: a gateway"),
        pytest.param("signers", Forgery("people", "张三", ()), "error 47", id="signers: a person"),
        pytest.param(
            "links",
            Forgery(names=(x509.DNSName("approval.svc.zunyi.internal"),)),
            "error 47",
            id="links: a service's host",
        ),
        pytest.param(
            "services",
            Forgery("services", "x", (x509.DNSName(GATEWAY_HOST),)),
            "error 47",
            id="services: a gateway's host",
        ),
        pytest.param(
            "people",
            Forgery("people", "张三", (x509.DNSName("zhang.people.zunyi.internal"),)),
            "error 47",
            id="people: a host",
        ),
        pytest.param(
            "people",
            Forgery("people", "张三", (x509.RFC822Name("zhang@zunyi.internal"),)),
            "error 47",
            id="people: a mailbox",
        ),
        pytest.param(
            "people",
            Forgery(
                "people", "张三", (x509.UniformResourceIdentifier("https://zunyi.internal/a"),)
            ),
            "error 47",
            id="people: an address on the web",
        ),
        pytest.param(
            "links",
            Forgery(names=(x509.RFC822Name("gw@gw.zunyi.internal"),)),
            "error 47",
            id="links: a mailbox",
        ),
        pytest.param(
            "links",
            Forgery(names=(x509.IPAddress(ip_address("10.32.0.1")),)),
            "error 48",
            id="links: an IPv4 address",
        ),
        pytest.param(
            "links",
            Forgery(names=(x509.IPAddress(ip_address("fd72::1")),)),
            "error 48",
            id="links: an IPv6 address",
        ),
        pytest.param(
            "links",
            Forgery(names=(x509.DirectoryName(REALM.subject("people", "张三", None)),)),
            "error 47",
            id="links: a person beside",
        ),
        pytest.param(
            "links", Forgery(begin=NOW - timedelta(days=31)), "error 10", id="links: has ended"
        ),
        pytest.param(
            "links", Forgery(begin=NOW + timedelta(days=1)), "error 9", id="links: not yet begun"
        ),
        pytest.param("links", Forgery(critical=True), "error 34", id="links: not understood"),
    ],
)
def test_who_has_an_authoritys_key_stays_within_its_names(
    tmp_path: Path, authority: str, forgery: Forgery, error: str
) -> None:
    """The limits stand in the authority's own certificate, not in our rules alone."""
    state = make_state(tmp_path)

    forged = forge(state.issuer(authority, NO_SECRETS), forgery)

    assert judged(state, forged).startswith(error)


MakesPath = Callable[[State], tuple[x509.Certificate, ...]]


def below_an_authority(state: State) -> tuple[x509.Certificate, ...]:
    """An authority made by the links' authority, and a gateway of that one."""
    key = make_key("ecdsa-p384")
    stem = REALM.subject("links", "another authority", None)
    above = forge(
        state.issuer("links", NO_SECRETS),
        Forgery(subject=stem, names=(), is_authority=True),
        key,
    )
    return forge(Issuer(key, above), Forgery()), above


def below_a_gateway(state: State) -> tuple[x509.Certificate, ...]:
    """A gateway that a gateway's key certified."""
    key = make_key("ecdsa-p384")
    above = forge(state.issuer("links", NO_SECRETS), Forgery(), key)
    return forge(Issuer(key, above), Forgery(name="city-gw")), above


def of_another_root(state: State) -> tuple[x509.Certificate, ...]:
    """The same names from another root, and ours beside it as filler."""
    other = make_state(state.folder / "other")
    return certify(other).record.certificate, other.certificate("links"), state.certificate("links")


def of_no_authority(state: State) -> tuple[x509.Certificate, ...]:
    """Signed by a key that only says it is the links' authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    return (forge(Issuer(key, state.certificate("links")), Forgery()),)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        pytest.param(below_an_authority, "error 25", id="too long"),
        pytest.param(below_a_gateway, "error 79", id="a gateway is no authority"),
        pytest.param(of_another_root, "error ", id="another root"),
        pytest.param(of_no_authority, "error 7", id="no authority's key"),
    ],
)
def test_a_path_that_is_none_is_refused(tmp_path: Path, made: MakesPath, error: str) -> None:
    """However it is filled up, and whatever lists there are."""
    state = make_state(tmp_path)

    leaf, *above = made(state)

    assert judged(state, leaf, *above, lists=False).startswith(error)


def test_a_revoked_certificate_is_refused(tmp_path: Path) -> None:
    """From the list that its authority wrote, and everything below a revoked authority."""
    state = make_state(tmp_path)
    made, other = certify(state).record.certificate, certify(state, name="city-gw").record
    revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert judged(state, made).startswith("error 23")
    assert judged(state, other.certificate) == "OK"
    revoke(state, "links", "cACompromise", ROOT_SECRETS, NOW)
    assert judged(state, other.certificate).startswith("error 23")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(NOW - timedelta(minutes=4), "OK", id="a clock that is a little behind"),
        pytest.param(NOW + timedelta(days=6.9), "OK", id="while the list is fresh"),
        pytest.param(NOW + timedelta(days=7), "error 12", id="a list that has ended"),
        pytest.param(NOW - timedelta(minutes=6), "error", id="a clock that is far behind"),
    ],
)
def test_a_list_is_good_for_its_time(tmp_path: Path, at: datetime, expected: str) -> None:
    """A week for links."""
    state = make_state(tmp_path)
    made = certify(state).record.certificate

    assert judged(state, made, at=at).startswith(expected)


def test_a_policy_that_the_authority_may_not_state_counts_for_nothing(tmp_path: Path) -> None:
    """The number of a signer's role cannot come from the links' authority."""
    state = make_state(tmp_path)
    made = certify(state).record.certificate
    oids = {leaf.name: leaf.policy_oid for leaf in state.profiles.leaves}

    wanted = ("-explicit_policy", "-policy", oids["gateway"])
    assert judged(state, made, options=wanted) == "OK"
    unwanted = ("-explicit_policy", "-policy", oids["bureau"])
    assert judged(state, made, options=unwanted).startswith("error 43")


def test_the_digest_fits_the_key(tmp_path: Path) -> None:
    """SHA-384 with P-384; this test's root is of P-256."""
    state = make_state(tmp_path)

    issued = certify(state).record.certificate

    assert isinstance(state.certificate("links").signature_hash_algorithm, hashes.SHA256)
    assert isinstance(issued.signature_hash_algorithm, hashes.SHA384)
