"""By whom Prometheus lets itself be told: Debian's HAProxy, as the role sets it up, asks exporters.

The exporter is the gateways' own; the certificates are of real authorities.
"""

import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jinja2
import pytest
import yaml

from gateway.observe.scrape import Credentials, Exporter
from lab.hosts import image
from pki.revoke import revoke
from pki.state import State
from tests.authorities import NO_SECRETS, make_state
from tests.repo.tree import ROOT
from tests.unit.test_observe_scrape import READER, TEXT, certified

pytestmark = pytest.mark.kernel

TEMPLATE = ROOT / "roles" / "monitoring" / "templates" / "scrape.cfg.j2"
VARIABLES = ROOT / "roles" / "monitoring" / "vars" / "main.yml"
PATIENCE_SECONDS = 30
GATEWAY = "city-gw"


@dataclass
class Stand:
    """A gateway's exporter, and the proxy by which it is asked, which begins anew each time."""

    folder: Path
    state: State
    ports: dict[int, int] = field(default_factory=dict)
    proxy: int = 0

    def begin(self, shown: str = f"{GATEWAY}-metrics", profile: str = "service") -> None:
        """Have the gateway show a certificate of this name."""
        own = certified(self.state, self.folder / f"{shown}.pem", profile, shown)
        services = self.state.folder / "services" / "authority.pem"
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = dict(zip((9633, 9100), (e.getsockname()[1] for e in listeners), strict=True))
        texts = {self.ports[9633]: lambda: TEXT, self.ports[9100]: lambda: b"node_time 1\n"}
        exporter = Exporter(Credentials(own, services), frozenset({READER}), texts)
        told = (listeners, lambda: True)
        threading.Thread(target=exporter.run, args=told, daemon=True).start()

    def write(self, lists: tuple[str, ...] = ("root", "services")) -> Path:
        """Write what the role writes, but for the addresses; the lists as they are now."""
        crls = [(self.state.folder / name / "crl.pem").read_bytes() for name in lists]
        (self.folder / "lists.pem").write_bytes(b"".join(crls))
        above = [self.state.folder / name / "authority.pem" for name in ("root", "services")]
        (self.folder / "services.pem").write_bytes(b"".join(each.read_bytes() for each in above))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.proxy = free.getsockname()[1]
        strict = jinja2.Environment(  # noqa: S701 - it is no page
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        text = strict.from_string(TEMPLATE.read_text("utf-8")).render(
            monitoring_scrape_listen=f"127.0.0.1:{self.proxy}",
            monitoring_targets=[
                {
                    "instance": GATEWAY,
                    "addresses": ["127.0.0.1", "127.0.0.1"],
                    "name": f"{GATEWAY}-metrics.svc.zunyi.internal",
                }
            ],
            monitoring_watchdog={},
            monitoring_scrape_tls=self.tls(),
        )
        for known, found in self.ports.items():
            text = text.replace(f"127.0.0.1:{known} ", f"127.0.0.1:{found} ")
        file = self.folder / "scrape.cfg"
        file.write_text(text, "utf-8")
        return file

    def tls(self) -> str:
        """Give by what the role has gateways believed, with the files of this folder."""
        given: str = yaml.safe_load(VARIABLES.read_text("utf-8"))["monitoring_scrape_tls"]
        places = {
            "{{ monitoring_folder }}": f"{self.folder}",
            "/run/loushan-scrape": f"{self.folder}",
            "${CREDENTIALS_DIRECTORY}/monitoring.pem": f"{self.folder}/reader.pem",
        }
        for there, here in places.items():
            assert there in given
            given = given.replace(there, here)
        return given

    def ask(self, host: str) -> tuple[int, bytes]:
        """Ask as Prometheus asks a proxy."""
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", f"http://{host}/metrics", headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def once(self, host: str = f"{GATEWAY}:9633", **lists: tuple[str, ...]) -> tuple[int, bytes]:
        """Have the proxy begin, ask once, and end it."""
        process = _started(self.write(**lists))
        try:
            end = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < end:
                with suppress(ConnectionRefusedError):
                    return self.ask(host)
                assert process.poll() is None, "the proxy does not begin"
                time.sleep(0.05)
            raise TimeoutError
        finally:
            process.kill()
            process.wait(PATIENCE_SECONDS)


def _started(file: Path) -> "subprocess.Popen[bytes]":
    """Start the program of Debian 13, which ends with this process at the latest."""
    usr = image.ensure(lambda _line: None).tree / "usr"
    mounted = 'mount --bind "$0" /usr && exec /usr/sbin/haproxy -db -f "$1"'
    alone = ["unshare", "--mount", "--kill-child", "sh", "-c", mounted, str(usr), str(file)]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(alone, stdin=nothing, stdout=nothing, stderr=nothing)


@pytest.fixture(name="stand")
def _stand(tmp_path: Path) -> Iterator[Stand]:
    state = make_state(tmp_path / "authorities", datetime.now(UTC))
    certified(state, tmp_path / "reader.pem", "service", READER.partition(".")[0])
    yield Stand(tmp_path, state)
    shutil.rmtree(tmp_path / "authorities")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        pytest.param(f"{GATEWAY}:9633", TEXT, id="the gateway"),
        pytest.param(f"{GATEWAY}:9100", b"node_time 1\n", id="its machine"),
        pytest.param(f"{GATEWAY}.other:9633", TEXT, id="at its other address"),
    ],
)
def test_a_gateway_of_the_plan_is_asked(stand: Stand, host: str, said: bytes) -> None:
    """By its name in Prometheus; the proxy shows the monitoring host's certificate."""
    stand.begin()

    assert stand.once(host) == (200, said)


@pytest.mark.parametrize("host", ["tax-gw:9633", f"{GATEWAY}:22", "127.0.0.1:9633", "prometheus"])
def test_nobody_else_is(stand: Stand, host: str) -> None:
    """Whoever can come to the proxy is no further in the network by it."""
    stand.begin()

    assert stand.once(host)[0] == 404


@pytest.mark.parametrize(
    ("shown", "profile"),
    [
        pytest.param("tax-gw-metrics", "service", id="another gateway's"),
        pytest.param(GATEWAY, "service", id="the gateway's own, by which applications know it"),
        pytest.param("city-gw", "gateway", id="that of its links"),
    ],
)
def test_who_shows_another_name_is_not_believed(stand: Stand, shown: str, profile: str) -> None:
    """Though an authority of ours has certified it."""
    stand.begin(shown, profile)

    status, body = stand.once()

    assert status == 503
    assert TEXT not in body


def test_who_was_revoked_is_not_believed(stand: Stand) -> None:
    """From the list on that says so; another list of the same authority is not enough."""
    stand.begin()
    before = stand.once()
    revoke(stand.state, f"{GATEWAY}-metrics", "keyCompromise", NO_SECRETS, datetime.now(UTC))

    assert before == (200, TEXT)
    assert stand.once()[0] == 503


def test_without_a_list_nobody_is_believed(stand: Stand) -> None:
    """Who was revoked is not known then."""
    stand.begin()

    assert stand.once(lists=("root",))[0] == 503


def test_by_a_list_that_has_ended_nobody_is_believed(tmp_path: Path) -> None:
    """The authorities were made long ago, and no list since."""
    state = make_state(tmp_path / "authorities", datetime.now(UTC) - timedelta(days=8))
    certified(state, tmp_path / "reader.pem", "service", READER.partition(".")[0])
    stand = Stand(tmp_path, state)
    stand.begin()

    assert stand.once()[0] == 503
