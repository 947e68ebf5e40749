"""What a change of policy does to traffic: nothing lost, nothing leaked, the revoked cut off."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from itertools import cycle, islice
from typing import cast

from benchmarks.loading import Gate, gates
from benchmarks.road import HOST
from benchmarks.synthetic import FORBIDDEN_PORT, PORTS, Entry, entries, plan, revoked
from benchmarks.workers import last_words, worker
from gateway.load.loader import Way

#: New connections to permitted flows each second, and as many to forbidden ones.
PER_SECOND = 300

#: Flows that no update touches.
_STEADY = 60


@dataclass(frozen=True, slots=True)
class Updating:
    """What happened to the traffic.

    `cut_seconds` is how long a live session went on after the order to load a
    policy that revokes it, `late_seconds` how long after that policy came into force.
    """

    updates: int
    ways: dict[str, int]
    permitted: int
    lost: int
    lost_flows: tuple[str, ...]
    forbidden: int
    leaked: int
    seconds: float
    cut_seconds: tuple[float, ...]
    late_seconds: tuple[float, ...]


def measure(size: int, updates: int, sessions: int) -> Updating:
    """Update a gateway under load, deltas and swaps by turns, then revoke live sessions.

    Raises:
        Refused: a policy could not be loaded.
    """
    ports = json.dumps([*PORTS, FORBIDDEN_PORT])
    with gates(size) as gate:
        gate.bring(plan(size))
        with worker(gate.road.server, "answer", ports):
            ways, answer, seconds = _under_load(gate, size, updates)
            cuts = [_cut(gate, size) for _ in range(sessions)]
    return Updating(
        updates=updates,
        ways={str(way): count for way, count in ways.items()},
        permitted=int(str(answer["permitted"])),
        lost=int(str(answer["lost"])),
        lost_flows=tuple(cast("list[str]", answer["lost_flows"])),
        forbidden=int(str(answer["forbidden"])),
        leaked=int(str(answer["leaked"])),
        seconds=seconds,
        cut_seconds=tuple(cut for cut, _ in cuts),
        late_seconds=tuple(late for _, late in cuts),
    )


def _under_load(
    gate: Gate, size: int, updates: int
) -> tuple[Counter[Way], dict[str, object], float]:
    steady = list(entries(size))[:_STEADY]
    flows = {
        "permitted": [_ends(entry, entry.port) for entry in steady],
        "forbidden": [
            _ends(entry, port) for entry in steady for port in (FORBIDDEN_PORT, _another(entry))
        ],
        "per_second": PER_SECOND,
    }
    variants = [
        plan(size, small_change=True),
        plan(size),
        plan(size, large_change=True),
        plan(size),
    ]
    ways: Counter[Way] = Counter()
    with worker(gate.road.client, "ask", json.dumps(flows)) as asking:
        start = time.monotonic()
        for given in islice(cycle(variants), updates):
            ways[gate.bring(given)[0].way] += 1
        seconds = time.monotonic() - start
        return ways, last_words(asking), seconds


def _cut(gate: Gate, size: int) -> tuple[float, float]:
    """Revoke a flow with a live session; give for how long it went on after order and commit."""
    gate.bring(plan(size))
    entry = revoked(size)[0]
    with worker(gate.road.client, "hold", json.dumps(_ends(entry, entry.port))) as holding:
        order = time.monotonic()
        gate.bring(plan(size, small_change=True))
        answer = last_words(holding)
    last = float(str(answer["last"]))
    return last - order, max(0.0, last - gate.committed.seconds)


def _ends(entry: Entry, port: int) -> tuple[str, str, int]:
    return str(entry.source[HOST]), str(entry.destination[HOST]), port


def _another(entry: Entry) -> int:
    """Give a port that is permitted elsewhere, and not between these two."""
    return PORTS[(PORTS.index(entry.port) + 1) % len(PORTS)]
