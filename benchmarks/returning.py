"""wireguard-go killed at a hub and started anew: what a link that is killed is compared with.

Nobody watches over it here; it is started again after as long as systemd waits with ours.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import star
from benchmarks.contestants import NotMeasured
from benchmarks.daemons import Daemon
from benchmarks.road import PREFIX
from benchmarks.star import HUB
from benchmarks.tunnels import GUARD, configured, guard_texts, lay, lead, wireguard
from benchmarks.workers import awaited_words, worker
from lab import namespace

#: `RestartSec` of the role `link`.
_RESTART_SECONDS = 1.0

_PORT = 443

#: Who asks ends by then whatever comes.
_MOST_SECONDS = 60.0


def measure(pairs: int) -> list[float]:
    """Kill the hub of so many pairs at once; give when the traffic of each passes again.

    Raises:
        NotMeasured: wireguard-go cannot be had, or does not come back.
    """
    plan, programs = star.plan(1), wireguard()
    (site,) = star.names(1)
    ends = str(star.address(plan, site)), str(star.address(plan, HUB)), _PORT
    given = json.dumps({"ends": ends, "seconds": _MOST_SECONDS})
    with _places(pairs) as places, ExitStack() as stack:
        hubs: list[tuple[str, str, str, Daemon]] = []
        for near, far in places:
            lay(plan, near, far)
            texts = guard_texts(plan)
            stack.enter_context(configured(near, texts[0], programs))
            hub = stack.enter_context(configured(far, texts[1], programs))
            hubs.append((near, far, texts[1], hub))
            lead(plan, near, far, GUARD)
            stack.enter_context(worker(far, "answer", json.dumps([_PORT])))
        asking = [stack.enter_context(worker(near, "knock", given)) for near, _ in places]
        start = time.monotonic()
        for *_, hub in hubs:
            os.kill(hub.number, signal.SIGKILL)
        time.sleep(_RESTART_SECONDS)
        for near, far, text, _ in hubs:
            stack.enter_context(configured(far, text, programs))
            lead(plan, near, far, GUARD)
        moments = [awaited_words(each)["again"] for each in asking]
    return [_after(start, moment) for moment in moments]


def _after(start: float, moment: object) -> float:
    if not isinstance(moment, float):
        message = f"wireguard-go is not back after {_MOST_SECONDS:.0f} s"
        raise NotMeasured(message)
    return moment - start


@contextmanager
def _places(pairs: int) -> Iterator[list[tuple[str, str]]]:
    """Give the names of pairs of namespaces, and take away what is there of them afterwards."""
    prefix = f"{PREFIX}{os.getpid()}-"
    try:
        yield [(f"{prefix}{number}-near", f"{prefix}{number}-far") for number in range(pairs)]
    finally:
        namespace.sweep(prefix)
