"""What changes for people when one plan takes the place of another.

Compared are the flows that pass, by address and port, not the lines or the
names: a plan that was only reordered or renamed is the same plan.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, summarize_address_range
from itertools import pairwise
from typing import Any

from gateway.errors import Language
from gateway.policy.access import merged, ports_by_pair, without
from gateway.policy.model import Grant, Network, Plan, Ports, Resource, Zone
from gateway.policy.requests import AUTHORITY
from gateway.policy.rights import STREAM_METHODS, USUAL_METHODS, hours_text
from gateway.policy.settings import settings, waivers

#: A piece of address space: its family, its first and its last address.
Piece = tuple[int, int, int]

_ADDRESS: Mapping[int, type[IPv4Address | IPv6Address]] = {4: IPv4Address, 6: IPv6Address}


#: The methods that need not be said of an action.
_USUAL = {**USUAL_METHODS, **STREAM_METHODS}


@dataclass(frozen=True, slots=True, order=True)
class FlowChange:
    """Flows from some addresses of one zone to some of another that change."""

    source: str
    source_title: str
    source_ranges: tuple[str, ...]
    destination: str
    destination_title: str
    destination_ranges: tuple[str, ...]
    ports: tuple[Ports, ...]

    def sentence(self, language: Language) -> str:
        """Say it so that the Bureau can judge it."""
        ports = ", ".join(map(str, self.ports))
        source, destination = ", ".join(self.source_ranges), ", ".join(self.destination_ranges)
        if language is Language.ZH:
            return f"{self.source_title}({source})→ {self.destination_title}({destination}):{ports}"
        return f"{self.source} ({source}) to {self.destination} ({destination}): {ports}"


@dataclass(frozen=True, slots=True, order=True)
class GrantChange:
    """Who may do what to what, or no longer may.

    `instead` are the zones of the grant that was delegated, where the delegate's are others.
    `exactly` has the addresses, ports, paths and labels, where without them one
    sentence would stand for what is new and for what is gone.
    """

    subject: str
    certificate: str
    action: str
    resource: str
    until: str
    since: str = ""
    hours: str = ""
    zones: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()
    exactly: str = ""

    def sentence(self, language: Language) -> str:
        """Say it so that the Bureau can judge it."""
        zones, methods = ", ".join(self.zones), ", ".join(self.methods)
        apart, instead = ", ".join(self.apart), ", ".join(self.instead)
        if language is Language.ZH:
            limits = (
                (f"{apart} 除外", apart),
                (f"方法 {methods}", methods),
                (f"经委托,从 {zones} 而非 {instead}", instead),
                (f"仅从 {zones}", zones and not instead),
                (f"时段 {self.hours}", self.hours),
                (f"自 {self.since}", self.since),
                (f"至 {self.until}", self.until),
                (f"具体为 {self.exactly}", self.exactly),
            )
            end = "".join(f",{text}" for text, is_said in limits if is_said)
            return f"{self.subject}(证书 {self.certificate})对 {self.resource}:{self.action}{end}"
        limits = (
            (f"but not {apart}", apart),
            (f"by {methods}", methods),
            (f"delegated, from {zones} and not {instead}", instead),
            (f"only from {zones}", zones and not instead),
            (f"within {self.hours}", self.hours),
            (f"from {self.since}", self.since),
            (f"until {self.until}", self.until),
            (f"exactly {self.exactly}", self.exactly),
        )
        end = "".join(f", {text}" for text, is_said in limits if is_said)
        who = f"{self.subject} (certificate {self.certificate})"
        return f"{who} may {self.action} {self.resource}{end}"


@dataclass(frozen=True, slots=True)
class Difference:
    """All that one plan lets pass and the other does not."""

    reachable: tuple[FlowChange, ...]
    unreachable: tuple[FlowChange, ...]
    granted: tuple[GrantChange, ...]
    withdrawn: tuple[GrantChange, ...]
    settings_gone: tuple[str, ...]
    settings_new: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing changes for anybody."""
        return not any(
            (
                self.reachable,
                self.unreachable,
                self.granted,
                self.withdrawn,
                self.settings_gone,
                self.settings_new,
            )
        )

    def as_json(self) -> dict[str, Any]:
        """Give all of it for a machine, in a fixed order."""
        return {
            "reachable": [_flow_json(change) for change in self.reachable],
            "unreachable": [_flow_json(change) for change in self.unreachable],
            "granted": [_grant_json(change) for change in self.granted],
            "withdrawn": [_grant_json(change) for change in self.withdrawn],
            "settings_gone": list(self.settings_gone),
            "settings_new": list(self.settings_new),
        }

    def canonical(self) -> bytes:
        """Give the bytes that are signed: the same difference, the same bytes."""
        text = json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True, indent=1)
        return f"{text}\n".encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hex."""
        return sha256(self.canonical()).hexdigest()


def difference(old: Plan | None, new: Plan) -> Difference:
    """Compare two plans; without an old one, everything is new."""
    pieces = _Pieces([plan for plan in (old, new) if plan is not None])
    before = pieces.access(old) if old is not None else {}
    after = pieces.access(new)
    # A first plan is new as a whole; its settings are read in its documents. What it leaves out
    # is said.
    before_settings = settings(old) if old is not None else frozenset[str]()
    after_settings = settings(new) if old is not None else waivers(new)
    granted, withdrawn = _told_apart(_grants(old) if old is not None else {}, _grants(new))
    return Difference(
        reachable=pieces.changes(new, after, before),
        unreachable=pieces.changes(old, before, after) if old is not None else (),
        granted=granted,
        withdrawn=withdrawn,
        settings_gone=tuple(sorted(before_settings - after_settings)),
        settings_new=tuple(sorted(after_settings - before_settings)),
    )


class _Pieces:
    """Address space cut wherever a zone of either plan begins or ends."""

    def __init__(self, plans: Iterable[Plan]) -> None:
        self._cuts: dict[int, list[int]] = {4: [], 6: []}
        for plan in plans:
            for zone in plan.zones.values():
                for network in zone.ranges:
                    first, last = _ends(network)
                    self._cuts[network.version] += [first, last + 1]
        self._cuts = {version: sorted(set(cuts)) for version, cuts in self._cuts.items()}

    def access(self, plan: Plan) -> dict[tuple[Piece, Piece], tuple[Ports, ...]]:
        """Give what each piece may say to each other."""
        of_zone = {zone.name: self._of(zone) for zone in plan.zones.values()}
        return {
            (source, destination): ports
            for (one, two), ports in ports_by_pair(plan.conduits).items()
            for source in of_zone[one]
            for destination in of_zone[two]
            if source[0] == destination[0]
        }

    def changes(
        self,
        plan: Plan,
        here: Mapping[tuple[Piece, Piece], tuple[Ports, ...]],
        there: Mapping[tuple[Piece, Piece], tuple[Ports, ...]],
    ) -> tuple[FlowChange, ...]:
        """Give what passes here and not there, in the words of the plan of here."""
        owner = {piece: zone for zone in plan.zones.values() for piece in self._of(zone)}
        by_zones: dict[tuple[str, str, tuple[Ports, ...]], tuple[set[Piece], set[Piece]]] = (
            defaultdict(lambda: (set(), set()))
        )
        for (source, destination), ports in here.items():
            rest = merged(without(ports, there.get((source, destination), ())))
            if rest:
                names = owner[source].name, owner[destination].name
                sources, destinations = by_zones[(*names, rest)]
                sources.add(source)
                destinations.add(destination)
        return tuple(
            sorted(
                FlowChange(
                    source=one,
                    source_title=plan.zones[one].title,
                    source_ranges=_ranges(sources),
                    destination=two,
                    destination_title=plan.zones[two].title,
                    destination_ranges=_ranges(destinations),
                    ports=ports,
                )
                for (one, two, ports), (sources, destinations) in by_zones.items()
            )
        )

    def _of(self, zone: Zone) -> list[Piece]:
        """Give the pieces that a zone consists of."""
        found: list[Piece] = []
        for network in zone.ranges:
            cuts = self._cuts[network.version]
            first, last = _ends(network)
            inside = cuts[bisect_left(cuts, first) : bisect_left(cuts, last + 1) + 1]
            found += [(network.version, one, two - 1) for one, two in pairwise(inside)]
        return found


def _ends(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _ranges(pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Write pieces as networks, those that touch as one."""
    joined: list[Piece] = []
    for version, first, last in sorted(pieces):
        if joined and joined[-1][0] == version and joined[-1][2] + 1 == first:
            joined[-1] = (version, joined[-1][1], last)
        else:
            joined.append((version, first, last))
    return tuple(str(n) for piece in joined for n in _networks(piece))


def _networks(piece: Piece) -> Iterable[Network]:
    version, first, last = piece
    address = _ADDRESS[version]
    return summarize_address_range(address(first), address(last))


@dataclass(frozen=True, slots=True)
class _Right:
    """One right by what it does and not by its names: who, from where, what, how and when."""

    asker: tuple[str, str, str]
    places: frozenset[Network]
    target: frozenset[Network]
    way: tuple[tuple[Ports, ...], str, str, tuple[str, ...]]
    action: tuple[str, tuple[str, ...]]
    when: tuple[str, str, str]

    @property
    def text(self) -> str:
        """All of it, in figures."""
        ports, path, label, _ = self.way
        places, target = (" ".join(sorted(map(str, each))) for each in (self.places, self.target))
        named = ", ".join(map(str, ports))
        return (
            f"{'/'.join(self.asker[:2])} {self.asker[2]} {places} → {target} {named} {path} {label}"
        )


_Rights = Mapping[_Right, GrantChange]


def _told_apart(
    old: _Rights, new: _Rights
) -> tuple[tuple[GrantChange, ...], tuple[GrantChange, ...]]:
    """Give what is new and what is gone; where one sentence would stand for both, say all."""
    come = {right: new[right] for right in new.keys() - old.keys()}
    gone = {right: old[right] for right in old.keys() - new.keys()}
    same = {*come.values()} & {*gone.values()}
    granted, withdrawn = (
        tuple(
            sorted(
                replace(change, exactly=right.text) if change in same else change
                for right, change in rights.items()
            )
        )
        for rights in (come, gone)
    )
    return granted, withdrawn


def _grants(plan: Plan) -> _Rights:
    """Give each single right."""
    found: dict[_Right, GrantChange] = {}
    for grant in plan.grants:
        subject, resource = plan.subjects[grant.subject], plan.resources[grant.resource]
        for action in grant.actions:
            change = _change(plan, grant, action)
            right = _Right(
                asker=(AUTHORITY[subject.type], subject.certificate, str(subject.clearance)),
                places=frozenset(r for zone in grant.zones for r in plan.zones[zone].ranges),
                target=frozenset(plan.zones[resource.zone].ranges),
                way=(
                    plan.services[resource.service].ports,
                    resource.path,
                    str(resource.label),
                    _apart(plan, resource),
                ),
                action=(action, resource.methods[action]),
                when=(change.since, change.until, change.hours),
            )
            found[right] = change
    return found


def _apart(plan: Plan, resource: Resource) -> tuple[str, ...]:
    """Give the paths below a resource's that are others': a grant to it is not for them."""
    return tuple(
        sorted(
            other.path
            for other in plan.resources.values()
            if (other.zone, other.service) == (resource.zone, resource.service)
            and other.path != resource.path
            and other.path.startswith(resource.path)
        )
    )


def _change(plan: Plan, grant: Grant, action: str) -> GrantChange:
    """Put one right into words; what is as usual is not said."""
    subject, resource = plan.subjects[grant.subject], plan.resources[grant.resource]
    instead = _zones_instead(plan, grant)
    is_said = bool(instead) or grant.zones != subject.zones
    methods = resource.methods[action]
    return GrantChange(
        subject=subject.title,
        certificate=subject.certificate,
        action=action,
        resource=resource.title,
        until=str(grant.until or ""),
        since=str(grant.since or ""),
        hours=hours_text(grant.hours) if grant.hours else "",
        zones=tuple(plan.zones[zone].title for zone in grant.zones) if is_said else (),
        methods=methods if methods != _USUAL[action] else (),
        apart=_apart(plan, resource),
        instead=tuple(plan.zones[zone].title for zone in instead),
    )


def _zones_instead(plan: Plan, grant: Grant) -> tuple[str, ...]:
    """Give the zones of the grant that was delegated, where it now holds from others too."""
    _, _, delegated = grant.name.partition("/")
    zones = next((own.zones for own in plan.grants if own.name == delegated), grant.zones)
    return zones if set(grant.zones) - set(zones) else ()


def _flow_json(change: FlowChange) -> dict[str, Any]:
    return {
        "source": change.source,
        "source_title": change.source_title,
        "source_ranges": list(change.source_ranges),
        "destination": change.destination,
        "destination_title": change.destination_title,
        "destination_ranges": list(change.destination_ranges),
        "ports": [str(ports) for ports in change.ports],
    }


def _grant_json(change: GrantChange) -> dict[str, Any]:
    return {
        "subject": change.subject,
        "certificate": change.certificate,
        "action": change.action,
        "resource": change.resource,
        "until": change.until,
        # Left out where there is none, so that what was signed before they came stays as it was.
        **({"since": change.since} if change.since else {}),
        **({"hours": change.hours} if change.hours else {}),
        **({"zones": list(change.zones)} if change.zones else {}),
        **({"methods": list(change.methods)} if change.methods else {}),
        **({"apart": list(change.apart)} if change.apart else {}),
        **({"instead": list(change.instead)} if change.instead else {}),
        **({"exactly": change.exactly} if change.exactly else {}),
    }
