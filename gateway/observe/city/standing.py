"""How a thing stands: the one scale of the page, of the terminal and of the exit status."""

from collections.abc import Iterable
from enum import StrEnum


class Standing(StrEnum):
    """From what needs nobody to what needs somebody now.

    `apart` is what the plan keeps away from the monitoring host: it is not judged,
    and so it is not good either.
    """

    APART = "apart"
    GOOD = "good"
    WARNING = "warning"
    UNKNOWN = "unknown"
    URGENT = "urgent"


#: From the least to the worst; what is not known may be anything.
_ORDER = tuple(Standing)


def worst(standings: Iterable[Standing], empty: Standing = Standing.UNKNOWN) -> Standing:
    """Give the worst of all; `empty` where there is none."""
    return max(standings, key=_ORDER.index, default=empty)


def worst_first(standing: Standing) -> int:
    """Give what sorts the worst to the front."""
    return -_ORDER.index(standing)


def needs_somebody(standing: Standing) -> bool:
    """Tell whether somebody has to look now: it is urgent, or nobody knows."""
    return standing in {Standing.URGENT, Standing.UNKNOWN}
