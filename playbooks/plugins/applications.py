"""The hosts on which applications stand: worked out from the plan, but for which stands where.

An application is what lies behind a gate: a service of a zone that has resources.
Its host is the zone's first address; who comes to it is the site's gateway alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible.errors import AnsibleParserError

from gateway.policy.gates import Gate, gates_at
from gateway.policy.model import Address, Plan
from gateway.policy.names import (
    CANARY_GROUP,
    gateway_client,
    gateway_host,
    gateway_identity,
    identifier,
    site_group,
)
from gateway.policy.wiring import Wiring, first_address, halves

#: The group of all hosts of applications.
GROUP = "applications"

_NAME = re.compile("[a-z][a-z0-9_]*")
_WORDS = {"zone", "service"}


@dataclass(frozen=True, slots=True)
class ApplicationHost:
    """One host, which is a zone's, and the gates that lead to it, by the application's name."""

    zone: str
    site: str
    addresses: tuple[Address, ...]
    gates: Mapping[str, Gate]

    @property
    def name(self) -> str:
        """How the host is called, as the lab calls it: `city.applications`."""
        return identifier(self.zone)


def application_hosts(plan: Plan, named: object) -> tuple[ApplicationHost, ...]:
    """Give the hosts of the applications that an inventory names, in its order.

    `named` is as it stands in the file: for each application its zone and its service.

    Raises:
        AnsibleParserError: it is of another form, or no gate of the plan is there.
    """
    found: dict[str, dict[str, Gate]] = {}
    for name, gate in _gates(plan, named):
        found.setdefault(gate.zone, {})[name] = gate
    return tuple(
        ApplicationHost(
            zone=zone,
            site=plan.zones[zone].site,
            addresses=tuple(first_address(network) for network in plan.zones[zone].ranges),
            gates=gates,
        )
        for zone, gates in found.items()
    )


def _gates(plan: Plan, named: object) -> Iterator[tuple[str, Gate]]:
    if not isinstance(named, Mapping):
        message = "applications: expected one entry for each application"
        raise AnsibleParserError(message)
    gates = {(g.zone, g.service): g for site in plan.sites for g in gates_at(plan, site)}
    ours = {GROUP, CANARY_GROUP, "all", "gateways", "logs", "monitoring", "time", "ungrouped"}
    taken = {*ours, "watchdog", *map(site_group, plan.sites)}
    used: dict[str, str] = {}
    for name, place in named.items():
        if not _NAME.fullmatch(str(name)) or name in taken:
            message = f"applications: `{name}` cannot be a group's name, or is another group's"
            raise AnsibleParserError(message)
        if not isinstance(place, Mapping) or set(place) != _WORDS:
            message = f"applications: {name}: an entry has `zone` and `service`, and nothing else"
            raise AnsibleParserError(message)
        gate = gates.get((str(place["zone"]), str(place["service"])))
        if gate is None:
            known = ", ".join(each.name for each in gates.values()) or "-"
            message = (
                f"applications: {name}: no resource of the plan lies at"
                f" {place['zone']}/{place['service']}; there are {known}"
            )
            raise AnsibleParserError(message)
        if gate.name in used:
            message = f"applications: {name}: {gate.name} is for {used[gate.name]} already"
            raise AnsibleParserError(message)
        used[gate.name] = str(name)
        yield str(name), gate


def groups_of_host(host: ApplicationHost) -> tuple[str, ...]:
    """Give the groups of a host: that of all, and one for each application."""
    return (GROUP, *host.gates)


def variables_of_host(plan: Plan, host: ApplicationHost, wiring: Wiring) -> dict[str, object]:
    """Give what the playbook is told of a host; `wiring` is of its site's gateway."""
    return {
        "loushan_applications": {
            name: {"host": gate.host, "port": gate.port} for name, gate in host.gates.items()
        },
        "loushan_before": before(plan, host.site, wiring),
    }


def before(plan: Plan, site: str, wiring: Wiring) -> dict[str, object]:
    """Say which gateway stands before a site's applications, and by what it is known.

    `issuer` is who says in a token who asks; `hosts` are the gateway, or both of a pair;
    `clients` are the names with which they connect, and `addresses` those they come from.
    """
    numbers = range(1, plan.sites[site].gateways + 1)
    own = [address for half in halves(plan, wiring) for address in half.wiring.addresses]
    return {
        "issuer": gateway_identity(plan.name, site),
        "hosts": [gateway_host(site, number) for number in numbers],
        "clients": [gateway_client(plan.name, site, number) for number in numbers],
        "addresses": [str(address) for address in (*wiring.addresses, *own)],
    }
