"""Small cities made in memory, for tests that need a plan and not its documents."""

from collections.abc import Iterable
from ipaddress import ip_network

from gateway.labels import Label, Level
from gateway.policy.model import (
    Conduit,
    NetworkName,
    Plan,
    Ports,
    Protocol,
    Role,
    Service,
    Site,
    Tier,
    Zone,
)

INTERNAL = Label(Level.内部)

HTTPS = Service("https", "网页", (Ports(Protocol.TCP, 443, 443),))
POSTGRES = Service("postgres", "数据库", (Ports(Protocol.TCP, 5432, 5432),))
VIDEO = Service("video", "视频", (Ports(Protocol.TCP, 554, 554), Ports(Protocol.UDP, 6970, 6999)))
PING = Service("ping", "连通测试", (Ports(Protocol.ICMP, 0, 0),))
SSH = Service("ssh", "远程登录", (Ports(Protocol.TCP, 22, 22),))
SERVICES = {s.name: s for s in (HTTPS, POSTGRES, VIDEO, PING, SSH)}


def site(name: str, hub: str | None, zones: Iterable[str], number: int) -> tuple[Site, list[Zone]]:
    """Make a site whose nth zone has 10.number.n.0/24 and fd00:number:n::/64."""
    made = [
        Zone(
            name=f"{name}.{zone}",
            title=f"{name}{zone}",
            site=name,
            network=NetworkName.OFFICE,
            ceiling=INTERNAL,
            ranges=(
                ip_network(f"10.{number}.{index}.0/24"),
                ip_network(f"fd00:{number:x}:{index:x}::/64"),
            ),
            interface="" if zone == "gateway" else zone,
        )
        for index, zone in enumerate(zones)
    ]
    tier = Tier.CITY if hub is None else Tier.COUNTY
    return (
        Site(
            name=name,
            title=name,
            kind="made",
            tier=tier,
            role=Role.CENTRE,
            hub=hub,
            counterpart=None,
            managed=True,
            zones=tuple(zone.name for zone in made),
        ),
        made,
    )


def conduit(name: str, source: str, destination: str, *services: Service) -> Conduit:
    """Make a conduit that carries internal matters."""
    return Conduit(name, name, source, destination, services, INTERNAL)


def plan(sites: Iterable[tuple[Site, list[Zone]]], conduits: Iterable[Conduit]) -> Plan:
    """Make a plan of sites and conduits and nothing else."""
    pairs = list(sites)
    return Plan(
        name="made",
        title="样例城市",
        ceiling=INTERNAL,
        commissioning_approval=None,
        sites={place.name: place for place, _ in pairs},
        zones={zone.name: zone for _, zones in pairs for zone in zones},
        services=SERVICES,
        conduits=tuple(sorted(conduits, key=lambda c: c.name)),
        subjects={},
        resources={},
        grants=(),
        expectations=(),
        waivers=(),
    )


def small_city() -> Plan:
    """A city centre with two counties, one of which has a township behind it."""
    return plan(
        [
            site("city", None, ["office", "approval", "monitor", "gateway"], 1),
            site("red", "city", ["office", "hall", "gateway"], 2),
            site("blue", "city", ["office", "gateway"], 3),
            site("hill", "red", ["office", "gateway"], 4),
        ],
        [
            conduit("approval_from_red", "red.office", "city.approval", HTTPS, PING),
            conduit("approval_from_blue", "blue.office", "city.approval", HTTPS),
            conduit("approval_from_hill", "hill.office", "city.approval", HTTPS),
            conduit("database_in_city", "city.office", "city.approval", HTTPS, POSTGRES),
            conduit("hall_video", "red.hall", "city.monitor", VIDEO),
            conduit("ssh_to_city_gateway", "city.office", "city.gateway", SSH, PING),
            conduit("ssh_to_red_gateway", "city.office", "red.gateway", SSH),
            conduit("ssh_to_hill_gateway", "city.office", "hill.gateway", SSH),
            conduit("red_reports", "red.gateway", "city.monitor", HTTPS),
            conduit("hill_reports", "hill.gateway", "city.monitor", HTTPS),
        ],
    )
