"""Find the next free prefixes for a new site, beside those of its like.

The search starts where sites of its kind start and goes upwards, both families
in step, so that the same plan gives the same answer.  It knows addresses alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from math import gcd

from gateway.policy.model import Network

_FAMILY: Mapping[int, Network] = {4: IPv4Network((0, 0)), 6: IPv6Network((0, 0))}
_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: How far from its like an IPv4 or IPv6 prefix is looked for, where nothing else bounds it.
_WIDEST = {4: 8, 6: 32}


@dataclass(frozen=True, slots=True)
class Row:
    """Prefixes of one length, one every `step` addresses from the first to the last address."""

    version: int
    length: int
    first: int
    last: int
    step: int
    #: The block in which they lie, where they are taken from a hub's.
    inside: Network | None = None

    @property
    def size(self) -> int:
        """Count the addresses of one prefix."""
        return 1 << (_FAMILY[self.version].max_prefixlen - self.length)

    @property
    def count(self) -> int:
        """Count the prefixes, free or not."""
        return max(0, (self.last + 1 - self.first - self.size) // self.step + 1)

    def prefix(self, index: int) -> Network:
        """Give one prefix, counted from 0."""
        family = type(_FAMILY[self.version])
        return family((self.first + index * self.step, self.length))

    def indexes(self, network: Network) -> tuple[int, int]:
        """Give the first and the last prefix that share an address with a network."""
        first, last = int(network[0]) - self.first, int(network[-1]) - self.first
        return -(-(first - self.size + 1) // self.step), last // self.step

    def closer(self) -> "Row":
        """Give the same row with no room between the prefixes."""
        return replace(self, step=self.size)


def row_beside(peers: Sequence[Network], spaced: Sequence[Network], length: int) -> Row:
    """Give the prefixes from the lowest peer on, within the private block they lie in.

    Args:
        peers: what the new prefix is to stand beside.
        spaced: what shows how far apart prefixes are put here.
        length: prefix length of one.
    """
    lowest = min(peers, key=lambda peer: int(peer[0]))
    area = next((p for p in _PRIVATE if lowest.version == p.version and lowest.subnet_of(p)), None)
    bound = area or lowest.supernet(new_prefix=min(lowest.prefixlen, _WIDEST[lowest.version]))
    size = 1 << (lowest.max_prefixlen - length)
    first = int(lowest[0]) // size * size
    step = _step([int(one[0]) for one in spaced], size)
    return Row(lowest.version, length, first, int(bound[-1]), step)


def row_inside(block: Network, peers: Sequence[tuple[Network, Network]], length: int) -> Row:
    """Give the prefixes of a hub's block where peers lie in the blocks of theirs.

    Where all peers keep to the lower half of their hub's block, so does the
    row: the upper half is somebody else's, as that of a county is its townships'.

    Args:
        block: the block of the hub.
        peers: each peer with the block of its own hub.
        length: prefix length of one.
    """
    offsets = [int(peer[0]) - int(hub[0]) for peer, hub in peers]
    upper = any(
        2 * offset >= hub.num_addresses for offset, (_, hub) in zip(offsets, peers, strict=True)
    )
    size = 1 << max(0, block.max_prefixlen - length)
    first = int(block[0]) + -(-min(offsets) // size) * size
    last = int(block[-1]) if upper else int(block[0]) + block.num_addresses // 2 - 1
    return Row(block.version, length, first, last, _step(offsets, size), block)


def first_free(rows: Sequence[Row], taken: Iterable[Network]) -> list[Network] | None:
    """Give the prefixes at the first place that is free in every row; nothing where none is."""
    networks = list(taken)
    return _first_free(rows, networks) or _first_free([row.closer() for row in rows], networks)


def _step(starts: Sequence[int], size: int) -> int:
    """Give how far apart prefixes are put: what divides all their distances, or side by side."""
    step = gcd(*(start - min(starts) for start in starts))
    return step if step and step % size == 0 else size


def _first_free(rows: Sequence[Row], networks: Sequence[Network]) -> list[Network] | None:
    blocked = sorted(
        row.indexes(one) for row in rows for one in networks if one.version == row.version
    )
    place = 0
    for first, last in blocked:
        if first > place:
            break
        if first <= last:
            place = max(place, last + 1)
    if any(place >= row.count for row in rows):
        return None
    return [row.prefix(place) for row in rows]
