"""What stands where in a booted city: hosts, their ports, and the segments that join them.

Pure.  The gateways come bare, as from the installer: their ports are there
and nothing on them is set.  The hosts of the zones are no concern of the
product's, so the lab sets them as a department would set its own computers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from gateway.errors import Refused, problem
from gateway.policy.model import Address, Network, Plan, Zone
from gateway.policy.names import HEARTBEAT, gateway_host, identifier, line_name
from gateway.policy.wiring import FAR_END, NEAR_END, halves, wirings
from lab.layout import EVERYWHERE, HOST_INTERFACE, OUTSIDE, Kind, Layout, Node, home


class Role(StrEnum):
    """What a host is in the city."""

    GATEWAY = "gateway"
    ZONE = "zone"
    FOREIGN = "foreign"
    ROUTER = "router"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Port:
    """One interface of a host, and the segment it is plugged into."""

    interface: str
    segment: str


@dataclass(frozen=True, slots=True)
class Host:
    """One host.  `setup` are the lines for `ip` with which the lab sets its network.

    A foreign host is the gateway of a site that is not ours, and the lab is
    its owner too.  The router outside is a namespace and nothing more; all
    others boot.
    """

    name: str
    node: str
    role: Role
    ports: tuple[Port, ...]
    setup: tuple[str, ...]

    @property
    def boots(self) -> bool:
        """Tell whether a Debian is booted in it."""
        return self.role is not Role.ROUTER


@dataclass(frozen=True, slots=True)
class Guest:
    """A host that the plan does not know, plugged into a zone's segment."""

    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The whole city; written down so that the keeper needs no plan."""

    hosts: tuple[Host, ...]

    @property
    def segments(self) -> tuple[str, ...]:
        """Every segment, in order."""
        return tuple(dict.fromkeys(p.segment for host in self.hosts for p in host.ports))

    def as_json(self) -> list[dict[str, object]]:
        """Give what can be written down."""
        return [asdict(host) for host in self.hosts]


def host_name(plan: Plan, node: str) -> str:
    """Give the name of the host that is a node of a layout: `huichuan-gw`, `huichuan.business`."""
    return gateway_host(node) if node in plan.sites else identifier(node)


def gateways_of(plan: Plan, site: str) -> tuple[str, ...]:
    """Give the hosts that are a site's gateways: one, or both of a pair."""
    return tuple(gateway_host(site, number) for number in range(1, plan.sites[site].gateways + 1))


def draw(layout: Layout, guests: Iterable[Guest] = ()) -> Blueprint:
    """Draw a layout's city, with guests in it.

    Raises:
        Refused: ZG672, a guest is to stand in a zone that is not there, or has no room.
    """
    return Blueprint(tuple(_Draughtsman(layout, tuple(guests)).hosts()))


def read_blueprint(data: Iterable[dict[str, object]]) -> Blueprint:
    """Read what `as_json` gave."""
    return Blueprint(tuple(_host(entry) for entry in data))


class _Draughtsman:
    """Draws one city."""

    def __init__(self, layout: Layout, guests: tuple[Guest, ...]) -> None:
        self.layout = layout
        self.plan = layout.plan
        self.guests = guests
        self.ports: dict[str, list[Port]] = {node: [] for node in layout.nodes}
        for wire in layout.wires:
            segment = f"{wire.near[0]}:{wire.near[1]}"
            near, far = wire.near[0], wire.far[0]
            if near in self.plan.sites and far in self.plan.sites:
                # The wire stands for a link; what is laid is the line under it.
                self.ports[near].append(Port(line_name(far), segment))
                self.ports[far].append(Port(line_name(near), segment))
                continue
            for node, interface in (wire.near, wire.far):
                self.ports[node].append(Port(interface, segment))
        self.wirings = wirings(self.plan)
        self._lay_loose_cables()
        for site in self.pairs:
            self.ports[site].append(Port(HEARTBEAT, f"{site}:{HEARTBEAT}"))

    @property
    def pairs(self) -> list[str]:
        """The sites of this city that have two gateways."""
        return [s.name for s in self.plan.sites.values() if s.is_pair and s.name in self.ports]

    def _lay_loose_cables(self) -> None:
        """Give a gateway its ports towards sites that are not in this city, too."""
        for node in self.layout.nodes.values():
            if node.kind is Kind.GATEWAY:
                there = {port.interface for port in self.ports[node.name]}
                self.ports[node.name] += [
                    Port(interface.name, f"{node.name}:{interface.name}")
                    for interface in self.wirings[node.name].interfaces
                    if interface.is_port and interface.name not in there
                ]

    def hosts(self) -> Iterator[Host]:
        for node in self.layout.nodes.values():
            role, setup = self._role_and_setup(node)
            name = host_name(self.plan, node.name)
            yield Host(name, node.name, role, tuple(self.ports[node.name]), tuple(setup))
        for site in self.pairs:
            yield self._second(site)
        for guest in self.guests:
            yield self._guest(guest)

    def _second(self, site: str) -> Host:
        """Plug the second gateway of a pair in wherever the first one is.

        The cable outside is the first one's alone: it is no part of the city.
        """
        ports = tuple(port for port in self.ports[site] if port.interface != OUTSIDE)
        return Host(gateway_host(site, 2), site, Role.GATEWAY, ports, ())

    def _role_and_setup(self, node: Node) -> tuple[Role, list[str]]:
        if node.kind is Kind.HOST:
            zone = self.plan.zones[node.name]
            return Role.ZONE, self._computer(zone, node.addresses)
        if node.kind is Kind.GATEWAY:
            return Role.GATEWAY, self._uplink(node)
        if node.name in self.plan.sites:
            return Role.FOREIGN, self._foreign(node)
        return Role.ROUTER, self._outside(node)

    def _computer(self, zone: Zone, addresses: Iterable[Address]) -> list[str]:
        """Set a computer as its department would: an address, its segment, its gateway."""
        lines = ["link set lo up", f"link set {HOST_INTERFACE} up"]
        lines.append(f"address add {FAR_END}/64 dev {HOST_INTERFACE} nodad")
        for address in addresses:
            network = next(n for n in zone.ranges if address in n)
            lines.append(_address(address, network, HOST_INTERFACE))
        # What any computer can be told: the gateway's own address, said to be on the segment.
        own = (a for a in self.wirings[zone.site].addresses if isinstance(a, IPv4Address))
        ipv4 = next((f"{a} dev {HOST_INTERFACE} onlink" for a in own), "")
        ipv6 = f"inet6 {NEAR_END} dev {HOST_INTERFACE}"
        ways = zip(EVERYWHERE, (ipv4 or ipv6, ipv6), strict=True)
        lines += [f"route add {network} via {way}" for network, way in ways]
        return [*lines, *self._ways_to_pair(zone.site)]

    def _ways_to_pair(self, site: str) -> Iterator[str]:
        """Lead to each gateway of a pair by itself: neither passes on what is for the other."""
        for half in halves(self.plan, self.wirings[site]):
            for address in half.wiring.addresses:
                via = "" if isinstance(address, IPv4Address) else f"via inet6 {half.near} "
                yield f"route add {address} {via}dev {HOST_INTERFACE}"

    def _uplink(self, node: Node) -> list[str]:
        """Plug a cable into a root that leads outside: what is kept apart, rulesets keep apart."""
        if not any(port.interface == OUTSIDE for port in self.ports[node.name]):
            return []
        return [
            f"link set {OUTSIDE} up",
            f"address add {FAR_END}/64 dev {OUTSIDE} nodad",
            *(f"route add {n} via inet6 {NEAR_END} dev {OUTSIDE}" for n in EVERYWHERE),
        ]

    def _foreign(self, node: Node) -> list[str]:
        """Set the ports of a gateway that is not ours; its link is for its own programs."""
        wiring = self.wirings[node.name]
        lines = ["link set lo up"]
        lines += [f"address add {a}/{a.max_prefixlen} dev lo" for a in wiring.addresses]
        ports = [interface for interface in wiring.interfaces if interface.is_port]
        lines += [f"link set {port.name} up" for port in ports]
        lines += [f"address add {port.address} dev {port.name} nodad" for port in ports]
        names = {port.name for port in ports}
        lines += [
            f"route add {route.network} dev {route.interface}"
            for route in wiring.routes
            if route.interface in names
        ]
        return lines

    def _outside(self, node: Node) -> list[str]:
        """Set the router that passes everything on, so that rulesets keep apart what is apart."""
        lines = ["link set lo up"]
        lines += [f"address add {a}/{a.max_prefixlen} dev lo" for a in node.addresses]
        for port in self.ports[node.name]:
            lines.append(f"link set {port.interface} up")
            lines.append(f"address add {NEAR_END}/64 dev {port.interface} nodad")
        lines += [
            f"route add {route.network} via inet6 {route.next_hop} dev {route.interface}"
            for route in node.routes
        ]
        return lines

    def _guest(self, guest: Guest) -> Host:
        zone = self.plan.zones.get(guest.zone)
        if zone is None or home(zone) not in self.layout.nodes or zone.is_gateway:
            raise Refused(problem("ZG672", name=guest.name, zone=guest.zone))
        number = 2 + [g.name for g in self.guests if g.zone == guest.zone].index(guest.name)
        addresses = [_nth(network, number, guest) for network in zone.ranges]
        segment = f"{zone.site}:{zone.interface}"
        setup = self._computer(zone, addresses)
        # Its link-local address must not be that of the zone's own host.
        setup[2] = f"address add fe80::{number + 1:x}/64 dev {HOST_INTERFACE} nodad"
        port = Port(HOST_INTERFACE, segment)
        return Host(guest.name, guest.name, Role.GUEST, (port,), tuple(setup))


def _nth(network: Network, number: int, guest: Guest) -> Address:
    if network.num_addresses <= number + 1:
        raise Refused(problem("ZG672", name=guest.name, zone=guest.zone))
    return network[number]


def _address(address: Address, network: Network, interface: str) -> str:
    no_check = " nodad" if isinstance(address, IPv6Address) else ""
    return f"address add {address}/{network.prefixlen} dev {interface}{no_check}"


def _host(entry: dict[str, object]) -> Host:
    ports, setup = entry["ports"], entry["setup"]
    if not isinstance(ports, list) or not isinstance(setup, list):
        raise TypeError(entry)
    return Host(
        name=str(entry["name"]),
        node=str(entry["node"]),
        role=Role(str(entry["role"])),
        ports=tuple(Port(**port) for port in ports),
        setup=tuple(setup),
    )
