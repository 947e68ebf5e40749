"""Faults of gateways that operations must hear of: each is caused on a real one, and mended."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pki.issue import newest_of, renew
from pki.parts import make_key
from pki.state import Secrets, open_state
from tests.authorities import request
from tests.lab.power import without_power
from tests.lab.releases import carry, enforce, retitle, sign_next
from tests.lab.town import Town

METRICS_CERTIFICATE = "/etc/loushan/metrics/certificate.pem"
LIST = "/etc/swanctl/x509crl/links.crl"

_DAY_SECONDS = 86_400


@contextmanager
def cable_pulled(town: Town, host: str, other: str) -> Iterator[None]:
    """Pull the line between two gateways."""
    assert town.loushan("lab", "cut", host, other).returncode == 0
    try:
        yield
    finally:
        assert town.loushan("lab", "join", host, other).returncode == 0


@contextmanager
def powerless(town: Town, host: str) -> Iterator[None]:
    """Take a gateway's power."""
    with without_power(town, host):
        yield


@contextmanager
def tampered(town: Town, host: str) -> Iterator[None]:
    """Let somebody who is root open the packet filter; the agent puts it right by itself."""
    town.must(host, "nft", "insert rule inet loushan forward accept")
    yield


def agent_stopped(town: Town, host: str) -> AbstractContextManager[None]:
    """Stop who keeps a gateway on its policy; nobody's question brings it back."""
    return town.without(host, "loushan-agent.socket", "loushan-agent.service")


def exporter_stopped(town: Town, host: str) -> AbstractContextManager[None]:
    """Stop who says how a gateway is; the gateway itself goes on."""
    return town.without(host, "loushan-metrics.socket", "loushan-metrics.service")


def machine_unknown(town: Town, host: str) -> AbstractContextManager[None]:
    """Stop who says how a gateway's machine is."""
    return town.without(host, "loushan-node-exporter.socket", "loushan-node-exporter.service")


@contextmanager
def loader_gone(town: Town, host: str) -> Iterator[None]:
    """Take away where the agent reaches who proves; it goes on asking."""
    there, aside = "/run/loushan/loader.sock", "/run/loushan/aside.sock"
    town.must(host, "mv", there, aside)
    town.run(host, "loushan", "agent", "prove")
    try:
        yield
    finally:
        town.must(host, "mv", aside, there)
        town.run(host, "loushan", "agent", "prove")


@contextmanager
def policy_ending(town: Town, host: str) -> Iterator[None]:
    """Bring a policy into force that was signed for two days; then one for as long as is usual."""
    _enforce(town, host, "样例城市短", days=2)
    try:
        yield
    finally:
        _enforce(town, host, "样例城市", days=None)


def _enforce(town: Town, host: str, title: str, days: int | None) -> None:
    with TemporaryDirectory() as folder:
        signed = sign_next(town, Path(folder), retitle(title), keep=True, days=days)
        carry(town, host, signed)
    done = enforce(town, host, "--no-confirm")
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def journal_behind(town: Town, host: str) -> Iterator[None]:
    """Stop who sends the journal, as if that were twenty minutes ago."""
    with town.without(host, "loushan-forward.service"):
        town.must(host, "touch", "-d", "-20 minutes", "/var/lib/loushan-forward/state")
        yield


@contextmanager
def backup_old(town: Town, host: str) -> Iterator[None]:
    """Say that what would be lost was kept nine days ago."""
    file = "/var/lib/loushan-history/kept.json"
    before = town.run(host, "cat", file)
    _write(town, host, file, json.dumps({"kept": time.time() - 9 * _DAY_SECONDS}))
    try:
        yield
    finally:
        if before.returncode:
            town.must(host, "rm", file)
        else:
            _write(town, host, file, before.stdout)


@contextmanager
def program_changed(town: Town, host: str) -> Iterator[None]:
    """Change a program of Debian's, and have the files looked at, as they are each night."""
    program, kept, look = "/usr/bin/yes", "/root/kept", "systemctl start loushan-files.service"
    town.run(host, "loushan-files", "accept")
    town.must(host, "sh", "-c", f"cp -a {program} {kept} && echo >>{program} && {look}")
    try:
        yield
    finally:
        town.must(host, "sh", "-c", f"cp -a {kept} {program} && rm {kept} && {look}")


@contextmanager
def certificate_ending(town: Town, host: str) -> Iterator[None]:
    """Lay a true certificate of the gateway's there that its authority issued 58 days ago."""
    now = datetime.now(UTC)
    state = open_state(town.places.authorities, now)
    record = newest_of(state, f"{host}-metrics", "service")
    asked = request(f"{host}-metrics", make_key("ecdsa-p384"))
    old = renew(state, record, asked, Secrets(), now - timedelta(days=58))
    with replaced(town, host, METRICS_CERTIFICATE, old.chain().decode()):
        yield


@contextmanager
def list_ended(town: Town, host: str) -> Iterator[None]:
    """Lay a true list of the authority's there that ended yesterday, of the number of today's.

    One of the same number is not fetched again.
    """
    state = open_state(town.places.authorities, datetime.now(UTC))
    there = x509.load_pem_x509_crl(town.must(host, "cat", LIST).encode())
    number = there.extensions.get_extension_for_class(x509.CRLNumber).value
    issuer, now = state.issuer("links", Secrets()), datetime.now(UTC)
    built = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(there.issuer)
        .last_update(now - timedelta(days=8))
        .next_update(now - timedelta(days=1))
        .add_extension(number, critical=False)
        .sign(issuer.key, hashes.SHA384())
    )
    with replaced(town, host, LIST, built.public_bytes(Encoding.PEM).decode()):
        yield


@contextmanager
def replaced(town: Town, host: str, file: str, text: str) -> Iterator[None]:
    """Have another text in a file; afterwards what was there before."""
    before = town.must(host, "cat", file)
    _write(town, host, file, text)
    try:
        yield
    finally:
        _write(town, host, file, before)


def _write(town: Town, host: str, file: str, text: str) -> None:
    """Have a text in a file, which keeps its owner and its rights where it is there already."""
    town.must(host, "sh", "-c", 'mkdir -p "${0%/*}" && cat >"$0"', file, text=text)


@contextmanager
def disk_full(town: Town, host: str) -> Iterator[None]:
    """Mount a small disk at `/srv`, and fill it."""
    small = "/run/small"
    made = (
        f"mkdir -p {small} && mount -t tmpfs -o size=16M small {small}"
        f" && mkdir {small}/upper {small}/work"
        f" && mount -t overlay small /srv"
        f" -o lowerdir=/srv,upperdir={small}/upper,workdir={small}/work"
        " && head -c 16000K /dev/zero >/srv/filling"
    )
    town.must(host, "sh", "-c", made)
    try:
        yield
    finally:
        town.must(host, "sh", "-c", f"umount /srv; umount {small}")


#: Runs on a gateway in its exporter's place: what it says is the exporter's, but for the time.
_FAST = """
import http.server, os, re, socket, socketserver, subprocess, time
subprocess.Popen(["/usr/bin/prometheus-node-exporter", "--web.listen-address=127.0.0.1:9199",
                  "--collector.disable-defaults", "--collector.time", "--collector.uname"])
import http.client
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = http.client.HTTPConnection("127.0.0.1", 9199)
        asked.request("GET", "/metrics")
        text = asked.getresponse().read().decode()
        line = "node_time_seconds %f" % (time.time() + 40)
        body = re.sub("(?m)^node_time_seconds .*$", line, text).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "-"
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    pass
path = "/run/loushan-node-exporter.sock"
if os.path.exists(path):
    os.unlink(path)
server = Server(path, Answer)
os.chmod(path, 0o666)
server.serve_forever()
"""


@contextmanager
def clock_fast(town: Town, host: str) -> Iterator[None]:
    """Have a gateway's exporter say that it is forty seconds later than it is.

    A container has the machine's clock, which is not set: docs/not-tested-here.md.
    """
    units = ("loushan-node-exporter.socket", "loushan-node-exporter.service")
    town.must(host, "systemctl", "stop", *units)
    run = ("systemd-run", "--quiet", "--unit=test-clock", "python3", "-c", _FAST)
    town.must(host, *run)
    try:
        yield
    finally:
        town.run(host, "systemctl", "stop", "test-clock")
        town.must(host, "systemctl", "start", *units)
