"""Resolve kinds, sites and zones: every zone gets its addresses and its interface."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from itertools import islice

from gateway.errors import Problem, Where, problem
from gateway.labels import Label, parse_label
from gateway.policy.entries import Entry
from gateway.policy.lines import LINE_NETWORK, neighbours
from gateway.policy.model import Network, NetworkName, Role, Site, Tier, Zone
from gateway.policy.names import interface_name, is_name, line_name
from gateway.policy.select import Places

_VERSIONS = (4, 6)
_DEFAULT_SIZE = {4: 24, 6: 64}

#: A network, its broadcast, the address that a pair share, and one for each of the two.
_PAIR_ADDRESSES = 8
_SIZE_FIELD = {4: "size", 6: "size6"}


@dataclass
class PlaceReader:
    """Builds sites and zones, and collects everything that is wrong with them."""

    kinds: Mapping[str, Entry]
    problems: list[Problem] = field(default_factory=list)
    zones: dict[str, Zone] = field(default_factory=dict)

    def read(self, entries: Mapping[str, Entry]) -> Places:
        """Give every site and zone that can be built."""
        sites = {name: site for name, entry in entries.items() if (site := self._site(name, entry))}
        self.problems += _bad_hubs(sites, entries)
        self.problems += _bad_counterparts(sites, entries)
        self.problems += _bad_pairs(sites.values(), self.zones, entries)
        self.problems += _overlaps(self.zones.values())
        sites = _without_lost_hubs(sites)
        zones = {name: zone for name, zone in self.zones.items() if zone.site in sites}
        self.problems += _shared_interfaces(sites, zones)
        return Places(sites, zones, tuple(self.kinds), frozenset(entries.keys() - sites.keys()))

    def _site(self, name: str, entry: Entry) -> Site | None:
        kind = self.kinds.get(entry["kind"])
        if kind is None:
            known = ", ".join(self.kinds)
            where = entry.where("kind")
            self.problems.append(
                problem("ZG104", where, owner=name, name=entry["kind"], near=known)
            )
            return None
        prefixes = {v: self._prefix(entry, v) for v in _VERSIONS}
        zones: list[str] = []
        for owner, part in _zone_entries(kind, entry):
            zone = self._zone(entry, kind, prefixes, owner, part)
            if zone is None:
                continue
            if zone.name in self.zones:
                first = self.zones[zone.name].where
                self.problems.append(problem("ZG108", zone.where, name=zone.name, first=first))
                continue
            self.zones[zone.name] = zone
            zones.append(zone.name)
        if sum(self.zones[z].is_gateway for z in zones) > 1:
            self.problems.append(problem("ZG120", entry.where(), site=name))
        return Site(
            name=name,
            title=entry["title"],
            kind=kind["name"],
            tier=Tier(kind["tier"]),
            role=Role(kind["role"]),
            hub=entry.get("hub"),
            counterpart=entry.get("counterpart"),
            managed=kind.get("managed", True),
            zones=tuple(zones),
            gateways=entry.get("gateways", 1),
            where=entry.where(),
        )

    def _prefix(self, entry: Entry, version: int) -> Network | None:
        text = entry.get(f"ipv{version}")
        if text is None:
            return None
        return self._network(text, version, entry.where(f"ipv{version}"))

    def _zone(
        self,
        site: Entry,
        kind: Entry,
        prefixes: Mapping[int, Network | None],
        owner: Entry,
        part: Entry,
    ) -> Zone | None:
        name = f"{site['name']}.{part['name']}"
        where = part.where() if owner is site else site.where()
        ranges = [
            network
            for version in _VERSIONS
            for network in self._ranges(name, kind, prefixes[version], part, version)
        ]
        if not is_name(part["name"]):
            self.problems.append(problem("ZG100", where, name=ascii(part["name"])))
        missing = [f"ipv{v}" for v in _VERSIONS if v not in {n.version for n in ranges}]
        if missing:
            self.problems.append(problem("ZG113", where, zone=name, missing=", ".join(missing)))
            return None
        return Zone(
            name=name,
            title=f"{site['title']}{part['title']}",
            site=site["name"],
            network=NetworkName(part.get("network") or kind.get("network") or "office"),
            ceiling=read_label(part["ceiling"]),
            ranges=tuple(ranges),
            interface="" if part.get("gateway") else interface_name(part["name"]),
            where=where,
        )

    def _ranges(
        self, name: str, kind: Entry, prefix: Network | None, part: Entry, version: int
    ) -> Iterator[Network]:
        for text in part.get(f"ipv{version}", ()):
            network = self._network(text, version, part.where(f"ipv{version}"))
            if network is not None:
                yield network
        if "part" in part and prefix is not None:
            size = kind.get(_SIZE_FIELD[version], _DEFAULT_SIZE[version])
            parts = 2 ** (size - prefix.prefixlen) if size >= prefix.prefixlen else 0
            if part["part"] >= parts:
                where = part.where("part")
                params = {"zone": name, "part": part["part"], "prefix": prefix, "parts": parts}
                self.problems.append(problem("ZG112", where, **params))
                return
            yield _nth_part(prefix, size, part["part"])

    def _network(self, text: str, version: int, where: Where) -> Network | None:
        try:
            network = ip_network(text)
        except ValueError as error:
            self.problems.append(problem("ZG110", where, text=text, error=error))
            return None
        if network.version != version:
            found = f"IPv{network.version}"
            self.problems.append(problem("ZG110", where, text=text, error=found))
            return None
        if not _usable(network):
            self.problems.append(problem("ZG122", where, text=text))
            return None
        return network


def read_label(text: str) -> Label:
    """Read a label whose form the schema has checked; a repeated category counts once."""
    level, *categories = text.split()
    return parse_label(" ".join([level, *dict.fromkeys(categories)]))


def _zone_entries(kind: Entry, site: Entry) -> Iterator[tuple[Entry, Entry]]:
    for owner in (kind, site):
        for index in range(len(owner.get("zones", ()))):
            yield owner, owner.inner("zones", index)


def _nth_part(prefix: Network, size: int, index: int) -> Network:
    base = int(prefix.network_address) + (index << (prefix.max_prefixlen - size))
    return type(prefix)((base, size))


def _usable(network: Network) -> bool:
    """Tell whether hosts can live there: no loopback, multicast, link-local or all."""
    return not (
        network.prefixlen == 0
        or network.is_multicast
        or network.is_loopback
        or network.is_link_local
        or network.is_unspecified
    )


def _bad_hubs(sites: Mapping[str, Site], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    for site in sites.values():
        if site.hub is not None and site.hub not in sites:
            where = entries[site.name].where("hub")
            near = ", ".join(list(sites)[:6])
            yield problem("ZG103", where, owner=site.name, name=site.hub, near=near)
        elif _in_circle(sites, site):
            yield problem("ZG114", entries[site.name].where("hub"), site=site.name)


def _in_circle(sites: Mapping[str, Site], site: Site) -> bool:
    seen: set[str] = set()
    name: str | None = site.name
    while name is not None and name in sites:
        if name in seen:
            return True
        seen.add(name)
        name = sites[name].hub
    return False


def _without_lost_hubs(sites: Mapping[str, Site]) -> dict[str, Site]:
    """Leave out, after it was reported, what later steps could not follow."""
    return {
        name: site
        for name, site in sites.items()
        if (site.hub is None or site.hub in sites) and not _in_circle(sites, site)
    }


def _bad_counterparts(sites: Mapping[str, Site], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    for site in sites.values():
        if site.counterpart is not None and site.counterpart not in sites:
            where = entries[site.name].where("counterpart")
            near = ", ".join(s.name for s in sites.values() if s.role is Role.DEPARTMENT)
            yield problem("ZG103", where, owner=site.name, name=site.counterpart, near=near)


def _bad_pairs(
    sites: Iterable[Site], zones: Mapping[str, Zone], entries: Mapping[str, Entry]
) -> Iterator[Problem]:
    """Find sites that cannot have two gateways, or have no addresses for them.

    Who stands by has no address on a line, so that it could not begin a link upwards.
    """
    for site in (site for site in sites if site.is_pair):
        where = entries[site.name].where("gateways")
        if site.hub is not None or not site.managed:
            yield problem("ZG151", where, site=site.name)
        own = [zones[name] for name in site.zones if zones[name].is_gateway]
        sizes = [network.num_addresses for zone in own for network in zone.ranges]
        if not sizes or min(sizes) < _PAIR_ADDRESSES:
            yield problem("ZG152", where, site=site.name)


def _overlaps(zones: Iterable[Zone]) -> Iterator[Problem]:
    """Find ranges that share an address, in order of address: only neighbours can."""
    rows = [(network, zone) for zone in zones for network in zone.ranges]
    for network, zone in rows:
        if network.version == LINE_NETWORK.version and network.overlaps(LINE_NETWORK):
            params = {"zone": zone.name, "range": network, "lines": LINE_NETWORK}
            yield problem("ZG150", zone.where, **params)
    rows.sort(key=lambda row: (row[0].version, int(row[0].network_address), row[0].prefixlen))
    for index, (network, zone) in enumerate(rows):
        for other, other_zone in islice(rows, index + 1, None):
            if not network.overlaps(other):
                break
            where = other_zone.where
            params = {"zone": other_zone.name, "range": other, "other": zone.name}
            yield problem("ZG111", where, **params, other_range=network, first=zone.where)


def _shared_interfaces(sites: Mapping[str, Site], zones: Mapping[str, Zone]) -> Iterator[Problem]:
    """Find a gateway on which a zone and a neighbour would be the same interface."""
    linked = neighbours(sites)
    for site in sites.values():
        taken: dict[str, str] = {}
        named = [(interface_name(other), other) for other in linked[site.name]]
        named += [(line_name(other), other) for other in linked[site.name]]
        named += [(zones[z].interface, z) for z in site.zones if zones[z].interface]
        for interface, name in named:
            if interface in taken:
                params = {"site": site.name, "interface": interface}
                yield problem("ZG117", site.where, **params, one=taken[interface], two=name)
            taken[interface] = name
