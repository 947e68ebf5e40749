"""A real HAProxy of Debian 13 that keeps the lab's gates, with an application behind it.

The program is run out of the tree of the lab's hosts, with its own libraries, in a network
namespace where every client's address is at hand; the application has another one.
"""

import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from socketserver import BaseRequestHandler, TCPServer, ThreadingTCPServer
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.artefacts import Generation
from gateway.compile.gate_maps import compile_maps
from gateway.compile.proxy import Layout, compile_proxy
from gateway.compile.refusal import refusal_json, refusal_page
from gateway.errors import Language
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load.gates import Proxy, bring_into_force, tell
from gateway.observe.content import Kind, content_of
from gateway.policy.gates import gates_at
from gateway.policy.model import Plan
from gateway.verify.gate_tokens import wanted_keys
from lab import namespace
from lab.hosts import image
from pki.initialise import initialise, root_key_in_file
from pki.issue import issue
from pki.names import Realm
from pki.parts import make_key
from pki.profiles import PACKAGED
from pki.state import CERTIFICATE, State, open_state
from tests.authorities import NO_SECRETS, PASSPHRASE, request
from tests.plans import built
from tests.rights import lab_with_rights

SITE = "city"
GATE = "10.1.255.1"
APPLICATION = "10.1.5.1"

#: What is said of who asks; the application here believes it.
TOKEN = "head.claims.signature"  # noqa: S105 - it opens nothing

#: The gate that is asked, who asks, from where and for what.
HOST = "applications-city.svc.lab.internal"
CLERK, DESK = "tax-clerk", "10.11.1.9"
CASE = "/cases/1"

#: The clerk's hours are the whole week here, and the counter's a quarter of an hour.
HOURS = """\
document: hours
hours:
  - {name: office_hours, title: 全天, days: [1, 2, 3, 4, 5, 6, 7], times: ["00:00-24:00"]}
  - {name: early, title: 清晨, days: [7], times: ["04:00-04:15"]}
"""

#: How long what must come is waited for.
PATIENCE_SECONDS = 20.0

_MAPS = (
    *("current", "revoked", "tokens", "zones_a", "zones_b"),
    *("gates", "subjects", "ways", "routes", "grants", "hours"),
)


@dataclass
class Stand:
    """The running proxy, who can certify clients, and what both wrote down."""

    plan: Plan
    folder: Path
    near: str
    authorities: State
    proxy: Proxy
    seen: list[dict[str, Any]] = field(default_factory=list)
    _certified: dict[tuple[str, str], Path] = field(default_factory=dict)

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """What the proxy wrote down, in its order."""
        # What stands after the last end of a line is still being written.
        lines = (self.folder / "decisions").read_text("utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith('{"id"')]

    @property
    def unasked(self) -> list[dict[str, Any]]:
        """Who was refused before there was a request, as the decision log takes it."""
        lines = (self.folder / "decisions").read_bytes().split(b"\n")[:-1]
        found = (content_of(line, (0, len(line))) for line in lines)
        return [dict(each.body) for each in found if each.kind is Kind.UNASKED]

    def shown(self, profile: str, name: str) -> Path:
        """Give the key and certificate of somebody, certified when first asked for."""
        who = (profile, name)
        if who not in self._certified:
            self._certified[who] = certified(self.authorities, self.folder, profile, name)
        return self._certified[who]

    def context(self, shown: Path | None) -> ssl.SSLContext:
        """Give what somebody speaks TLS with, who shows a certificate or none."""
        context = ssl.create_default_context(cafile=str(self.folder / "services.pem"))
        context.check_hostname = False
        if shown is not None:
            context.load_cert_chain(shown)
        return context

    def connect(
        self,
        source: str,
        context: ssl.SSLContext,
        server_name: str,
        session: ssl.SSLSession | None = None,
        port: int = 8443,
    ) -> ssl.SSLSocket:
        """Open a connection from an address; resume a session where one is given."""

        def opened() -> socket.socket:
            return socket.create_connection((GATE, port), PATIENCE_SECONDS, (source, 0))

        plain = namespace.inside(self.near, opened)
        try:
            named = server_name or None
            return context.wrap_socket(plain, server_hostname=named, session=session)
        except OSError:
            plain.close()
            raise

    def ask(self, connection: ssl.SSLSocket, text: bytes) -> http.client.HTTPResponse:
        """Send what is a request, or should be one, and give the answer."""
        connection.sendall(text)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer


def city() -> Plan:
    """Give the lab's plan with every kind of right, of which the clerk's hold at any hour."""
    documents = {**lab_with_rights(), "hours.yml": HOURS}
    documents["grants.yml"] = documents["grants.yml"].replace(
        "zones: hall.counter", "zones: hall.counter, hours: early"
    )
    return built(documents)


def text(method: str, path: str, host: str = HOST, *headers: str) -> bytes:
    """Write a request of HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def status(stand: Stand, shown: Path | None, words: bytes, server_name: str = HOST) -> int:
    """Give what one request on a connection of its own is answered with."""
    with stand.connect(DESK, stand.context(shown), server_name) as opened:
        return stand.ask(opened, words).status


def certified(
    state: State, folder: Path, profile: str, name: str, at: datetime | None = None
) -> Path:
    """Have a new key certified, now or at another time; give a file with both, and who did it."""
    key = make_key("ecdsa-p384")
    done = issue(
        state, profile, name, request(name, key), secrets=NO_SECRETS, now=at or datetime.now(UTC)
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{profile}-{name}.pem"
    file.write_bytes(done.chain() + private)
    return file


@contextmanager
def standing(plan: Plan, folder: Path) -> Iterator[Stand]:
    """Run a proxy with an application behind it; both are gone afterwards."""
    near, far = (f"lst-proxy-{os.getpid()}-{end}" for end in ("near", "far"))
    state = authorities(folder / "authorities")
    lay_out(plan, state, folder)
    with cables(plan, near, far), application(folder, far) as seen, echo(folder, far):
        process = started(folder, near)
        try:
            proxy = Proxy(Haproxy(folder / "control.sock"), PurePosixPath(folder / "maps"))
            maps = compile_maps(plan, SITE, Generation.A)
            tell(proxy, dict.fromkeys(wanted_keys(plan, SITE), TOKEN))
            bring_into_force(proxy, maps, 7, datetime.now(UTC) + timedelta(hours=1))
            yield Stand(plan, folder, near, state, proxy, seen)
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def authorities(folder: Path) -> State:
    """Make the lab's authorities, as of now."""
    now = datetime.now(UTC)
    key = root_key_in_file("ecdsa-p256", PASSPHRASE)
    initialise(folder, Realm("lab", "样例信息中心"), key, now, list_url=None, profiles=PACKAGED)
    return open_state(folder, now, PACKAGED)


def lay_out(plan: Plan, state: State, folder: Path) -> None:
    """Write what a gateway's proxy is given."""
    compiled = compile_proxy(plan, SITE, Layout.of(str(folder)))
    (folder / "haproxy.cfg").write_text(compiled.text, "utf-8")
    for part in ("maps", "certificates"):
        (folder / part).mkdir()
    for name in _MAPS:
        (folder / "maps" / f"{name}.map").write_text("", "utf-8")
    (folder / "refused.json").write_text(refusal_json(), "utf-8")
    for language in Language:
        (folder / f"refused.{language}.html").write_text(refusal_page(language), "utf-8")
    above = {name: authority_pem(state, name) for name in ("root", "people", "services")}
    (folder / "clients.pem").write_bytes(b"".join(above.values()))
    (folder / "services.pem").write_bytes(above["root"] + above["services"])
    for host in {gate.host for gate in gates_at(plan, SITE)}:
        made = certified(state, folder, "service", host.partition(".")[0])
        made.rename(folder / "certificates" / f"{host}.pem")
    certified(state, folder, "service", "city-gw").rename(folder / "gateway.pem")


def authority_pem(state: State, name: str) -> bytes:
    """Give an authority's certificate."""
    return x509.load_pem_x509_certificate(
        (state.folder / name / CERTIFICATE).read_bytes()
    ).public_bytes(Encoding.PEM)


@contextmanager
def cables(plan: Plan, near: str, far: str) -> Iterator[None]:
    """Make the two namespaces: every client's address is in the first one."""
    namespace.add([near, far])
    try:
        clients = sorted(
            {str(r[9]) for z in plan.zones.values() for r in z.ranges if r.version == 4}
        )
        namespace.ip([f"link add app type veth peer name proxy netns {far}"], near)
        ours = [f"address add {each}/32 dev lo" for each in (*clients, GATE)]
        namespace.ip([*ours, "link set lo up", "link set app up",
                      "address add 169.254.0.1/30 dev app",
                      f"route add {APPLICATION}/32 via 169.254.0.2"], near)  # fmt: skip
        namespace.ip(["link set lo up", "link set proxy up", "address add 169.254.0.2/30 dev proxy",
                      f"address add {APPLICATION}/32 dev lo"], far)  # fmt: skip
        yield
    finally:
        namespace.remove([near, far])


@contextmanager
def echo(folder: Path, where: str) -> Iterator[None]:
    """Say back whatever is said: something that is no HTTP."""

    class Answer(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while part := self.request.recv(9_999):
                    self.request.sendall(part)

    ThreadingTCPServer.daemon_threads = True
    server = namespace.inside(where, lambda: ThreadingTCPServer((APPLICATION, 5432), Answer))
    with served(server, folder):
        yield


@contextmanager
def served(server: TCPServer, folder: Path) -> Iterator[None]:
    """Have a server serve by TLS, and the gateway alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    (certificate,) = (folder / "certificates").iterdir()
    context.load_cert_chain(certificate)
    context.load_verify_locations(folder / "services.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def application(folder: Path, where: str) -> Iterator[list[dict[str, Any]]]:
    """Answer each request with what came; give what came."""
    seen: list[dict[str, Any]] = []
    over = threading.Event()

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append(
                {"path": self.path, "method": self.command, "headers": self.headers.items()}
            )
            body = b"ok"
            if self.path.endswith("/slow"):
                self.drip()
                return
            self.send_response(101 if self.path.endswith("/switch") else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def drip(self) -> None:
            """Begin an answer that has no end of its own."""
            self.send_response(200)
            self.send_header("Content-Length", str(2**40))
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):
                while not over.wait(0.002):
                    self.wfile.write(b"drop")

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - http.server calls them so

        def log_message(self, *_words: object) -> None:
            pass

    server = namespace.inside(where, lambda: ThreadingHTTPServer((APPLICATION, 8443), Answer))
    with served(server, folder):
        try:
            yield seen
        finally:
            over.set()


def by_debian_13(where: str, *command: str) -> list[str]:
    """Give how a program of Debian 13 is run in a network namespace.

    In a namespace of mounts of its own, which `ip netns exec` makes: a program that starts itself
    anew finds Debian 13's libraries there, too.
    """
    tree = image.ensure(lambda _line: None).tree
    mounted = ("sh", "-c", 'mount --bind "$0" /usr && exec "$@"', str(tree / "usr"))
    return ["ip", "netns", "exec", where, *mounted, *command]


def started(folder: Path, where: str) -> "subprocess.Popen[bytes]":
    """Start the program of Debian 13 in a namespace, and wait until it answers."""
    program = ("/usr/sbin/haproxy", "-W", "-db", "-S", str(folder / "master.sock"))
    command = by_debian_13(where, *program, "-f", str(folder / "haproxy.cfg"))
    named = {**os.environ, "LOUSHAN_NODE": "city-gw"}
    with (folder / "decisions").open("ab") as out, (folder / "said").open("ab") as said:
        process = subprocess.Popen(command, stdout=out, stderr=said, env=named)
    until(lambda: answers(folder) or process.poll() is not None)
    assert process.poll() is None, (folder / "said").read_text("utf-8")
    return process


def reload(stand: Stand) -> None:
    """Have another process take over; it keeps the gates as the one before did."""
    maps, revision = compile_maps(stand.plan, SITE, Generation.A), 7
    said = Haproxy(stand.folder / "master.sock").ask("reload")
    assert said.startswith("Success=1"), said
    tell(stand.proxy, dict.fromkeys(wanted_keys(stand.plan, SITE), TOKEN))
    bring_into_force(stand.proxy, maps, revision, datetime.now(UTC) + timedelta(hours=1))


def answers(folder: Path) -> bool:
    """Tell whether the program can be asked."""
    try:
        return bool(Haproxy(folder / "control.sock").info())
    except HaproxyRefused:
        return False


def settle(stand: Stand) -> None:
    """Wait until nobody is connected any more: what came of it is written down then.

    It says what it decided after it has answered; who counts decisions begins with those of
    earlier tests all there.
    """
    until(lambda: not any(_connected(stand.proxy.haproxy)))


def _connected(haproxy: Haproxy) -> Iterator[int]:
    """Give how many are connected to each gate."""
    head, *lines = haproxy.ask("show stat").removeprefix("# ").splitlines()
    names = head.split(",")
    for line in lines:
        found = dict(zip(names, line.split(","), strict=False))
        if found.get("svname") == "FRONTEND":
            yield int(found["scur"])


def until(what: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)
