"""Say what came of a rehearsal, to a person or to a machine."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.cli.report import say, say_json, words
from gateway.errors import Language
from gateway.policy.model import Ports, Zone
from gateway.policy.reasons import REASON_WORDS, Reason, Verdict
from lab.agreement import Judged, probe_text
from lab.cells import Cell, Mark
from lab.layout import OUTSIDE
from lab.rehearsal import Rehearsal, Wanted

_OPEN, _CLOSED, _SILENT, _WRONG, _NONE = "●", "·", " ", "✗", ""

#: A column holds the three marks of a cell, or a number of three digits, and a space.
_COLUMN = 4

#: Wide enough for a table on paper, where the output is no terminal.
_PAPER = 160


def say_rehearsal(arguments: argparse.Namespace, wanted: Wanted, rehearsal: Rehearsal) -> None:
    """Print the results; what is wrong is the caller's to print, but for machines."""
    if arguments.json:
        say_json(as_json(wanted, rehearsal))
        return
    console = Console(width=None if sys.stdout.isatty() else _PAPER, highlight=False)
    for line in _summary(arguments, wanted, rehearsal):
        say(line)
    if rehearsal.cells:
        _say_table(arguments, rehearsal, console)
    if rehearsal.refusals():
        say("")
        say(words(arguments, "refused, as recorded by the gateway:", "被拒绝的报文(网关记录):"))
    for judged in rehearsal.refusals():
        say(f"  {_refusal_text(arguments, rehearsal, judged)}")
    for node, name in rehearsal.namespaces.items():
        if node == OUTSIDE:
            continue
        say(words(arguments, "kept, for example:", "城市已保留,例如:"))
        say(f"  ip netns exec {name} nft list ruleset")
        break


def _summary(arguments: argparse.Namespace, wanted: Wanted, rehearsal: Rehearsal) -> Iterator[str]:
    plan = rehearsal.layout.plan
    if plan.exercise_only:
        yield words(arguments, "exercise only (仅供演练)", "仅供演练")
    enforced = rehearsal.enforced
    yield words(
        arguments,
        "{}: {} of {} gateways hold exactly their part of the plan ({} entries)",
        "{}:网关 {}/{} 与规划完全一致(条目 {} 条)",
    ).format(
        plan.title,
        sum(e.is_proven for e in enforced),
        len(enforced),
        sum(e.entries for e in enforced),
    )
    yield words(
        arguments,
        "all gateways together: {} findings",
        "全网路径:发现 {} 项",
    ).format(len(rehearsal.path_findings))
    if not wanted.probes:
        yield words(arguments, "no packet was sent", "未发送报文")
        return
    counts = Counter((j.expected.verdict, not j.problems) for j in rehearsal.judged)
    passing, refused = Verdict.ACCEPT, Verdict.DROP
    yield words(
        arguments,
        "packets (seed {}): {} of {} that must pass did, {} of {} that must be refused were",
        "报文(种子 {}):应放行 {}/{} 通过,应拒绝 {}/{} 被拒绝",
    ).format(
        wanted.seed,
        counts[passing, True],
        counts[passing, True] + counts[passing, False],
        counts[refused, True],
        counts[refused, True] + counts[refused, False],
    )


def _say_table(arguments: argparse.Namespace, rehearsal: Rehearsal, console: Console) -> None:
    zones = rehearsal.layout.zones
    by_pair = {(cell.source, cell.destination): cell for cell in rehearsal.cells}
    labels = [
        f"{number} {_zone_text(arguments, zone)}" for number, zone in enumerate(zones, start=1)
    ]
    room = console.width - max(Text(label).cell_len for label in labels) - 1
    columns = max(1, room // _COLUMN)
    for start in range(0, len(zones), columns):
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(words(arguments, "from \\ to", "源 \\ 目的"), no_wrap=True)
        shown = zones[start : start + columns]
        for number in range(start + 1, start + len(shown) + 1):
            table.add_column(str(number), no_wrap=True, min_width=_COLUMN - 1)
        for label, source in zip(labels, zones, strict=True):
            cells = [_cell_text(by_pair.get((source.name, other.name))) for other in shown]
            table.add_row(label, *cells)
        console.print()
        console.print(table)
    legend = words(
        arguments,
        "each cell: plan, proof, packets   {} passes  {} refused  {} differs  blank: not looked at",
        "每格依次为:规划、证明、报文   {} 放行  {} 拒绝  {} 不一致  空白:未检查",
    )
    say(legend.format(_OPEN, _CLOSED, _WRONG))


def _zone_text(arguments: argparse.Namespace, zone: Zone) -> str:
    return zone.title if arguments.language is Language.ZH else zone.name


def _cell_text(cell: Cell | None) -> Text:
    if cell is None:
        return Text(_NONE)
    plan = _OPEN if cell.open else _CLOSED
    signs = {Mark.AGREES: plan, Mark.SILENT: _SILENT, Mark.DIFFERS: _WRONG}
    text = plan + signs[cell.proven] + signs[cell.probed]
    if Mark.DIFFERS in (cell.proven, cell.probed):
        return Text(text, style="bold red")
    return Text(text, style="green" if cell.open else "dim")


def _refusal_text(arguments: argparse.Namespace, rehearsal: Rehearsal, judged: Judged) -> str:
    refusal = judged.result.refusals[0]
    en, zh = _reason_words(refusal.reason)
    return words(arguments, "{}: at {}, {} ({})", "{}:于 {},{}({})").format(
        probe_text(rehearsal.layout, judged.result.probe),
        refusal.gateway,
        words(arguments, en, zh),
        refusal.reason,
    )


def _reason_words(reason: str) -> tuple[str, str]:
    return REASON_WORDS[Reason(reason)] if reason in set(Reason) else (reason, reason)


def as_json(wanted: Wanted, rehearsal: Rehearsal) -> dict[str, object]:
    """Give the results for a machine."""
    zones = rehearsal.layout.zones
    return {
        "plan": rehearsal.layout.plan.name,
        "exercise_only": rehearsal.layout.plan.exercise_only,
        "agrees": not rehearsal.problems,
        "seed": wanted.seed,
        "gateways": [
            {
                "gateway": e.gateway,
                "entries": e.entries,
                "seconds": round(e.seconds, 3),
                "proof": e.proof.as_json() if e.proof else None,
            }
            for e in rehearsal.enforced
        ],
        "path_findings": [finding.as_json() for finding in rehearsal.path_findings],
        "zones": [zone.name for zone in zones],
        "cells": [
            {
                "source": cell.source,
                "destination": cell.destination,
                "expected": "open" if cell.open else "closed",
                "proven": cell.proven,
                "probed": cell.probed,
                "probes": cell.probes,
            }
            for cell in rehearsal.cells
        ],
        "probes": [_probe_as_json(judged) for judged in rehearsal.judged],
        "problems": [found.as_json() for found in rehearsal.problems],
        "namespaces": dict(rehearsal.namespaces),
    }


def _probe_as_json(judged: Judged) -> dict[str, object]:
    result = judged.result
    flow = result.probe.flow
    return {
        "purpose": result.probe.purpose,
        "about": result.probe.about,
        "origin": result.probe.origin,
        "source": str(flow.source),
        "destination": str(flow.destination),
        "service": str(Ports(flow.protocol, flow.port, flow.port)),
        "expected": judged.expected.verdict,
        "delivered": result.delivered,
        "answered": result.answered,
        "refusals": [
            {"gateway": r.gateway, "reason": r.reason, "of_answer": r.of_answer}
            for r in result.refusals
        ],
        "agrees": not judged.problems,
    }
