"""Which gateway of a booted pair is active: the one that has the addresses they share."""

import time

from gateway.errors import Refused
from gateway.policy.model import Plan
from gateway.policy.wiring import NEAR_END
from lab.hosts.blueprint import gateways_of
from lab.hosts.machine import execute
from lab.hosts.places import Places

_ASK = ("ip", "-6", "-oneline", "address", "show", "to", NEAR_END)


#: How long a pair that has just got its policy takes to decide, on a busy machine.
_PATIENCE_SECONDS = 30
_LOOK_SECONDS = 0.2


def settled(places: Places, plan: Plan, site: str) -> str:
    """Give the host that is a site's gateway, once that is decided; else the first one."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while len(found := active(places, plan, site)) != 1 and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    return (found or gateways_of(plan, site))[0]


def active(places: Places, plan: Plan, site: str) -> list[str]:
    """Give the hosts of a site that are its gateway now: one, where all is well."""
    hosts = gateways_of(plan, site)
    return [host for host in hosts if len(hosts) == 1 or _has_addresses(places, host)]


def _has_addresses(places: Places, host: str) -> bool:
    try:
        return bool(execute(places, host, _ASK).strip())
    except Refused:  # it does not run
        return False
