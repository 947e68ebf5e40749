"""Who may do what to what: subjects, resources, hours, grants and delegations, resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from gateway.errors import Problem, problem
from gateway.policy.entries import Entry, day, unknown
from gateway.policy.model import Grant, Hours, Resource, Service, Subject
from gateway.policy.places import read_label
from gateway.policy.select import Places, choose

#: By which methods an action is done, unless a resource says otherwise (RFC 9110, RFC 5789).
USUAL_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "read": ("GET", "HEAD"),
        "supervise": ("GET", "HEAD"),
        "export": ("GET", "HEAD"),
        "file": ("POST",),
        "amend": ("PATCH",),
        "decide": ("PUT",),
    }
)

#: And a stream, which is no HTTP: a connection is judged as a request of this method for this path.
STREAM_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType({"connect": ("CONNECT",)})
STREAM_PATH = "/"


@dataclass(frozen=True, slots=True)
class Rights:
    """What the documents about rights say together."""

    subjects: Mapping[str, Subject]
    resources: Mapping[str, Resource]
    hours: Mapping[str, Hours]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class RightsReader:
    """Resolves the entries, and adds what is wrong with them to `problems`."""

    entries: Mapping[str, Mapping[str, Entry]]
    places: Places
    services: Mapping[str, Service]
    problems: list[Problem]

    def read(self) -> Rights:
        """Give all rights; grants first as they stand, then those that are delegated."""
        subjects = {n: self._subject(e) for n, e in self.entries["subjects"].items()}
        resources = {n: self._resource(e) for n, e in self.entries["resources"].items()}
        hours = {n: self._hours(e) for n, e in self.entries["hours"].items()}
        known = Rights(subjects, resources, hours, ())
        own = {n: self._grant(e, known) for n, e in self.entries["grants"].items()}
        delegated = [
            grant
            for entry in self.entries["delegations"].values()
            for grant in self._delegated(entry, own, subjects)
        ]
        return Rights(subjects, resources, hours, (*own.values(), *delegated))

    def _subject(self, entry: Entry) -> Subject:
        return Subject(
            name=entry["name"],
            title=entry["title"],
            type=entry["type"],
            zones=self._zones(entry, "zones"),
            clearance=read_label(entry["clearance"]),
            certificate=entry["certificate"],
            where=entry.where(),
        )

    def _resource(self, entry: Entry) -> Resource:
        self._zones(entry, "zone")
        if entry["service"] not in self.services:
            self._unknown("ZG105", entry, "service", self.services)
        is_stream = "stream" in entry
        if is_stream and ("path" in entry or "methods" in entry):
            self.problems.append(problem("ZG154", entry.where(), resource=entry["name"]))
        own = {action: tuple(sorted(found)) for action, found in entry.get("methods", {}).items()}
        return Resource(
            name=entry["name"],
            title=entry["title"],
            zone=entry["zone"],
            service=entry["service"],
            path=STREAM_PATH if is_stream else entry["path"],
            label=read_label(entry["label"]),
            methods=STREAM_METHODS if is_stream else {**USUAL_METHODS, **own},
            is_stream=is_stream,
            where=entry.where(),
        )

    def _hours(self, entry: Entry) -> Hours:
        times = tuple(sorted(_span(text) for text in entry["times"]))
        for begin, end in times:
            if begin >= end:
                text = f"{_clock(begin)}-{_clock(end)}"
                self.problems.append(problem("ZG126", entry.where("times"), text=text))
        return Hours(
            name=entry["name"],
            title=entry["title"],
            days=tuple(sorted(entry["days"])),
            times=times,
            where=entry.where(),
        )

    def _grant(self, entry: Entry, known: Rights) -> Grant:
        subject = known.subjects.get(entry["subject"])
        if subject is None:
            self._unknown("ZG106", entry, "subject", known.subjects)
        resource = known.resources.get(entry["resource"])
        if resource is None:
            self._unknown("ZG124", entry, "resource", known.resources)
        else:
            self._actions(entry, resource)
        hours = entry.get("hours")
        if hours is not None and hours not in known.hours:
            self._unknown("ZG127", entry, "hours", known.hours)
        return Grant(
            name=entry["name"],
            subject=entry["subject"],
            resource=entry["resource"],
            actions=tuple(sorted(entry["actions"])),
            zones=self._zones_of_grant(entry, subject),
            since=None,
            until=self._day(entry, "until"),
            hours=known.hours.get(hours) if hours else None,
            where=entry.where(),
        )

    def _actions(self, entry: Entry, resource: Resource) -> None:
        for action in sorted(set(entry["actions"]) - set(resource.methods)):
            params = {"grant": entry["name"], "action": action, "resource": resource.name}
            known = ", ".join(sorted(resource.methods))
            self.problems.append(problem("ZG155", entry.where("actions"), **params, known=known))

    def _zones_of_grant(self, entry: Entry, subject: Subject | None) -> tuple[str, ...]:
        """Give the subject's zones, or those of them that the grant names."""
        of_subject = subject.zones if subject else ()
        if "zones" not in entry:
            return of_subject
        chosen = self._zones(entry, "zones")
        for zone in chosen:
            if subject is not None and zone not in of_subject:
                params = {"grant": entry["name"], "zone": zone, "subject": subject.name}
                self.problems.append(problem("ZG128", entry.where("zones"), **params))
        return chosen

    def _delegated(
        self, entry: Entry, own: Mapping[str, Grant], subjects: Mapping[str, Subject]
    ) -> Iterator[Grant]:
        to = subjects.get(entry["to"])
        if to is None:
            self._unknown("ZG106", entry, "to", subjects)
        since, until = self._day(entry, "from"), self._day(entry, "until")
        if since is not None and until is not None and since > until:
            self.problems.append(problem("ZG153", entry.where(), since=since, until=until))
        for index, name in enumerate(entry["grants"]):
            grant = own.get(name)
            if grant is None:
                where = entry.where("grants", index)
                self.problems.append(unknown("ZG129", where, entry, name, own))
            elif to is not None:
                yield Grant(
                    name=f"{entry['name']}/{name}",
                    subject=to.name,
                    resource=grant.resource,
                    actions=grant.actions,
                    zones=to.zones,
                    since=since,
                    until=min(filter(None, (until, grant.until)), default=until),
                    hours=grant.hours,
                    where=entry.where(),
                )

    def _zones(self, entry: Entry, name: str) -> tuple[str, ...]:
        zones, problems = choose(self.places, entry[name], entry.where(name), entry["name"])
        self.problems.extend(problems)
        return tuple(zone.name for zone in zones)

    def _day(self, entry: Entry, name: str) -> date | None:
        return day(entry, name, self.problems) if name in entry else None

    def _unknown(self, code: str, entry: Entry, name: str, known: Mapping[str, Any]) -> None:
        self.problems.append(unknown(code, entry.where(name), entry, entry[name], known))


def hours_text(hours: Hours) -> str:
    """Write hours as they hold, without their name: `12345 08:30-12:00 14:30-18:00`."""
    days = "".join(map(str, hours.days))
    times = " ".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in hours.times)
    return f"{days} {times}"


def _span(text: str) -> tuple[int, int]:
    begin, _, end = text.partition("-")
    return _minutes(begin), _minutes(end)


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
