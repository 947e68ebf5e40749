"""Choose zones as a document names them, and pair them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Problem, Where, problem
from gateway.policy.model import Site, Zone

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Places:
    """What a document can choose from.

    `lost` are sites that could not be built and were complained of: that they
    are missing elsewhere too is not said again.
    """

    sites: Mapping[str, Site]
    zones: Mapping[str, Zone]
    kinds: Sequence[str]
    lost: frozenset[str]


def choose(
    places: Places, wanted: str | Mapping[str, Any], where: Where, owner: str
) -> tuple[tuple[Zone, ...], list[Problem]]:
    """Give the zones that a document means, in the plan's order, and what is wrong."""
    if isinstance(wanted, str):
        zone = places.zones.get(wanted)
        if zone is not None:
            return (zone,), []
        if wanted.split(".", 1)[0] in places.lost:
            return (), []
        near = nearest(wanted, places.zones)
        return (), [problem("ZG102", where, owner=owner, name=wanted, near=near)]
    sites, kinds = _names(wanted.get("site", EVERY)), _names(wanted.get("kind", EVERY))
    names = _names(wanted["zone"])
    problems = [
        *_unknown("ZG103", sites, {*places.sites, *places.lost}, where, owner),
        *_unknown("ZG104", kinds, places.kinds, where, owner),
        *([] if places.lost else _unknown("ZG102", names, _short_names(places), where, owner)),
    ]
    chosen = tuple(
        zone
        for zone in places.zones.values()
        if _matches(places.sites[zone.site], zone, sites, kinds, names)
    )
    if not chosen and not problems and not places.lost:
        problems.append(problem("ZG109", where, owner=owner))
    return chosen, problems


def choose_sites(
    places: Places, wanted: Mapping[str, Any], where: Where, owner: str
) -> tuple[tuple[Site, ...], list[Problem]]:
    """Give the sites that a document means, in the plan's order, and what is wrong."""
    sites, kinds = _names(wanted.get("site", EVERY)), _names(wanted.get("kind", EVERY))
    problems = [
        *_unknown("ZG103", sites, {*places.sites, *places.lost}, where, owner),
        *_unknown("ZG104", kinds, places.kinds, where, owner),
    ]
    chosen = tuple(
        site
        for site in places.sites.values()
        if (EVERY in sites or site.name in sites) and (EVERY in kinds or site.kind in kinds)
    )
    if not chosen and not problems and not places.lost:
        problems.append(problem("ZG158", where, owner=owner))
    return chosen, problems


def pair(
    places: Places, sources: Iterable[Zone], destinations: Iterable[Zone], where: str | None
) -> list[tuple[Zone, Zone]]:
    """Give the pairs of different zones whose sites stand to each other as said."""
    joined = _RELATIONS[where]
    ends = list(destinations)
    return [
        (source, destination)
        for source in sources
        for destination in ends
        if source.name != destination.name
        and joined(places.sites[source.site], places.sites[destination.site])
    ]


_RELATIONS: Mapping[str | None, Callable[[Site, Site], bool]] = {
    None: lambda _source, _destination: True,
    "same_site": lambda source, destination: source.name == destination.name,
    "above": lambda source, destination: source.hub == destination.name,
    "below": lambda source, destination: destination.hub == source.name,
    "counterpart": lambda source, destination: (
        source.counterpart == destination.name or destination.counterpart == source.name
    ),
}


def _short_names(places: Places) -> set[str]:
    """Give what zones are called inside their sites."""
    return {name.split(".", 1)[1] for name in places.zones}


def _matches(site: Site, zone: Zone, sites: list[str], kinds: list[str], names: list[str]) -> bool:
    short = zone.name.split(".", 1)[1]
    return (
        (EVERY in names or short in names)
        and (EVERY in sites or site.name in sites)
        and (EVERY in kinds or site.kind in kinds)
    )


def _unknown(
    code: str, names: list[str], known: Iterable[str], where: Where, owner: str
) -> list[Problem]:
    known = list(known)
    return [
        problem(code, where, owner=owner, name=name, near=nearest(name, known))
        for name in names
        if name != EVERY and name not in known
    ]


def _names(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the names a writer may have meant, or the first few there are."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    names = list(known)
    return ", ".join(get_close_matches(name, names, n=3) or names[:6])
