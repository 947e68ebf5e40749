"""The hosts on which a service for the whole city stands: each is a zone's, worked out from the plan.

An inventory names the zone; the host is the zone's first address.  Who may come
there is what the plan's conduits say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible.errors import AnsibleParserError

from gateway.policy.decide import decide
from gateway.policy.model import Address, Flow, Plan, Protocol, Service
from gateway.policy.names import identifier
from gateway.policy.reasons import Verdict
from gateway.policy.wiring import first_address


@dataclass(frozen=True, slots=True)
class ZoneHost:
    """One host, which is a zone's."""

    zone: str
    site: str
    addresses: tuple[Address, ...]

    @property
    def name(self) -> str:
        """How the host is called, as the lab calls it: `city.monitoring`."""
        return identifier(self.zone)


def zone_host(plan: Plan, key: str, zone: object) -> ZoneHost | None:
    """Give the host that an inventory's key names by its zone; None where it names none.

    Raises:
        AnsibleParserError: the plan has no such zone, or it is a gateway's.
    """
    if not zone:
        return None
    found = plan.zones.get(str(zone))
    if found is None or found.is_gateway:
        message = f"{key}: the plan has no zone `{zone}` in which a host can stand"
        raise AnsibleParserError(message)
    addresses = tuple(first_address(network) for network in found.ranges)
    return ZoneHost(found.name, found.site, addresses)


def passes(plan: Plan, own: Iterable[Address], destination: Address, port: int) -> bool:
    """Tell whether the plan lets a host with some addresses reach an address and a TCP port."""
    source = next((a for a in own if a.version == destination.version), None)
    if source is None:
        return False
    return decide(plan, Flow(source, destination, Protocol.TCP, port)).verdict is Verdict.ACCEPT


@dataclass(frozen=True, slots=True)
class Way:
    """How one host comes to a service on another: its name and port, and where that name is."""

    server: str = ""
    addresses: tuple[Address, ...] = ()

    @property
    def names(self) -> list[dict[str, str]]:
        """Give what a host must know of names, as `base_names` has it."""
        name = self.server.partition(":")[0]
        return [{"address": str(each), "name": name} for each in self.addresses]


def way_to(
    plan: Plan, own: Iterable[Address], host: ZoneHost | None, service: str, name: str
) -> Way:
    """Say how a host with some addresses comes to a service by the plan; empty where it may not.

    `own` are the addresses that it comes from; every port of the service must be open.
    """
    if host is None or service not in plan.services:
        return Way()
    wanted = plan.services[service]
    reached = tuple(
        there
        for there in host.addresses
        for here in own
        if here.version == there.version and _is_open(plan, here, there, wanted)
    )
    port = next(each.low for each in wanted.ports if each.protocol is Protocol.TCP)
    return Way(f"{name}:{port}", tuple(dict.fromkeys(reached))) if reached else Way()


def _is_open(plan: Plan, here: Address, there: Address, service: Service) -> bool:
    flows = (Flow(here, there, each.protocol, each.low) for each in service.ports)
    return all(decide(plan, flow).verdict is Verdict.ACCEPT for flow in flows)
