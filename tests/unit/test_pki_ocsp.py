"""The OCSP responder: true answers for OpenSSL, and none for what is not known."""

import base64
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki.ocsp import Responders, make_app
from pki.revoke import revoke
from pki.state import State
from tests.authorities import GATEWAY, NO_SECRETS, NOW, certify, make_state
from tests.linting import answer_findings, findings

Status = ocsp.OCSPResponseStatus


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Make a folder of authorities as of today: OpenSSL goes by the machine's clock."""
    return make_state(tmp_path)


def question(
    state: State,
    certificate: x509.Certificate,
    *,
    authority: str = "links",
    algorithm: hashes.HashAlgorithm | None = None,
    nonce: bytes = b"",
) -> bytes:
    """Ask for one certificate."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate,
        state.certificate(authority),
        algorithm or hashes.SHA1(),  # noqa: S303 - what clients send
    )
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def answered(state: State, asked: bytes, now: datetime = NOW) -> ocsp.OCSPResponse:
    """Have it answered."""
    return Responders(state.folder, NO_SECRETS).answer(asked, now)


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()])  # noqa: S303 - what clients send
def test_a_certificate_is_good_until_it_is_revoked(
    state: State, algorithm: hashes.HashAlgorithm
) -> None:
    """The answer says since when, and why; it is about the very certificate."""
    made = certify(state).record.certificate
    asked = question(state, made, algorithm=algorithm)

    before = answered(state, asked)
    revoke(state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)
    after = answered(state, asked, NOW + timedelta(hours=1))

    assert before.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert after.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert after.revocation_reason is x509.ReasonFlags.key_compromise
    assert after.revocation_time_utc == NOW
    assert after.serial_number == made.serial_number


def test_openssl_takes_the_answer(state: State, tmp_path: Path) -> None:
    """Its signer is delegated by the authority, and the nonce is the one that was sent."""
    made = certify(state).record.certificate
    authority, root = tmp_path / "links" / "authority.pem", tmp_path / "root" / "authority.pem"
    (tmp_path / "made.pem").write_bytes(made.public_bytes(Encoding.PEM))
    asked, said = tmp_path / "asked", tmp_path / "said"
    ask: list[str | Path] = ["openssl", "ocsp", "-issuer", authority, "-reqout", asked]
    subprocess.run([*ask, "-cert", tmp_path / "made.pem"], check=True, capture_output=True)
    said.write_bytes(answered(state, asked.read_bytes()).public_bytes(Encoding.DER))

    read: list[str | Path] = ["openssl", "ocsp", "-reqin", asked, "-respin", said, "-resp_text"]
    read += ["-CAfile", root, "-verify_other", authority]
    read += ["-attime", str(int(NOW.timestamp())), "-validity_period", str(10 * 365 * 86_400)]
    done = subprocess.run(read, capture_output=True, text=True, check=False)

    assert "Response verify OK" in done.stderr
    assert "nonce" not in done.stderr.lower()
    assert "Cert Status: good" in done.stdout


def test_the_answer_and_its_signer_pass_the_linter(state: State) -> None:
    """The signer is short-lived, and nobody asks whether it is revoked."""
    said = answered(state, question(state, certify(state).record.certificate, nonce=b"n" * 32))

    (signer,) = said.certificates
    assert answer_findings(said.public_bytes(Encoding.DER)) == []
    assert findings(signer.public_bytes(Encoding.DER)) == []
    signer.extensions.get_extension_for_class(x509.OCSPNoCheck)
    assert signer.not_valid_after_utc - signer.not_valid_before_utc == timedelta(days=7)


def test_a_nonce_comes_back(state: State) -> None:
    """So that an old answer is not taken for a new one; a huge one is refused."""
    made = certify(state).record.certificate

    said = answered(state, question(state, made, nonce=b"n" * 32))
    huge = answered(state, question(state, made, nonce=b"n" * 129))

    assert said.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 32
    assert huge.response_status is Status.MALFORMED_REQUEST


def test_nothing_is_said_of_what_was_not_issued_here(state: State) -> None:
    """Neither of another folder's certificate nor under another authority's name."""
    other = make_state(state.folder / "other")
    strange = certify(other).record.certificate
    mine = certify(state).record.certificate

    asked = [
        question(state, strange),
        question(other, strange),
        question(state, mine, authority="people"),
        question(state, mine, authority="root"),
    ]

    assert {answered(state, one).response_status for one in asked} == {Status.UNAUTHORIZED}


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x30\x03\x02\x01\x00"])
def test_what_is_no_request_is_said_to_be_none(state: State, rubbish: bytes) -> None:
    """In OCSP's own words."""
    assert answered(state, rubbish).response_status is Status.MALFORMED_REQUEST


def test_a_damaged_list_acquits_nobody(state: State) -> None:
    """Where revocations cannot be read there is no answer."""
    asked = question(state, certify(state).record.certificate)
    (state.folder / "links" / "crl.pem").write_bytes(b"")

    assert answered(state, asked).response_status is Status.INTERNAL_ERROR


def test_its_own_certificate_is_renewed_in_time(state: State) -> None:
    """Without anybody doing it."""
    asked = question(state, certify(state).record.certificate)
    responders = Responders(state.folder, NO_SECRETS)

    signers = [
        responders.answer(asked, NOW + timedelta(days=days)).certificates[0].serial_number
        for days in (0, 1, 4)
    ]

    assert signers[0] == signers[1] != signers[2]


def test_it_answers_by_http(state: State) -> None:
    """In both manners that clients have."""
    made = certify(state).record.certificate
    client = make_app(Responders(state.folder, NO_SECRETS), lambda: NOW).test_client()
    asked = question(state, made)

    posted = client.post("/", data=asked, content_type="application/ocsp-request")
    got = client.get("/" + quote(base64.b64encode(asked).decode(), safe=""))
    odd = client.get("/rubbish!")

    for answer in (posted, got):
        assert answer.content_type == "application/ocsp-response"
        said = ocsp.load_der_ocsp_response(answer.data)
        assert said.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert ocsp.load_der_ocsp_response(odd.data).response_status is Status.MALFORMED_REQUEST
    assert client.post("/", data=b"x" * 5000).status_code == 413
