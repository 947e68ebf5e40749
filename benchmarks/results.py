"""Everything that a run measured, and how its numbers are put together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.contestants import Contestant
from benchmarks.cost import Cost, Spread, spread
from benchmarks.loading import Loading
from benchmarks.passing import Passing
from benchmarks.proving import Proving
from benchmarks.updating import Updating

MEGABYTE = 1_000_000


@dataclass
class Results:
    """Everything that was measured, by size."""

    loading: dict[int, Loading] = field(default_factory=dict)
    proving: dict[int, list[Proving]] = field(default_factory=dict)
    passing: Passing | None = None
    updating: tuple[int, Updating] | None = None
    city: tuple[Cost, int] | None = None
    absent: dict[str, str] = field(default_factory=dict)


def cpus(costs: Sequence[Cost]) -> list[float]:
    """Give the processor seconds."""
    return [one.cpu_seconds for one in costs]


def cpu(costs: Sequence[Cost]) -> str:
    """Give the processor seconds in words."""
    return str(spread(cpus(costs)))


def middle(costs: Sequence[Cost]) -> float:
    """Give the median of the processor seconds."""
    return spread(cpus(costs)).middle


def sums(found: Loading, who: Contestant) -> list[float]:
    """Give what compiling and loading cost together, round by round."""
    both = zip(cpus(found.generate[who]), cpus(found.load[who]), strict=True)
    return [generating + loading_ for generating, loading_ in both]


def ratio(ones: Sequence[float], others: Sequence[float]) -> Spread:
    """Give the ratios of the same rounds."""
    return spread([one / other for one, other in zip(ones, others, strict=True)])
