"""A plan as values: sites, zones, services, conduits, subjects and the rest.

Everything here is already resolved: a conduit joins one zone to one zone, a
zone knows its addresses.  Nothing here has looked at a host.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from gateway.errors import NOWHERE, Where
from gateway.labels import Label

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Tier(StrEnum):
    """The level of government a site belongs to."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


class Role(StrEnum):
    """What a site is for."""

    CENTRE = "centre"
    DEPARTMENT = "department"
    HALL = "hall"
    LEADERS = "leaders"
    PORTAL = "portal"


class NetworkName(StrEnum):
    """The network a zone belongs to: portal and office are never joined."""

    OFFICE = "office"
    PORTAL = "portal"
    PROVINCE = "province"


class Protocol(StrEnum):
    """What a service runs on; icmp means an echo request of either family."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


@dataclass(frozen=True, slots=True, order=True)
class Ports:
    """A protocol and a range of destination ports, both ends included.

    For icmp the range is 0 to 0: an echo request has no port.
    """

    protocol: Protocol
    low: int
    high: int

    def __str__(self) -> str:
        """Give `443/tcp`, `8000-8100/tcp` or `ping`."""
        if self.protocol is Protocol.ICMP:
            return "ping"
        ports = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        return f"{ports}/{self.protocol}"

    def overlaps(self, other: "Ports") -> bool:
        """Tell whether some packet is of both."""
        return self.protocol is other.protocol and self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Service:
    """Protocols and ports with a name."""

    name: str
    title: str
    ports: tuple[Ports, ...]
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Zone:
    """Hosts with the same security requirements; `name` is `site.zone`.

    `interface` is the gateway's interface on this zone, or empty for the zone
    that holds the gateway's own addresses.
    """

    name: str
    title: str
    site: str
    network: NetworkName
    ceiling: Label
    ranges: tuple[Network, ...]
    interface: str
    where: Where = field(default=NOWHERE, compare=False)

    @property
    def is_gateway(self) -> bool:
        """Tell whether the gateway itself is what lives here."""
        return not self.interface


@dataclass(frozen=True, slots=True)
class Site:
    """A place with one gateway, or a pair; `hub` is the site it is linked through.

    `counterpart` is the city department whose work a county department does.
    `managed` is false where the other side runs the gateway, as the province does.
    """

    name: str
    title: str
    kind: str
    tier: Tier
    role: Role
    hub: str | None
    counterpart: str | None
    managed: bool
    zones: tuple[str, ...]
    gateways: int = 1
    where: Where = field(default=NOWHERE, compare=False)

    @property
    def is_pair(self) -> bool:
        """Tell whether it has two gateways, of which one is active."""
        return self.gateways > 1


@dataclass(frozen=True, slots=True)
class Conduit:
    """The only way traffic may pass from one zone to another.

    One entry of a document gives as many conduits as it names pairs of zones;
    they share its name.
    """

    name: str
    title: str
    source: str
    destination: str
    services: tuple[Service, ...]
    label: Label
    where: Where = field(default=NOWHERE, compare=False)

    @property
    def ports(self) -> tuple[Ports, ...]:
        """Every protocol and port that the conduit carries."""
        return tuple(p for service in self.services for p in service.ports)


@dataclass(frozen=True, slots=True)
class Subject:
    """An office, post or system, known by its certificate."""

    name: str
    title: str
    type: str
    zones: tuple[str, ...]
    clearance: Label
    certificate: str
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Resource:
    """An application path or document that is acted on.

    `methods` gives those of HTTP by which its application does an action.
    One that is a stream is all that its service is: whoever may connect to it is
    judged once, as if by a request for `/`, and not asked what is said afterwards.
    """

    name: str
    title: str
    zone: str
    service: str
    path: str
    label: Label
    methods: Mapping[str, tuple[str, ...]]
    is_stream: bool = False
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Hours:
    """When in a week a grant holds, by the time of China (UTC+8, which has no summer time).

    `days` are of ISO 8601, Monday is 1; `times` are minutes of the day, without the last one.
    """

    name: str
    title: str
    days: tuple[int, ...]
    times: tuple[tuple[int, int], ...]
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """A subject may do actions to a resource, from some zones.

    From and until a day where one is given, both included, and within hours
    where some are given.  A delegated one is called as its delegation and the
    grant that is delegated, with `/` between.
    """

    name: str
    subject: str
    resource: str
    actions: tuple[str, ...]
    zones: tuple[str, ...]
    since: date | None
    until: date | None
    hours: Hours | None
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be so, said apart from the conduits, for every pair it names."""

    name: str
    title: str
    allow: bool
    pairs: tuple[tuple[str, str], ...]
    services: tuple[Service, ...]
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Waiver:
    """An approved exception to one check for one thing, until a day."""

    name: str
    code: str
    subject: str
    reason: str
    until: date
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SettingWaiver:
    """An approved exception to one setting of the hosts at some sites, until a day."""

    name: str
    setting: str
    sites: tuple[str, ...]
    hosts: tuple[str, ...]
    reason: str
    until: date
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Links:
    """What holds for every link of a plan.

    `grace_hours`: a link may still be set up for so long after its list of
    revocations has run out.  `post_quantum`: whether a key is agreed by
    ML-KEM-768 too (FIPS 203, RFC 9370); strongSwan must have been built with it.
    """

    grace_hours: int = 0
    post_quantum: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole city, resolved.  Mappings keep the order of the documents.

    `shares_link` is no matter of the plan's but of the host that it is read on:
    whether its links have one interface together (`names.SHARED_LINK`).
    `passages` is what packets may pass: the conduits, but those that lead to a
    gate end at the gateway before it.
    """

    name: str
    title: str
    ceiling: Label
    commissioning_approval: str | None
    sites: Mapping[str, Site]
    zones: Mapping[str, Zone]
    services: Mapping[str, Service]
    conduits: tuple[Conduit, ...]
    subjects: Mapping[str, Subject]
    resources: Mapping[str, Resource]
    grants: tuple[Grant, ...]
    expectations: tuple[Expectation, ...]
    waivers: tuple[Waiver, ...]
    setting_waivers: tuple[SettingWaiver, ...] = ()
    links: Links = Links()
    shares_link: bool = field(default=False, compare=False)
    where: Where = field(default=NOWHERE, compare=False)
    passages: tuple[Conduit, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the passages, which are asked for with every packet."""
        from gateway.policy.passages import passages  # noqa: PLC0415 - it knows what a plan is

        object.__setattr__(self, "passages", passages(self))

    @property
    def gateways(self) -> tuple[str, ...]:
        """The sites whose gateway is ours, in the order of the documents."""
        return tuple(s.name for s in self.sites.values() if s.managed)

    @property
    def exercise_only(self) -> bool:
        """Tell whether every page must say 仅供演练."""
        return self.commissioning_approval is not None


@dataclass(frozen=True, slots=True)
class Flow:
    """The first packet of a flow: addresses of one family, protocol, port.

    `port` is the destination port; 0 for icmp, which means an echo request.
    """

    source: Address
    destination: Address
    protocol: Protocol
    port: int = 0
