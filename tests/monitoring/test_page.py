"""The page in a browser, Debian's Chromium, and behind the server that serves it."""

import http.client
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.console.city_pages import city_pages
from gateway.console.hall_pages import hall_pages
from gateway.console.settings import VARIABLE
from gateway.observe.city.hall import hall_view
from gateway.observe.city.judging import judge_city
from gateway.observe.city.sites import read_sites
from gateway.observe.city.watch import LASTS_SECONDS
from gateway.observe.knock import refusal_of
from gateway.observe.status import write_status
from gateway.observe.told import Source
from tests.authorities import make_state
from tests.monitoring.watchers import free_port, until
from tests.repo.tree import ROOT
from tests.unit.test_observe_scrape import certified
from tests.watched_city import alert, watched_city

PATIENCE_SECONDS = 90
SITES = read_sites(ROOT / "policy" / "lab")
READER = "wall-city.svc.zunyi.internal"


class Server(ThreadingHTTPServer):
    """Serves a page's answers; after `pages` pages it answers no more, as `then` says."""

    daemon_threads, block_on_close = True, False
    client: FlaskClient
    pages, then = 1_000_000, "nothing"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser leaves when it likes."""


class Passing(BaseHTTPRequestHandler):
    """Passes a request on to the application."""

    def do_GET(self) -> None:
        """Answer, unless the pages are used up."""
        server: Any = self.server
        if not self.path.startswith("/static/"):
            server.pages -= 1
            if server.pages < 0:
                if server.then == "an error":
                    self.send_error(503)
                self.close_connection = True
                return
        with server.client.get(self.path, headers=dict(self.headers)) as answer:
            self.send_response(answer.status_code)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def served(client: FlaskClient, pages: int = 1_000_000, then: str = "nothing") -> Iterator[str]:
    """Serve an application to a browser; give its address."""
    server = Server(("127.0.0.1", 0), Passing)
    server.client, server.pages, server.then = client, pages, then
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def chromium(folder: Path, url: str, *options: str) -> str:
    """Have a browser look at a page on a wall of 1080p; give what it writes."""
    usual = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    own = (f"--user-data-dir={folder / 'browser'}", "--window-size=1920,1080", "--hide-scrollbars")
    done = subprocess.run(
        ["/usr/bin/chromium", *usual, *own, *options, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, "LANG": "C.UTF-8", "HOME": str(folder)},
    )
    return done.stdout


def seen(folder: Path, url: str, seconds: int) -> str:
    """Give what a browser shows of a page after it has looked at it so long, by its own clock."""
    return chromium(folder, url, "--dump-dom", f"--virtual-time-budget={seconds * 1000}")


@pytest.fixture(scope="module", name="clients")
def pages_of_a_city(tmp_path_factory: pytest.TempPathFactory) -> tuple[FlaskClient, FlaskClient]:
    """Give the wall and the hall's screen of a city in which a line is cut."""
    folder = tmp_path_factory.mktemp("page")
    city = watched_city(SITES, folder / "hosts")
    city.cut("suiyang")
    told = "city 至 suiyang 的链路中断。"
    city.alerts.append(alert("LinkDown", "urgent", "city", "x", told, cut_off="suiyang"))
    state = judge_city(SITES, city.answers())
    files = folder / "city.json", folder / "hall.json"
    write_status(files[0], state.as_json())
    write_status(files[1], hall_view(state))
    # It is of now as long as these tests take.
    lasts = 600.0
    pages = city_pages(Source("city", files[0], lasts), SITES, ("127.0.0.1",))
    screen = hall_pages(Source("hall", files[1], lasts), ("127.0.0.1",))
    return pages.test_client(), screen.test_client()


def standings(page: str) -> set[str]:
    """Give every standing that the picture shows, but those of its legend."""
    picture = page.partition('id="picture"')[2].partition("<footer>")[0]
    return set(re.findall(r'data-standing="([a-z]+)"', picture))


@pytest.mark.parametrize("then", ["nothing", "an error"])
def test_a_page_that_hears_no_more_turns_to_unknown(
    tmp_path: Path, clients: tuple[FlaskClient, FlaskClient], then: str
) -> None:
    """By itself, in the browser: no colour, word or number of before is left."""
    with served(clients[0], 1, then) as url:
        page = seen(tmp_path, f"{url}/?lang=zh", int(LASTS_SECONDS) + 15)

    assert standings(page) == {"unknown"}
    assert re.search(r'id="lost" role="alert">', page)
    picture = page.partition('id="picture"')[2].partition("<footer>")[0]
    assert set(re.findall(r'class="number">([^<]*)<', picture)) == {"?"}
    assert set(re.findall(r'class="word">([^<]*)<', picture)) == {"不明"}


def test_the_halls_screen_turns_to_unknown_too(
    tmp_path: Path, clients: tuple[FlaskClient, FlaskClient]
) -> None:
    """As the wall does."""
    with served(clients[1], 1) as url:
        page = seen(tmp_path, f"{url}/?lang=zh", int(LASTS_SECONDS) + 15)

    assert standings(page) == {"unknown"}


def test_a_page_fetches_itself_anew(
    tmp_path: Path, clients: tuple[FlaskClient, FlaskClient]
) -> None:
    """As long as it is answered, nothing is forgotten."""
    with served(clients[0]) as url:
        page = seen(tmp_path, f"{url}/?lang=zh", 12)

    assert {"good", "urgent", "unknown"} <= standings(page)
    assert re.search(r'id="lost" role="alert" hidden', page)


def test_the_wall_is_one_sheet_of_paper(
    tmp_path: Path, clients: tuple[FlaskClient, FlaskClient]
) -> None:
    """A4, and all of it is on it."""
    paper = tmp_path / "wall.pdf"
    with served(clients[0]) as url:
        chromium(tmp_path, f"{url}/?lang=zh", "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    body = paper.read_bytes()

    assert len(re.findall(rb"/Type /Page\b", body)) == 1
    (box,) = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", body)
    assert [round(float(side)) for side in box] == [842, 595]


# --- behind its server ----------------------------------------------------------------------------


@contextmanager
def gunicorn(folder: Path, settings: str) -> Iterator[int]:
    """Run the page as its unit does; give the port."""
    port = free_port()
    (folder / "page.toml").write_text(settings, "utf-8")
    command = [sys.executable, "-m", "gunicorn", "--config", "python:gateway.console.server"]
    own = {VARIABLE: str(folder / "page.toml"), "CREDENTIALS_DIRECTORY": str(folder)}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "gateway.console.serve:application()"],
            cwd=ROOT,
            env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
            stdout=said,
            stderr=said,
        )
    try:
        assert until(lambda: b"Booting worker" in (folder / "said").read_bytes())
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def ask(port: int, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    """Ask for the hall's feed; give the status and the body.

    Raises:
        OSError: there is no answer.
    """
    plain: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
    name = "city-monitoring-page.svc.zunyi.internal"
    with plain, context.wrap_socket(plain, server_hostname=name) if context else plain as talk:
        talk.sendall(b"GET /hall.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = http.client.HTTPResponse(talk)
        answer.begin()
        return answer.status, answer.read()


def test_on_the_host_itself_it_is_served_as_it_is(tmp_path: Path) -> None:
    """Without readers there is no TLS; nothing is known here, and that is what it says."""
    with gunicorn(tmp_path, 'shows = "hall"\n') as port:
        status, body = ask(port)

    assert status == 200
    assert b'"is_known":false' in body


def test_elsewhere_only_a_reader_is_answered(tmp_path: Path) -> None:
    """By mutual TLS 1.3: no certificate, another name, an older TLS, and no TLS are refused."""
    state = make_state(tmp_path / "authorities", datetime.now(UTC))
    certified(state, tmp_path / "page.pem", "service", "city-monitoring-page")
    reader = certified(state, tmp_path / "reader.pem", "service", READER.partition(".")[0])
    other = certified(state, tmp_path / "other.pem", "service", "city-approval")
    authority = (state.folder / "services" / "authority.pem").read_bytes()
    (tmp_path / "services.pem").write_bytes(authority)

    def context(shown: Path, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(tmp_path / "services.pem"))
        made.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        made.minimum_version, made.maximum_version = ssl.TLSVersion.TLSv1_2, most
        made.load_cert_chain(shown)
        return made

    with gunicorn(tmp_path, f'shows = "hall"\nreaders = ["{READER}"]\n') as port:
        assert ask(port, context(reader))[0] == 200
        assert ask(port, context(other)) == (403, b"")
        # Only listening: words that nobody reads would have the refusal lost.
        assert refusal_of("127.0.0.1", port) == "a certificate is required"
        with pytest.raises(OSError, match=r"(?i)version|handshake"):
            ask(port, context(reader, ssl.TLSVersion.TLSv1_2))
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(port)
