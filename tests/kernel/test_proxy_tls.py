"""What others find of the TLS of a real HAProxy: testssl.sh, and OpenSSL's own client."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.proxies import CASE, CLERK, DESK, GATE, HOST, Stand, by_debian_13, city, standing, text

pytestmark = pytest.mark.kernel

#: What testssl.sh minds and is so on purpose: certificates live 60 days, and who is revoked is in
#: a map of the proxy's, not at an address that a certificate names.
MEANT = {"cert_expirationStatus", "cert_notAfter", "cert_revocation"}

#: What must hold, by the names of testssl.sh; each is how a finding begins.
MUST = {
    **dict.fromkeys(("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2"), "not offered"),
    "TLS1_3": "offered",
    "ALPN_HTTP2": "h2",
    **dict.fromkeys(
        ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW"),
        "not offered",
    ),
    "TLS_session_ticket": "no ",
    "sessionresumption_ticket": "not supported",
    "sessionresumption_ID": "No Session ID, no resumption",
    "OCSP_stapling": "not offered",
    "heartbleed": "not vulnerable",
    "CCS": "not vulnerable",
    "secure_renego": "TLS 1.3 only",
    "secure_client_renego": "not vulnerable",
    "CRIME_TLS": "not vulnerable",
    "cert_chain_of_trust": "passed",
    "cert_trust": "Ok via SAN",
}

SUITES = {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}
CURVES = {"prime256v1", "secp384r1", "X25519"}


@pytest.fixture(name="stand", scope="module")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with standing(city(), tmp_path_factory.mktemp("tls")) as stand:
        yield stand


def test_an_independent_tester_finds_nothing(
    stand: Stand, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """TLS 1.3 alone, nothing to resume, to compress or to negotiate anew; its report is kept."""
    found = tmp_path / "found.json"
    command = [
        *("ip", "netns", "exec", stand.near, "testssl", "--quiet", "--color", "0"),
        *("--warnings", "off", "--nodns", "none", "--ip", GATE),
        *("--add-ca", str(stand.folder / "services.pem")),
        # Protocols, suites, forward secrecy, what it shows by itself, what was broken elsewhere.
        *("--protocols", "--std", "--pfs", "--server-defaults", "--vulnerable"),
        *("--jsonfile", str(found), f"{HOST}:8443"),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400, check=False
    )
    record_property(f"testssl.sh {version()} on {HOST}", done.stdout.strip())
    told = json.loads(found.read_text("utf-8"))
    said = {each["id"]: each["finding"] for each in told}
    minded = {each["id"] for each in told if each["severity"] in _MINDED}

    assert {name: said.get(name, "")[: len(start)] for name, start in MUST.items()} == MUST
    assert set(said[f"{_FORWARD}_ciphers"].split()) == SUITES
    assert set(said[f"{_FORWARD}_ECDHE_curves"].split()) == CURVES
    assert minded <= MEANT


_MINDED = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
_FORWARD = "PFS"


def version() -> str:
    """Give testssl.sh's own version."""
    done = subprocess.run(["testssl", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"testssl[a-z. ]*([0-9]+[.][0-9.a-z]+)", done.stdout)
    return found[1] if found else ""


def spoken(stand: Stand, *options: str) -> str:
    """Give what OpenSSL's client says of a connection of the clerk's, with one request on it."""
    shown = str(stand.shown("person", CLERK))
    program = ("openssl", "s_client", "-connect", f"{GATE}:8443", "-bind", f"{DESK}:0")
    asking = by_debian_13(
        stand.near,
        *(*program, "-servername", HOST),
        *("-CAfile", str(stand.folder / "services.pem"), "-verify_return_error"),
        *("-cert", shown, "-key", shown, "-cert_chain", shown, "-ign_eof", *options),
    )
    words = text("GET", CASE, HOST, "Connection: close")
    done = subprocess.run(asking, input=words, capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_who_shows_a_certificate_gets_the_newest_alone(
    stand: Stand, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Keys by ML-KEM too, nothing compressed, no early data, and nobody comes back by a ticket.

    Tickets are given out in TLS 1.3, by HAProxy's leave or without; they name what is not kept.
    """
    ticket = tmp_path / "ticket.pem"
    said = spoken(stand, "-sess_out", str(ticket))
    lines = [" ".join(line.split()) for line in said.splitlines()]
    record_property(
        f"openssl s_client on {HOST}, with a certificate",
        "\n".join(line for line in lines if line.startswith(_TOLD)),
    )

    for wanted in (
        "HTTP/1.1 200 OK",
        "Negotiated TLS1.3 group: X25519MLKEM768",
        "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384",
        "Compression: NONE",
        "Early data was not sent",
        "Verify return code: 0 (ok)",
    ):
        assert wanted in lines
    assert ticket.exists()
    again = spoken(stand, "-sess_in", str(ticket))
    assert "Reused, " not in again
    assert "HTTP/1.1 200 OK" in again


_TOLD = ("Negotiated", "New, ", "Compression", "Early data", "Verify return", "Peer signature",
         "Peer Temp", "Server Temp", "ALPN", "No ALPN")  # fmt: skip


@pytest.mark.parametrize("group", ["X25519MLKEM768", "X25519", "P-384", "P-256"])
def test_keys_are_agreed_on_in_these_ways(stand: Stand, group: str) -> None:
    """Where the client can no other."""
    assert "HTTP/1.1 200 OK" in spoken(stand, "-groups", group)


@pytest.mark.parametrize(
    "options",
    [
        *(("-groups", group) for group in ("P-521", "X448", "ffdhe3072", "MLKEM768")),
        ("-ciphersuites", "TLS_AES_128_CCM_SHA256"),
        ("-tls1_2",),
        ("-tls1_2", "-no_ign_eof", "-legacy_renegotiation"),
    ],
    ids=" ".join,
)
def test_and_in_no_others(stand: Stand, options: tuple[str, ...]) -> None:
    """No handshake comes about."""
    said = spoken(stand, *options)

    assert "HTTP/1.1" not in said
    assert "alert" in said
