"""The Merkle tree of RFC 6962, as far as a log that only grows needs it.

Of a tree of any size only its peaks are kept, one hash for each bit of the
size: enough to add a leaf, and to give the root.  It knows no file.
"""

from dataclasses import dataclass, field
from hashlib import sha256


def leaf_hash(content: bytes) -> bytes:
    """Give the hash of a leaf; the first byte keeps leaves and nodes apart."""
    return sha256(b"\0" + content).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Tree:
    """How many leaves there are, and the roots of the whole trees they make, largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        carried, size = leaf, self.size
        while size & 1:
            carried = _node_hash(self.peaks.pop(), carried)
            size >>= 1
        self.peaks.append(carried)
        self.size += 1

    def root(self) -> bytes:
        """Give the hash that stands for every leaf and its place."""
        if not self.peaks:
            return sha256(b"").digest()
        found = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            found = _node_hash(peak, found)
        return found
