"""What our own packet filter does with the packets of a link; the kernel is asked, no file is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.artefacts import TABLE
from gateway.load import nft
from gateway.load.inforce import InForce, read_host, said
from gateway.policy.decide import LINK_PORTS
from gateway.policy.lines import Line
from gateway.policy.reasons import Reason

_FAMILY = "inet"
_INCOMING, _OUTGOING = "lines_in", "lines_out"


@dataclass(frozen=True, slots=True)
class Filter:
    """What the kernel holds: whether it is closed and why, what it lets pass, and who else judges.

    `permitted` has interface, source, destination and port of each entry that accepts.
    `foreign` are the tables that are not ours.
    """

    closed: str
    permitted: frozenset[tuple[str, ...]]
    foreign: tuple[str, ...]

    def refusal(self, line: Line) -> str:
        """Give what our own table lacks for a line; empty where it has all."""
        ends = {_INCOMING: (line.far, line.own), _OUTGOING: (line.own, line.far)}
        missing = [
            f"{name} {port}"
            for name, pair in ends.items()
            for port in sorted(LINK_PORTS)
            if (name, line.interface, *map(str, pair), str(port)) not in self.permitted
        ]
        return ", ".join(missing)


def look() -> Filter:
    """Ask the kernel what it holds.

    Raises:
        Refused: it cannot be asked.
    """
    host = read_host()
    foreign = tuple(str(table) for table in host.foreign_tables)
    if host.disagree:
        return Filter(said(host.outline.last_rules), frozenset(), foreign)
    if host.in_force is None:
        return Filter(Reason.NO_POLICY, frozenset(), foreign)
    return Filter("", frozenset(_permitted(host.in_force)), foreign)


def refusals() -> dict[str, int]:
    """Give how many packets each of our refusals has counted."""
    listed = nft.list_json("counters", "table", _FAMILY, TABLE) or []
    counters = [each["counter"] for each in listed if "counter" in each]
    return {str(each["name"]): int(each["packets"]) for each in counters}


def counted(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Give which refusals have counted meanwhile, and how many."""
    more = {name: count - before.get(name, 0) for name, count in after.items()}
    return ", ".join(f"{name} +{count}" for name, count in more.items() if count > 0)


def _permitted(in_force: InForce) -> Iterator[tuple[str, ...]]:
    for name in (_INCOMING, _OUTGOING):
        whole = f"{in_force.generation}_{name}"
        for each in nft.list_json("map", _FAMILY, TABLE, whole) or []:
            for element in each.get("map", {}).get("elem", []):
                key = _accepted_key(element)
                if key:
                    yield (name, *key)


def _accepted_key(element: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever nft lists
    """Give the key of an element that accepts, as text; nothing for one that does not."""
    key, verdict = element
    if "accept" not in verdict:
        return ()
    value = key["elem"]["val"] if "elem" in key else key
    return tuple(str(part) for part in value.get("concat", ()))
