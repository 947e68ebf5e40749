"""Random small plans: trees of sites, zones of either family or both, services that overlap.

Every plan made here can be compiled: a conduit that could never match is left out.
"""

from dataclasses import replace
from ipaddress import ip_network

from hypothesis import strategies as st

from gateway.policy.access import without
from gateway.policy.model import Conduit, Network, Plan, Ports, Protocol, Service, Site, Zone
from gateway.policy.topology import hops
from tests.cities import conduit, plan, site

ZONES = ("office", "hall", "archive")

#: They overlap, touch each other and reach both ends.
PORTS = (
    Ports(Protocol.TCP, 1, 65535),
    Ports(Protocol.TCP, 80, 80),
    Ports(Protocol.TCP, 80, 90),
    Ports(Protocol.TCP, 85, 100),
    Ports(Protocol.TCP, 91, 91),
    Ports(Protocol.TCP, 65535, 65535),
    Ports(Protocol.UDP, 80, 90),
    Ports(Protocol.UDP, 1, 1),
    Ports(Protocol.ICMP, 0, 0),
)

_services = st.lists(st.sampled_from(PORTS), min_size=1, max_size=3, unique=True).map(
    lambda ports: Service("made", "样例", tuple(ports))
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Give a plan of one to four sites and up to eight conduits, on either kind of host."""
    sites = _sites(draw)
    made = replace(plan(sites, ()), shares_link=draw(st.booleans()))
    zones = sorted(made.zones)
    if len(zones) > 1:
        pairs = st.lists(st.sampled_from(zones), min_size=2, max_size=2, unique=True)
        wanted = []
        for number in range(draw(st.integers(0, 8))):
            source, destination = draw(pairs)
            wanted.append(conduit(f"c{number}", source, destination, draw(_services)))
        made = replace(made, conduits=_matching(made, wanted))
    return made


def _sites(draw: st.DrawFn) -> list[tuple[Site, list[Zone]]]:
    sites: list[tuple[Site, list[Zone]]] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        hub = draw(st.sampled_from([place.name for place, _ in sites])) if sites else None
        names = draw(st.lists(st.sampled_from([*ZONES, "gateway"]), min_size=1, unique=True))
        place, zones = site(f"site{number}", hub, names, number)
        # The root may be somebody else's, as the province is.
        managed = number > 1 or draw(st.integers(0, 3)) > 0
        gateways = draw(st.integers(1, 2)) if managed and number == 1 else 1
        place = replace(place, managed=managed, gateways=gateways)
        sites.append((place, [_dressed(draw, zone) for zone in zones]))
    return sites


def _dressed(draw: st.DrawFn, zone: Zone) -> Zone:
    """Give a zone ranges of one family or both, whole, cut short or several."""
    wanted: list[Network] = []
    for network in zone.ranges:
        halves = list(network.subnets())
        wanted += draw(
            st.sampled_from(
                [
                    [network],
                    [halves[0]],
                    [halves[1], ip_network(network.network_address)],
                    [],
                ]
            )
        )
    return replace(zone, ranges=tuple(wanted or zone.ranges))


def _matching(made: Plan, wanted: list[Conduit]) -> tuple[Conduit, ...]:
    """Leave out what passes no gateway of ours, has no family, or is carried already."""
    kept: list[Conduit] = []
    taken: dict[tuple[str, str], tuple[Ports, ...]] = {}
    for one in wanted:
        source, destination = made.zones[one.source], made.zones[one.destination]
        versions = [{network.version for network in zone.ranges} for zone in (source, destination)]
        pair = one.source, one.destination
        fresh = without(one.ports, taken.get(pair, ()))
        if fresh and versions[0] & versions[1] and hops(made, source, destination):
            kept.append(one)
            taken[pair] = (*taken.get(pair, ()), *fresh)
    return tuple(kept)
