"""The lines under the links: which site has one to which, and the addresses of their ends.

A line is between two gateways and nobody else, so nobody has to give it
addresses: they follow from the name of the lower site.  No zone is ever in
their network, and nothing is routed there.

A pair has one cable more, between the two: by its heartbeat each hears that the
other lives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network

from gateway.policy.model import Plan, Site
from gateway.policy.names import HEARTBEAT, line_name

#: Where the ends of all lines have their addresses; a random network of RFC 4193's.
LINE_NETWORK = IPv6Network("fd5f:5d51:4787::/48")

#: A line has two addresses (RFC 6164): the hub's and the site's.
LINE_LENGTH = 127
_HUB_END, _SITE_END = 2, 3

#: Where each of a pair is heard by the other: all who speak VRRP on a cable (RFC 9568).
HEARTBEAT_GROUP = IPv6Address("ff02::12")

#: The own addresses of a pair's gateways, on every segment; the address of whoever is active
#: is another.
OWN_ENDS = (IPv6Address("fe80::ff:1"), IPv6Address("fe80::ff:2"))

_HASH_BYTES = 6
_NUMBER_BYTES = 4
_END_BITS = 32


@dataclass(frozen=True, slots=True)
class Line:
    """The line between a gateway and a neighbour's, seen from the gateway.

    `own` and `far` are the addresses of its two ends; `is_up` tells whether
    the neighbour is the hub; `number` is the link's, where a kernel wants one.
    """

    neighbour: str
    interface: str
    own: IPv6Address
    far: IPv6Address
    is_up: bool
    number: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The cable between the two gateways of a pair.

    `ends` are who may speak on it, the first one and the second, and `group` is to whom.
    Nobody answers from there: so no packet from elsewhere ever passes for an answer.
    """

    interface: str
    ends: tuple[IPv6Address, IPv6Address]
    group: IPv6Address


def neighbours(sites: Mapping[str, Site]) -> dict[str, list[str]]:
    """Give the sites that each site is linked with; a hub that is not there links nothing."""
    linked: dict[str, list[str]] = {name: [] for name in sites}
    for site in sites.values():
        if site.hub is not None and site.hub in sites:
            linked[site.name].append(site.hub)
            linked[site.hub].append(site.name)
    return linked


def lines_of(plan: Plan, site: str) -> tuple[Line, ...]:
    """Give the lines of one site's gateway, by its neighbours' names."""
    hub = plan.sites[site].hub
    below = [other.name for other in plan.sites.values() if other.hub == site]
    up = [hub] if hub is not None and hub in plan.sites else []
    lines = [_line(site, other, is_up=False) for other in below]
    lines += [_line(site, other, is_up=True) for other in up]
    return tuple(sorted(lines, key=lambda line: line.neighbour))


def heartbeat_of(site: Site) -> Heartbeat | None:
    """Give the cable between a site's two gateways; None where it has one gateway."""
    return Heartbeat(HEARTBEAT, OWN_ENDS, HEARTBEAT_GROUP) if site.is_pair else None


def _line(site: str, neighbour: str, *, is_up: bool) -> Line:
    digest = sha256((site if is_up else neighbour).encode()).digest()
    base = int(LINE_NETWORK.network_address)
    base += int.from_bytes(digest[:_HASH_BYTES]) << _END_BITS
    hub_end, site_end = IPv6Address(base + _HUB_END), IPv6Address(base + _SITE_END)
    own, far = (site_end, hub_end) if is_up else (hub_end, site_end)
    number = int.from_bytes(digest[:_NUMBER_BYTES]) or 1
    return Line(neighbour, line_name(neighbour), own, far, is_up, number)
