"""The reference decision about one request: who may do what at a gate, and why not.

The proxy, its prover and real requests are held to it, so it is written to be
read, not to be fast.  It never looks at a host.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from gateway.policy.decide import zone_of
from gateway.policy.gates import Gate, gates_at, ways_to
from gateway.policy.model import Address, Grant, Hours, Plan, Resource, Subject
from gateway.policy.reasons import Verdict
from gateway.policy.request_reasons import RequestReason as Reason
from gateway.policy.rights import STREAM_METHODS, STREAM_PATH

#: Days and hours of a plan are those of China, which has no summer time.
CHINA = timezone(timedelta(hours=8), "CST")

#: What a path may be made of: small letters, so that no application takes two for one, what
#: RFC 3986 lets stand unescaped, and escaped bytes of UTF-8 that are no ASCII.
_PATH = re.compile(r"(/([a-z0-9._~!$'()*+,=:@&-]|%[89A-F][0-9A-F])*)+")
_STEPS = frozenset({".", ".."})

#: The authorities (`pki/`) that certify each type of subject.
AUTHORITY = {"post": "people", "office": "people", "system": "services"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it reaches a gate.

    `authority` and `name` are the organizational unit and the common name of
    the certificate's subject; `server_name` is what was asked for in TLS (RFC
    6066), `host` what in HTTP; `path` is the target without its query; `at` has
    a time zone.
    """

    source: Address
    authority: str
    name: str
    server_name: str
    host: str
    port: int
    method: str
    path: str
    at: datetime


def connection(
    source: Address, shown: tuple[str, str], server_name: str, port: int, at: datetime
) -> Request:
    """Give the request that a connection to a stream is judged as, once, when it begins.

    `shown` are authority and name of the certificate, as of a request.
    """
    authority, name = shown
    (method,) = STREAM_METHODS["connect"]
    return Request(source, authority, name, server_name, server_name, port, method, STREAM_PATH, at)


@dataclass(frozen=True, slots=True)
class RequestDecision:
    """A verdict, its reason, and whom and what it is about as far as that was found."""

    verdict: Verdict
    reason: Reason
    subject: str | None = None
    resource: str | None = None
    grant: str | None = None


def decide_request(plan: Plan, site: str, request: Request) -> RequestDecision:
    """Give the verdict at a site's gateway: accept by a grant, otherwise drop."""
    if not is_canonical(request.path):
        return RequestDecision(Verdict.DROP, Reason.NOT_CANONICAL)
    gate = _gate(plan, site, request)
    if gate is None:
        return RequestDecision(Verdict.DROP, Reason.UNKNOWN_HOST)
    subject = _subject(plan, request)
    if subject is None:
        return RequestDecision(Verdict.DROP, Reason.UNKNOWN_SUBJECT)
    zone = zone_of(plan, request.source)
    if zone is None or zone.name not in subject.zones or zone.name not in ways_to(plan, gate):
        return RequestDecision(Verdict.DROP, Reason.WRONG_ZONE, subject.name)
    resource = route(gate, request.path)
    if resource is None:
        return RequestDecision(Verdict.DROP, Reason.UNKNOWN_RESOURCE, subject.name)
    reason, grant = _by_grant(plan, subject, zone.name, resource, request)
    verdict = Verdict.ACCEPT if reason is Reason.GRANT else Verdict.DROP
    given_by = grant.name if grant else None
    return RequestDecision(verdict, reason, subject.name, resource.name, given_by)


def is_canonical(path: str) -> bool:
    """Tell whether a path can be read in one way only."""
    inside = path.split("/")[1:]
    return (
        _PATH.fullmatch(path) is not None
        and "" not in inside[:-1]
        and not _STEPS.intersection(inside)
    )


def route(gate: Gate, path: str) -> Resource | None:
    """Give the resource whose path is the longest that the path begins with."""
    found = [resource for resource in gate.resources if path.startswith(resource.path)]
    return max(found, key=lambda resource: len(resource.path), default=None)


def methods_of(resource: Resource, grant: Grant) -> frozenset[str]:
    """Give the methods of HTTP that a grant lets pass to its resource."""
    return frozenset(method for action in grant.actions for method in resource.methods[action])


def holds_on(grant: Grant, at: datetime) -> bool:
    """Tell whether a grant has begun and has not ended; both days are included."""
    day = at.astimezone(CHINA).date()
    return (grant.since is None or grant.since <= day) and (
        grant.until is None or day <= grant.until
    )


def is_within(hours: Hours | None, at: datetime) -> bool:
    """Tell whether a moment lies within hours; every one does where there are none."""
    if hours is None:
        return True
    here = at.astimezone(CHINA)
    minute = here.hour * 60 + here.minute
    return here.isoweekday() in hours.days and any(
        begin <= minute < end for begin, end in hours.times
    )


def _gate(plan: Plan, site: str, request: Request) -> Gate | None:
    if request.server_name != request.host:
        return None
    asked = (request.host, request.port)
    return next((g for g in gates_at(plan, site) if (g.host, g.port) == asked), None)


def _subject(plan: Plan, request: Request) -> Subject | None:
    shown = (request.authority, request.name)
    for subject in plan.subjects.values():
        if (AUTHORITY[subject.type], subject.certificate) == shown:
            return subject
    return None


def _by_grant(
    plan: Plan, subject: Subject, zone: str, resource: Resource, request: Request
) -> tuple[Reason, Grant | None]:
    """Give the grant that lets a request pass; else why the one that names it does not.

    No two grants name the same request: a plan with such is refused.
    """
    for grant in plan.grants:
        if (grant.subject, grant.resource) != (subject.name, resource.name):
            continue
        if zone not in grant.zones or request.method not in methods_of(resource, grant):
            continue
        if not holds_on(grant, request.at):
            return Reason.NOT_NOW, grant
        if not is_within(grant.hours, request.at):
            return Reason.OUTSIDE_HOURS, grant
        return Reason.GRANT, grant
    return Reason.NO_GRANT, None
