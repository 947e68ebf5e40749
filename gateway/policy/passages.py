"""What packets may pass, as conduits: those of the plan, and those that gates make of them.

A conduit to a gate ends at the gateway of the gate's site, for requests are
judged there; from the gateway another one leads on to the zone.  Nothing else
leads past a gate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gateway.policy.model import Conduit, Plan, Zone

#: A zone and a service.
_Gate = tuple[str, str]


def passages(plan: Plan) -> tuple[Conduit, ...]:
    """Give what packets may pass, in the plan's order; the ways on from gates come last.

    A plan has it ready: `Plan.passages`.
    """
    gates = _gates(plan)
    if not gates:
        return plan.conduits
    zones = {zone for zone, _ in gates}
    found: list[Conduit] = []
    seen: set[tuple[str, ...]] = set()
    for conduit in plan.conduits:
        if conduit.destination in zones:
            for led in _led(gates, conduit):
                way = (led.source, led.destination, *(service.name for service in led.services))
                # Gates of two zones may have one service.
                if way not in seen:
                    seen.add(way)
                    found.append(led)
        else:
            found.append(conduit)
    return (*found, *_ways_on(plan, gates))


def gateway_zone(plan: Plan, site: str) -> Zone:
    """Give the zone of a gateway itself; each site whose gateway is ours has one."""
    return next(z for name in plan.sites[site].zones if (z := plan.zones[name]).is_gateway)


def _gates(plan: Plan) -> Mapping[_Gate, Zone]:
    """Give the services of zones that are gates, each with the zone of the gateway before it."""
    found: dict[_Gate, Zone] = {}
    for resource in plan.resources.values():
        zone = plan.zones.get(resource.zone)  # a plan may be refused yet for what it lacks
        if zone is not None and _is_kept(plan, zone.site):
            found[resource.zone, resource.service] = gateway_zone(plan, zone.site)
    return found


def _is_kept(plan: Plan, site: str) -> bool:
    """Tell whether a site has a gateway of ours; one without its zone is refused."""
    here = plan.sites[site]
    return here.managed and any(plan.zones[name].is_gateway for name in here.zones)


def _led(gates: Mapping[_Gate, Zone], conduit: Conduit) -> Iterator[Conduit]:
    """Give what is left of a conduit that leads to no gate, and what leads to the gateway."""
    asked = tuple(s for s in conduit.services if (conduit.destination, s.name) in gates)
    straight = tuple(s for s in conduit.services if s not in asked)
    if straight:
        yield replace(conduit, services=straight)
    for service in asked:
        before = gates[conduit.destination, service.name]
        if conduit.source != before.name:
            yield replace(conduit, destination=before.name, services=(service,))


def _ways_on(plan: Plan, gates: Mapping[_Gate, Zone]) -> Iterator[Conduit]:
    """Give the way from the gateway to each gate's zone."""
    for (zone, service), before in gates.items():
        behind = (r for r in plan.resources.values() if (r.zone, r.service) == (zone, service))
        resource = next(behind)
        yield Conduit(
            name=f"gate_{service}",
            title=f"网关受理后转送{plan.zones[zone].title}",
            source=before.name,
            destination=zone,
            services=(plan.services[service],),
            label=resource.label,
            where=resource.where,
        )
