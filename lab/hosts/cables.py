"""The cables of a booted city: each segment is a bridge, each port a cable into it.

The bridges stand in a namespace of their own, so that pulling a cable, or a
host going down, is seen at the other end as it would be in a cabinet.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from lab import namespace
from lab.city import QUIET
from lab.hosts.blueprint import Blueprint, Host, Port, Role
from lab.hosts.places import Places

#: The host that holds the bridges; no name of a plan has capital letters.
CABLES = "CABLES"

_ROUTING = (("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"))


def lay(places: Places, blueprint: Blueprint) -> None:
    """Make every namespace, bridge and cable.

    Raises:
        Refused: the kernel would not.
    """
    cables = places.namespace(CABLES)
    namespace.add([cables, *(places.namespace(host.name) for host in blueprint.hosts)])
    # Bridges only pass on; they have no word of their own to say on a segment.
    namespace.set_sysctls(cables, [("ipv6/conf/default/disable_ipv6", "1")])
    namespace.ip(["link set lo up", *_bridges(blueprint.segments)], cables)
    plug(places, blueprint.hosts)


def plug(places: Places, hosts: Iterable[Host]) -> None:
    """Plug hosts whose namespaces are new into their segments, and set what the lab sets.

    Raises:
        Refused: the kernel would not.
    """
    chosen = list(hosts)
    for host in chosen:
        if host.role is not Role.GATEWAY:
            forwarding = _ROUTING if host.role in {Role.ROUTER, Role.FOREIGN} else ()
            namespace.set_sysctls(places.namespace(host.name), (*QUIET, *forwarding))
    _join(places, [(host, port) for host in chosen for port in host.ports])
    for host in chosen:
        namespace.ip(host.setup, places.namespace(host.name))


def change(places: Places, before: Blueprint, after: Blueprint) -> None:
    """Lay the cables of a city anew where it has changed; what stays is not touched.

    Raises:
        Refused: the kernel would not.
    """
    cables = places.namespace(CABLES)
    old, new = ({host.name: host for host in city.hosts} for city in (before, after))
    gone = [host for name, host in old.items() if name not in new]
    come = [host for name, host in new.items() if name not in old]
    stay = [(host, new[name]) for name, host in old.items() if name in new]
    pulled = [(host, port) for host in gone for port in host.ports]
    pulled += [(was, port) for was, now in stay for port in was.ports if port not in now.ports]
    namespace.ip((f"link del {plug_of(*end)}" for end in pulled), cables, go_on=True)
    namespace.remove(places.namespace(host.name) for host in gone)
    unused = set(before.segments) - set(after.segments)
    namespace.ip((f"link del {_bridge(segment)}" for segment in unused), cables)
    namespace.ip(_bridges(s for s in after.segments if s not in before.segments), cables)
    namespace.add(places.namespace(host.name) for host in come)
    plug(places, come)
    _join(places, [(now, port) for was, now in stay for port in now.ports if port not in was.ports])
    for was, now in stay:
        undone = [line.replace(" add ", " del ", 1) for line in was.setup if line not in now.setup]
        done = [line for line in now.setup if line not in was.setup]
        # What led to a cable that was pulled has gone with it.
        namespace.ip([*undone, *done], places.namespace(now.name), go_on=True)


def _join(places: Places, ends: Sequence[tuple[Host, Port]]) -> None:
    """Lay a cable from each end into its segment."""
    cables = places.namespace(CABLES)
    namespace.ip(
        f"link add name {port.interface} address {_card(host, port)} "
        f"netns {places.namespace(host.name)} "
        f"type veth peer name {plug_of(host, port)} netns {cables}"
        for host, port in ends
    )
    namespace.ip(
        (
            f"link set {plug_of(host, port)} master {_bridge(port.segment)} up"
            for host, port in ends
        ),
        cables,
    )


def replace(places: Places, host: Host) -> None:
    """Give a host that has gone down a new namespace, as a boot gives it a new kernel.

    Raises:
        Refused: the kernel would not.
    """
    name = places.namespace(host.name)
    unplugged = (f"link del {plug_of(host, port)}" for port in host.ports)
    namespace.ip(unplugged, places.namespace(CABLES), go_on=True)
    namespace.remove([name])
    namespace.add([name])
    plug(places, [host])


def cut(places: Places, host: Host, interface: str, *, joined: bool) -> None:
    """Pull a host's cable out of its segment, or push it in again.

    Raises:
        Refused: the kernel would not.
    """
    port = next(port for port in host.ports if port.interface == interface)
    state = "up" if joined else "down"
    namespace.ip([f"link set {plug_of(host, port)} {state}"], places.namespace(CABLES))


def _bridges(segments: Iterable[str]) -> Iterator[str]:
    for segment in segments:
        name = _bridge(segment)
        yield f"link add {name} type bridge stp_state 0 mcast_snooping 0 forward_delay 0"
        yield f"link set {name} up"


def _bridge(segment: str) -> str:
    return f"b{_short(segment)}"


def plug_of(host: Host, port: Port) -> str:
    """Give what a host's port is plugged in by at its segment."""
    return f"p{_short(f'{host.name}:{port.interface}')}"


def _card(host: Host, port: Port) -> str:
    """Give the address of a card: it is the same after the next boot, as a real one's."""
    digest = hashlib.sha256(f"{host.name}:{port.interface}".encode()).digest()
    return bytes([2, *digest[:5]]).hex(":")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
