"""What must be so, and whether it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.contestants import Contestant
from benchmarks.cost import Cost, shown, spread
from benchmarks.loading import Loading
from benchmarks.passing import Passing, Rounds
from benchmarks.proving import Proving
from benchmarks.results import MEGABYTE, Results, cpus, middle, ratio, sums
from benchmarks.updating import Updating

#: The sizes that bars are about.
SMALL, USUAL, LARGE = 100, 10_000, 50_000

_GIBIBYTE = 1 << 30


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must be so, what was measured, and whether it is; `met` None: not measured."""

    what: str
    bar: str
    measured: str
    met: bool | None

    @property
    def verdict(self) -> str:
        """Say it in a word."""
        return "not measured" if self.met is None else "met" if self.met else "NOT MET"


def judged(results: Results) -> list[Bar]:
    """Hold what was measured against the bars."""
    return [
        *_loading_bars(results.loading.get(USUAL)),
        *_traffic_bars(results.updating),
        *_passing_bars(results.passing),
        *_proving_bars(results.proving),
        *_city_bars(results.city),
    ]


def _loading_bars(found: Loading | None) -> list[Bar]:
    names = ("compile + load 10 000", "compile + load 10 000", "change of 10 entries in 10 000")
    bars = ("≤ 4 × nft -f", "≤ 0.10 × aerleon", "≤ 0.10 × full reload")
    if found is None:
        return [Bar(name, bar, "–", None) for name, bar in zip(names, bars, strict=True)]
    ours = sums(found, Contestant.LOUSHAN)
    to_bare = ratio(ours, cpus(found.bare))
    first = Bar(names[0], bars[0], str(to_bare), to_bare.middle <= 4)  # noqa: PLR2004 - the bar
    second = Bar(names[1], bars[1], "–", None)
    if Contestant.AERLEON in found.generate:
        to_aerleon = ratio(ours, sums(found, Contestant.AERLEON))
        second = Bar(names[1], bars[1], str(to_aerleon), to_aerleon.middle <= 0.10)  # noqa: PLR2004 - the bar
    whole = spread([one / middle(found.swap) for one in cpus(found.delta)])
    alone = middle(found.bare_delta) / middle(found.bare)
    third = f"{whole}; nft alone {shown(alone)}"
    return [first, second, Bar(names[2], bars[2], third, whole.middle <= 0.10)]  # noqa: PLR2004 - the bar


def _traffic_bars(found: tuple[int, Updating] | None) -> list[Bar]:
    if found is None:
        return []
    size, seen = found
    where = f"{seen.updates} updates of {size} entries"
    cut, late = max(seen.cut_seconds), max(seen.late_seconds)
    return [
        Bar(
            f"permitted connections lost, {where}",
            "0",
            f"{seen.lost} of {seen.permitted}",
            seen.lost == 0,
        ),
        Bar(
            f"forbidden connections leaked, {where}",
            "0",
            f"{seen.leaked} of {seen.forbidden}",
            seen.leaked == 0,
        ),
        Bar(
            f"a revoked flow's live session, {size} entries",
            "cut within 1 s",
            f"{cut:.2f} s after the order, {late:.3f} s after the commit (worst)",
            cut < 1,
        ),
    ]


def _passing_bars(found: Passing | None) -> list[Bar]:
    asked = (
        ("new connections/s at 10 000", "≥ 0.92 × conntrack only", 0.92,
         (Contestant.LOUSHAN, USUAL), (Contestant.CONNTRACK, USUAL), "complete"),
        ("new connections/s at 10 000", "≥ 8 × aerleon", 8,
         (Contestant.LOUSHAN, USUAL), (Contestant.AERLEON, USUAL), "complete"),
        ("new connections/s at 50 000", "≥ 0.92 × at 100", 0.92,
         (Contestant.LOUSHAN, LARGE), (Contestant.LOUSHAN, SMALL), "complete"),
        ("throughput at 10 000", "≥ 0.95 × conntrack only", 0.95,
         (Contestant.LOUSHAN, USUAL), (Contestant.CONNTRACK, USUAL), "throughput"),
    )  # fmt: skip
    bars = []
    for what, bar, least, one, other, kind in asked:
        rounds: Rounds = getattr(found, kind) if found else {}
        if one in rounds and other in rounds:
            found_ratio = ratio(rounds[one], rounds[other])
            bars.append(Bar(what, bar, str(found_ratio), found_ratio.middle >= least))
        else:
            bars.append(Bar(what, bar, "–", None))
    return bars


def _proving_bars(found: Mapping[int, list[Proving]]) -> list[Bar]:
    bars = []
    for size, seconds, megabytes in ((USUAL, 1, 80), (LARGE, 4, None)):
        memory_bar = f" and < {megabytes} MB" if megabytes else ""
        what, bar = f"proof of {size} entries", f"< {seconds} CPU-s{memory_bar}"
        if size not in found:
            bars.append(Bar(what, bar, "–", None))
            continue
        cpu = spread([one.cpu_seconds for one in found[size]])
        memory = max(one.memory_bytes for one in found[size]) / MEGABYTE
        met = cpu.middle < seconds and (megabytes is None or memory < megabytes)
        bars.append(Bar(what, bar, f"{cpu} s, {memory:.0f} MB", met))
    return bars


def _city_bars(found: tuple[Cost, int] | None) -> list[Bar]:
    what, bar = "the whole Zunyi plan, one command", "< 60 s and < 1 GiB"
    if found is None:
        return [Bar(what, bar, "–", None)]
    cost, memory = found
    words = f"{cost.wall_seconds:.1f} s, {cost.cpu_seconds:.1f} CPU-s, {memory / MEGABYTE:.0f} MB"
    return [Bar(what, bar, words, cost.wall_seconds < 60 and memory < _GIBIBYTE)]  # noqa: PLR2004 - the bar
