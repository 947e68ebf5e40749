"""Whether the lists of revocations are fresh enough for links to be made by them.

A list says until when it speaks (RFC 5280 section 5.1.2.5).  After that a plan
may let links be made for some hours more, by what the list said last; then no
link is made, and none stands.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum


class Freshness(StrEnum):
    """How far the lists of a gateway are in their life, all taken together."""

    FRESH = "fresh"
    GRACE = "grace"
    ENDED = "ended"


def freshness(
    ends: Collection[datetime | None], wanted: int, grace_hours: int, now: datetime
) -> Freshness:
    """Judge the lists that a gateway holds.

    Args:
        ends: until when each list speaks; None where it does not say.
        wanted: how many there must be, one of each authority.
        grace_hours: how long after its end a list still counts, in hours.
        now: with a time zone.
    """
    said = [end for end in ends if end is not None]
    if not said or len(said) != len(ends) or len(said) < wanted:
        return Freshness.ENDED
    end = min(said)
    if now <= end:
        return Freshness.FRESH
    return Freshness.GRACE if now <= end + timedelta(hours=grace_hours) else Freshness.ENDED
