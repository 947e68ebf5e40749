"""A hub and all sites below it at once: how many links it makes in a second, and their memory.

The hub is one strongSwan with what is compiled for it, and each link is a real one.  The sites
are simulated: one strongSwan has the connections, keys and certificates of all of them, and one
wire has all lines.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks import star
from benchmarks.contestants import NotMeasured
from benchmarks.daemons import Daemon
from benchmarks.road import PREFIX
from benchmarks.star import HUB
from benchmarks.strongswan import StrongSwan, configure, strongswan
from benchmarks.tunnels import GUARD, Programs, guard, guard_text, wireguard
from gateway.load.links import begin
from gateway.policy.lines import LINE_LENGTH, lines_of
from gateway.policy.model import Plan
from lab import namespace

_WIRE = "line"

#: All links of a round stand within this; if not, an agent has had its turn by then.
_MOST_SECONDS = 60

#: What the bare cryptography of so many links is measured with.
_BARE_LINKS = 50

_CURVE, _SIGNED_WITH = ec.SECP384R1(), ec.ECDSA(hashes.SHA384())
_SIGNED = bytes(500)


@dataclass
class Joining:
    """What each round gave, for `links` links.

    `seconds` by the clock until all stood, both ends on this machine; `hub_seconds` of
    processor time at the hub for one link, and `bare_seconds` for its cryptography alone.
    `loaded_bytes` is what a hub has more for a connection that is loaded, `standing_bytes` for
    one whose link stands; `hub_bytes` is all that it has then.  `guard_bytes` is what
    wireguard-go has more for a peer that is configured.
    """

    links: int
    seconds: list[float] = field(default_factory=list)
    hub_seconds: list[float] = field(default_factory=list)
    bare_seconds: list[float] = field(default_factory=list)
    loaded_bytes: list[float] = field(default_factory=list)
    standing_bytes: list[float] = field(default_factory=list)
    hub_bytes: list[float] = field(default_factory=list)
    guard_bytes: list[float] = field(default_factory=list)


def measure(folder: Path, tree: Path, links: int, rounds: int, absent: dict[str, str]) -> Joining:
    """Make all links, round by round, each time with a hub that has just started.

    Raises:
        NotMeasured: not all of them come about.
    """
    plan, found = star.plan(links), Joining(links)
    made = star.authorities(folder / "authorities", plan)
    for name, own in (("hub", (HUB,)), ("sites", star.names(links))):
        made.furnish(folder / name, own)
        configure(folder / name, plan, own)
    with _ends(plan) as (hub, sites, alone):
        programs = _programs(absent)
        for _ in range(rounds):
            with ExitStack() as stack:
                ours = stack.enter_context(strongswan(hub, tree, folder / "hub"))
                theirs = stack.enter_context(strongswan(sites, tree, folder / "sites"))
                _storm(found, ours, theirs)
            found.bare_seconds.append(_bare())
            if programs is not None:
                with guard(alone, programs) as daemon:
                    found.guard_bytes.append(_guarded(daemon, alone, programs, links))
    return found


def _storm(found: Joining, hub: StrongSwan, sites: StrongSwan) -> None:
    """Have all sites begin at once, as they do when their hub comes back."""
    empty = hub.daemon.own_bytes()
    hub.connect()
    loaded, used = hub.daemon.own_bytes(), hub.daemon.cpu_seconds()
    start = time.monotonic()
    sites.connect()
    try:
        hub.wait_for(found.links, _MOST_SECONDS)
    except NotMeasured:
        # On a busy machine some are refused, and give up; a site's agent begins again then.
        begin(sites.socket)
        hub.wait_for(found.links, _MOST_SECONDS)
    found.seconds.append(time.monotonic() - start)
    found.hub_seconds.append((hub.daemon.cpu_seconds() - used) / found.links)
    found.loaded_bytes.append((loaded - empty) / found.links)
    found.standing_bytes.append((hub.daemon.own_bytes() - empty) / found.links)
    found.hub_bytes.append(hub.daemon.resident_bytes())


def _bare() -> float:
    """Do the cryptography of a link's one end, and nothing else; give its processor time.

    A key for this link and the secret agreed with it, one signature, and two that are judged:
    the other end's, and the one on its certificate.
    """
    own, far = (ec.generate_private_key(_CURVE) for _ in range(2))
    signature, public = far.sign(_SIGNED, _SIGNED_WITH), far.public_key()
    start = time.thread_time()
    for _ in range(_BARE_LINKS):
        ec.generate_private_key(_CURVE).exchange(ec.ECDH(), public)
        own.sign(_SIGNED, _SIGNED_WITH)
        for _ in range(2):
            public.verify(signature, _SIGNED, _SIGNED_WITH)
    return (time.thread_time() - start) / _BARE_LINKS


def _guarded(daemon: Daemon, place: str, programs: Programs, peers: int) -> float:
    """Give wireguard-go so many peers, which never answer; give what it has more for each."""
    namespace.ip([f"link set {GUARD} up"], place)
    empty = daemon.own_bytes()
    daemon.say(str(programs.tool), "setconf", GUARD, "/dev/stdin", text=guard_text(peers))
    return (daemon.own_bytes() - empty) / peers


def _programs(absent: dict[str, str]) -> Programs | None:
    try:
        return wireguard()
    except NotMeasured as why:
        absent["wireguard-go's memory"] = str(why)
        return None


@contextmanager
def _ends(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Have a hub, its sites, and one who is alone; all lines are addresses of one wire."""
    prefix = f"{PREFIX}{os.getpid()}-"
    hub, sites, alone = (f"{prefix}{name}" for name in ("hub", "sites", "alone"))
    lines = lines_of(plan, HUB)
    try:
        namespace.add([hub, sites, alone])
        namespace.ip(
            [f"link add name {_WIRE} netns {hub} type veth peer name {_WIRE} netns {sites}"]
        )
        for place, ends in ((hub, [x.own for x in lines]), (sites, [x.far for x in lines])):
            given = [f"address add {end}/{LINE_LENGTH} dev {_WIRE} nodad" for end in ends]
            namespace.ip(["link set lo up", f"link set {_WIRE} up", *given], place)
        yield hub, sites, alone
    finally:
        namespace.sweep(prefix)
