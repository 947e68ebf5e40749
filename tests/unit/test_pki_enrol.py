"""A host is admitted once, by a code; after that its own certificate renews it."""

import base64
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pki.codes import enrol, issue_by_code
from pki.errors import Code, PkiRefused
from pki.est import make_app
from pki.parts import digest_for, make_key
from pki.revoke import revoke
from pki.state import State
from tests.authorities import GATEWAY, NO_SECRETS, NOW, certify, make_state, request

EST = "/.well-known/est"


def refusal(state: State, code: str, name: str, asked: bytes, now: datetime = NOW) -> Code:
    """Have a code refused, and give why."""
    with pytest.raises(PkiRefused) as refused:
        issue_by_code(state, code, name, asked, secrets=NO_SECRETS, now=now)
    return refused.value.code


def test_a_code_admits_once(tmp_path: Path) -> None:
    """The same host may ask again with the same key; another key is somebody else."""
    state, key = make_state(tmp_path), make_key("ecdsa-p384")
    code = enrol(state, "gateway", GATEWAY, 72, NOW)

    first, again = (
        issue_by_code(state, code, GATEWAY, request(key=key), secrets=NO_SECRETS, now=NOW)
        for _ in range(2)
    )

    assert first.record.serial == again.record.serial
    assert refusal(state, code, GATEWAY, request()) is Code.ZP042


def test_a_code_may_be_typed_in_any_manner(tmp_path: Path) -> None:
    """Small letters, with or without hyphens."""
    state = make_state(tmp_path)
    code = enrol(state, "gateway", GATEWAY, 72, NOW).lower().replace("-", "")

    issued = issue_by_code(state, code, GATEWAY, request(), secrets=NO_SECRETS, now=NOW)

    assert issued.record.name == GATEWAY


def test_codes_are_long_and_never_stored(tmp_path: Path) -> None:
    """160 bits each; who reads the folder cannot enrol."""
    state = make_state(tmp_path)

    codes = {enrol(state, "gateway", f"gw-{i}", 72, NOW).replace("-", "") for i in range(8)}

    kept = "".join(f.name + f.read_text() for f in (tmp_path / "codes").iterdir())
    assert {len(code) for code in codes} == {32}
    assert len(codes) == 8
    assert not any(code in kept.upper() for code in codes)


def test_a_code_is_for_one_name_and_one_kind(tmp_path: Path) -> None:
    """And a new one ends the one before it."""
    state = make_state(tmp_path)
    old = enrol(state, "gateway", GATEWAY, 72, NOW)
    code = enrol(state, "gateway", GATEWAY, 72, NOW)

    assert refusal(state, old, GATEWAY, request()) is Code.ZP040
    assert refusal(state, code, "city-gw", request("city-gw")) is Code.ZP040
    assert refusal(state, "A" * 32, GATEWAY, request()) is Code.ZP040
    assert refusal(state, "", GATEWAY, request()) is Code.ZP040
    with pytest.raises(PkiRefused) as refused:
        issue_by_code(
            state, code, GATEWAY, request(), secrets=NO_SECRETS, now=NOW, profile_name="service"
        )
    assert refused.value.code is Code.ZP040
    assert state.records("links") == ()


def test_a_code_ends(tmp_path: Path) -> None:
    """To the hour that was said."""
    state = make_state(tmp_path)
    code = enrol(state, "gateway", GATEWAY, 72, NOW)
    end = NOW + timedelta(hours=72)

    late = refusal(state, code, GATEWAY, request(), end + timedelta(seconds=1))
    issued = issue_by_code(state, code, GATEWAY, request(), secrets=NO_SECRETS, now=end)

    assert late is Code.ZP041
    assert issued.record.name == GATEWAY


def test_a_request_that_is_refused_does_not_use_up_the_code(tmp_path: Path) -> None:
    """A slip on the host is mended on the host."""
    state = make_state(tmp_path)
    code = enrol(state, "gateway", GATEWAY, 72, NOW)

    assert refusal(state, code, GATEWAY, request("city-gw")) is Code.ZP033
    issue_by_code(state, code, GATEWAY, request(), secrets=NO_SECRETS, now=NOW)


def test_a_damaged_code_is_said_to_be_one(tmp_path: Path) -> None:
    """By its file."""
    state = make_state(tmp_path)
    code = enrol(state, "gateway", GATEWAY, 72, NOW)
    for file in (tmp_path / "codes").iterdir():
        file.write_text("{}")

    assert refusal(state, code, GATEWAY, request()) is Code.ZP003


# --- the server's answers --------------------------------------------------------------------


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Begin at the beginning."""
        self.now = NOW

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Make a folder of authorities."""
    return make_state(tmp_path)


@pytest.fixture
def clock() -> Clock:
    """Give the server's clock."""
    return Clock()


@pytest.fixture
def client(state: State, clock: Clock) -> FlaskClient:
    """Ask the server without a network."""
    return make_app(state.folder, NO_SECRETS, clock).test_client()


def der(pem: bytes) -> bytes:
    """Give a request as strongSwan sends it."""
    return base64.b64encode(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER))


def renewal(
    client: FlaskClient, shown: x509.Certificate | None, asked: bytes | None = None
) -> TestResponse:
    """Ask for a renewal; the TLS layer says which certificate was shown."""
    pem = shown.public_bytes(Encoding.PEM).decode() if shown else None
    return client.post(
        f"{EST}/simplereenroll",
        data=der(asked or request()),
        environ_overrides={"SSL_CLIENT_CERT": pem} if pem else {},
    )


def received(answer: TestResponse) -> list[x509.Certificate]:
    """Give the certificates of an answer."""
    assert answer.content_type == "application/pkcs7-mime; smime-type=certs-only"
    return pkcs7.load_der_pkcs7_certificates(base64.b64decode(answer.data))


def test_a_host_enrols_by_its_code(state: State, client: FlaskClient) -> None:
    """The name and the code as EST has them, and a certificate comes back."""
    code = enrol(state, "gateway", GATEWAY, 72, NOW)

    answer = client.post(f"{EST}/simpleenroll", data=der(request()), auth=(GATEWAY, code))

    assert [c.serial_number for c in received(answer)] == [
        record.serial for record in state.records("links")
    ]


@pytest.mark.parametrize(
    ("auth", "body", "status"),
    [
        pytest.param(None, der(request()), 401, id="without a code"),
        pytest.param((GATEWAY, "A" * 32), der(request()), 401, id="a wrong code"),
        pytest.param((GATEWAY, ""), der(request()), 401, id="an empty code"),
        pytest.param(("", "A" * 32), der(request()), 401, id="without a name"),
        pytest.param((GATEWAY, None), b"!", 403, id="no base64"),
        pytest.param((GATEWAY, None), b"", 403, id="no request"),
        pytest.param((GATEWAY, None), der(request("city-gw")), 403, id="another name"),
        pytest.param((GATEWAY, None), b"A" * 20_000, 413, id="a flood"),
    ],
)
def test_an_enrolment_out_of_order_is_refused(
    state: State, client: FlaskClient, auth: tuple[str, str | None] | None, body: bytes, status: int
) -> None:
    """Which part of a code was wrong is not said."""
    code = enrol(state, "gateway", GATEWAY, 72, NOW)
    shown = (auth[0], code if auth[1] is None else auth[1]) if auth else None

    answer = client.post(f"{EST}/simpleenroll", data=body, auth=shown)

    assert answer.status_code == status
    assert GATEWAY.encode() not in answer.data or status == 403
    assert state.records("links") == ()


@pytest.mark.parametrize("days", [0.0, 20.0, 37.0, 43.9])
def test_a_host_renews_itself(state: State, client: FlaskClient, clock: Clock, days: float) -> None:
    """With a new key; also a site that was cut off for a week when its certificate ended."""
    old = certify(state).record.certificate
    clock.now = NOW + timedelta(days=days)

    (new,) = received(renewal(client, old))

    assert new.subject == old.subject
    assert new.public_key() != old.public_key()
    assert new.not_valid_after_utc == clock.now + timedelta(days=30, minutes=-5)


def test_who_shows_no_certificate_of_ours_renews_nothing(state: State, client: FlaskClient) -> None:
    """None, another folder's of the same name, or the authority's own."""
    other = certify(make_state(state.folder / "other")).record.certificate
    certify(state)

    answers = [renewal(client, shown) for shown in (None, other, state.certificate("links"))]

    assert [(a.status_code, a.data[:5]) for a in answers] == [(403, b"ZP046")] * 3
    assert len(state.records("links")) == 1


def test_another_certificate_with_a_number_of_ours_renews_nothing(
    state: State, client: FlaskClient
) -> None:
    """Made with a stolen key of the authority, for a key of the thief's: not what is recorded."""
    true, issuer = certify(state).record.certificate, state.issuer("links", NO_SECRETS)
    forged = (
        x509.CertificateBuilder()
        .subject_name(true.subject)
        .issuer_name(true.issuer)
        .public_key(make_key("ecdsa-p384").public_key())
        .serial_number(true.serial_number)
        .not_valid_before(true.not_valid_before_utc)
        .not_valid_after(true.not_valid_after_utc)
        .sign(issuer.key, digest_for(issuer.key))
    )

    assert renewal(client, forged).data.startswith(b"ZP046")


def test_who_is_revoked_ended_long_ago_or_is_a_person_renews_nothing(
    state: State, client: FlaskClient, clock: Clock
) -> None:
    """Each is told which it is."""
    old, other = (certify(state, name=name).record.certificate for name in (GATEWAY, "city-gw"))
    person = certify(state, "person", "市税务局窗口岗").record.certificate
    revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    assert renewal(client, old).data.startswith(b"ZP045")
    assert renewal(client, person, request("市税务局窗口岗")).data.startswith(b"ZP047")
    clock.now = NOW + timedelta(days=44, minutes=1)
    assert renewal(client, other, request("city-gw")).data.startswith(b"ZP048")


def test_a_certificate_renews_its_own_name_alone(state: State, client: FlaskClient) -> None:
    """A gateway that was taken over cannot become another one."""
    shown = certify(state).record.certificate

    answer = renewal(client, shown, request("city-gw"))

    assert answer.data.startswith(b"ZP033")


def test_everyone_may_fetch_authorities_and_lists(state: State, client: FlaskClient) -> None:
    """The root and those that hosts need; lists in DER, as they are now."""
    authorities = received(client.get(f"{EST}/cacerts"))
    certify(state)
    revoke(state, GATEWAY, "unspecified", NO_SECRETS, NOW)

    fetched = client.get("/crl/links.crl")

    names = ("root", "links", "services")
    assert set(authorities) == {state.certificate(name) for name in names}
    assert len(x509.load_der_x509_crl(fetched.data)) == 1
    assert [client.get(f"/crl/{n}.crl").status_code for n in ("linkz", "..%2fpki")] == [404, 404]


def test_a_refusal_is_recorded_with_its_reason(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line for each, with who asked."""
    client.post(f"{EST}/simpleenroll", data=der(request()), auth=(GATEWAY, "x"))

    assert (
        '"operation": "/.well-known/est/simpleenroll", "said": "ZP040"' in capsys.readouterr().err
    )
