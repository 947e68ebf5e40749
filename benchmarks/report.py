"""Results for people, as Markdown, and for machines, as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.bars import Bar
from benchmarks.contestants import Contestant
from benchmarks.cost import shown, spread
from benchmarks.passing import Passing
from benchmarks.results import MEGABYTE, Results, cpu, middle, ratio
from benchmarks.updating import Updating


def table(bars: Sequence[Bar]) -> str:
    """Give the table of bars as Markdown."""
    lines = ["| what | bar | measured | |", "|---|---|---|---|"]
    lines += [f"| {b.what} | {b.bar} | {b.measured} | {b.verdict} |" for b in bars]
    return "\n".join([*lines, ""])


def details(results: Results) -> str:
    """Give what stands behind the bars as Markdown: medians, and quartiles in parentheses."""
    lines = ["## Compile, load, change, prove (CPU-seconds)", ""]
    lines += ["| entries | contestant | compile | load | sum ÷ nft -f |", "|---|---|---|---|---|"]
    for size, found in results.loading.items():
        bare = middle(found.bare)
        lines += [f"| {size} | nft -f of our text | – | {cpu(found.bare)} | 1 |"]
        for who, costs in found.generate.items():
            multiple = (middle(costs) + middle(found.load[who])) / bare
            lines += [
                f"| {size} | {who} | {cpu(costs)} | {cpu(found.load[who])} | {shown(multiple)} |"
            ]
    lines += ["", "| entries | reload by swap | change of 10 | nft alone, same 10 | proof |"]
    lines += ["|---|---|---|---|---|"]
    for size, found in results.loading.items():
        proof = spread([one.cpu_seconds for one in results.proving[size]])
        memory = max(one.memory_bytes for one in results.proving[size]) / MEGABYTE
        lines += [
            (
                f"| {size} | {cpu(found.swap)} | {cpu(found.delta)} | {cpu(found.bare_delta)}"
                f" | {proof}, {memory:.0f} MB |"
            )
        ]
    if results.passing:
        lines += ["", "## Packet path (ratio to conntrack only in the same round)", ""]
        lines += _passing_lines(results.passing)
    if results.updating:
        lines += ["", "## Updates under load", "", *_updating_lines(*results.updating)]
    if results.absent:
        lines += ["", *(f"not measured: {what}: {why}" for what, why in results.absent.items())]
    return "\n".join([*lines, ""])


def _passing_lines(found: Passing) -> list[str]:
    lines = ["| entries | contestant | complete connections | first packets alone | throughput |"]
    lines += ["|---|---|---|---|---|"]
    for who in found.complete:
        floor = (Contestant.CONNTRACK, who[1])
        cells = [
            f"{ratio(rounds[who], rounds[floor])} · {shown(spread(rounds[who]).middle / unit)}"
            for rounds, unit in (
                (found.complete, 1), (found.first, 1), (found.throughput, MEGABYTE),
            )
        ]  # fmt: skip
        lines.append(f"| {who[1]} | {who[0]} | {' | '.join(cells)} |")
    return [*lines, "", "After each ratio: per CPU-second, the throughput in Mbit."]


def _updating_lines(size: int, seen: Updating) -> list[str]:
    ways = ", ".join(f"{count} {way}" for way, count in seen.ways.items())
    lines = [
        (
            f"{seen.updates} updates ({ways}) of {size} entries in {seen.seconds:.0f} s: "
            f"{seen.lost} of {seen.permitted} permitted attempts lost, "
            f"{seen.leaked} of {seen.forbidden} forbidden ones leaked."
        ),
        (
            f"A revoked live session went on for {spread(seen.cut_seconds)} s after the order, "
            f"{spread(seen.late_seconds)} s after the commit."
        ),
    ]
    return lines + [f"lost: {flow}" for flow in seen.lost_flows]


def as_json(results: Results, bars: Sequence[Bar]) -> str:
    """Give bars and all single measurements as JSON."""
    found = results.passing
    packets = {
        kind: {f"{who} {size}": values for (who, size), values in rounds.items()}
        for kind, rounds in (
            (("complete", found.complete), ("first", found.first), ("throughput", found.throughput))
            if found
            else ()
        )
    }
    document = {
        "bars": [asdict(bar) for bar in bars],
        "loading": {
            size: {name: value for name, value in asdict(one).items() if name != "texts"}
            for size, one in results.loading.items()
        },
        "proving": {size: list(map(asdict, many)) for size, many in results.proving.items()},
        "passing": packets,
        "updating": asdict(results.updating[1]) if results.updating else None,
        "city": (
            {**asdict(results.city[0]), "memory_bytes": results.city[1]} if results.city else None
        ),
        "not measured": results.absent,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
