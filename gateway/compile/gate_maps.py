"""What a site's gates let pass, as maps that a proxy looks things up in.

Each map answers one question of the reference decision, in its order; what is
not in it is refused.  A key begins with the letter of its generation, so that
all maps change at one moment: when the letter in force does.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta

from gateway.artefacts import GateMaps, Generation
from gateway.policy.gates import Gate, gates_at, ways_to
from gateway.policy.model import Grant, Hours, Plan
from gateway.policy.requests import AUTHORITY, CHINA, methods_of

#: A grant without an end ends here, in seconds of the epoch; with no beginning it begins at 0.
NEVER = 253_402_300_800

QUARTER_MINUTES = 15

#: The hours of a grant that has none; no name begins so.
ALWAYS = "-"


def compile_maps(plan: Plan, site: str, generation: Generation) -> GateMaps:
    """Compile the maps of a site's gates for one generation."""
    gates = gates_at(plan, site)
    letter = f"{generation}:"
    entries = {
        "gates": {f"{g.host}:{g.port}": g.name for g in gates},
        "subjects": {
            f"{AUTHORITY[s.type]}/{s.certificate}": s.name for s in plan.subjects.values()
        },
        "ways": dict(_ways(plan, gates)),
        "routes": {f"{g.name}{r.path}": r.name for g in gates for r in g.resources},
        "grants": dict(_grants(plan, gates)),
        "hours": dict(_hours(plan)),
    }
    zones = {str(r): zone.name for zone in plan.zones.values() for r in zone.ranges}
    marked = {
        name: {f"{letter}{key}": value for key, value in found.items()}
        for name, found in entries.items()
    }
    # A proxy looks addresses up by themselves, so that each generation has a map of its own.
    return GateMaps(site, generation, {**marked, f"zones_{generation}": zones})


def _ways(plan: Plan, gates: tuple[Gate, ...]) -> Iterator[tuple[str, str]]:
    for gate in gates:
        ways = ways_to(plan, gate)
        for subject in plan.subjects.values():
            for zone in subject.zones:
                if zone in ways:
                    yield f"{subject.name}:{zone}:{gate.name}", ways[zone]


def _grants(plan: Plan, gates: tuple[Gate, ...]) -> Iterator[tuple[str, str]]:
    here = {resource.name: resource for gate in gates for resource in gate.resources}
    for grant in plan.grants:
        resource = here.get(grant.resource)
        if resource is None:
            continue
        for zone in grant.zones:
            for method in sorted(methods_of(resource, grant)):
                yield f"{grant.subject}:{zone}:{resource.name}:{method}", _limits(grant)


def _limits(grant: Grant) -> str:
    """Write a grant with its limits: name, first second, the second after the last, hours."""
    since = _midnight(grant.since) if grant.since else 0
    until = _midnight(grant.until + timedelta(days=1)) if grant.until else NEVER
    return f"{grant.name}|{since}|{until}|{grant.hours.name if grant.hours else ALWAYS}"


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), CHINA).timestamp())


def _hours(plan: Plan) -> Iterator[tuple[str, str]]:
    """Give each quarter of an hour of a week that lies within hours."""
    yield f"{ALWAYS}:", "1"
    known: Mapping[str, Hours] = {g.hours.name: g.hours for g in plan.grants if g.hours}
    for hours in known.values():
        for day in hours.days:
            for begin, end in hours.times:
                for minute in range(begin, end, QUARTER_MINUTES):
                    yield f"{hours.name}:{slot(day, minute)}", "1"


def slot(day: int, minute: int) -> str:
    """Write a quarter of an hour as its day (Monday is 1), its hour and its number: `3-08-2`."""
    return f"{day}-{minute // 60:02}-{minute % 60 // QUARTER_MINUTES}"
