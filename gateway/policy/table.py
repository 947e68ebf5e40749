"""The zone by zone table of a plan: who may say what to whom, at one glance."""

from collections import defaultdict
from dataclasses import dataclass

from gateway.policy.model import Conduit, Plan, Zone


@dataclass(frozen=True, slots=True)
class Cell:
    """What one row may say to one column: conduits, services, and how many pairs of zones."""

    conduits: tuple[str, ...]
    services: tuple[str, ...]
    pairs: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns in the plan's order; a pair without a cell is refused."""

    names: tuple[str, ...]
    titles: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]


def table_of_zones(plan: Plan) -> Table:
    """Give every zone its own row and column."""
    return _table(plan, {zone.name: (zone.name, zone.title) for zone in plan.zones.values()})


def table_of_kinds(plan: Plan) -> Table:
    """Give the zones that every site of a kind has one row and column together."""
    return _table(plan, {zone.name: _kind_of(plan, zone) for zone in plan.zones.values()})


def _kind_of(plan: Plan, zone: Zone) -> tuple[str, str]:
    """Name a zone by its kind of site, such as `county.office`."""
    site = plan.sites[zone.site]
    short = zone.name.split(".", 1)[1]
    return f"{site.kind}.{short}", f"{site.kind}·{zone.title.removeprefix(site.title)}"


def _table(plan: Plan, heads: dict[str, tuple[str, str]]) -> Table:
    found: dict[tuple[str, str], list[Conduit]] = defaultdict(list)
    for conduit in plan.conduits:
        found[heads[conduit.source][0], heads[conduit.destination][0]].append(conduit)
    titles = dict(heads.values())
    return Table(
        names=tuple(titles),
        titles=tuple(titles.values()),
        cells={pair: _cell(conduits) for pair, conduits in found.items()},
    )


def _cell(conduits: list[Conduit]) -> Cell:
    services = {service.name: service for c in conduits for service in c.services}
    return Cell(
        conduits=tuple(sorted({c.name for c in conduits})),
        services=tuple(sorted(services)),
        pairs=len({(c.source, c.destination) for c in conduits}),
    )
