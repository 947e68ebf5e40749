"""Who may read the metrics: the monitoring host, by its certificate, and nobody else."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import Refused
from gateway.observe.exporter_settings import read_exporter_settings
from gateway.observe.machine import machine_text
from gateway.observe.scrape import MOST_READERS, Credentials, Exporter
from pki.issue import issue
from pki.parts import make_key
from pki.state import State
from tests.authorities import NO_SECRETS, make_state, request

READER = "monitoring-city.svc.zunyi.internal"
TEXT = b"loushan_proven 1.0\n"
PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Stand:
    """An exporter that runs, and what somebody may come with."""

    folder: Path
    state: State
    exporter: Exporter
    port: int
    machine: int

    def shown(self, profile: str, name: str) -> Path:
        """Have a new key certified; give a file with the certificate, what is above it, the key."""
        return certified(self.state, self.folder / f"{profile}-{name}.pem", profile, name)

    def connect(self, shown: Path | None, **changes: object) -> ssl.SSLSocket:
        """Open a connection, with a certificate where one is given."""
        context = ssl.create_default_context(cafile=str(self.exporter.credentials.authority))
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        for name, value in changes.items():
            setattr(context, name, value)
        if shown is not None:
            context.load_cert_chain(shown)
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS)
        name = "city-gw-metrics.svc.zunyi.internal"
        return context.wrap_socket(plain, server_hostname=name)

    def scrape(self, shown: Path | None, path: str = "/metrics") -> tuple[int, bytes]:
        """Ask as Prometheus does.

        Raises:
            OSError: there is no answer.
        """
        with self.connect(shown) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    def knock(self, shown: Path | None) -> bytes:
        """Only listen: words that nobody reads would have the refusal lost.

        Raises:
            OSError: the refusal.
        """
        with self.connect(shown) as connection:
            return connection.recv(64)


def certified(state: State, file: Path, profile: str, name: str) -> Path:
    """Have a new key certified, and write it all into one file."""
    key = make_key("ecdsa-p384")
    now = datetime.now(UTC)
    done = issue(state, profile, name, request(name, key), secrets=NO_SECRETS, now=now)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(done.chain() + private)
    return file


@pytest.fixture(scope="module", name="stand")
def _stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("scrape")
    state = make_state(folder / "authorities", datetime.now(UTC))
    own = certified(state, folder / "own.pem", "service", "city-gw-metrics")
    credentials = Credentials(own, state.folder / "services" / "authority.pem")
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port, machine = (each.getsockname()[1] for each in listeners)
    texts = {port: lambda: TEXT, machine: lambda: machine_text(folder / "machine")}
    exporter = Exporter(credentials, frozenset({READER}), texts)
    threading.Thread(target=exporter.run, args=(listeners, lambda: True), daemon=True).start()
    yield Stand(folder, state, exporter, port, machine)
    for each in listeners:
        each.close()


@pytest.fixture(scope="module", name="reader")
def _reader(stand: Stand) -> Path:
    return stand.shown("service", "monitoring-city")


def test_the_monitoring_host_reads_the_metrics(stand: Stand, reader: Path) -> None:
    """As often as it asks."""
    assert [stand.scrape(reader) for _ in range(2)] == [(200, TEXT)] * 2


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics?x=1", "/../metrics"])
def test_nothing_else_is_there(stand: Stand, reader: Path, path: str) -> None:
    """One page."""
    assert stand.scrape(reader, path)[0] == 404


@pytest.mark.parametrize("name", ["city-gw", "monitoring-city2", "xmonitoring-city"])
def test_another_name_is_refused(stand: Stand, name: str) -> None:
    """A gateway's own, or one that looks like the monitoring host's; of our authority all."""
    status, body = stand.scrape(stand.shown("service", name))

    assert status == 403
    assert TEXT not in body


def test_who_shows_no_certificate_is_refused(stand: Stand) -> None:
    """Before anything is read."""
    with pytest.raises(OSError, match=r"(?i)certificate.required"):
        stand.knock(None)


@pytest.mark.parametrize("profile", ["person", "gateway"])
def test_another_of_our_authorities_is_refused(stand: Stand, profile: str) -> None:
    """That of people, or of links: each is below the same root, whatever name it certifies."""
    with pytest.raises(OSError, match=r"(?i)unknown.ca"):
        stand.knock(stand.shown(profile, "monitoring-city"))


def test_another_citys_authority_is_refused(stand: Stand, tmp_path: Path) -> None:
    """Though it certifies the very name."""
    other = make_state(tmp_path / "other", datetime.now(UTC))
    shown = certified(other, tmp_path / "shown.pem", "service", "monitoring-city")
    with pytest.raises(OSError, match=r"(?i)unknown.ca"):
        stand.knock(shown)


def test_an_older_tls_is_refused(stand: Stand, reader: Path) -> None:
    """1.3 and nothing below."""
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        stand.connect(reader, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_what_is_no_tls_gets_no_answer(stand: Stand) -> None:
    """Not even a refusal in words."""
    with socket.create_connection(("127.0.0.1", stand.port), PATIENCE_SECONDS) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b""
        with suppress(OSError):
            said = plain.recv(9_999)
    assert b"HTTP" not in said
    assert b"loushan" not in said


def test_who_says_nothing_keeps_nobody_waiting(stand: Stand, reader: Path) -> None:
    """Silent connections are few, and others are answered meanwhile."""
    address = ("127.0.0.1", stand.port)
    silent = [socket.create_connection(address) for _ in range(MOST_READERS // 2)]
    try:
        assert stand.scrape(reader) == (200, TEXT)
    finally:
        for each in silent:
            each.close()


def test_a_certificate_that_was_renewed_is_shown_at_once(stand: Stand, reader: Path) -> None:
    """The files are read for each connection; a spoilt one answers nobody, and stops nothing."""
    own = stand.exporter.credentials.identity
    before = own.read_bytes()
    with stand.connect(reader) as first:
        old = first.getpeercert(binary_form=True)
    own.write_bytes(b"")
    with pytest.raises(OSError):  # noqa: PT011 - broken off, in whatever words
        stand.scrape(reader)
    certified(stand.state, own, "service", "city-gw-metrics-2")
    with stand.connect(reader, check_hostname=False) as second:
        new = second.getpeercert(binary_form=True)
    own.write_bytes(before)

    assert old != new
    assert stand.scrape(reader) == (200, TEXT)


class _Machine(BaseHTTPRequestHandler):
    """Debian's exporter, as far as it is asked."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.server.server_port else 500)  # type: ignore[attr-defined]  # see below
        self.end_headers()
        self.wfile.write(b"node_time_seconds 1.0\n")

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(True, (200, b"node_time_seconds 1.0\n"), id="it answers"),
        pytest.param(False, (503, b""), id="it says that it cannot"),
        pytest.param(None, (503, b""), id="it is not there"),
    ],
)
def test_the_machine_is_asked_at_a_port_of_its_own(
    stand: Stand,
    reader: Path,
    answers: bool | None,  # noqa: FBT001 - a table's column
    expected: tuple[int, bytes],
) -> None:
    """By the same certificates; where Debian's exporter does not answer, nothing is told."""
    machine = replace(stand, port=stand.machine)
    if answers is None:
        status, body = machine.scrape(reader)
    else:
        with _machine(stand.folder / "machine", answers=answers):
            status, body = machine.scrape(reader)
            with pytest.raises(OSError, match=r"(?i)certificate.required"):
                machine.knock(None)

    assert status == expected[0]
    assert (b"node_time" in body) is (b"node_time" in expected[1])


@contextmanager
def _machine(path: Path, *, answers: bool) -> Iterator[None]:
    """Run what stands for Debian's exporter."""
    server = UnixStreamServer(str(path), _Machine)
    server.server_port = answers  # type: ignore[attr-defined]  # what the answer hangs on
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        path.unlink()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nobody"),
        pytest.param("readers = []", id="an empty list"),
        pytest.param('readers = [""]', id="a reader without a name"),
        pytest.param('readers = "monitoring-city"', id="no list"),
        pytest.param('readers = ["a"]\nhub = 3', id="no site"),
        pytest.param('readers = ["a"]\nreader = "b"', id="a word that is not known"),
        pytest.param("readers = [", id="not TOML"),
    ],
)
def test_settings_that_are_not_understood_are_refused(tmp_path: Path, text: str) -> None:
    """Where nobody is named nobody may read, and it is said at the start."""
    file = tmp_path / "metrics.toml"
    file.write_text(text)
    with pytest.raises(Refused, match="ZG990"):
        read_exporter_settings(file)


def test_an_exporter_without_a_certificate_does_not_start(stand: Stand) -> None:
    """It says so at once."""
    credentials = replace(stand.exporter.credentials, identity=stand.folder / "none.pem")
    with pytest.raises(Refused, match="ZG991"):
        credentials.context()
