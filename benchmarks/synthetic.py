"""Plans of any size for one gateway between a west and an east that others run.

Shaped as in production: source zones of a hundred conduits each, so that a
plan grows by zones.  One conduit is one entry, of one port and IPv4 only, so
that it is also exactly one rule of a generator that knows no zones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from gateway.labels import Label, Level
from gateway.load.inforce import Stamp
from gateway.policy.model import (
    Conduit,
    NetworkName,
    Plan,
    Ports,
    Protocol,
    Role,
    Service,
    Site,
    Tier,
    Zone,
)

GATEWAY, WEST, EAST = "gate", "west", "east"

#: Conduits of one source zone.
ZONE_ENTRIES = 100

#: How many entries the small change of a policy takes away or puts back.
SMALL_CHANGE = 10

#: Of each source zone and destination exactly one of these is permitted.
PORTS = (443, 5432, 8080, 8443)

#: Nothing is permitted here.
FORBIDDEN_PORT = 22

_INTERNAL = Label(Level.内部)
_SERVICES = tuple(
    Service(f"service{port}", f"{port}", (Ports(Protocol.TCP, port, port),)) for port in PORTS
)
_WEST_FIRST, _EAST_FIRST = IPv4Address("10.0.0.0"), IPv4Address("172.16.0.0")
_ZONE_ADDRESSES = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """One permitted flow: from a network to a network, to one TCP port."""

    source: IPv4Network
    destination: IPv4Network
    port: int

    @property
    def name(self) -> str:
        """Give a name that is its own."""
        west, east = int(self.source.network_address), int(self.destination.network_address)
        return (
            f"w{(west - int(_WEST_FIRST)) // _ZONE_ADDRESSES}"
            f"_e{(east - int(_EAST_FIRST)) // _ZONE_ADDRESSES}"
        )


def entries(count: int) -> Iterator[Entry]:
    """Give the entries of a plan, zone by zone."""
    for number in range(count):
        west, east = divmod(number, ZONE_ENTRIES)
        yield Entry(
            west_network(west),
            _network(_EAST_FIRST, east),
            PORTS[(west + east) % len(PORTS)],
        )


def source_zones(count: int) -> int:
    """Give how many source zones a plan of `count` entries has."""
    return -(-count // ZONE_ENTRIES)


def west_network(zone: int) -> IPv4Network:
    """Give the addresses of a source zone, counted from 0."""
    return _network(_WEST_FIRST, zone)


def revoked(count: int) -> tuple[Entry, ...]:
    """Give the entries that the small change takes away: the last of the first zone."""
    first_zone = list(entries(min(count, ZONE_ENTRIES)))
    return tuple(first_zone[-SMALL_CHANGE:])


def plan(count: int, *, small_change: bool = False, large_change: bool = False) -> Plan:
    """Make the plan of `count` entries.

    The small change is a delta: a few conduits fewer in one zone.  The large
    one adds a source zone, which only a new generation can hold.
    """
    given = list(entries(count))
    if small_change:
        gone = set(revoked(count))
        given = [entry for entry in given if entry not in gone]
    if large_change:
        beyond = source_zones(count)
        given.append(Entry(west_network(beyond), _network(_EAST_FIRST, 0), PORTS[0]))
    zones: dict[IPv4Network, Zone] = {}
    for entry in given:
        for site, network in ((WEST, entry.source), (EAST, entry.destination)):
            if network not in zones:
                zones[network] = _zone(site, network)
    return _plan(given, zones)


def stamp(revision: int) -> Stamp:
    """Give the stamp of a revision, as if it had been signed."""
    return Stamp("synthetic", revision, f"{revision:016x}")


def _plan(given: list[Entry], zones: dict[IPv4Network, Zone]) -> Plan:
    sites = (_site(GATEWAY, None, zones), _site(WEST, GATEWAY, zones), _site(EAST, GATEWAY, zones))
    services = {service.ports[0].low: service for service in _SERVICES}
    conduits = [
        Conduit(
            name=entry.name,
            title=entry.name,
            source=zones[entry.source].name,
            destination=zones[entry.destination].name,
            services=(services[entry.port],),
            label=_INTERNAL,
        )
        for entry in given
    ]
    return Plan(
        name="synthetic",
        title="样例",
        ceiling=_INTERNAL,
        commissioning_approval=None,
        sites={site.name: site for site in sites},
        zones={zone.name: zone for zone in zones.values()},
        services={service.name: service for service in _SERVICES},
        conduits=tuple(sorted(conduits, key=lambda conduit: conduit.name)),
        subjects={},
        resources={},
        grants=(),
        expectations=(),
        waivers=(),
    )


def _site(name: str, hub: str | None, zones: dict[IPv4Network, Zone]) -> Site:
    return Site(
        name=name,
        title=name,
        kind="made",
        tier=Tier.CITY if hub is None else Tier.COUNTY,
        role=Role.CENTRE,
        hub=hub,
        counterpart=None,
        managed=hub is None,
        zones=tuple(zone.name for zone in zones.values() if zone.site == name),
    )


def _zone(site: str, network: IPv4Network) -> Zone:
    first = _WEST_FIRST if site == WEST else _EAST_FIRST
    number = (int(network.network_address) - int(first)) // _ZONE_ADDRESSES
    return Zone(
        name=f"{site}.z{number}",
        title=f"{number}",
        site=site,
        network=NetworkName.OFFICE,
        ceiling=_INTERNAL,
        ranges=(network,),
        interface=f"z{number}",
    )


def _network(first: IPv4Address, number: int) -> IPv4Network:
    return IPv4Network((int(first) + number * _ZONE_ADDRESSES, 24))
