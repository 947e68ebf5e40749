"""What must be so while a gate works: who is revoked stops, nobody meets half a policy, no gap."""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from benchmarks import rights
from benchmarks.asking import GRANTED, REFUSED, Asking, Stand, Wanted
from benchmarks.contestants import NotMeasured
from benchmarks.gate import REVISION, Gate, enforce
from benchmarks.ground import GATE, Ground
from gateway.artefacts import Generation
from gateway.load.gates import revoke
from lab import namespace

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_CHUNK_BYTES = 1 << 16

#: So many requests are asked for at a time while policies change.
_PIECE = 2000


@dataclass
class Switching:
    """What came of changes of policy under load."""

    switches: int = 0
    requests: int = 0
    refused: int = 0
    mixed: int = 0


@dataclass
class Numbers:
    """The numbers of all decisions that a gate has made."""

    made: int = 0
    missing: int = 0
    doubled: int = 0


@dataclass
class Controls:
    """All of them; `cut_seconds` by how many certificates are revoked besides."""

    cut_seconds: dict[int, list[float]] = field(default_factory=dict)
    switching: Switching | None = None
    numbers: Numbers | None = None


def cut(ground: Ground, gate: Gate, where: str, others: int, rounds: int) -> list[float]:
    """Revoke who asks without a pause; give the seconds from the order to the first refusal.

    `others` are so many that were and stay revoked.

    Raises:
        NotMeasured: nobody is refused.
    """
    asker = ground.askers[0]
    revoked = rights.revoked(others)
    more = {f"people/{serial(asker)}": "2026-11-25"}
    found = []
    for _ in range(rounds):
        revoke(gate.proxy, revoked)
        with _connected(ground, where, asker) as connection:
            watch = _Watch(connection)
            watch.start()
            time.sleep(_PAUSE_SECONDS)
            ordered = time.monotonic()
            revoke(gate.proxy, {**revoked, **more})
            watch.join(_PATIENCE_SECONDS)
        if watch.refused_at is None or not watch.granted:
            message = f"after a revocation nobody was refused: {watch.fault}"
            raise NotMeasured(message)
        found.append(watch.refused_at - ordered)
    revoke(gate.proxy, revoked)
    return found


def switched(ground: Ground, stand: Stand, gate: Gate, size: int, switches: int) -> Switching:
    """Change the policy again and again under load: each permits the same by other grants.

    Raises:
        NotMeasured: whoever asks was not answered.
    """
    found = Switching(switches)
    letter, numbers = Generation.A, range(REVISION + 1, REVISION + 1 + switches)
    over = threading.Event()

    def work() -> None:
        with Asking(ground, stand, Wanted(size=size)) as asking:
            while not over.is_set():
                asking.begin(_PIECE)
                seen = asking.heard()
                found.requests += _PIECE
                found.refused += _PIECE - seen["answers"] + sum(seen["others"].values())

    with ThreadPoolExecutor(max_workers=1) as threads:
        load = threads.submit(work)
        try:
            for number in numbers:
                letter = letter.other
                enforce(gate.proxy, rights.maps(size, letter, f"by{number}"), number)
        finally:
            over.set()
        load.result()
    names = {REVISION: "made", **{number: f"by{number}" for number in numbers}}
    found.mixed = sum(
        body["grant"].rpartition("_")[0] != names[body["revision"]]
        for body in gate.decisions()
        if body["verdict"] == "ACCEPT"
    )
    return found


def numbered(gate: Gate) -> Numbers:
    """Hold the numbers of all decisions in the log against what the gate has counted."""
    came = Counter(int(body["id"].rpartition(".")[2]) for body in gate.decisions())
    # `0x…: key=1 use=0 exp=0 shard=0 gpc0=123`
    counted = gate.proxy.haproxy.ask("show table counts").rpartition("gpc0=")[2]
    made = int(counted.split()[0])
    doubled = sum(count - 1 for count in came.values())
    return Numbers(made, sum(number not in came for number in range(1, made + 1)), doubled)


def serial(certificate: Path) -> str:
    """Give the serial number as HAProxy writes it: the bytes of its DER, in hex."""
    number = x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number
    return number.to_bytes(number.bit_length() // 8 + 1, "big").hex().upper()


class _Watch(threading.Thread):
    """Asks on one connection until it is refused."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        super().__init__()
        self._connection = connection
        self.granted = 0
        self.refused_at: float | None = None
        self.fault: object = None

    def run(self) -> None:
        """Ask without a pause."""
        host = rights.place().gate.host
        words = f"GET {rights.path(0)} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        try:
            while self.refused_at is None:
                self._connection.sendall(words)
                status = _answered(self._connection)
                if status == GRANTED:
                    self.granted += 1
                elif status == REFUSED:
                    self.refused_at = time.monotonic()
                else:
                    self.fault = status
                    return
        except OSError as fault:
            self.fault = fault


def _answered(connection: ssl.SSLSocket) -> int:
    """Read one answer whole; give its status."""
    got = b""
    while True:
        head, has_head, body = got.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if has_head and len(body) >= int(length or 0):
            return int(head.split(maxsplit=2)[1])
        part = connection.recv(_CHUNK_BYTES)
        if not part:
            raise ConnectionError(got)
        got += part


@contextmanager
def _connected(ground: Ground, where: str, asker: Path) -> Iterator[ssl.SSLSocket]:
    place = rights.place()
    context = ssl.create_default_context(cafile=str(ground.authorities))
    context.load_cert_chain(asker)

    def opened() -> socket.socket:
        address = (GATE, place.gate.port)
        return socket.create_connection(address, _PATIENCE_SECONDS, (place.source, 0))

    plain = namespace.inside(where, opened)
    with context.wrap_socket(plain, server_hostname=place.gate.host) as connection:
        yield connection
