"""What the exhibition hall may know of the city: counts, and one word. Pure.

It is made anew of numbers, and nothing of the picture is passed on: no site,
host, address, reason or alert has a way here.
"""

from collections.abc import Mapping

from gateway.observe.city.standing import Standing
from gateway.observe.city.state import CityState

#: All that is ever told, in the order of the screen.
SHOWN = ("sites", "proofs", "links")


def hall_view(city: CityState) -> dict[str, object]:
    """Give the filtered feed: how many of each stand how, and whether all is well."""
    counts = city.counts
    return {
        "title": city.title,
        "at": round(city.at),
        "exercise_only": city.exercise_only,
        "standing": str(_coarse(city.standing)),
        **{name: _by_standing(getattr(counts, name)) for name in SHOWN},
        "alerts": sum(n for name, n in counts.alerts.items() if name != Standing.UNKNOWN),
        "refused": round(sum(counts.packets.values()) + sum(counts.requests.values())),
        "accepted": round(counts.accepted),
    }


def _coarse(standing: Standing) -> Standing:
    """Say only good, attention or unknown: how bad it is is no visitor's matter."""
    return {Standing.URGENT: Standing.WARNING, Standing.APART: Standing.UNKNOWN}.get(
        standing, standing
    )


def _by_standing(tally: Mapping[str, int]) -> dict[str, int]:
    found = {str(each): 0 for each in (Standing.GOOD, Standing.WARNING, Standing.UNKNOWN)}
    for name, count in tally.items():
        if name != Standing.APART:
            found[str(_coarse(Standing(name)))] += count
    return found
