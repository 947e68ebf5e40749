"""Check a plan against the law, the lattice, the matrix, its expectations and itself.

Pure: the day is given, not asked for.  What the law forbids cannot be waived.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

from gateway.errors import Problem, Where, problem
from gateway.labels import HIGHEST_UNACCREDITED, Label, Level, dominates
from gateway.policy.access import Pair, merged, ports_by_pair, without
from gateway.policy.check_rights import check_rights
from gateway.policy.host_settings import LONGEST_WAIVER
from gateway.policy.matrix import check_matrix
from gateway.policy.model import Conduit, Expectation, Plan, Ports, SettingWaiver, Waiver
from gateway.policy.topology import path

#: The checks that a dated waiver may lift; none of them states a law.
WAIVABLE = frozenset({"ZG204", "ZG205", "ZG220"})


def check_plan(plan: Plan, today: date) -> list[Problem]:
    """Give everything that is wrong with a plan on a day; nothing means it may be signed."""
    found = [
        *_ceilings(plan),
        *_labels(plan),
        *check_matrix(plan),
        *_unlinked(plan),
        *_redundant(plan),
        *check_rights(plan, today),
        *_expectations(plan),
        *_contradictions(plan),
        *_setting_waivers(plan, today),
    ]
    return sorted(set(_waive(plan, found, today)))


def _ceilings(plan: Plan) -> Iterator[Problem]:
    approved = plan.commissioning_approval is not None
    if plan.ceiling.level > HIGHEST_UNACCREDITED and not approved:
        yield problem("ZG210", plan.where, ceiling=plan.ceiling)
    yield from _top_secret(plan.name, plan.ceiling, plan.where)
    for zone in plan.zones.values():
        yield from _top_secret(zone.name, zone.ceiling, zone.where)
        if zone.ceiling.level > plan.ceiling.level:
            params = {"zone": zone.name, "ceiling": zone.ceiling, "limit": plan.ceiling}
            yield problem("ZG211", zone.where, **params)


def _labels(plan: Plan) -> Iterator[Problem]:
    for conduit in _first_of_each_name(plan.conduits):
        yield from _top_secret(conduit.name, conduit.label, conduit.where)
    for conduit in plan.conduits:
        for code, name in (("ZG213", conduit.source), ("ZG212", conduit.destination)):
            ceiling = plan.zones[name].ceiling
            if not dominates(ceiling, conduit.label):
                params = {"conduit": conduit.name, "label": conduit.label, "zone": name}
                yield problem(code, conduit.where, **params, ceiling=ceiling)
    for subject in plan.subjects.values():
        yield from _top_secret(subject.name, subject.clearance, subject.where)
        if subject.clearance.level > plan.ceiling.level:
            params = {"subject": subject.name, "clearance": subject.clearance}
            yield problem("ZG214", subject.where, **params, limit=plan.ceiling)
    for resource in plan.resources.values():
        yield from _top_secret(resource.name, resource.label, resource.where)
        ceiling = plan.zones[resource.zone].ceiling
        if not dominates(ceiling, resource.label):
            params = {"resource": resource.name, "label": resource.label}
            yield problem("ZG218", resource.where, **params, zone=resource.zone, ceiling=ceiling)


def _top_secret(name: str, label: Label, where: Where) -> Iterator[Problem]:
    """A city organ may not originate 绝密: 保密法 (2024) article 17."""
    if label.level is Level.绝密:
        yield problem("ZG215", where, name=name)


def _first_of_each_name(conduits: Iterable[Conduit]) -> list[Conduit]:
    return list({conduit.name: conduit for conduit in conduits}.values())


def _unlinked(plan: Plan) -> Iterator[Problem]:
    for conduit in plan.conduits:
        source, destination = plan.zones[conduit.source], plan.zones[conduit.destination]
        if not path(plan, plan.sites[source.site], plan.sites[destination.site]):
            params = {"conduit": conduit.name, "source": source.name}
            yield problem("ZG226", conduit.where, **params, destination=destination.name)


def _redundant(plan: Plan) -> Iterator[Problem]:
    """Find conduits whose flows between some two zones all pass by others anyway."""
    by_pair: dict[Pair, list[Conduit]] = defaultdict(list)
    for conduit in plan.conduits:
        by_pair[conduit.source, conduit.destination].append(conduit)
    reported: set[str] = set()
    for (source, destination), conduits in by_pair.items():
        remaining = list(conduits)
        for conduit in reversed(conduits):
            others = [other for other in remaining if other is not conduit]
            if others and not without(conduit.ports, (p for o in others for p in o.ports)):
                remaining = others
                if conduit.name not in reported:
                    reported.add(conduit.name)
                    params = {"conduit": conduit.name, "source": source}
                    names = ", ".join(o.name for o in others)
                    yield problem(
                        "ZG220", conduit.where, **params, destination=destination, others=names
                    )


def _expectations(plan: Plan) -> Iterator[Problem]:
    """Give each expectation that fails, once, with one pair that breaks it."""
    carried = ports_by_pair(plan.conduits)
    for expectation in plan.expectations:
        wanted = merged(p for service in expectation.services for p in service.ports)
        for pair in expectation.pairs:
            broken = _broken(expectation, wanted, carried.get(pair, ()))
            if broken is not None:
                yield problem(
                    "ZG221" if expectation.allow else "ZG227",
                    expectation.where,
                    expectation=expectation.name,
                    source=pair[0],
                    destination=pair[1],
                    ports=broken,
                )
                break


def _broken(
    expectation: Expectation, wanted: tuple[Ports, ...], way: tuple[Ports, ...]
) -> Ports | None:
    """Give ports that show that an expectation does not hold for a pair."""
    missing = without(wanted, way)
    if expectation.allow:
        return missing[0] if missing else None
    return next((p for p in way if any(p.overlaps(w) for w in wanted)), None)


def _contradictions(plan: Plan) -> Iterator[Problem]:
    """Find two expectations of which one wants what the other forbids."""
    allowed: dict[Pair, list[Expectation]] = defaultdict(list)
    for expectation in plan.expectations:
        if expectation.allow:
            for pair in expectation.pairs:
                allowed[pair].append(expectation)
    for expectation in plan.expectations:
        if not expectation.allow:
            other = next(
                (
                    other
                    for pair in expectation.pairs
                    for other in allowed.get(pair, ())
                    if _share_a_port(expectation, other)
                ),
                None,
            )
            if other is not None:
                params = {"one": expectation.name, "two": other.name}
                yield problem("ZG222", expectation.where, **params, place=other.where)


def _share_a_port(one: Expectation, two: Expectation) -> bool:
    return any(
        p.overlaps(q) for s in one.services for p in s.ports for t in two.services for q in t.ports
    )


def _setting_waivers(plan: Plan, today: date) -> Iterator[Problem]:
    """Find waivers of hosts' settings that have ended, are too long or are for nobody's hosts."""
    for waiver in plan.setting_waivers:
        params = {"waiver": waiver.name, "setting": waiver.setting}
        if waiver.until < today:
            yield problem("ZG241", waiver.where, **params, until=waiver.until)
        if not any(plan.sites[site].managed for site in waiver.sites):
            yield problem("ZG240", waiver.where, **params)
        yield from _too_long(waiver, today)


def _too_long(waiver: Waiver | SettingWaiver, today: date) -> Iterator[Problem]:
    if waiver.until - today > LONGEST_WAIVER:
        params = {"waiver": waiver.name, "until": waiver.until, "limit": LONGEST_WAIVER.days}
        yield problem("ZG239", waiver.where, **params)


def _waive(plan: Plan, found: list[Problem], today: date) -> Iterator[Problem]:
    """Leave out what a waiver in force lifts; complain of waivers that lift nothing."""
    lifted: set[Problem] = set()
    for waiver in plan.waivers:
        params = {"waiver": waiver.name, "check": waiver.code, "of": waiver.subject}
        if waiver.code not in WAIVABLE:
            yield problem("ZG225", waiver.where, **params, waivable=", ".join(sorted(WAIVABLE)))
            continue
        if waiver.until < today:
            yield problem("ZG223", waiver.where, **params, until=waiver.until)
            continue
        yield from _too_long(waiver, today)
        matching = [
            p
            for p in found
            if p.code == waiver.code and dict(p.params).get("conduit") == waiver.subject
        ]
        if not matching:
            yield problem("ZG224", waiver.where, **params)
        lifted.update(matching)
    yield from (p for p in found if p not in lifted)
