"""What a run of `requests` measured, what must be so, and how it is told."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks.asking import Asked
from benchmarks.bars import Bar
from benchmarks.controls import Controls
from benchmarks.cost import Spread, shown, spread
from benchmarks.gate import Way
from benchmarks.others import Other
from benchmarks.report import table

SMALL, USUAL, LARGE = 100, 10_000, 100_000

#: So many certificates are revoked besides, where the bar is about a revocation.
REVOKED = 1_000

#: What the bars say.
_MOST = {Way.DECISION: 1.2, Way.POLICY: 1.5, Way.RECORDED: 2.0}
_MOST_GROWTH = 1.15
_MOST_HYBRID = 1.1
_MOST_CUT_SECONDS = 0.010
_MOST_OF_OTHERS = {Other.GRANIAN: 3, Other.GUNICORN: 5}

_MILLI, _MICRO = 1e3, 1e6

#: Who was measured, and with how many entries; 0 where there are no maps.
Who = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Pair:
    """One measurement, and what it is compared with: the one just before it."""

    own: Asked
    bare: Asked

    @property
    def ratio(self) -> float:
        """Give how many times the processor time it took."""
        return self.own.cpu_seconds / self.bare.cpu_seconds


Pairs = dict[Who, list[Pair]]


@dataclass
class Results:
    """Everything that was measured; `hybrid` is beside X25519, all else beside bare HAProxy."""

    kept: Pairs = field(default_factory=dict)
    anew: Pairs = field(default_factory=dict)
    hybrid: list[Pair] = field(default_factory=list)
    controls: Controls = field(default_factory=Controls)
    absent: dict[str, str] = field(default_factory=dict)


def ratios(pairs: Sequence[Pair]) -> Spread:
    """Give how many times the processor time it took, each against the one before it."""
    return spread([pair.ratio for pair in pairs])


def against(ones: Sequence[Pair], others: Sequence[Pair]) -> Spread:
    """Give the ratio of two that stood in the same rounds, each measured beside bare HAProxy."""
    return spread([one.ratio / other.ratio for one, other in zip(ones, others, strict=True)])


def judged(results: Results) -> list[Bar]:
    """Hold what was measured against the bars."""
    return [
        *_way_bars(results.kept),
        *_growth_bars(results.kept),
        _hybrid_bar(results.hybrid),
        *_other_bars(results.kept),
        *_control_bars(results.controls),
    ]


def details(results: Results) -> str:
    """Give what stands behind the bars as Markdown: medians, and quartiles in parentheses."""
    lines = ["## CPU for each request, on connections that stand", ""]
    lines += _rows(results.kept, ("µs", _MICRO), "requests/s", "p99, ms")
    lines += ["", "## CPU for each new connection, with one request that the gate answers", ""]
    lines += _rows(results.anew, ("ms", _MILLI), "connections/s", "p99, ms")
    controls = results.controls
    if controls.cut_seconds:
        lines += ["", "| revoked besides | from the order to the refusal, ms | worst |"]
        lines += ["|---|---|---|"]
        for others, seconds in controls.cut_seconds.items():
            found = spread([each * _MILLI for each in seconds])
            lines.append(f"| {others} | {found} | {shown(max(seconds) * _MILLI)} |")
    if controls.switching:
        seen = controls.switching
        came = f"{seen.refused} refused, {seen.mixed} decided by two policies"
        lines += ["", f"{seen.switches} switches under {seen.requests} requests: {came}."]
    if results.absent:
        lines += ["", *(f"not measured: {what}: {why}" for what, why in results.absent.items())]
    return "\n".join([*lines, ""])


def as_json(results: Results, bars: Sequence[Bar]) -> str:
    """Give bars and all single measurements as JSON."""

    def named(pairs: Pairs) -> dict[str, object]:
        return {f"{who} {size}": list(map(asdict, each)) for (who, size), each in pairs.items()}

    document = {
        "bars": [asdict(bar) for bar in bars],
        "kept": named(results.kept),
        "anew": named(results.anew),
        "hybrid": list(map(asdict, results.hybrid)),
        "controls": asdict(results.controls),
        "not measured": results.absent,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def told(results: Results, bars: Sequence[Bar]) -> str:
    """Give all of it as Markdown."""
    return f"{table(bars)}\n{details(results)}"


def _way_bars(kept: Pairs) -> Iterator[Bar]:
    for way, most in _MOST.items():
        yield _bar(
            f"{way}, {USUAL} entries",
            f"≤ {most} × bare HAProxy",
            _of(kept, (way, USUAL), ratios),
            most,
        )


def _growth_bars(kept: Pairs) -> Iterator[Bar]:
    for way in _MOST:
        found = _both(kept, (way, LARGE), (way, SMALL))
        what = f"{way}, {LARGE} entries"
        yield _bar(what, f"≤ {_MOST_GROWTH} × {SMALL} entries", found, _MOST_GROWTH)


def _hybrid_bar(hybrid: list[Pair]) -> Bar:
    found = ratios(hybrid) if hybrid else None
    return _bar("handshake by X25519MLKEM768", f"≤ {_MOST_HYBRID} × X25519", found, _MOST_HYBRID)


def _other_bars(kept: Pairs) -> Iterator[Bar]:
    for other, part in _MOST_OF_OTHERS.items():
        found = _both(kept, (Way.RECORDED, USUAL), (other, USUAL))
        yield _bar(f"{Way.RECORDED}, {USUAL} entries", f"≤ 1/{part} × {other}", found, 1 / part)


def _control_bars(controls: Controls) -> Iterator[Bar]:
    what = f"revoked on an open connection, beside {REVOKED} others, until refused"
    bar = f"≤ {_MOST_CUT_SECONDS * _MILLI:.0f} ms"
    if seconds := controls.cut_seconds.get(REVOKED):
        worst, middle = max(seconds), spread(seconds).middle
        words = f"{shown(middle * _MILLI)} ms, worst of {len(seconds)} {shown(worst * _MILLI)} ms"
        yield Bar(what, bar, words, worst <= _MOST_CUT_SECONDS)
    else:
        yield Bar(what, bar, "–", None)
    seen = controls.switching
    for what, bad in (
        ("permitted requests refused while the policy switches", seen and seen.refused),
        ("requests decided by two policies at once", seen and seen.mixed),
    ):
        if seen is None:
            yield Bar(what, "0", "–", None)
        else:
            yield Bar(what, "0", f"{bad} of {seen.requests}, {seen.switches} switches", not bad)
    numbers = controls.numbers
    if numbers is None:
        yield Bar("numbers of decisions missing in the log, or twice", "0", "–", None)
    else:
        wrong = numbers.missing + numbers.doubled
        words = f"{numbers.missing} missing, {numbers.doubled} twice of {numbers.made}"
        yield Bar("numbers of decisions missing in the log, or twice", "0", words, not wrong)


def _of(pairs: Pairs, who: Who, how: Callable[[Sequence[Pair]], Spread]) -> Spread | None:
    return how(pairs[who]) if pairs.get(who) else None


def _both(pairs: Pairs, one: Who, other: Who) -> Spread | None:
    if not pairs.get(one) or not pairs.get(other):
        return None
    return against(pairs[one], pairs[other])


def _bar(what: str, bar: str, found: Spread | None, most: float) -> Bar:
    if found is None:
        return Bar(what, bar, "–", None)
    return Bar(what, bar, str(found), found.middle <= most)


def _rows(pairs: Pairs, unit: tuple[str, float], rate: str, slow: str) -> list[str]:
    word, factor = unit
    lines = [f"| entries | contestant | CPU, {word} | ÷ bare | {rate} | {slow} |"]
    lines += ["|---|---|---|---|---|---|"]
    bare = [pair.bare for each in pairs.values() for pair in each]
    if bare:
        lines.append(f"| – | {Way.BARE} | {_cells(bare, factor, '1')} |")
    for (who, size), each in pairs.items():
        own = [pair.own for pair in each]
        lines.append(f"| {size or '–'} | {who} | {_cells(own, factor, str(ratios(each)))} |")
        if followed := [one.follower_seconds for one in own if one.follower_seconds]:
            middle = shown(spread(followed).middle * factor)
            lines.append(f"| {size} | – of it the log's follower | {middle} | | | |")
    return lines


def _cells(asked: Sequence[Asked], factor: float, ratio: str) -> str:
    cpu = spread([one.cpu_seconds * factor for one in asked])
    rate = spread([one.rate for one in asked]).middle
    slow = spread([one.slow_seconds * _MILLI for one in asked]).middle
    return f"{cpu} | {ratio} | {shown(rate)} | {shown(slow)}"
