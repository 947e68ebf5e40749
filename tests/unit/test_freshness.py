"""Links are made by lists that speak of today, and for a plan's grace by those of yesterday."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.policy.freshness import Freshness, freshness

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LATER, JUST, LONG = (NOW + timedelta(hours=h) for h in (100, -24, -25))


@pytest.mark.parametrize(
    ("ends", "grace", "is_so"),
    [
        pytest.param([LATER, NOW], 0, Freshness.FRESH, id="until the moment it says"),
        pytest.param([LATER, JUST], 24, Freshness.GRACE, id="a day of grace"),
        pytest.param([LATER, LONG], 24, Freshness.ENDED, id="an hour beyond it"),
        pytest.param([LATER, JUST], 0, Freshness.ENDED, id="no grace unless said"),
        pytest.param([LATER], 168, Freshness.ENDED, id="one is missing"),
        pytest.param([], 168, Freshness.ENDED, id="none is there"),
        pytest.param([LATER, None], 168, Freshness.ENDED, id="one does not say"),
    ],
)
def test_the_oldest_list_decides(ends: list[datetime | None], grace: int, is_so: Freshness) -> None:
    """Of the two that must be there."""
    assert freshness(ends, 2, grace, NOW) is is_so
