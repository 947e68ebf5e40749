"""The enrolment server by real sockets: TLS with certificates, and clients that do not behave.

It needs no root: it answers on the loopback interface.
"""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from pki.codes import enrol
from pki.errors import Code, PkiRefused
from pki.est import make_app
from pki.issue import Issued, issue, renew
from pki.keys import key_text
from pki.news import MOST_WAITING_EACH
from pki.parts import Key, make_key
from pki.revoke import renew_list, revoke
from pki.serve import TlsFiles, authorities_text, check_root_is_away, serving
from pki.state import State
from tests.authorities import GATEWAY, NO_SECRETS, make_state, request

NOW = datetime.now(UTC)
HOST = "est.svc.zunyi.internal"
EST = "/.well-known/est"

#: How long an answer is waited for; that of the last of many, on a busy machine, too.
PATIENCE_SECONDS = 30


@dataclass
class Running:
    """A server that answers, its folder, and the clock it goes by."""

    state: State
    files: Path
    port: int
    days: float = 0

    def now(self) -> datetime:
        """Give the time that the server believes."""
        return NOW + timedelta(days=self.days)


def keep(folder: Path, name: str, issued: Issued, key: Key) -> None:
    """Write a certificate and its key for a TLS library."""
    (folder / f"{name}.key").write_bytes(key_text(key, None))
    (folder / f"{name}.pem").write_bytes(issued.chain())


def admitted(
    state: State, folder: Path, profile: str, name: str, now: datetime = NOW
) -> x509.Certificate:
    """Certify a name, and keep certificate and key."""
    key = make_key("ecdsa-p384")
    issued = issue(state, profile, name, request(name, key), secrets=NO_SECRETS, now=now)
    keep(folder, name, issued, key)
    return issued.record.certificate


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Run a server on a port that the kernel chooses."""
    state = make_state(tmp_path / "pki", NOW)
    admitted(state, tmp_path, "service", "est")
    server_is = Running(state, tmp_path, 0)
    tls = TlsFiles(tmp_path / "est.pem", tmp_path / "est.key", authorities_text(state))
    app = make_app(state.folder, NO_SECRETS, server_is.now)
    with serving("127.0.0.1:0", app, tls) as server:
        server_is.port = server.port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server_is
        server.shutdown()
        thread.join()


def connected(running: Running, name: str | None = None) -> ssl.SSLSocket:
    """Connect as a host that trusts the root alone, with its own certificate or none."""
    context = ssl.create_default_context(cafile=running.state.folder / "root" / "authority.pem")
    if name is not None:
        context.load_cert_chain(running.files / f"{name}.pem", running.files / f"{name}.key")
    plain = socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_SECONDS)
    return context.wrap_socket(plain, server_hostname=HOST)


def asked(
    running: Running, path: str, body: bytes = b"", *, name: str | None = None, auth: str = ""
) -> tuple[int, bytes]:
    """Ask as strongSwan does: all headers in the first 1024 bytes, the body of a known length."""
    with sending(running, path, body, name=name, auth=auth) as client:
        return answer(client)


def sending(
    running: Running, path: str, body: bytes = b"", *, name: str | None = None, auth: str = ""
) -> ssl.SSLSocket:
    """Send the same, and wait for nothing."""
    basic = f"Authorization: Basic {base64.b64encode(auth.encode()).decode()}\r\n" if auth else ""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: {HOST}\r\n{basic}"
    if body:
        head += f"Content-Type: application/pkcs10\r\nContent-Length: {len(body)}\r\n"
    client = connected(running, name)
    try:
        client.sendall(head.encode() + b"\r\n" + body)
    except OSError:
        client.close()
        raise
    return client


def answer(client: ssl.SSLSocket) -> tuple[int, bytes]:
    """Give the status and the content that come back."""
    first, _, content = client.recv(1024).partition(b"\r\n\r\n")
    lines = first.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 ")
    lengths = [line for line in lines if line.lower().startswith("content-length: ")]
    while len(content) < int(lengths[0].split()[1]):
        content += client.recv(16384)
    return int(lines[0].split()[1]), content


def der(pem: bytes) -> bytes:
    """Give a request as it is sent."""
    return base64.b64encode(x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER))


def renewal(running: Running, name: str | None = GATEWAY) -> tuple[int, bytes]:
    """Ask for a renewal with a new key."""
    return asked(running, f"{EST}/simplereenroll", der(request()), name=name)


def test_a_host_enrols_and_renews(running: Running) -> None:
    """By a code first, then by the certificate it got, with a new key."""
    code, key = enrol(running.state, "gateway", GATEWAY, 72, NOW), make_key("ecdsa-p384")

    status, body = asked(
        running, f"{EST}/simpleenroll", der(request(key=key)), auth=f"{GATEWAY}:{code}"
    )
    (first,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    (running.files / f"{GATEWAY}.key").write_bytes(key_text(key, None))
    (running.files / f"{GATEWAY}.pem").write_bytes(first.public_bytes(Encoding.PEM))
    again, body = renewal(running)

    (second,) = pkcs7.load_der_pkcs7_certificates(base64.b64decode(body))
    assert (status, again) == (200, 200)
    assert second.subject == first.subject
    assert second.serial_number != first.serial_number


@pytest.mark.parametrize(
    ("days", "status"),
    [
        pytest.param(37, 200, id="cut off for a week"),
        pytest.param(45, 403, id="cut off too long"),
    ],
)
def test_one_that_has_ended_renews_within_its_grace(
    running: Running, days: float, status: int
) -> None:
    """TLS lets it show itself, and our rules judge it."""
    admitted(running.state, running.files, "gateway", GATEWAY)
    running.days = days

    assert renewal(running)[0] == status


def test_a_certificate_that_ended_by_every_clock_may_show_itself(tmp_path: Path) -> None:
    """Not only by the clock of our rules: OpenSSL goes by the machine's."""
    before = NOW - timedelta(days=37)
    state = make_state(tmp_path / "pki", before)
    admitted(state, tmp_path, "gateway", GATEWAY, before)
    admitted(state, tmp_path, "service", "est", NOW)
    tls = TlsFiles(tmp_path / "est.pem", tmp_path / "est.key", authorities_text(state))
    here = Running(state, tmp_path, 0)
    with serving("127.0.0.1:0", make_app(state.folder, NO_SECRETS, here.now), tls) as server:
        here.port = server.port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()

        status, _ = renewal(here)

        server.shutdown()
        thread.join()
    assert status == 200


def test_a_revoked_host_is_refused(running: Running) -> None:
    """Though its certificate is as good as ever for TLS."""
    admitted(running.state, running.files, "gateway", GATEWAY)
    revoke(running.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    status, body = renewal(running)

    assert (status, body[:5]) == (403, b"ZP045")


def test_a_stranger_is_refused(running: Running) -> None:
    """With no certificate, and with the same names from another root."""
    admitted(make_state(running.files / "other", NOW), running.files, "gateway", GATEWAY)

    status, body = renewal(running, None)
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        renewal(running)

    assert (status, body[:5]) == (403, b"ZP046")
    assert running.state.records("links") == ()


def test_a_key_of_another_is_refused(running: Running) -> None:
    """Who copied a certificate does not have its key."""
    admitted(running.state, running.files, "gateway", GATEWAY)
    (running.files / f"{GATEWAY}.key").write_bytes(key_text(make_key("ecdsa-p384"), None))

    with pytest.raises(ssl.SSLError):
        renewal(running)


def test_who_is_silent_stops_nobody(running: Running) -> None:
    """A client that never shakes hands has a thread of its own."""
    with socket.create_connection(("127.0.0.1", running.port)):
        status, _ = asked(running, f"{EST}/cacerts")

    assert status == 200


@pytest.mark.parametrize("shakes_hands", [False, True])
def test_who_is_silent_for_long_is_let_go(
    running: Running, monkeypatch: pytest.MonkeyPatch, *, shakes_hands: bool
) -> None:
    """Before and after the handshake, so that threads do not run out."""
    # Who shakes hands has time for it: only what comes after is to be short.
    short = "pki.serve.Handler.timeout" if shakes_hands else "pki.serve._SILENCE_SECONDS"
    monkeypatch.setattr(short, 0.1)
    client: socket.socket
    if shakes_hands:
        client = connected(running)
    else:
        client = socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE_SECONDS)

    with client:
        try:
            said = client.recv(1)
        except ConnectionError:
            said = b""

    assert said == b""


def test_a_renewed_certificate_of_the_server_is_taken_up(running: Running) -> None:
    """And a half-written one is not: the working one stays."""

    def shown() -> int:
        with connected(running) as tls:
            found = tls.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found).serial_number

    (record,) = running.state.records("services")
    key = make_key("ecdsa-p384")
    renewed = renew(running.state, record, request("est", key), NO_SECRETS, NOW)
    (running.files / "est.pem").write_bytes(renewed.chain()[:300])
    half = shown()
    keep(running.files, "est", renewed, key)

    assert half == record.serial
    assert shown() == renewed.record.serial


def test_many_at_once_get_one_certificate_each(running: Running) -> None:
    """The folder's lock lets one after the other in."""
    names = [f"gw-{i}" for i in range(12)]
    codes = {name: enrol(running.state, "gateway", name, 72, NOW) for name in names}
    answers: list[int] = []

    def one(name: str) -> None:
        body = der(request(name))
        auth = f"{name}:{codes[name]}"
        answers.append(asked(running, f"{EST}/simpleenroll", body, auth=auth)[0])

    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 12
    assert sorted(record.name for record in running.state.records("links")) == sorted(names)


@pytest.mark.parametrize("held", ["links=-1", "links=x", "links=", f"links={'9' * 60}"])
def test_who_waits_for_news_says_what_he_has(running: Running, held: str) -> None:
    """By a number; all else is refused."""
    assert asked(running, f"/news?{held}")[0] == 400


def test_a_city_waits_for_news_and_is_told_at_once(running: Running) -> None:
    """Each hears of the one list that was signed, and of no other."""
    admitted(running.state, running.files, "gateway", GATEWAY)
    waiting = [sending(running, "/news?links=1&people=1") for _ in range(MOST_WAITING_EACH)]

    revoke(running.state, GATEWAY, "keyCompromise", NO_SECRETS, NOW)

    newest = running.state.revocations("links").public_bytes(Encoding.DER)
    for client in waiting:
        with client:
            said = json.loads(answer(client)[1])["lists"]
        assert {name: base64.b64decode(text) for name, text in said.items()} == {"links": newest}


def test_one_address_does_not_take_all_the_room(running: Running) -> None:
    """Who has as many waiting as he may is told so, until one of them has heard."""
    waiting = [sending(running, "/news?links=1") for _ in range(MOST_WAITING_EACH)]

    refused = 0
    for _ in range(200):
        # The last of them may not have come to wait yet.
        with sending(running, "/news?links=0") as client:
            refused = answer(client)[0]
        if refused == 429:
            break

    assert refused == 429
    renew_list(running.state, "links", NO_SECRETS, NOW)
    for client in waiting:
        with client:
            assert answer(client)[0] == 200
    assert asked(running, "/news?links=1")[0] == 200


def test_the_root_is_not_beside_a_server(running: Running) -> None:
    """Its key is taken away before anything answers the network."""
    with pytest.raises(PkiRefused) as refused:
        check_root_is_away(running.state.folder)
    (running.state.folder / "root" / "authority.key").unlink()
    check_root_is_away(running.state.folder)

    assert refused.value.code is Code.ZP017


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:99999", "127.0.0.1:", "192.0.2.1:80"])
def test_a_place_to_listen_that_is_none_is_refused(running: Running, listen: str) -> None:
    """Also one that somebody else has."""
    app = make_app(running.state.folder, NO_SECRETS, running.now)

    for where in (listen, f"127.0.0.1:{running.port}"):
        with pytest.raises(PkiRefused) as refused, serving(where, app, None):
            pass
        assert refused.value.code is Code.ZP049


@pytest.mark.parametrize("harm", ["missing", "rubbish", "another key"])
def test_a_server_without_its_certificate_does_not_start(running: Running, harm: str) -> None:
    """It says which file."""
    file = running.files / "est.key"
    if harm == "missing":
        file.unlink()
    else:
        other = key_text(make_key("ecdsa-p384"), None)
        file.write_bytes(other if harm == "another key" else b"rubbish")

    with pytest.raises(PkiRefused) as refused:
        TlsFiles(running.files / "est.pem", file, authorities_text(running.state))

    assert refused.value.code is Code.ZP051
