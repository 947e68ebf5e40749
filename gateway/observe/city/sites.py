"""What the city's picture has to know of a plan: its sites and how they hang together.

No address, no zone, no conduit and no subject: whoever has the monitoring host
learns nothing more of the policy than this.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway.errors import Refused, Where, problem
from gateway.observe.exporter_settings import GATEWAY_PORT
from gateway.policy.model import Plan, Protocol, Role, Site, Tier
from gateway.policy.names import gateway_host, identifier

#: Written by the role `monitoring_page`.
SITES_FILE = Path("/etc/loushan-page/sites.json")

_LARGEST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class WatchedSite:
    """One site: its gateways by their hosts' names, and the link by which it hangs on its hub.

    `group` is the county that it belongs to, empty for the city's own.
    `is_watched` is false where the plan lets nobody ask its gateway how it is;
    `hosts` is empty where the gateway is not ours.
    """

    name: str
    title: str
    group: str
    hub: str
    link: str
    hosts: tuple[str, ...]
    is_watched: bool


@dataclass(frozen=True, slots=True)
class CitySites:
    """All sites of a plan, in its order."""

    plan: str
    title: str
    exercise_only: bool
    sites: tuple[WatchedSite, ...]

    def as_json(self) -> dict[str, object]:
        """Give the same for a file."""
        return asdict(self)


def sites_of(plan: Plan) -> CitySites:
    """Take of a plan what the picture needs."""
    asked = _asked_gateways(plan)
    sites = tuple(
        WatchedSite(
            name=site.name,
            title=site.title,
            group=_group(plan, site),
            hub=site.hub or "",
            link=identifier(site.name),
            hosts=_hosts(site),
            is_watched=not asked.isdisjoint(site.zones),
        )
        for site in plan.sites.values()
    )
    return CitySites(plan.name, plan.title, plan.exercise_only, sites)


def read_sites(path: Path) -> CitySites:
    """Read a plan's folder, or the file that was made of one.

    Raises:
        Refused: ZG971, the file is none of ours; or what is wrong with the plan.
    """
    if path.is_dir():
        from gateway.policy.plan import read_plan  # noqa: PLC0415 - services never read a plan

        return sites_of(read_plan(path))
    try:
        with path.open("rb") as opened:
            return sites_from(json.loads(opened.read(_LARGEST_BYTES)))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise Refused(problem("ZG971", Where(str(path)), error=error)) from fault


def sites_from(data: Mapping[str, Any]) -> CitySites:
    """Read what `as_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it is of another form.
    """
    sites = tuple(
        WatchedSite(**{**each, "hosts": tuple(map(str, each["hosts"]))}) for each in data["sites"]
    )
    names = [site.name for site in sites]
    if len(set(names)) != len(names):
        message = "a site stands there twice"
        raise ValueError(message)
    if strays := sorted({site.hub for site in sites} - {"", *names}):
        raise ValueError(strays)
    return CitySites(
        str(data["plan"]), str(data["title"]), data["exercise_only"] is not False, sites
    )


def _asked_gateways(plan: Plan) -> frozenset[str]:
    """Give the zones of gateways that some conduit lets be asked for metrics."""
    return frozenset(
        conduit.destination
        for conduit in plan.conduits
        if plan.zones[conduit.destination].is_gateway
        and any(
            p.protocol is Protocol.TCP and p.low <= GATEWAY_PORT <= p.high for p in conduit.ports
        )
    )


def _hosts(site: Site) -> tuple[str, ...]:
    numbers: Iterable[int] = range(1, site.gateways + 1) if site.managed else ()
    return tuple(gateway_host(site.name, number) for number in numbers)


def _group(plan: Plan, site: Site) -> str:
    """Give the county's centre at the top of a site's branch; empty for the city's own."""
    while site.tier is not Tier.COUNTY or site.role is not Role.CENTRE:
        if site.hub is None:
            return ""
        site = plan.sites[site.hub]
    return site.name
