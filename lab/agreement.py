"""Hold what came of real packets to the reference decision.

Pure.  A difference is a problem with a packet in it, in both languages.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.errors import Problem, problem
from gateway.policy.decide import zone_of
from gateway.policy.model import Address, Ports
from gateway.policy.reasons import Verdict
from lab.flows import Expected, Probe, expect, fits_the_flow
from lab.layout import Layout
from lab.probe import ProbeResult


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a probe, what must have, and every difference."""

    result: ProbeResult
    expected: Expected
    problems: tuple[Problem, ...]


def judge(layout: Layout, results: Iterable[ProbeResult]) -> list[Judged]:
    """Hold each result to the reference decision."""
    judged = []
    for result in results:
        expected = expect(layout, result.probe)
        differences = _differences(layout, result, expected)
        judged.append(Judged(result, expected, tuple(differences)))
    return judged


def disagreements(layout: Layout, results: Iterable[ProbeResult]) -> list[Problem]:
    """Give every difference between the reference decision and what packets did."""
    return [found for judged in judge(layout, results) for found in judged.problems]


def probe_text(layout: Layout, probe: Probe) -> str:
    """Name a probe for a person: who sends it, what it claims to be, where it goes."""
    flow = probe.flow
    service = Ports(flow.protocol, flow.port, flow.port)
    claimed, destination = _place(layout, flow.source), _place(layout, flow.destination)
    honest = flow.source in layout.nodes[probe.origin].addresses
    sender = claimed if honest else f"{probe.origin} ({claimed}?)"
    return f"{sender} → {destination} {service}"


def _differences(layout: Layout, result: ProbeResult, wanted: Expected) -> Iterator[Problem]:
    text = probe_text(layout, result.probe)
    recorded = ", ".join(f"{r.gateway}: {r.reason}" for r in result.refusals) or "-"
    if not fits_the_flow(layout, result.probe, wanted):
        yield problem("ZG667", probe=text)
    if wanted.verdict is Verdict.DROP:
        gateway, reason = wanted.gateway, wanted.reason
        if result.delivered:
            yield problem("ZG663", probe=text, gateway=gateway, reason=reason)
        elif [(r.gateway, r.reason) for r in result.refusals] != [(gateway, reason)]:
            yield problem("ZG666", probe=text, recorded=recorded, gateway=gateway, reason=reason)
    elif not result.delivered:
        yield problem("ZG664", probe=text, recorded=recorded)
    elif not result.answered or result.refusals:
        yield problem("ZG665", probe=text, recorded=recorded)


def _place(layout: Layout, address: Address) -> str:
    zone = zone_of(layout.plan, address)
    return f"{zone.name} {address}" if zone else str(address)
