"""The table zone by zone: what the plan says, what is proven, what packets did.

Pure.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Problem
from gateway.policy.access import ports_by_pair
from gateway.policy.decide import zone_of
from gateway.policy.model import Zone
from lab.agreement import Judged
from lab.flows import Purpose
from lab.layout import Layout, home

Pair = tuple[str, str]

#: A probe of these is no flow of the zone whose address it claims.
_FALSE = (Purpose.SPOOFED, Purpose.STRANGER)


class Mark(StrEnum):
    """What one side says of a cell: nothing, as the plan says, or otherwise."""

    SILENT = "silent"
    AGREES = "agrees"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Cell:
    """From one zone to another: whether anything may pass, and who agrees."""

    source: str
    destination: str
    open: bool
    proven: Mark
    probed: Mark
    probes: int


def cells(
    layout: Layout,
    proven_gateways: Collection[str],
    path_findings: Collection[Problem],
    judged: Iterable[Judged],
) -> list[Cell]:
    """Give every cell of a city.

    Args:
        layout: the city.
        proven_gateways: those that hold exactly their part of the plan.
        path_findings: what is wrong with all gateways together.
        judged: what the probes did; a cell without a probe is silent.
    """
    carried = ports_by_pair(layout.plan.passages)
    probed = _probed(layout, judged)
    wrong = _named(path_findings)
    return [
        Cell(
            source=source.name,
            destination=destination.name,
            open=bool(carried.get((source.name, destination.name))),
            proven=_proven(layout, source, destination, proven_gateways, wrong),
            probed=_mark(probed.get((source.name, destination.name), [])),
            probes=len(probed.get((source.name, destination.name), [])),
        )
        for source in layout.zones
        for destination in layout.zones
        if home(source) != home(destination)
    ]


def _proven(
    layout: Layout,
    source: Zone,
    destination: Zone,
    proven_gateways: Collection[str],
    wrong: Collection[Pair],
) -> Mark:
    """Tell what the proofs of all gateways on the way say; no gateway of ours says nothing."""
    passed = {
        hop.gateway
        for version in (4, 6)
        if (address := layout.address(destination, version)) is not None
        for hop in layout.way(home(source), address)
    }
    if not passed:
        return Mark.SILENT
    places = {(one, two) for one in _names(source) for two in _names(destination)}
    if not places.isdisjoint(wrong) or not passed <= set(proven_gateways):
        return Mark.DIFFERS
    return Mark.AGREES


def _probed(layout: Layout, judged: Iterable[Judged]) -> Mapping[Pair, list[bool]]:
    found: dict[Pair, list[bool]] = {}
    for one in judged:
        probe = one.result.probe
        source = zone_of(layout.plan, probe.flow.source)
        destination = zone_of(layout.plan, probe.flow.destination)
        if source and destination and probe.purpose not in _FALSE:
            pair = (source.name, destination.name)
            found.setdefault(pair, []).append(not one.problems)
    return found


def _mark(agreed: list[bool]) -> Mark:
    if not agreed:
        return Mark.SILENT
    return Mark.AGREES if all(agreed) else Mark.DIFFERS


def _named(findings: Iterable[Problem]) -> set[Pair]:
    """Give the places that findings about paths name: zones, or sites that are not ours."""
    params = (dict(finding.params) for finding in findings)
    return {(p["source"], p["destination"]) for p in params if "source" in p and "destination" in p}


def _names(zone: Zone) -> tuple[str, str]:
    return zone.name, zone.site
