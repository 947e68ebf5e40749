"""Who sends its journal to the log host, and how it is known there; worked out from the plan.

A host sends where the plan has a conduit from it to the log host's zone, for
the service `log`.  It is known by the name in its certificate, and by nothing
that it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from ansible.errors import AnsibleParserError

from gateway.policy.model import Address, Plan
from gateway.policy.names import host_label, service_name, zone_label
from playbooks.plugins.zone_hosts import Way, ZoneHost, way_to

#: The group of the log host, and the plan's service.
GROUP, SERVICE = "logs", "log"

#: What is put to a host's or a zone's name where it has to do with journals: who can answer as
#: the log host cannot ask a gateway in the monitoring host's name, nor the other way round.
_SUFFIX = "-logs"

#: The first and the number of the addresses by which senders are told apart on the log host.
_FIRST, _COUNT = IPv4Address("127.1.0.0"), 254 << 16


def log_way(plan: Plan, own: Iterable[Address], host: ZoneHost | None) -> Way:
    """Say how a host with some addresses comes to the log host; empty where it may not."""
    if host is None:
        return Way()
    return way_to(plan, own, host, SERVICE, service_name(plan.name, server_label(host)))


def server_label(host: ZoneHost) -> str:
    """Give the first label of the log host's name."""
    return zone_label(host.zone) + _SUFFIX


def sender_label(host: str) -> str:
    """Give the first label of the name with which a host sends."""
    return host_label(host) + _SUFFIX


def senders(ways: Mapping[str, Way]) -> list[dict[str, str]]:
    """Give who sends: the host, the name in its certificate, and its address on the log host.

    The address hangs on the host's name alone, so that it stays as others come and go.

    Raises:
        AnsibleParserError: two hosts would be one.
    """
    hosts = sorted(host for host, way in ways.items() if way.server)
    found: dict[str, str] = {}
    for host in hosts:
        other = found.setdefault(sender_address(host), host)
        if other != host:
            message = f"logs: {other} and {host} cannot be told apart; call one of them otherwise"
            raise AnsibleParserError(message)
    return [
        {"host": host, "certificate": sender_label(host), "address": address}
        for address, host in found.items()
    ]


def sender_address(host: str) -> str:
    """Give the address that stands for a sender within the log host."""
    digest = hashlib.sha256(host.encode()).digest()
    return str(_FIRST + int.from_bytes(digest) % _COUNT)
