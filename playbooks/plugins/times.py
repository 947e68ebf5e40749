"""Who takes the time from the city's server, and by which name it is asked; from the plan."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.policy.model import Address, Plan
from gateway.policy.names import service_name, zone_label
from playbooks.plugins.zone_hosts import Way, ZoneHost, way_to

#: The group of the time server, and the plan's service: NTS's key exchange, and NTP.
GROUP, SERVICE = "time", "time"


def time_way(plan: Plan, own: Iterable[Address], host: ZoneHost | None) -> Way:
    """Say how a host with some addresses comes to the time server; empty where it may not."""
    if host is None:
        return Way()
    return way_to(plan, own, host, SERVICE, service_name(plan.name, server_label(host)))


def server_label(host: ZoneHost) -> str:
    """Give the first label of the time server's name."""
    return f"{zone_label(host.zone)}-time"
