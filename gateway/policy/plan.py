"""From a folder of documents to a plan, or to every problem that stands in the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.errors import Problem, Where, problem, refuse_any
from gateway.labels import Label, Level
from gateway.policy.documents import Document, read_documents
from gateway.policy.entries import Entry, day, gather, unknown
from gateway.policy.host_settings import HOST_SETTINGS, HostKind
from gateway.policy.model import (
    Conduit,
    Expectation,
    Links,
    Plan,
    Ports,
    Protocol,
    Service,
    SettingWaiver,
    Waiver,
    Zone,
)
from gateway.policy.places import PlaceReader, read_label
from gateway.policy.rights import RightsReader
from gateway.policy.schema import parse_all
from gateway.policy.select import Places, choose, choose_sites, nearest, pair

_HIGHEST_PORT = 65535


def read_plan(folder: Path) -> Plan:
    """Read and resolve the plan in a folder.

    Raises:
        Refused: with every problem that could be found; each has its line.
    """
    return build_plan(read_documents(folder), str(folder))


def build_plan(documents: Iterable[Document], folder: str) -> Plan:
    """Resolve documents that were read; `folder` is how the user calls their place.

    Raises:
        Refused: as `read_plan`.
    """
    entries, problems = gather(parse_all(documents, folder))
    reader = _PlanReader(entries, problems)
    plan = reader.plan(folder)
    refuse_any(reader.problems)
    return plan


@dataclass
class _PlanReader:
    """Resolves the entries in the order in which they lean on each other."""

    entries: Mapping[str, Mapping[str, Entry]]
    problems: list[Problem] = field(default_factory=list)

    def plan(self, folder: str) -> Plan:
        head = self._head(folder)
        self.places = self._places()
        self.services = {n: self._service(e) for n, e in self.entries["services"].items()}
        rights = RightsReader(self.entries, self.places, self.services, self.problems).read()
        return Plan(
            name=head["name"] if head else "",
            title=head["title"] if head else "",
            ceiling=read_label(head["ceiling"]) if head else Label(Level.公开),
            commissioning_approval=head.get("commissioning_approval") if head else None,
            sites=self.places.sites,
            zones=self.places.zones,
            services=self.services,
            conduits=self._conduits(),
            subjects=rights.subjects,
            resources=rights.resources,
            grants=rights.grants,
            expectations=tuple(map(self._expectation, self.entries["expectations"].values())),
            waivers=tuple(map(self._waiver, self._waivers("check"))),
            setting_waivers=tuple(map(self._setting_waiver, self._waivers("setting"))),
            links=Links(**head.get("links", {})) if head else Links(),
            where=head.where() if head else Where(folder),
        )

    def _head(self, folder: str) -> Entry | None:
        heads = list(self.entries["plan"].values())
        if len(heads) == 1:
            return heads[0]
        if heads:
            where = heads[1].where()
            self.problems.append(problem("ZG121", where, first=heads[0].where()))
        else:
            self.problems.append(problem("ZG123", Where(folder)))
        return None

    def _places(self) -> Places:
        reader = PlaceReader(self.entries["kinds"])
        places = reader.read(self.entries["sites"])
        self.problems += reader.problems
        return places

    def _service(self, entry: Entry) -> Service:
        ports = [
            found
            for protocol in (Protocol.TCP, Protocol.UDP)
            for found in self._ports(entry, protocol)
        ]
        if "icmp" in entry:
            ports.append(Ports(Protocol.ICMP, 0, 0))
        ports.sort()
        for one, two in pairwise(ports):
            if one.overlaps(two):
                params = {"service": entry["name"], "one": one, "two": two}
                self.problems.append(problem("ZG119", entry.where(), **params))
        return Service(entry["name"], entry["title"], tuple(ports), entry.where())

    def _ports(self, entry: Entry, protocol: Protocol) -> list[Ports]:
        value = entry.get(protocol, [])
        found = []
        for item in value if isinstance(value, list) else [value]:
            low, _, high = str(item).partition("-")
            ports = Ports(protocol, int(low), int(high or low))
            if not 1 <= ports.low <= ports.high <= _HIGHEST_PORT:
                where = entry.where(protocol)
                self.problems.append(problem("ZG118", where, text=item))
            else:
                found.append(ports)
        return found

    def _conduits(self) -> tuple[Conduit, ...]:
        """Give every conduit, by name, so that who comes first is never a matter of files."""
        entries = sorted(self.entries["conduits"].values(), key=lambda entry: str(entry["name"]))
        return tuple(conduit for entry in entries for conduit in self._expand(entry))

    def _expand(self, entry: Entry) -> list[Conduit]:
        services = self._named_services(entry)
        return [
            Conduit(
                name=entry["name"],
                title=entry["title"],
                source=source.name,
                destination=destination.name,
                services=services,
                label=read_label(entry["label"]),
                where=entry.where(),
            )
            for source, destination in self._pairs(entry)
        ]

    def _pairs(self, entry: Entry) -> list[tuple[Zone, Zone]]:
        sources, destinations = self._zones(entry, "from"), self._zones(entry, "to")
        pairs = pair(self.places, sources, destinations, entry.get("where"))
        if sources and destinations and not pairs:
            self.problems.append(problem("ZG116", entry.where(), owner=entry["name"]))
        return pairs

    def _zones(self, entry: Entry, name: str) -> tuple[Zone, ...]:
        where = entry.where(name)
        zones, problems = choose(self.places, entry[name], where, entry["name"])
        self.problems += problems
        return zones

    def _named_services(self, entry: Entry) -> tuple[Service, ...]:
        found: dict[str, Service] = {}
        for index, name in enumerate(entry.get("services", ())):
            where = entry.where("services", index)
            if name not in self.services:
                self._unknown("ZG105", where, entry, name, self.services)
            elif name in found:
                self.problems.append(problem("ZG108", where, name=name, first=entry.where()))
            else:
                found[name] = self.services[name]
        return tuple(found.values())

    def _expectation(self, entry: Entry) -> Expectation:
        return Expectation(
            name=entry["name"],
            title=entry["title"],
            allow=entry["must"] == "allow",
            pairs=tuple((s.name, d.name) for s, d in self._pairs(entry)),
            services=self._named_services(entry) or tuple(self.services.values()),
            where=entry.where(),
        )

    def _waivers(self, about: str) -> list[Entry]:
        """Give the waivers of checks, or those of settings; one of both is refused once."""
        entries = [
            entry
            for entry in self.entries["waivers"].values()
            if ("setting" in entry) is (about == "setting")
        ]
        others = {"check", "of"} if about == "setting" else {"at", "hosts"}
        for entry in entries:
            if others & entry.fields.keys():
                self.problems.append(problem("ZG156", entry.where(), waiver=entry["name"]))
        return entries

    def _setting_waiver(self, entry: Entry) -> SettingWaiver:
        name = entry["setting"]
        if name not in HOST_SETTINGS:
            params = {
                "waiver": entry["name"],
                "setting": name,
                "near": nearest(name, HOST_SETTINGS),
            }
            self.problems.append(problem("ZG157", entry.where("setting"), **params))
        sites, problems = choose_sites(self.places, entry["at"], entry.where("at"), entry["name"])
        self.problems += problems
        hosts = entry.get("hosts")
        return SettingWaiver(
            name=entry["name"],
            setting=name,
            sites=tuple(site.name for site in sites),
            hosts=(hosts,) if hosts else tuple(HostKind),
            reason=entry["reason"],
            until=day(entry, "until", self.problems),
            where=entry.where(),
        )

    def _waiver(self, entry: Entry) -> Waiver:
        return Waiver(
            name=entry["name"],
            code=entry["check"],
            subject=entry["of"],
            reason=entry["reason"],
            until=day(entry, "until", self.problems),
            where=entry.where(),
        )

    def _unknown(
        self, code: str, where: Where, entry: Entry, name: str, known: Mapping[str, Any]
    ) -> None:
        self.problems.append(unknown(code, where, entry, name, known))
