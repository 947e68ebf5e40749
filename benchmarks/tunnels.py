"""Two namespaces and a wire, joined in three ways: by the wire alone, our link, wireguard-go.

The far end is a hub and the near end a site below it; each is host and gateway in one, so
that a packet is encrypted once and decrypted once, and passes no ruleset.
"""

import os
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from benchmarks import star
from benchmarks.contestants import NotMeasured, unpacked
from benchmarks.daemons import Daemon, running
from benchmarks.road import PREFIX
from benchmarks.star import HUB
from benchmarks.strongswan import configure, strongswan
from gateway.policy.lines import LINE_LENGTH, Line, lines_of
from gateway.policy.model import Plan
from gateway.policy.names import SHARED_LINK
from lab import namespace

_WIRE = "line"

#: The interface of wireguard-go.
GUARD = "guard"
_GUARD_PORT = 51820

_LINK_SECONDS = 20
_LOOK_SECONDS = 0.05

_QUIET = (("ipv6/conf/default/accept_dad", "0"), ("ipv4/conf/all/rp_filter", "0"))

#: Its socket lies where no other's is; $1 is the program, $2 its interface.
_GUARD_SCRIPT = """
mount -t tmpfs loushan /run
exec "$1" --foreground "$2"
"""


class Way(StrEnum):
    """How two sites are joined."""

    VETH = "plain veth"
    LINK = "loushan link"
    WIREGUARD = "wireguard-go"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What joins two namespaces, which have one address each, and the programs that carry it."""

    near: str
    far: str
    near_address: IPv4Address
    far_address: IPv4Address
    daemons: tuple[Daemon, ...]


@dataclass(frozen=True, slots=True)
class Programs:
    """wireguard-go and what configures it."""

    guard: Path
    tool: Path


def wireguard() -> Programs:
    """Find wireguard-go, or unpack Debian's package of it.

    Raises:
        NotMeasured: it cannot be had.
    """
    found = {}
    for program, package in (("wireguard-go", "wireguard-go"), ("wg", "wireguard-tools")):
        installed = shutil.which(program)
        found[program] = Path(installed) if installed else unpacked(package) / "usr/bin" / program
    return Programs(found["wireguard-go"], found["wg"])


@contextmanager
def joined(folder: Path, tree: Path, absent: dict[str, str]) -> Iterator[Mapping[Way, Tunnel]]:
    """Have all three standing side by side; take them down after an error and Ctrl-C too.

    What cannot be had is not there, and why is written down.

    Raises:
        NotMeasured: our own link does not come about.
    """
    plan = star.plan(1)
    prefix = f"{PREFIX}{os.getpid()}-"
    ends = {way: (f"{prefix}{n}-near", f"{prefix}{n}-far") for n, way in enumerate(Way)}
    with ExitStack() as stack:
        stack.callback(namespace.sweep, prefix)
        for near, far in ends.values():
            lay(plan, near, far)
        daemons: dict[Way, tuple[Daemon, ...]] = {Way.VETH: ()}
        lead(plan, *ends[Way.VETH], _WIRE, by_line=True)
        daemons[Way.LINK] = _link(stack, plan, ends[Way.LINK], folder, tree)
        try:
            daemons[Way.WIREGUARD] = _guard(stack, plan, ends[Way.WIREGUARD], wireguard())
        except NotMeasured as why:
            absent[Way.WIREGUARD] = str(why)
        (site,) = star.names(1)
        addresses = star.address(plan, site), star.address(plan, HUB)
        yield {way: Tunnel(*ends[way], *addresses, daemons[way]) for way in Way if way in daemons}


def guard_text(peers: int) -> str:
    """Give a configuration of wireguard-go with so many peers, which nobody is."""
    lines = ["[Interface]", f"PrivateKey = {_key()[0]}", f"ListenPort = {_GUARD_PORT}"]
    plan = star.plan(peers)
    for site in star.names(peers):
        (network,) = plan.zones[f"{site}.zone"].ranges
        lines += ["[Peer]", f"PublicKey = {_key()[1]}", f"AllowedIPs = {network}"]
    return "\n".join([*lines, ""])


@contextmanager
def guard(place: str, programs: Programs) -> Iterator[Daemon]:
    """Have wireguard-go running in a namespace for a while, with nothing configured.

    Raises:
        NotMeasured: it does not answer.
    """
    with running(place, _GUARD_SCRIPT, str(programs.guard), GUARD) as daemon:
        end = time.monotonic() + _LINK_SECONDS
        while True:
            try:
                daemon.say(str(programs.tool), "show", GUARD)
                break
            except NotMeasured:
                if time.monotonic() > end:
                    raise
            time.sleep(_LOOK_SECONDS)
        yield daemon


@contextmanager
def configured(place: str, text: str, programs: Programs) -> Iterator[Daemon]:
    """Have wireguard-go running in a namespace for a while, configured and up.

    Raises:
        NotMeasured: it does not answer, or does not take its configuration.
    """
    with guard(place, programs) as daemon:
        daemon.say(str(programs.tool), "setconf", GUARD, "/dev/stdin", text=text)
        namespace.ip([f"link set {GUARD} up"], place)
        yield daemon


def guard_texts(plan: Plan) -> tuple[str, str]:
    """Give the configurations of two who know each other: of the site, and of the hub."""
    line, site, hub = _line(plan), _key(), _key()
    return _peer_text(site[0], hub[1], line.far), _peer_text(hub[0], site[1], line.own)


def _line(plan: Plan) -> Line:
    """Give the one line of a star with one site, seen from there."""
    (site,) = star.names(1)
    (line,) = lines_of(plan, site)
    return line


def lay(plan: Plan, near: str, far: str) -> None:
    """Make two namespaces with a wire between them, each with its own address and the line's."""
    (site,) = star.names(1)
    line = _line(plan)
    namespace.add([near, far])
    for place in (near, far):
        namespace.set_sysctls(place, _QUIET)
    wire = f"link add name {_WIRE} netns {near} type veth peer name {_WIRE} netns {far}"
    namespace.ip([wire])
    for place, own, end in ((near, site, line.own), (far, HUB, line.far)):
        lines = [
            "link set lo up",
            # Packets as a real wire carries them: the kernel would send 64 KiB as one.
            f"link set {_WIRE} gso_max_segs 1",
            f"link set {_WIRE} up",
            f"address add {end}/{LINE_LENGTH} dev {_WIRE} nodad",
            f"address add {star.address(plan, own)}/32 dev lo",
        ]
        namespace.ip(lines, place)


def lead(plan: Plan, near: str, far: str, interface: str, *, by_line: bool = False) -> None:
    """Lead what is for the other end out of an interface."""
    (site,) = star.names(1)
    line = _line(plan)
    for place, own, other, end in ((near, site, HUB, line.far), (far, HUB, site, line.own)):
        via = f"via inet6 {end} " if by_line else ""
        source = star.address(plan, own)
        namespace.ip(
            [f"route replace {star.address(plan, other)} {via}dev {interface} src {source}"], place
        )


def _link(
    stack: ExitStack, plan: Plan, ends: tuple[str, str], folder: Path, tree: Path
) -> tuple[Daemon, ...]:
    """Have both ends' strongSwan make our link, as it is compiled."""
    made = star.authorities(folder / "authorities", plan)
    swans = []
    for place, site in zip(ends, (*star.names(1), HUB), strict=True):
        etc = folder / site
        made.furnish(etc, (site,))
        configure(etc, plan, (site,))
        swans.append(stack.enter_context(strongswan(place, tree, etc)))
    for swan in reversed(swans):  # the hub waits, and the site begins
        swan.connect()
    for swan in swans:
        swan.wait_for(1, _LINK_SECONDS)
    lead(plan, *ends, SHARED_LINK)
    return tuple(swan.daemon for swan in swans)


def _guard(
    stack: ExitStack, plan: Plan, ends: tuple[str, str], programs: Programs
) -> tuple[Daemon, ...]:
    """Have both ends' wireguard-go know each other, over the same line."""
    pairs = zip(ends, guard_texts(plan), strict=True)
    daemons = [stack.enter_context(configured(*pair, programs)) for pair in pairs]
    lead(plan, *ends, GUARD)
    return tuple(daemons)


def _peer_text(private: str, public: str, far: IPv6Address) -> str:
    return (
        f"[Interface]\nPrivateKey = {private}\nListenPort = {_GUARD_PORT}\n"
        f"[Peer]\nPublicKey = {public}\nAllowedIPs = 0.0.0.0/0\n"
        f"Endpoint = [{far}]:{_GUARD_PORT}\n"
    )


def _key() -> tuple[str, str]:
    """Make a pair of keys: the private and the public one, as they are written."""
    private = X25519PrivateKey.generate()
    public = private.public_key()
    return (
        b64encode(private.private_bytes_raw()).decode("ascii"),
        b64encode(public.public_bytes_raw()).decode("ascii"),
    )
