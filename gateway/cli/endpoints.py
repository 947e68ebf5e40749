"""Understand what a person means by a place or a service."""

import re
from ipaddress import ip_address

from gateway.errors import Refused, problem
from gateway.policy.decide import zone_of
from gateway.policy.model import Address, Plan, Ports, Protocol, Zone

_PORT = re.compile(r"(?P<port>[0-9]{1,5})/(?P<protocol>tcp|udp)")


def zones_named(plan: Plan, text: str) -> list[Zone]:
    """Give the zones that a zone's name or title, a site's, or an address means.

    Raises:
        Refused: nothing in the plan is called so, or the address is in no zone.
    """
    if text in plan.zones:
        return [plan.zones[text]]
    titled = [zone for zone in plan.zones.values() if zone.title == text]
    if titled:
        return titled
    for site in plan.sites.values():
        if text in (site.name, site.title):
            return [plan.zones[name] for name in site.zones]
    address = as_address(text)
    if address is None:
        raise Refused(problem("ZG710", text=text, near=_near(plan, text)))
    zone = zone_of(plan, address)
    if zone is None:
        raise Refused(problem("ZG711", text=text))
    return [zone]


def as_address(text: str) -> Address | None:
    """Read an address, or give nothing."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def host_of(zone: Zone, version: int) -> Address:
    """Give the first address of a zone that a host can have."""
    network = next(n for n in zone.ranges if n.version == version)
    return network.network_address + (0 if network.prefixlen == network.max_prefixlen else 1)


def service_named(plan: Plan, text: str) -> tuple[Ports, ...]:
    """Give the ports that a service's name or title, or `443/tcp`, means.

    Raises:
        Refused: the plan has no such service, and it is not a port.
    """
    for service in plan.services.values():
        if text in (service.name, service.title):
            return service.ports
    if text == "ping":
        return (Ports(Protocol.ICMP, 0, 0),)
    match = _PORT.fullmatch(text)
    if match is None or not 1 <= int(match["port"]) <= 65535:  # noqa: PLR2004 - the highest port
        raise Refused(problem("ZG712", text=text, known=", ".join(plan.services)))
    port = int(match["port"])
    return (Ports(Protocol(match["protocol"]), port, port),)


def _near(plan: Plan, text: str) -> str:
    from difflib import get_close_matches

    names = [*plan.zones, *plan.sites]
    return ", ".join(get_close_matches(text, names, n=4, cutoff=0.4) or names[:6])
