"""Delta or swap: what a new policy changes in the generation that is in force.

Pure.  A delta touches only elements, so it is small and quick; wherever it
could lose a permitted packet, cost more than a swap, or build on something
that is not understood, the answer is a swap, which is always right.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gateway.artefacts import Element, Generation, Ruleset, VerdictMap, named
from gateway.load.keys import Key, key_of_text, overlap
from gateway.load.listing import LiveElement, LiveGeneration, LiveMap

#: Deleting one element costs the kernel time in proportion to its map, about as
#: much for ten elements of the map as a swap takes for one of the ruleset: 16 ms
#: in a map of 10 000, against 20 microseconds (Linux 6.18).
DELETION_BUDGET = 10

#: More pairs than this to compare, and a swap is quicker than finding out.
MOST_PAIRS = 100_000


@dataclass(frozen=True, slots=True)
class MapDelta:
    """The elements that one map gains and loses; `name` is without a letter."""

    name: str
    added: tuple[Element, ...]
    deleted: tuple[LiveElement, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """What changes, map by map; empty where the two are the same."""

    maps: tuple[MapDelta, ...]

    @property
    def size(self) -> int:
        """How many elements are added or deleted."""
        return sum(len(m.added) + len(m.deleted) for m in self.maps)


def difference(
    ruleset: Ruleset,
    live: LiveGeneration,
    generation: Generation,
    same: AbstractSet[str] = frozenset(),
) -> Delta | None:
    """Give the delta from the live generation to the ruleset, or None for a swap.

    `same` names the maps that are known not to change; `live` is without them.
    """
    if live.chains != _chains(ruleset, generation):
        return None
    changing = [m for m in ruleset.maps if m.name not in same]
    if {*live.maps} != {f"{generation}_{m.name}" for m in changing}:
        return None
    found: list[MapDelta] = []
    work = 0
    for verdict_map in changing:
        live_map = live.maps[f"{generation}_{verdict_map.name}"]
        change = _map_delta(verdict_map, live_map, generation)
        if change is None:
            return None
        if change.added or change.deleted:
            found.append(change)
            work += len(change.deleted) * len(live_map.elements)
    if work > DELETION_BUDGET * ruleset.entries:
        return None
    return Delta(tuple(found))


def key_of(verdict_map: VerdictMap, element: Element) -> Key:
    """Give the key of an element as a box.

    Raises:
        ValueError: the element's key is not of the map's type.
    """
    return key_of_text(tuple(verdict_map.key_type.split(" . ")), element.key)


def _chains(ruleset: Ruleset, generation: Generation) -> dict[str, tuple[str, ...]]:
    return {
        f"{generation}_{chain.name}": tuple(named(rule, generation) for rule in chain.rules)
        for chain in ruleset.chains
    }


def _map_delta(wanted: VerdictMap, live: LiveMap, generation: Generation) -> MapDelta | None:
    """Compare one map; None where it is declared otherwise or a kept key would change."""
    declared = (wanted.key_type, wanted.ranges)
    if (live.key_type, live.ranges) != declared or not live.plain:
        return None
    boxes = {key_of(wanted, element): element for element in wanted.elements}
    kept = {
        key
        for key, element in boxes.items()
        if key in live.elements and _same(element, live.elements[key], generation)
    }
    added = {key: element for key, element in boxes.items() if key not in kept}
    deleted = {key: element for key, element in live.elements.items() if key not in kept}
    if len(added) * len(deleted) > MOST_PAIRS:
        return None
    # Between the deletion and the addition a packet of both would find neither.
    if any(overlap(new, old) for new in added for old in deleted):
        return None
    return MapDelta(wanted.name, tuple(added.values()), tuple(deleted.values()))


def _same(element: Element, live: LiveElement, generation: Generation) -> bool:
    return (named(element.verdict, generation), element.origin) == (live.verdict, live.origin)
