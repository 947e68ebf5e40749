"""The tree of sites: which gateways a flow passes, by which interfaces."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from gateway.policy.lines import Heartbeat, Line, heartbeat_of, lines_of, neighbours
from gateway.policy.model import Conduit, Plan, Site, Zone
from gateway.policy.names import SHARED_LINK, interface_name


class Hook(StrEnum):
    """Where in a gateway a packet is judged."""

    FORWARD = "forward"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Hop:
    """One gateway on a path, and the interfaces a packet comes and goes by.

    `arrival` is empty where the gateway itself sends, `departure` where it
    itself receives.
    """

    gateway: str
    hook: Hook
    arrival: str
    departure: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A conduit that passes a gateway."""

    conduit: Conduit
    source: Zone
    destination: Zone
    hop: Hop


@dataclass(frozen=True, slots=True)
class GatewaySlice:
    """All that one gateway has to know of a plan; both of a pair have the same.

    `links` are the interfaces at which it has the link with each neighbour.
    """

    gateway: str
    own: Zone | None
    local: tuple[Zone, ...]
    links: Mapping[str, str]
    lines: tuple[Line, ...]
    crossings: tuple[Crossing, ...]
    heartbeat: Heartbeat | None = None


def link_interface(plan: Plan, site: str) -> str:
    """Give the interface at which a site's neighbour has the link with it."""
    return SHARED_LINK if plan.shares_link else interface_name(site)


def path(plan: Plan, source: Site, destination: Site) -> tuple[str, ...]:
    """Give the sites from one to the other, both included; empty where none joins them."""
    up, down = _to_root(plan, source), _to_root(plan, destination)
    meeting = next((site for site in up if site in down), None)
    if meeting is None:
        return ()
    return (*up[: up.index(meeting) + 1], *reversed(down[: down.index(meeting)]))


def hops(plan: Plan, source: Zone, destination: Zone) -> tuple[Hop, ...]:
    """Give the gateways of ours that a packet passes from one zone to another.

    Empty where no links join the two sites; so is the way inside one zone.
    """
    if source.name == destination.name:
        return ()
    sites = path(plan, plan.sites[source.site], plan.sites[destination.site])
    last = len(sites) - 1
    return tuple(
        Hop(
            gateway=site,
            hook=_hook(source, destination, first=index == 0, last=index == last),
            arrival=link_interface(plan, sites[index - 1]) if index else source.interface,
            departure=link_interface(plan, sites[index + 1])
            if index < last
            else destination.interface,
        )
        for index, site in enumerate(sites)
        if plan.sites[site].managed
    )


def slices(plan: Plan) -> dict[str, GatewaySlice]:
    """Divide a plan among its gateways; every gateway has a slice, even an empty one."""
    crossings: dict[str, list[Crossing]] = defaultdict(list)
    ways = cache(
        lambda source, destination: hops(plan, plan.zones[source], plan.zones[destination])
    )
    for conduit in plan.passages:
        source, destination = plan.zones[conduit.source], plan.zones[conduit.destination]
        for hop in ways(conduit.source, conduit.destination):
            crossings[hop.gateway].append(Crossing(conduit, source, destination, hop))
    linked = neighbours(plan.sites)
    return {
        gateway: _slice(plan, gateway, linked[gateway], tuple(crossings[gateway]))
        for gateway in plan.gateways
    }


def _slice(
    plan: Plan, gateway: str, linked: list[str], crossings: tuple[Crossing, ...]
) -> GatewaySlice:
    zones = [plan.zones[name] for name in plan.sites[gateway].zones]
    return GatewaySlice(
        gateway=gateway,
        own=next((zone for zone in zones if zone.is_gateway), None),
        local=tuple(zone for zone in zones if not zone.is_gateway),
        links={site: link_interface(plan, site) for site in sorted(linked)},
        lines=lines_of(plan, gateway),
        crossings=crossings,
        heartbeat=heartbeat_of(plan.sites[gateway]),
    )


def _hook(source: Zone, destination: Zone, *, first: bool, last: bool) -> Hook:
    if first and source.is_gateway:
        return Hook.OUTPUT
    if last and destination.is_gateway:
        return Hook.INPUT
    return Hook.FORWARD


def _to_root(plan: Plan, site: Site) -> list[str]:
    """Give the site and the hubs above it; a circle is refused before a plan exists."""
    names = [site.name]
    while (hub := plan.sites[names[-1]].hub) is not None:
        names.append(hub)
    return names
