"""What each pair of zones may say to each other, by the conduits, as ranges of ports."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gateway.policy.model import Conduit, Ports

Pair = tuple[str, str]


def ports_by_pair(conduits: Iterable[Conduit]) -> Mapping[Pair, tuple[Ports, ...]]:
    """Give the ports carried from each zone to each other, merged and in order."""
    found: dict[Pair, list[Ports]] = defaultdict(list)
    for conduit in conduits:
        found[conduit.source, conduit.destination] += conduit.ports
    return {pair: merged(ports) for pair, ports in found.items()}


def merged(ports: Iterable[Ports]) -> tuple[Ports, ...]:
    """Join ranges that overlap or touch, so that equal sets are equal values."""
    result: list[Ports] = []
    for item in sorted(ports):
        last = result[-1] if result else None
        if last is not None and last.protocol is item.protocol and item.low <= last.high + 1:
            result[-1] = Ports(last.protocol, last.low, max(last.high, item.high))
        else:
            result.append(item)
    return tuple(result)


def without(ports: Iterable[Ports], taken: Iterable[Ports]) -> tuple[Ports, ...]:
    """Give what is left of some ranges when others are taken from them."""
    parts = list(merged(ports))
    for other in taken:
        parts = [rest for part in parts for rest in _cut(part, other)]
    return tuple(parts)


def _cut(ports: Ports, taken: Ports) -> list[Ports]:
    if not ports.overlaps(taken):
        return [ports]
    below = Ports(ports.protocol, ports.low, taken.low - 1)
    above = Ports(ports.protocol, taken.high + 1, ports.high)
    return [part for part in (below, above) if part.low <= part.high]
