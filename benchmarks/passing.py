"""The packet path: new connections and throughput through each contestant's gateway.

All contestants stand side by side, each on a road of its own, and are
measured in turn, round by round; a ratio is always between two measurements
of the same round.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from random import Random
from socket import AF_INET, IPPROTO_IP, SOCK_STREAM, socket

from benchmarks.contestants import CONNTRACK_ONLY, Contestant, NotMeasured
from benchmarks.cost import one_processor
from benchmarks.frames import RING, Ring, first_packets
from benchmarks.road import HOST, Road, roads
from benchmarks.synthetic import Entry, entries, source_zones
from lab import namespace

#: Who is measured at what size; and what each round gave, by who and size.
Who = tuple[Contestant, int]
Rounds = Mapping[Who, list[float]]

#: One measurement should take so long; a slow contestant is asked for less.
_SHOT_SECONDS = 0.12
_FIRST_TRY, _FEWEST = 128, 64
_MOST_COMPLETE = 4096

_STREAM_BYTES, _PIECE_BYTES = 32 << 20, 256 << 10

_SETTLE_SECONDS = 0.01
_IP_BIND_ADDRESS_NO_PORT = 24

#: More of the first packets than this must have been answered.
_ANSWERED = 0.99


@dataclass(frozen=True, slots=True)
class Passing:
    """What each round gave.

    `complete` counts TCP connections opened, accepted and closed, for each
    processor second of everything: both ends, the gateway and what drives it.
    `first` counts first packets that were answered, for each processor second
    of the packet path alone.  `throughput` is bits for each second.
    """

    complete: Rounds
    first: Rounds
    throughput: Rounds


def measure(rulesets: Mapping[Who, str], rounds: int) -> Passing:
    """Measure every contestant that has a ruleset, and the two that need none.

    Raises:
        NotMeasured: a gateway does not let pass what it should.
    """
    sizes = sorted({size for _, size in rulesets})
    texts = dict(rulesets)
    for size in sizes:
        texts[Contestant.NONE, size] = ""
        texts[Contestant.CONNTRACK, size] = CONNTRACK_ONLY
    order = sorted(texts, key=lambda who: (who[1], list(Contestant).index(who[0])))
    with roads({who: source_zones(who[1]) for who in order}) as made:
        for who, road in made.items():
            if texts[who]:
                road.load(texts[who])
        return Passing(_complete(made, rounds), _first(made, rounds), _throughput(made, rounds))


def _first(made: Mapping[Who, Road], rounds: int) -> Rounds:
    found: dict[Who, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        frames = {size: first_packets(list(entries(size)), size) for _, size in made}
        rings = {}
        for who, road in made.items():
            road.remember_first_packets(remember=False)
            stack.enter_context(road.listening())
            rings[who] = Ring(road, frames[who[1]])
            stack.callback(rings[who].close)
        counts = {
            who: _enough(_flood(road, rings[who], _FIRST_TRY), RING) for who, road in made.items()
        }
        for _ in range(rounds):
            for who, road in made.items():
                found[who].append(_flood(road, rings[who], counts[who]))
    return found


def _flood(road: Road, ring: Ring, count: int) -> float:
    """Send first packets; give how many for each processor second."""
    road.forget_connections()
    count = ring.prepare(count)
    before = road.answers()
    with one_processor() as processor:
        start = processor.seconds()
        ring.send()
        used = processor.seconds() - start
    time.sleep(_SETTLE_SECONDS)
    if road.answers() - before < _ANSWERED * count:
        message = f"{road.gateway}: {road.answers() - before} of {count} first packets answered"
        raise NotMeasured(message)
    return count / used


def _complete(made: Mapping[Who, Road], rounds: int) -> Rounds:
    found: dict[Who, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        listeners = {}
        for who, road in made.items():
            road.remember_first_packets(remember=True)
            listeners[who] = stack.enter_context(road.listening())
        chosen = Random(1)  # noqa: S311 - the same connections in each run, not a secret
        given = {size: list(entries(size)) for _, size in made}

        def one(who: Who, count: int) -> float:
            made[who].forget_connections()
            ends = [_ends(entry, chosen) for entry in chosen.choices(given[who[1]], k=count)]
            work = partial(_connect_all, ends, listeners[who])
            return namespace.inside(made[who].client, work)

        counts = {who: _enough(one(who, _FIRST_TRY), _MOST_COMPLETE) for who in made}
        for _ in range(rounds):
            for who in made:
                found[who].append(one(who, counts[who]))
    return found


#: Source address, then destination address and port.
_Ends = tuple[str, tuple[str, int]]


def _ends(entry: Entry, chosen: Random) -> _Ends:
    destination: IPv4Address = entry.destination[chosen.randrange(1, HOST)]
    return str(entry.source[HOST]), (str(destination), entry.port)


def _connect_all(ends: Sequence[_Ends], listeners: Mapping[int, socket]) -> float:
    """Open, accept and close connections; give how many for each processor second.

    One thread does it all: the packets go their whole way inside its calls.
    """
    with one_processor() as processor:
        start = processor.seconds()
        for source, destination in ends:
            near = socket(AF_INET, SOCK_STREAM)
            # Without this the port would be chosen before the destination is known.
            near.setsockopt(IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            near.bind((source, 0))
            near.connect(destination)
            far, _ = listeners[destination[1]].accept()
            near.close()
            far.close()
        return len(ends) / (processor.seconds() - start)


def _enough(rate: float, most: int) -> int:
    return max(_FEWEST, min(most, int(rate * _SHOT_SECONDS)))


def _throughput(made: Mapping[Who, Road], rounds: int) -> Rounds:
    found: dict[Who, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for who, road in made.items():
            found[who].append(namespace.inside(road.client, partial(_stream, road)))
    return found


def _stream(road: Road) -> float:
    """Carry a stream through a gateway; give its bits for each processor second.

    One thread writes and reads it, for the same reason as above.
    """
    entry = next(entries(1))
    with road.listening() as listeners:
        near = socket(AF_INET, SOCK_STREAM)
        near.bind((str(entry.source[HOST]), 0))
        near.connect((str(entry.destination[HOST]), entry.port))
        far, _ = listeners[entry.port].accept()
    with near, far:
        near.setblocking(False)  # noqa: FBT003 - the name says it
        far.setblocking(False)  # noqa: FBT003 - the name says it
        with one_processor() as processor:
            start = processor.seconds()
            _carry(near, far)
            return 8 * _STREAM_BYTES / (processor.seconds() - start)


def _carry(near: socket, far: socket) -> None:
    piece, room = bytes(_PIECE_BYTES), bytearray(_PIECE_BYTES)
    received = 0
    while received < _STREAM_BYTES:
        with suppress(BlockingIOError):
            near.send(piece)
        with suppress(BlockingIOError):
            while count := far.recv_into(room):
                received += count
