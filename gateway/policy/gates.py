"""Where requests are judged.

A service of a zone that has resources is a gate: whoever has a conduit to it
comes as far as the gateway of the zone's site, which asks further who it is
and what they want, one request at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from gateway.policy.model import Plan, Resource
from gateway.policy.names import gate_host


@dataclass(frozen=True, slots=True)
class Gate:
    """One service of one zone, its port (TCP), the name it is asked by, and what lies behind it."""

    zone: str
    service: str
    host: str
    port: int
    resources: tuple[Resource, ...]

    @property
    def name(self) -> str:
        """How it is called in keys and records: its zone and its service."""
        return f"{self.zone}/{self.service}"

    @property
    def is_stream(self) -> bool:
        """Whether connections are judged there, and not requests."""
        return any(resource.is_stream for resource in self.resources)


def gates_at(plan: Plan, site: str) -> tuple[Gate, ...]:
    """Give the gates that a site's gateway keeps; none where the gateway is not ours.

    They are in the order of zone and service.
    """
    if not plan.sites[site].managed:
        return ()
    here = sorted(
        (each for each in plan.resources.values() if plan.zones[each.zone].site == site),
        key=lambda each: (each.zone, each.service, each.name),
    )
    return tuple(
        Gate(
            zone=zone,
            service=service,
            host=gate_host(plan.name, zone),
            port=plan.services[service].ports[0].low,
            resources=tuple(resources),
        )
        for (zone, service), resources in groupby(here, key=lambda each: (each.zone, each.service))
    )


def ways_to(plan: Plan, gate: Gate) -> Mapping[str, str]:
    """Give the zones from which a conduit leads to a gate, each with the conduit's name."""
    return {
        conduit.source: conduit.name
        for conduit in reversed(plan.conduits)
        if conduit.destination == gate.zone
        and any(service.name == gate.service for service in conduit.services)
    }
