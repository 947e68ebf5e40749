"""Whether decisions are being recorded, so that none is served that is not; pure.

Refusing service is up to others, and so is reading this.  What has gone wrong
is over only when there is some room again, so that service does not flicker.
"""

from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """Why decisions are not being recorded."""

    STARTING = "starting"
    NO_RAW_FILE = "no_raw_file"
    DISK_FULL = "disk_full"
    CANNOT_WRITE = "cannot_write"
    BEHIND = "behind"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the follower has seen in one round."""

    is_open: bool
    can_write: bool
    free_bytes: int
    behind_bytes: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """The bounds: beyond them trouble begins, and well within them it ends."""

    reserve_bytes: int
    behind_bytes: int

    def troubles(self, seen: Seen, before: frozenset[Trouble]) -> frozenset[Trouble]:
        """Give what is wrong; none where decisions are being recorded."""
        reserve, behind = self.reserve_bytes, self.behind_bytes
        if Trouble.DISK_FULL in before:
            reserve += reserve // 4
        if Trouble.BEHIND in before:
            behind //= 2
        found = {
            Trouble.NO_RAW_FILE: not seen.is_open,
            Trouble.CANNOT_WRITE: not seen.can_write,
            Trouble.DISK_FULL: seen.free_bytes < reserve,
            Trouble.BEHIND: seen.behind_bytes > behind,
        }
        return frozenset(trouble for trouble, is_there in found.items() if is_there)
