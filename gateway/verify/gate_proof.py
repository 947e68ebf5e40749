"""The proof of a site's gates: that the proxy lets pass what was granted, and nothing else.

What the maps should hold is worked out here from the plan, and shares nothing
with what was compiled.  Each map that the proxy has is accounted for.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from gateway.errors import NOWHERE, Problem, problem
from gateway.policy.gates import gates_at, ways_to
from gateway.policy.model import Grant, Plan
from gateway.policy.requests import AUTHORITY, CHINA, is_within, methods_of
from gateway.verify.gate_configuration import conditions_of, limits_of, servers_of
from gateway.verify.gates import LETTERED, LiveGates, Maps

#: So many findings are given for each map.
FINDINGS_LIMIT = 5

#: The maps that are of no generation.
_ALWAYS_THERE = ("current", "revoked", "tokens")
_LETTERS = ("a", "b")

_NO_END, _NO_HOURS = "253402300800", "-"
_QUARTER = timedelta(minutes=15)

#: A Monday, to count hours of a week from.
_MONDAY = date(2024, 1, 1)


@dataclass(frozen=True, slots=True)
class SignedGates:
    """What was signed for one site's gates.

    `digest` is what `configuration`, of this policy, is called by; `authorities` and `certificates`
    are the SHA-1 fingerprints of whom it trusts and of what it shows, by the file they stand in;
    `revoked` are the authorities and serial numbers of every list, as in `people/3A0F`; `latest` is
    the moment until which it may be in force at most before it is proven again.
    """

    plan: Plan
    site: str
    revision: int
    digest: str
    configuration: str
    authorities: Mapping[str, frozenset[str]]
    certificates: Mapping[str, str]
    revoked: Collection[str]
    latest: datetime


def find_in_gates(signed: SignedGates, live: LiveGates) -> Iterator[Problem]:
    """Give everything in which the proxy differs from the signed policy."""
    if live.digest != signed.digest:
        yield problem("ZG690", found=live.digest[:16] or "-", wanted=signed.digest[:16])
    else:
        yield from _changed_since(signed, live)
    yield from _strange_maps(live)
    yield from _revocations(live, signed.revoked)
    if live.letter not in _LETTERS:
        yield problem("ZG691")
        return
    if live.revision != str(signed.revision):
        found, wanted = live.revision, signed.revision
        yield problem("ZG694", map="current", key="revision", found=found, wanted=wanted)
    if not live.until.isdecimal() or int(live.until) > signed.latest.timestamp():
        yield problem("ZG689", found=live.until, wanted=int(signed.latest.timestamp()))
    for name, entries in wanted_maps(signed.plan, signed.site).items():
        yield from _compared(name, live.in_force[name], entries)


def wanted_maps(plan: Plan, site: str) -> Maps:
    """Give what each map should hold, without the letter of a generation."""
    gates = gates_at(plan, site)
    return {
        "gates": {f"{gate.host}:{gate.port}": gate.name for gate in gates},
        "subjects": {
            f"{AUTHORITY[subject.type]}/{subject.certificate}": subject.name
            for subject in plan.subjects.values()
        },
        "zones": {str(net): zone.name for zone in plan.zones.values() for net in zone.ranges},
        "ways": {
            f"{subject.name}:{zone}:{gate.name}": conduit
            for gate in gates
            for zone, conduit in ways_to(plan, gate).items()
            for subject in plan.subjects.values()
            if zone in subject.zones
        },
        "routes": {f"{g.name}{each.path}": each.name for g in gates for each in g.resources},
        "grants": {
            f"{grant.subject}:{zone}:{each.name}:{method}": _limits(grant)
            for gate in gates
            for each in gate.resources
            for grant in plan.grants
            if grant.resource == each.name
            for method in methods_of(each, grant)
            for zone in grant.zones
        },
        "hours": _hours(plan),
    }


def _changed_since(signed: SignedGates, live: LiveGates) -> Iterator[Problem]:
    """Find what was changed at the control socket: the digest is that of the beginning."""
    steps, servers = conditions_of(signed.configuration), servers_of(signed.configuration)
    wanted = {**_as_words(steps), **servers, **_as_words(signed.authorities)}
    found = {**_as_words(live.conditions), **live.servers, **_as_words(live.authorities)}
    yield from _differing("ZG699", found, wanted)
    yield from _differing("ZG687", live.certificates, signed.certificates)
    yield from _differing("ZG688", live.limits, limits_of(signed.configuration))


def _differing(code: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[Problem]:
    """Say what is otherwise than it must be, one by one."""
    names = sorted(what for what in {*found, *wanted} if found.get(what) != wanted.get(what))
    for what in names[:FINDINGS_LIMIT]:
        held, must = found.get(what) or "-", wanted.get(what) or "-"
        yield problem(code, what=what, found=held, wanted=must)


def _as_words(
    found: Mapping[int, Collection[str]] | Mapping[str, Collection[str]],
) -> dict[str, str]:
    """Write what stands on a line, or in a file, as words, in order."""
    return {
        f"line {at}" if isinstance(at, int) else at: " ".join(
            held if isinstance(held, tuple) else sorted(held)
        )
        for at, held in found.items()
    }


def _strange_maps(live: LiveGates) -> Iterator[Problem]:
    """Find maps that nobody knows, that are missing, or that hold what is of no generation."""
    known = {*LETTERED, *_ALWAYS_THERE, *(f"zones_{letter}" for letter in _LETTERS)}
    for name in sorted(known.symmetric_difference(live.maps)):
        yield problem("ZG693", map=name)
    for name in LETTERED:
        left = [k for k in live.maps.get(name, {}) if not k.startswith(f"{live.letter}:")]
        for key in sorted(left)[:FINDINGS_LIMIT]:
            yield problem("ZG695", map=name, key=key)
    for letter in _LETTERS:
        if letter != live.letter and live.maps.get(f"zones_{letter}"):
            yield problem("ZG695", map=f"zones_{letter}", key="*")


def _revocations(live: LiveGates, revoked: Collection[str]) -> Iterator[Problem]:
    held = live.maps.get("revoked", {})
    for each in sorted(set(revoked) - held.keys())[:FINDINGS_LIMIT]:
        yield problem("ZG696", certificate=each)
    for each in sorted(held.keys() - set(revoked))[:FINDINGS_LIMIT]:
        yield problem("ZG697", certificate=each)


def _compared(name: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[Problem]:
    differing = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
    for key in differing[:FINDINGS_LIMIT]:
        yield _difference(name, key, found.get(key), wanted.get(key))


def _difference(name: str, key: str, found: str | None, wanted: str | None) -> Problem:
    """Say what a difference does, where it is one of rights; else what it is."""
    if name == "grants" and (found is None or wanted is None):
        subject, zone, resource, method = key.split(":")
        params = {"subject": subject, "zone": zone, "resource": resource, "method": method}
        return problem("ZG698" if found is None else "ZG692", NOWHERE, **params)
    return problem("ZG694", map=name, key=key, found=found or "-", wanted=wanted or "-")


def _limits(grant: Grant) -> str:
    begin = _second(grant.since) if grant.since else "0"
    end = _second(grant.until + timedelta(days=1)) if grant.until else _NO_END
    return "|".join((grant.name, begin, end, grant.hours.name if grant.hours else _NO_HOURS))


def _second(day: date) -> str:
    return str(int(datetime.combine(day, time(), CHINA).timestamp()))


def _hours(plan: Plan) -> Mapping[str, str]:
    """Give the quarters of an hour in hours, by going through a week."""
    begin = datetime.combine(_MONDAY, time(), CHINA)
    week = [begin + n * _QUARTER for n in range(7 * 24 * 4)]
    named = {grant.hours.name: grant.hours for grant in plan.grants if grant.hours is not None}
    slots = {
        f"{name}:{at:%u-%H}-{at.minute // 15}": "1"
        for name, hours in named.items()
        for at in week
        if is_within(hours, at)
    }
    return {**slots, f"{_NO_HOURS}:": "1"}
