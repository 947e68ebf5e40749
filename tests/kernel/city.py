"""A gateway between two hosts, made of network namespaces; hosts that answer and hosts that ask.

Knows the addresses of `small_city` and nothing of how the product enforces it.
"""

import contextlib
import ctypes
import os
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")
PREFIX = "lst-load"

OFFICE = {4: "10.1.0.2", 6: "fd00:1::2"}
APPROVAL = {4: "10.1.1.2", 6: "fd00:1:1::2"}
HTTPS, POSTGRES, FORBIDDEN = 443, 5432, 8443

#: Less than the second after which a lost SYN is sent again, so that a lost one is seen.
ATTEMPT_SECONDS = 0.9

#: How long to wait for what should come, and for what should not.
PATIENCE_SECONDS, SILENCE_SECONDS = 5.0, 0.15

Result = TypeVar("Result")

_number = count()
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Namespace:
    """One network namespace, that is, one host."""

    name: str

    def run(self, work: Callable[[], Result]) -> Result:
        """Do something in this namespace, in a thread of its own; what it raises is raised here."""
        results: SimpleQueue[Result] = SimpleQueue()
        faults: SimpleQueue[BaseException] = SimpleQueue()

        def inside() -> None:
            try:
                self.enter()
                results.put(work())
            except BaseException as fault:  # noqa: BLE001 - handed to the caller
                faults.put(fault)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if not faults.empty():
            raise faults.get()
        return results.get()

    def command(self, *words: str) -> str:
        """Run a command in this namespace and give what it prints."""
        return subprocess.run(
            ["ip", "netns", "exec", self.name, *words], check=True, capture_output=True, text=True
        ).stdout

    def enter(self) -> None:
        """Bring the calling thread, and no other, into this namespace."""
        with (NAMESPACES / self.name).open() as namespace:
            if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {self.name}")


@dataclass
class City:
    """The gateway `city`, a host in its office and a host in its approval zone.

    The approval host sends back what it is sent, on the three ports of tcp,
    and keeps what reaches it on the forbidden port of udp.
    """

    gateway: Namespace
    office: Namespace
    approval: Namespace
    received: list[bytes] = field(default_factory=list)

    def connect(
        self, port: int, version: int = 4, seconds: float = PATIENCE_SECONDS
    ) -> socket.socket:
        """Open a session from office to approval, or raise `OSError` where none comes about."""
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        session = self.office.run(lambda: socket.socket(family, socket.SOCK_STREAM))
        session.settimeout(seconds)
        try:
            session.connect((APPROVAL[version], port))
        except OSError:
            session.close()
            raise
        return session

    def passes(self, port: int, version: int = 4) -> bool:
        """Tell whether a session comes about and is answered; asked of what should."""
        try:
            with self.connect(port, version) as session:
                return is_answered(session)
        except OSError:
            return False

    def refuses(self, port: int, version: int = 4) -> bool:
        """Tell whether no session comes about; asked of what should not."""
        try:
            self.connect(port, version, SILENCE_SECONDS).close()
        except TimeoutError:
            return True
        return False

    def flood(self, seconds: float) -> int:
        """Send to the forbidden port of approval; give how many packets were sent."""
        udp = self.office.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sent = 0
        end = time.monotonic() + seconds
        with udp:
            while time.monotonic() < end:
                with contextlib.suppress(OSError):
                    udp.sendto(b"flood", (APPROVAL[4], FORBIDDEN))
                sent += 1
                # Enough to meet every moment of an update, and to leave the machine to it.
                time.sleep(0.0005)
        return sent


def is_answered(session: socket.socket) -> bool:
    """Tell whether what is sent in a session comes back; asked of one that should live."""
    token = os.urandom(8)
    session.settimeout(PATIENCE_SECONDS)
    try:
        session.sendall(token)
        return session.recv(len(token)) == token
    except OSError:
        return False


def is_cut(session: socket.socket) -> bool:
    """Tell whether nothing that is sent in a session comes back; asked of one that should not."""
    session.settimeout(SILENCE_SECONDS)
    try:
        session.sendall(b"still there?")
        session.recv(1)
    except TimeoutError:
        return True
    return False


@contextlib.contextmanager
def city() -> Iterator[City]:
    """Build a city and take it down again, whatever happens between."""
    _clean_up_after_the_dead()
    stem = f"{PREFIX}-{os.getpid()}-{next(_number)}"
    gateway, office, approval = (Namespace(f"{stem}-{part}") for part in ("gw", "of", "ap"))
    try:
        _build(gateway, {"office": (office, 0), "approval": (approval, 1)})
        built = City(gateway, office, approval)
        with _answering(built):
            yield built
    finally:
        for host in (gateway, office, approval):
            subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)


def _build(gateway: Namespace, neighbours: dict[str, tuple[Namespace, int]]) -> None:
    hosts = [gateway, *(host for host, _ in neighbours.values())]
    for host in hosts:
        subprocess.run(["ip", "netns", "add", host.name], check=True)
        # A link-local address serves at once; looking for its double takes a second.
        host.run(lambda: Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0"))
    _ip(
        f"link add {interface} netns {gateway.name} type veth peer name wire netns {host.name}"
        for interface, (host, _) in neighbours.items()
    )
    for interface, (host, zone) in neighbours.items():
        _ip(_dressed(interface, zone, 1), gateway)
        _ip(
            [
                *_dressed("wire", zone, 2),
                f"route add default via 10.1.{zone}.1",
                f"route add default via fd00:1:{zone:x}::1 dev wire",
            ],
            host,
        )
    _ip(["link set lo up"], gateway)


def _dressed(interface: str, zone: int, last: int) -> list[str]:
    return [
        f"link set {interface} up",
        f"addr add 10.1.{zone}.{last}/24 dev {interface}",
        f"addr add fd00:1:{zone:x}::{last}/64 dev {interface} nodad",
    ]


def _ip(lines: Iterable[str], host: Namespace | None = None) -> None:
    place = ["-n", host.name] if host else []
    subprocess.run(
        ["ip", *place, "-batch", "-"],
        input="\n".join(lines) + "\n",
        check=True,
        capture_output=True,
        text=True,
    )


@contextlib.contextmanager
def _answering(built: City) -> Iterator[None]:
    """Let the approval host answer until the end."""
    sockets = built.approval.run(_listening)
    wake, waker = socket.socketpair()
    thread = threading.Thread(target=_answer, args=(sockets, wake, built.received))
    thread.start()
    try:
        yield
    finally:
        waker.close()
        thread.join()
        wake.close()


def _listening() -> list[socket.socket]:
    listeners = [
        socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        for port in (HTTPS, POSTGRES, FORBIDDEN)
    ]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", FORBIDDEN))
    return [*listeners, udp]


def _answer(sockets: list[socket.socket], wake: socket.socket, received: list[bytes]) -> None:
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        for each in (*sockets, wake):
            opened.callback(each.close)
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                ready = key.fileobj
                if not isinstance(ready, socket.socket) or ready is wake:
                    return
                if ready in sockets[:-1]:
                    session, _ = ready.accept()
                    opened.callback(session.close)
                    selector.register(session, selectors.EVENT_READ)
                elif ready is sockets[-1]:
                    received.append(ready.recv(64))
                elif not _echo(ready):
                    selector.unregister(ready)
                    ready.close()


def _echo(session: socket.socket) -> bool:
    """Send back what came; tell whether the session goes on."""
    try:
        content = session.recv(4096)
        session.sendall(content)
    except OSError:
        return False
    return bool(content)


def _clean_up_after_the_dead() -> None:
    """Remove the namespaces of runs that were killed before they could."""
    for left in NAMESPACES.glob(f"{PREFIX}-*"):
        process = left.name.split("-")[2]
        if process.isdigit() and not Path("/proc", process).exists():
            subprocess.run(["ip", "netns", "del", left.name], check=False, capture_output=True)
