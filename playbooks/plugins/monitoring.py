"""The host that watches all gateways, and the one that notices when it is silent: by the plan.

Whom it asks follows from the sites of the plan, so a new site is watched without
an edit; a gateway to which no conduit leads from there is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ansible.errors import AnsibleParserError

from gateway.policy.model import Address, Plan, Protocol
from gateway.policy.names import gate_host, gateway_host, identifier, service_name
from gateway.policy.wiring import Half, Wiring, halves
from playbooks.plugins.zone_hosts import ZoneHost, passes

#: The group of the monitoring host, and of the host that misses it.
GROUP, WATCHDOG_GROUP = "monitoring", "watchdog"

#: Where a gateway says how it is: `roles/gateway_metrics`.
METRICS_PORT = 9633

#: The plan's service by which the monitoring host says that it lives.
_WATCHDOG = "watchdog"


def watches(plan: Plan, host: ZoneHost | None, own: Address) -> str:
    """Give the name of who asks the gateway that has an address; empty where nobody may."""
    may_ask = host is not None and passes(plan, host.addresses, own, METRICS_PORT)
    return gate_host(plan.name, host.zone) if host and may_ask else ""


def targets(
    plan: Plan, host: ZoneHost, wired: Mapping[str, Wiring], sites: Iterable[str]
) -> list[dict[str, object]]:
    """Give every gateway that a host may ask, with what Prometheus calls it.

    `sites` are those whose gateways are ours; of a pair both are asked, each by its own addresses.
    """
    return [
        {
            "instance": gateway_host(site, number),
            "site": identifier(site),
            "branch": branch(plan, site),
            "pair": "yes" if plan.sites[site].is_pair else "",
            "addresses": [str(each) for each in own],
            "name": service_name(plan.name, f"{gateway_host(site, number)}-metrics"),
        }
        for site in sites
        for number, own in _own_addresses(plan, wired[site])
        if passes(plan, host.addresses, own[0], METRICS_PORT)
    ]


def branch(plan: Plan, site: str) -> str:
    """Give the site below the city's own by which another is linked; empty for the city's own."""
    hub = plan.sites[site].hub
    if hub is None:
        return ""
    return branch(plan, hub) or identifier(site)


def _own_addresses(plan: Plan, wiring: Wiring) -> Iterator[tuple[int, tuple[Address, ...]]]:
    pair: tuple[Half, ...] = halves(plan, wiring)
    if not pair:
        yield 1, wiring.addresses
    for half in pair:
        yield half.number, half.wiring.addresses


def watchdog(plan: Plan, host: ZoneHost, missing: ZoneHost | None) -> dict[str, object]:
    """Say where a monitoring host says that it lives: name, address, port; empty where nowhere.

    Raises:
        AnsibleParserError: no conduit leads there, or it is the same host.
    """
    if missing is None:
        return {}
    if missing.zone == host.zone:
        message = f"watchdog: {missing.name} cannot notice that it is silent itself"
        raise AnsibleParserError(message)
    service = plan.services.get(_WATCHDOG)
    ports = [each for each in service.ports if each.protocol is Protocol.TCP] if service else []
    address = missing.addresses[0]
    if not ports or not passes(plan, host.addresses, address, ports[0].low):
        message = f"watchdog: no conduit leads from {host.name} to {missing.name} for `{_WATCHDOG}`"
        raise AnsibleParserError(message)
    return {
        "name": gate_host(plan.name, missing.zone),
        "address": str(address),
        "port": ports[0].low,
        "from": [str(each) for each in host.addresses],
    }
