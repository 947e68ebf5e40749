"""A city of network namespaces, put up from a layout and taken away again.

It knows nodes and wires; rulesets come from whoever loads them.  Gateways
forward nothing until `open_forwarding`.
"""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.policy.names import identifier
from gateway.policy.wiring import FAR_END, NEAR_END
from lab import namespace
from lab.layout import Kind, Layout, Node
from lab.nflog import LogReader

#: What every namespace of a rehearsal begins with.
PREFIX = "ls-"

#: What a city begins with that its user wanted to keep.
KEPT = "ls-kept-"

#: Probes take their source ports from here on, each its own, so that no
#: probe is taken for part of an earlier one's connection.
_FIRST_PORT, _LAST_PORT = 20_000, 65_535

# In this order: what is set for `default` is taken by the interfaces made later.
QUIET = (
    # Addresses can be used at once, and only those we give.
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    # The rulesets must refuse alone: without these the kernel drops some false sources
    # itself, and says nothing.
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/accept_local", "1"),
)
_FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")

_NEIGHBOURS_LIMIT = Path("/proc/sys/net/ipv6/neigh/default/gc_thresh3")

# The kernel's part of each call runs beside our Python; more than this gains nothing.
_AT_ONCE = 4


class SourcePorts:
    """Gives each probe of a city a source port of its own."""

    def __init__(self) -> None:
        """Begin with the lowest."""
        self._next_port = _FIRST_PORT

    def take(self, count: int, taken: set[int]) -> list[int]:
        """Give source ports that were not given before and that are not taken.

        Raises:
            OverflowError: there are no more; a city is good for some 45 000 probes.
        """
        ports: list[int] = []
        while len(ports) < count:
            if self._next_port > _LAST_PORT:
                raise OverflowError(self._next_port)
            if self._next_port not in taken:
                ports.append(self._next_port)
            self._next_port += 1
        return ports


class City:
    """A city that stands; `city` below puts one up."""

    #: The kernel tells of a refusal at once.
    log_delay_seconds = 0.0

    def __init__(self, layout: Layout, prefix: str) -> None:
        """Name the namespaces; nothing is made yet."""
        self.layout = layout
        self.prefix = prefix
        self.source_ports = SourcePorts().take

    def namespace(self, node: str) -> str:
        """Give the name of the namespace of a node."""
        return self.prefix + identifier(node)

    def open_forwarding(self, gateways: Iterable[str] | None = None) -> None:
        """Let gateways forward; call it once their rulesets are loaded."""
        for gateway in self.layout.gateways if gateways is None else gateways:
            namespace.set_sysctls(self.namespace(gateway), ((name, "1") for name in _FORWARDING))

    def log(self, _gateway: str) -> LogReader:
        """Read the kernel's packet log; called in the gateway's namespace."""
        return LogReader()

    def put_up(self) -> None:
        """Make namespaces, wires, addresses and routes.

        Raises:
            Refused: the kernel would not; some of it may stand.
        """
        _check_room(self.layout)
        nodes = tuple(self.layout.nodes.values())
        namespace.add(self.namespace(node.name) for node in nodes)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(self._quieten, nodes))
            namespace.ip(self._wire_lines())
            list(threads.map(self._furnish, nodes))

    def take_down(self) -> None:
        """Remove all of it; what is not there is no matter."""
        namespace.sweep(self.prefix)

    def _quieten(self, node: Node) -> None:
        forwarding = "1" if node.kind is Kind.ROUTER else "0"
        values = (*QUIET, *((name, forwarding) for name in _FORWARDING))
        namespace.set_sysctls(self.namespace(node.name), values)

    def _wire_lines(self) -> Iterator[str]:
        """Both ends are made where they belong: no name of ours ever stands on the host."""
        for wire in self.layout.wires:
            near, far = self.namespace(wire.near[0]), self.namespace(wire.far[0])
            yield (
                f"link add name {wire.near[1]} netns {near} type veth "
                f"peer name {wire.far[1]} netns {far}"
            )

    def _furnish(self, node: Node) -> None:
        lines = ["link set lo up"]
        for address in node.addresses:
            duplicate_check = " nodad" if isinstance(address, IPv6Address) else ""
            lines.append(f"address add {address}/{address.max_prefixlen} dev lo{duplicate_check}")
        for interface, own_end in self._ends(node):
            lines.append(f"link set {interface} up")
            lines.append(f"address add {own_end}/64 dev {interface} nodad")
        lines += [
            f"route add {route.network} via inet6 {route.next_hop} dev {route.interface}"
            for route in node.routes
        ]
        namespace.ip(lines, self.namespace(node.name))

    def _ends(self, node: Node) -> Iterator[tuple[str, str]]:
        for wire in self.layout.wires:
            if wire.near[0] == node.name:
                yield wire.near[1], NEAR_END
            if wire.far[0] == node.name:
                yield wire.far[1], FAR_END


@contextmanager
def city(layout: Layout, prefix: str, *, keep: bool = False) -> Iterator[City]:
    """Put up a city, its namespaces called by a prefix, and take it down afterwards.

    It is taken down after an error and after Ctrl-C too.  `keep` leaves it
    standing if all went well.

    Raises:
        Refused: the kernel would not.
    """
    made = City(layout, prefix)
    kept = False
    try:
        made.put_up()
        yield made
        kept = keep
    finally:
        if not kept:
            made.take_down()


def sweep_abandoned(start: str = PREFIX) -> list[str]:
    """Remove the cities of processes that were killed; give their prefixes.

    A city belongs to a process if its prefix is `start`, the process's number
    and a dash.
    """
    owned = re.compile(re.escape(start) + "([0-9]+)-")
    cities = {found[0]: found[1] for name in namespace.names(start) if (found := owned.match(name))}
    abandoned = [prefix for prefix, owner in cities.items() if not Path("/proc", owner).exists()]
    for prefix in abandoned:
        namespace.sweep(prefix)
    return abandoned


def _check_room(layout: Layout) -> None:
    """Refuse a city that the machine has no room for; an overfull table drops packets.

    Each end of a wire is a neighbour of the other, and all namespaces share
    one table, whose size is the machine's and not ours to change.
    """
    limit = int(_NEIGHBOURS_LIMIT.read_text("ascii"))
    if 2 * len(layout.wires) > limit:
        raise Refused(problem("ZG668", wires=len(layout.wires), room=limit // 2))
