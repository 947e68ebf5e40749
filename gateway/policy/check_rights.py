"""Check who may do what: rights that the lattice forbids, lead nowhere, or are unclear."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import combinations

from gateway.errors import Problem, problem
from gateway.labels import dominates
from gateway.policy.access import ports_by_pair, without
from gateway.policy.gates import Gate, gates_at
from gateway.policy.model import Grant, Plan, Ports, Protocol, Resource, Subject
from gateway.policy.passages import gateway_zone
from gateway.policy.requests import AUTHORITY, methods_of

#: A name's part between two dots has at most so many octets (RFC 1035 section 2.3.4).
_LONGEST_LABEL = 63

#: They change nothing (RFC 9110 section 9.2.1), so who may read by one may read by the other.
_READING = frozenset({"GET", "HEAD"})


def check_rights(plan: Plan, today: date) -> Iterator[Problem]:
    """Give everything that is wrong with subjects, resources and grants on a day."""
    yield from _subjects(plan)
    yield from _resources(plan)
    yield from _gates(plan)
    yield from _grants(plan, today)
    yield from _doubles(plan)


def _subjects(plan: Plan) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Subject] = {}
    for subject in plan.subjects.values():
        shown = (AUTHORITY[subject.type], subject.certificate)
        first = seen.setdefault(shown, subject)
        if first is not subject:
            params = {"subject": subject.name, "other": first.name}
            yield problem("ZG229", subject.where, **params, certificate=subject.certificate)


def _resources(plan: Plan) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], Resource] = {}
    for resource in plan.resources.values():
        first = seen.setdefault((resource.zone, resource.service, resource.path), resource)
        if first is not resource:
            params = {"resource": resource.name, "other": first.name}
            yield problem("ZG232", resource.where, **params, path=resource.path)
        ports = plan.services[resource.service].ports
        if (
            len(ports) != 1
            or ports[0].protocol is not Protocol.TCP
            or ports[0].low != ports[0].high
        ):
            params = {"resource": resource.name, "service": resource.service}
            yield problem("ZG228", resource.where, **params, ports=", ".join(map(str, ports)))
        for one, two in combinations(sorted(resource.methods), 2):
            both = {*resource.methods[one]} & {*resource.methods[two]} - _READING
            if both:
                params = {"resource": resource.name, "one": one, "two": two}
                yield problem("ZG231", resource.where, **params, methods=", ".join(sorted(both)))


def _is_one_tcp_port(ports: tuple[Ports, ...]) -> bool:
    return len(ports) == 1 and ports[0] == Ports(Protocol.TCP, ports[0].low, ports[0].low)


def _gates(plan: Plan) -> Iterator[Problem]:
    seen: dict[tuple[str, int], Gate] = {}
    for gate in (gate for site in plan.sites for gate in gates_at(plan, site)):
        first = seen.setdefault((gate.host, gate.port), gate)
        if first is not gate:
            params = {"one": first.zone, "two": gate.zone, "host": gate.host}
            yield problem("ZG233", gate.resources[0].where, **params)
        label = gate.host.partition(".")[0]
        if len(label) > _LONGEST_LABEL:
            params = {"zone": gate.zone, "label": label, "longest": str(_LONGEST_LABEL)}
            yield problem("ZG234", gate.resources[0].where, **params)
        yield from _port_taken(plan, gate)
    for site in plan.sites:
        yield from _streams_apart(gates_at(plan, site))


def _port_taken(plan: Plan, gate: Gate) -> Iterator[Problem]:
    """Find another service of the gateway at a gate's port."""
    before = gateway_zone(plan, plan.zones[gate.zone].site)
    asked = Ports(Protocol.TCP, gate.port, gate.port)
    for conduit in plan.conduits:
        if conduit.destination == before.name and any(asked.overlaps(p) for p in conduit.ports):
            params = {"service": gate.service, "conduit": conduit.name, "port": asked}
            yield problem("ZG238", gate.resources[0].where, **params, zone=gate.zone)
            return


def _streams_apart(gates: tuple[Gate, ...]) -> Iterator[Problem]:
    """Find ports by which a stream is reached and something else: how would what comes be judged?

    Streams in several zones may have one port, for each is asked for by its zone's name.
    """
    here = [(gate, resource) for gate in gates for resource in gate.resources]
    for gate, stream in ((gate, resource) for gate, resource in here if resource.is_stream):
        for beside, other in here:
            is_apart = beside.port != gate.port or (beside.name != gate.name and other.is_stream)
            if other is not stream and not is_apart:
                params = {"resource": stream.name, "other": other.name, "port": str(gate.port)}
                yield problem("ZG235", stream.where, **params)


def _grants(plan: Plan, today: date) -> Iterator[Problem]:
    carried = ports_by_pair(plan.conduits)
    for grant in plan.grants:
        subject, resource = plan.subjects[grant.subject], plan.resources[grant.resource]
        params = {"grant": grant.name, "subject": subject.name, "resource": resource.name}
        if not dominates(subject.clearance, resource.label):
            clearance, label = subject.clearance, resource.label
            yield problem("ZG216", grant.where, **params, clearance=clearance, label=label)
        needed = plan.services[resource.service].ports
        ways = (carried.get((zone, resource.zone), ()) for zone in grant.zones)
        if resource.zone not in grant.zones and all(without(needed, way) for way in ways):
            yield problem("ZG217", grant.where, **params, zone=resource.zone)
        if grant.until is not None and grant.until < today:
            yield problem("ZG219", grant.where, **params, until=grant.until)


def _doubles(plan: Plan) -> Iterator[Problem]:
    """Find two grants that name one request: with other hours or another end, which would count?"""
    named: dict[tuple[str, str, str, str], list[Grant]] = defaultdict(list)
    for grant in plan.grants:
        for method in methods_of(plan.resources[grant.resource], grant):
            for zone in grant.zones:
                named[grant.subject, grant.resource, zone, method].append(grant)
    told: set[tuple[str, str]] = set()
    for (subject, resource, zone, method), grants in named.items():
        for one, two in combinations(grants, 2):
            if (one.name, two.name) not in told:
                told.add((one.name, two.name))
                params = {"one": one.name, "two": two.name, "subject": subject, "zone": zone}
                yield problem("ZG230", two.where, **params, resource=resource, method=method)
