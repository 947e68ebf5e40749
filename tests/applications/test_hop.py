"""A real gunicorn answers the gateway alone, by mutual TLS, and passes on no header twice."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from applications.identity import HEADER
from applications.web import knock
from applications.web.settings import VARIABLE
from gateway.load.identity_tokens import key_set
from pki.issue import issue
from pki.parts import make_key
from pki.state import CERTIFICATE, State
from tests.applications.cluster import Cluster
from tests.applications.tokens import HOST, KEY, REST, gateways_token, settings_text
from tests.authorities import NO_SECRETS, make_state, request
from tests.repo.tree import ROOT

GATEWAY = "huichuan-gw.gw.zunyi.internal"

#: The names with which both gateways of the pair connect.
CLIENTS = ("huichuan-gw.svc.zunyi.internal", "huichuan-gw-2.svc.zunyi.internal")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate with what was issued above it, and its key, as files."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Server:
    """A running gunicorn: where it listens, and who can try to come."""

    port: int
    root: Path
    clients: dict[str, Shown]

    def ask(self, client: str, *lines: str) -> str:
        """Send a request as some client, and give all of the answer.

        Raises:
            OSError: the connection was refused, or broken off.
        """
        shown = self.clients[client]
        context = ssl.create_default_context(cafile=str(self.root))
        context.check_hostname = False
        context.load_cert_chain(shown.chain, shown.key)
        address = ("127.0.0.1", self.port)
        with (
            socket.create_connection(address, timeout=30) as plain,
            context.wrap_socket(plain) as secured,
        ):
            secured.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
            said = b""
            while piece := secured.recv(65536):
                said += piece
        return said.decode()

    def get(self, *headers: str, client: str = "gateway", path: str = "/cases/") -> str:
        """Read a page with some headers, and give the answer's first line."""
        head = (f"GET {path} HTTP/1.1", f"Host: {HOST}", "Connection: close", *headers)
        return self.ask(client, *head).partition("\r\n")[0]


def certified(state: State, folder: Path, profile: str, name: str) -> Shown:
    """Issue a certificate below the folder's authorities."""
    key = make_key("ecdsa-p384" if profile == "gateway" else "ecdsa-p256")
    asked = request(name, key)
    issued = issue(state, profile, name, asked, secrets=NO_SECRETS, now=datetime.now(UTC))
    shown = Shown(folder / f"{profile}-{name}.pem", folder / f"{profile}-{name}.key")
    shown.chain.write_bytes(issued.record.certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown.key.write_bytes(pem)
    return shown


@pytest.fixture(name="server", scope="module")
def _server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("hop")
    state = make_state(folder / "pki", datetime.now(UTC))
    other = make_state(folder / "other", datetime.now(UTC))
    (folder / "strangers").mkdir()
    clients = {
        "gateway": certified(state, folder, "service", "huichuan-gw"),
        "second gateway": certified(state, folder, "service", "huichuan-gw-2"),
        "another gateway": certified(state, folder, "service", "tax-gw"),
        "an application": certified(state, folder, "service", "archive-city"),
        "an end of a link": certified(state, folder, "gateway", "huichuan-gw"),
        "a stranger": certified(other, folder / "strangers", "service", "huichuan-gw"),
    }
    own = certified(state, folder, "service", "applications-city")
    own.chain.write_bytes(own.chain.read_bytes() + _authority(folder, "services"))
    (folder / "gateway.jwks").write_text(key_set(KEY.public_key()))
    (folder / "services.pem").write_bytes(_authority(folder, "services"))
    said = {
        "host": HOST,
        "gateway": GATEWAY,
        "clients": list(CLIENTS),
        "keys": folder / "gateway.jwks",
        "database": cluster.database("loushan-approval"),
        "authority": folder / "services.pem",
        "certificate": own.chain,
        "key": own.key,
    }
    text = settings_text(said)
    (folder / "approval.toml").write_text(text)
    listening = socket.create_server(("127.0.0.1", 0))
    with served(folder, listening):
        root = folder / "pki" / "root" / CERTIFICATE
        yield Server(listening.getsockname()[1], root, clients)
    listening.close()


def _authority(folder: Path, name: str) -> bytes:
    return (folder / "pki" / name / CERTIFICATE).read_bytes()


@contextmanager
def served(folder: Path, listening: socket.socket) -> Iterator[None]:
    """Run gunicorn on a socket that is handed over, as systemd does."""
    gunicorn = f"{sys.executable} -m gunicorn --config python:applications.web.server"
    command = (
        f"exec 3<&{listening.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$;"
        f" exec {gunicorn} 'applications.approval.serve:application()'"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=ROOT,
            env={**os.environ, VARIABLE: str(folder / "approval.toml")},
            pass_fds=[listening.fileno()],
            stderr=log,
        )
    try:
        _wait(folder / "log", process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(log: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while "Booting worker" not in log.read_text():
        if process.poll() is not None or time.monotonic() > until:
            pytest.fail(log.read_text())
        time.sleep(0.05)


def value() -> str:
    """Give what the gateway would say now."""
    return f"{gateways_token(now=datetime.now(UTC), gateway=GATEWAY)}{REST}"


def header() -> str:
    """Give the header's line."""
    return f"{HEADER}: {value()}"


@pytest.mark.parametrize("client", ["gateway", "second gateway"])
def test_the_gateway_is_served(server: Server, client: str) -> None:
    """With a name in the header, and at the health check without one; both of a pair."""
    assert server.get(header(), client=client) == "HTTP/1.1 200 OK"
    assert server.get(client=client, path="/health") == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", ["/cases/", "/health"])
@pytest.mark.parametrize("client", ["another gateway", "an application"])
def test_whoever_has_another_name_is_not(server: Server, client: str, path: str) -> None:
    """It has a certificate of the same authority."""
    assert server.get(header(), client=client, path=path) == "HTTP/1.1 403 Forbidden"


@pytest.mark.parametrize("client", ["an end of a link", "a stranger"])
def test_whoever_is_of_another_authority_is_not_even_heard(server: Server, client: str) -> None:
    """Also of one below the same root, and in the gateway's own name."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        server.get(header(), client=client)


def test_whoever_shows_nothing_is_told_that_a_certificate_is_required(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is what the role's proof looks for."""
    assert knock.main("127.0.0.1", str(server.port)) == 0
    assert "a certificate is required" in capsys.readouterr().out


def test_the_proof_fails_where_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is refused there, either."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    assert knock.main("127.0.0.1", str(free)) == 1
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("Loushan_Identity: {}",), id="a spelling alone"),
        pytest.param((f"{HEADER}: {{}}", "Loushan_Identity: x"), id="a spelling beside it"),
        pytest.param((f"{HEADER}: {{}}",) * 2, id="twice"),
        pytest.param((f"{HEADER}: {{}}", "LOUSHAN-IDENTITY: "), id="twice, once empty"),
        pytest.param((f"{HEADER}: {{}},x",), id="with something joined to it"),
        pytest.param((f"{HEADER} : {{}}",), id="a space before the colon"),
        pytest.param(("X: y", f" {HEADER}: {{}}"), id="a line that goes on"),
    ],
)
def test_a_real_server_hands_on_no_header_that_could_be_taken_for_ours(
    server: Server, lines: tuple[str, ...]
) -> None:
    """What gunicorn makes of odd headers is refused by it or by the check."""
    filled = [line.format(value()) for line in lines]

    assert server.get(*filled).split()[1] in {"400", "403"}


def test_an_older_tls_is_refused(server: Server) -> None:
    """TLS 1.3 and nothing before it."""
    shown = server.clients["gateway"]
    context = ssl.create_default_context(cafile=str(server.root))
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(shown.chain, shown.key)
    address = ("127.0.0.1", server.port)
    with (
        socket.create_connection(address, timeout=30) as plain,
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
    ):
        context.wrap_socket(plain)
