"""What an order does to traffic over real links: how soon it ends, how soon it is back.

A lab of its own is booted, a hub and three departments below it, and provisioned by the
playbooks as a real city is.  From a host of each department new connections are asked for
again and again, all the time.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from benchmarks.contestants import NotMeasured
from benchmarks.labs import ROOT, Quiet, smallest_run
from benchmarks.workers import awaited_words, last_words, worker
from gateway.policy.plan import read_plan
from lab.hosts.city import Wanted, booted
from lab.hosts.machine import execute
from lab.hosts.places import Places
from lab.hosts.provision import play
from lab.layout import lay_out

LAB = Places("links")

HUB_SITE, HUB = "city", "city-gw"

#: The host that asks at each lower site, by the site; each may reach the hub's business.
ASKING = {"tax": "tax.office", "housing": "housing.office", "hall": "hall.counter"}
_ANSWERING, _PORT = "city.business", 443

#: What a link's program is called.
_PROGRAM = "charon-systemd"

#: Nothing that is asked for takes longer; who asks ends by then whatever comes.
_MOST_SECONDS = 90.0

#: The last packet is behind us when nothing was answered for so long.
_SILENCE_SECONDS = 1.0

#: After traffic is back, the hub is still busy with its proof.
_SETTLE_SECONDS = 2.0

Asking: TypeAlias = "dict[str, subprocess.Popen[str]]"


@dataclass
class Faults:
    """What each order gave, one entry for each site and round.

    `back_seconds`: from an order at the hub until a site's traffic passes again, by the order.
    `cut_seconds`: from the order to revoke until the last packet that passes; `order_seconds`
    is how much of that `pki revoke` took, and `smallest_seconds` what the smallest run of
    Ansible over the same gateways takes.
    """

    back_seconds: dict[str, list[float]] = field(default_factory=dict)
    cut_seconds: list[float] = field(default_factory=list)
    order_seconds: list[float] = field(default_factory=list)
    smallest_seconds: list[float] = field(default_factory=list)


RESTARTED, KILLED = "strongSwan restarted", "strongSwan killed"

#: What is done to the hub, one after the other.
ORDERS: dict[str, Callable[[], object]] = {
    RESTARTED: lambda: execute(LAB, HUB, ["systemctl", "restart", "strongswan"]),
    KILLED: lambda: execute(LAB, HUB, ["pkill", "-KILL", "-x", _PROGRAM]),
}


def measure(rounds: int, tell: Callable[[str], None]) -> Faults:
    """Boot, provision, and measure; take the lab away after an error and Ctrl-C too.

    Raises:
        Refused: the lab or a playbook failed.
        NotMeasured: traffic does not pass where it should, or does not end.
    """
    found = Faults({name: [] for name in ORDERS})
    tell("a hub and three sites below it: boot and provision")
    with booted(LAB, Wanted(ROOT / "policy" / "lab", tuple(ASKING)), Quiet()):
        for playbook in ("provision", "enforce"):
            play(LAB, playbook)
        with worker(LAB.namespace(_ANSWERING), "answer", json.dumps([_PORT])):
            for number in range(rounds):
                tell(f"a hub's strongSwan restarted, and killed; round {number + 1} of {rounds}")
                for name, order in ORDERS.items():
                    found.back_seconds[name] += _back(order)
            tell("a site revoked, and another, and another")
            for site in ASKING:
                _cut(found, site)
    return found


def _back(order: Callable[[], object]) -> list[float]:
    """Give how long after an order each site's traffic passes again."""
    time.sleep(_SETTLE_SECONDS)
    with _asking(tuple(ASKING)) as asking:
        start = time.monotonic()
        order()
        answers = {site: awaited_words(each) for site, each in asking.items()}
    return [_moment(answer, "again", site) - start for site, answer in answers.items()]


def _cut(found: Faults, site: str) -> None:
    """Revoke a site's gateway and deliver the list; note when the last packet passed."""
    found.smallest_seconds.append(_seconds(partial(smallest_run, LAB)))
    with _asking((site,)) as asking:
        start = time.monotonic()
        found.order_seconds.append(_seconds(partial(_revoke, f"{site}-gw")))
        play(LAB, "revoke")
        time.sleep(_SILENCE_SECONDS)
        answer = last_words(asking[site])
    if answer["again"] is not None or time.monotonic() - _moment(answer, "last", site) < (
        _SILENCE_SECONDS
    ):
        message = f"{site} was revoked, and its traffic passes"
        raise NotMeasured(message)
    found.cut_seconds.append(_moment(answer, "last", site) - start)


def _revoke(gateway: str) -> None:
    command = [sys.executable, "-I", "-m", "gateway.cli", "pki", "revoke", str(LAB.authorities)]
    subprocess.run([*command, gateway], cwd=ROOT, check=True, capture_output=True)


@contextmanager
def _asking(sites: tuple[str, ...]) -> Iterator[Asking]:
    """Have hosts of some sites ask for new connections; all are answered when this begins."""
    nodes = lay_out(read_plan(LAB.plan)).nodes

    def address(host: str) -> str:
        return str(next(a for a in nodes[host].addresses if a.version == 4))  # noqa: PLR2004 - IPv4

    with ExitStack() as stack:
        asking = {}
        for site in sites:
            ends = address(ASKING[site]), address(_ANSWERING), _PORT
            given = json.dumps({"ends": ends, "seconds": _MOST_SECONDS})
            place = LAB.namespace(ASKING[site])
            asking[site] = stack.enter_context(worker(place, "knock", given))
        yield asking


def _moment(answer: dict[str, object], word: str, site: str) -> float:
    moment = answer[word]
    if not isinstance(moment, float):
        message = f"{site}: no answer within {_MOST_SECONDS:.0f} s"
        raise NotMeasured(message)
    return moment


def _seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start
