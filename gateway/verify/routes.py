"""Where the host would send each zone's addresses, beside where the plan says."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.errors import Problem, problem
from gateway.policy.model import Network, Zone
from gateway.policy.topology import GatewaySlice
from gateway.verify.host import Route


@dataclass(frozen=True, slots=True)
class _Table:
    """Routes by network, and the networks in order of their addresses."""

    by_network: Mapping[Network, list[Route]]
    starts: list[tuple[int, int]]
    networks: list[Network]

    def for_range(self, network: Network) -> Iterator[Route]:
        """Give the routes that some address of a range takes.

        These are the narrowest that covers it and all that lie inside it.
        """
        for length in range(network.prefixlen, -1, -1):
            covering = self.by_network.get(network.supernet(new_prefix=length))
            if covering:
                yield from covering
                break
        first = bisect_left(self.starts, _start(network))
        for inside in self.networks[first:]:
            if _start(inside) > (network.version, int(network.broadcast_address)):
                return
            if inside.prefixlen > network.prefixlen:
                yield from self.by_network[inside]


def wrong_routes(part: GatewaySlice, routes: Iterable[Route]) -> list[Problem]:
    """Give the routes that send a zone's addresses out of another interface than the plan."""
    by_network: dict[Network, list[Route]] = defaultdict(list)
    for route in routes:
        by_network[route.network].append(route)
    networks = sorted(by_network, key=_start)
    table = _Table(by_network, [_start(n) for n in networks], networks)
    return [
        problem(
            "ZG635",
            route=route.network,
            zone=zone.name,
            interface=route.interface,
            wanted=wanted,
        )
        for zone, wanted in ways(part).values()
        for network in zone.ranges
        for route in table.for_range(network)
        if route.interface != wanted
    ]


def ways(part: GatewaySlice) -> dict[str, tuple[Zone, str]]:
    """Give the interface behind which each zone is that a gateway knows of."""
    found = {zone.name: (zone, zone.interface) for zone in part.local}
    for crossing in part.crossings:
        if crossing.hop.arrival:
            found[crossing.source.name] = (crossing.source, crossing.hop.arrival)
        if crossing.hop.departure:
            found[crossing.destination.name] = (crossing.destination, crossing.hop.departure)
    return found


def _start(network: Network) -> tuple[int, int]:
    return network.version, int(network.network_address)
