"""What each way of joining two sites carries, and how long a packet takes there and back.

All stand side by side and are measured in turn, round by round; a ratio is always between
two measurements of the same round.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import AF_INET, SHUT_RDWR, SOCK_DGRAM, SOCK_STREAM, create_server, socket
from statistics import quantiles

from benchmarks.contestants import NotMeasured
from benchmarks.cost import packet_threads_seconds
from benchmarks.tunnels import Tunnel, Way, joined
from lab import namespace

_STREAM_SECONDS, _TURNS_SECONDS = 1.0, 0.4
_WARMING_SECONDS = 0.2

_PIECE_BYTES = 256 << 10
_QUESTION = bytes(64)
_PORT = 4430

#: Whoever says nothing for so long says nothing.
_PATIENCE_SECONDS = 5.0

#: The place of the median, and of the slowest hundredth, among a hundred parts.
_MEDIAN, _SLOW = 49, 98

Rounds = Mapping[Way, list[float]]


@dataclass(frozen=True, slots=True)
class Carrying:
    """What each round gave.

    `stream` is bits for each second, `work` bits for each processor second of everything;
    `turn` is how many seconds a small packet took there and back, and `slow_turn` how many
    the slowest of a hundred did.
    """

    stream: Rounds
    work: Rounds
    turn: Rounds
    slow_turn: Rounds


def measure(folder: Path, tree: Path, rounds: int, absent: dict[str, str]) -> Carrying:
    """Measure all ways in turn.

    Raises:
        NotMeasured: one does not carry what it should.
    """
    found: list[dict[Way, list[float]]] = [defaultdict(list) for _ in range(4)]
    with joined(folder, tree, absent) as tunnels:
        for way, tunnel in tunnels.items():
            _named(way, partial(_stream, tunnel, _WARMING_SECONDS))
        for _ in range(rounds):
            for way, tunnel in tunnels.items():
                values = (
                    *_named(way, partial(_stream, tunnel, _STREAM_SECONDS)),
                    *_named(way, partial(_turns, tunnel, _TURNS_SECONDS)),
                )
                for kind, value in zip(found, values, strict=True):
                    kind[way].append(value)
    return Carrying(*map(dict, found))


def _named(way: Way, work: "partial[tuple[float, float]]") -> tuple[float, float]:
    try:
        return work()
    except OSError as fault:
        message = f"{way}: {fault}"
        raise NotMeasured(message) from fault


def _stream(tunnel: Tunnel, seconds: float) -> tuple[float, float]:
    """Send as much as goes; give bits for each second, and for each processor second."""
    near, far = _connected(tunnel)
    room, received = bytearray(_PIECE_BYTES), 0
    sending = threading.Thread(target=_send, args=(near,), daemon=True)
    with near, far:
        start, used = time.monotonic(), _cpu_seconds(tunnel)
        sending.start()
        try:
            while time.monotonic() < start + seconds:
                received += far.recv_into(room)
        finally:
            passed, used = time.monotonic() - start, _cpu_seconds(tunnel) - used
            near.shutdown(SHUT_RDWR)
            far.close()
            sending.join(_PATIENCE_SECONDS)
    return 8 * received / passed, 8 * received / used


def _send(near: socket) -> None:
    piece = bytes(_PIECE_BYTES)
    with suppress(OSError):  # it is shut when it has been enough
        while True:
            near.sendall(piece)


def _turns(tunnel: Tunnel, seconds: float) -> tuple[float, float]:
    """Send one small packet there and back, again and again; give the usual and the slow time.

    One thread is at both ends, so that no other has to be woken.
    """
    near = namespace.inside(tunnel.near, partial(_datagrams, str(tunnel.near_address)))
    far = namespace.inside(tunnel.far, partial(_datagrams, str(tunnel.far_address)))
    with near, far:
        near.connect((str(tunnel.far_address), _PORT))
        far.connect((str(tunnel.near_address), _PORT))
        times: list[float] = []
        end = time.monotonic() + seconds
        while (start := time.monotonic()) < end:
            near.send(_QUESTION)
            far.send(far.recv(len(_QUESTION)))
            near.recv(len(_QUESTION))
            times.append(time.monotonic() - start)
    parts = quantiles(times, n=100, method="inclusive")
    return parts[_MEDIAN], parts[_SLOW]


def _connected(tunnel: Tunnel) -> tuple[socket, socket]:
    """Give the two ends of a connection."""
    there = str(tunnel.far_address), _PORT
    with namespace.inside(tunnel.far, partial(create_server, there)) as listener:
        listener.settimeout(_PATIENCE_SECONDS)
        near = namespace.inside(tunnel.near, partial(socket, AF_INET, SOCK_STREAM))
        near.settimeout(_PATIENCE_SECONDS)
        try:
            near.bind((str(tunnel.near_address), 0))
            near.connect(there)
            far, _ = listener.accept()
        except BaseException:
            near.close()
            raise
    far.settimeout(_PATIENCE_SECONDS)
    return near, far


def _datagrams(address: str) -> socket:
    made = socket(AF_INET, SOCK_DGRAM)
    made.settimeout(_PATIENCE_SECONDS)
    made.bind((address, _PORT))
    return made


def _cpu_seconds(tunnel: Tunnel) -> float:
    """Give what both ends, the programs of the tunnel and the kernel's threads have used."""
    programs = sum(daemon.cpu_seconds() for daemon in tunnel.daemons)
    return time.process_time() + programs + packet_threads_seconds()
