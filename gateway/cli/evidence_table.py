"""Prints the evidence for a person at a terminal: by clause, row and host."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from gateway.cli.evidence_words import OUTCOME_STYLES, brief, local_time, printable
from gateway.cli.report import words
from gateway.errors import Language
from gateway.evidence.clauses import Where
from gateway.evidence.evidence import STANDARD, Evidence, Section
from gateway.evidence.hosts_asked import shown
from gateway.evidence.judge import OUTCOMES, Judged, Outcome

if TYPE_CHECKING:
    from rich.console import Console

#: A terminal that is narrower is scrolled; one that nobody looks at is as wide as this.
_WIDTH = 150

#: So much of a command and of an answer is printed, in characters.
_COMMAND, _ANSWER = 90, 160

_OUTCOME_WIDTH, _HOST_WIDTH, _TIME_WIDTH = 14, 20, 8


def say_table(evidence: Evidence, arguments: argparse.Namespace) -> None:
    """Print every clause with its rows, or those rows alone that do not pass."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False)
    console.print(_head(evidence, arguments), style="bold")
    for section in evidence.sections():
        rows = list(_chosen(section, failed_only=arguments.failed))
        if not rows and arguments.failed:
            continue
        console.print()
        console.print(_section_head(section, arguments), style="bold")
        for line in _section_words(section, arguments):
            console.print(line, style="dim")
        if not rows:
            continue
        _say_rows(console, rows, arguments)
    console.print()
    console.print(_foot(evidence, arguments), style="bold")


def _head(evidence: Evidence, arguments: argparse.Namespace) -> str:
    signed = evidence.signed
    plan = (
        f"{signed.plan} r{signed.revision} sha256 {signed.digest[:16]}"
        if signed.digest
        else words(arguments, f"no signed plan: {signed.problem}", f"无签署规划:{signed.problem}")
    )
    hosts = words(arguments, f"{len(evidence.hosts)} hosts", f"{len(evidence.hosts)} 台主机")
    return f"{STANDARD}  {plan}  {hosts}  {local_time(evidence.taken_at)}"


def _section_head(section: Section, arguments: argparse.Namespace) -> str:
    clause = section.clause
    if clause is None:
        return words(arguments, "beside the standard", "标准以外")
    return f"{clause.number} {words(arguments, *clause.heading)}"


def _section_words(section: Section, arguments: argparse.Namespace) -> Iterator[str]:
    """Say what serves the clause from elsewhere, and who does what the product does not."""
    clause = section.clause
    if section.also:
        text = words(arguments, "see also: {}", "另见:{}")
        yield "  " + text.format(", ".join(section.also))
    if clause is not None and clause.where is not Where.PRODUCT:
        kind = words(arguments, "outside the product: {}", "产品之外:{}")
        yield "  " + kind.format(words(arguments, *clause.left))


def _chosen(section: Section, *, failed_only: bool) -> Iterator[Judged]:
    for each in section.judged:
        if each.outcome is not Outcome.NOT_APPLICABLE and not (
            failed_only and each.outcome is Outcome.PASS
        ):
            yield each


def _say_rows(console: "Console", rows: Sequence[Judged], arguments: argparse.Namespace) -> None:
    """Print each control with its command, and below it a line for each host."""
    from rich.table import Table
    from rich.text import Text

    for row, judged in groupby(rows, key=lambda each: each.row):
        console.print(f"  {row.name}  {words(arguments, *row.control)}", style="cyan")
        table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False)
        table.add_column(width=2)
        table.add_column(width=_OUTCOME_WIDTH, no_wrap=True)
        table.add_column(width=_HOST_WIDTH, overflow="fold")
        table.add_column(width=_TIME_WIDTH, no_wrap=True)
        table.add_column(overflow="fold")
        for number, each in enumerate(judged):
            if not number and each.commands:
                asked = "; ".join(brief(shown(command), _COMMAND) for command in each.commands)
                console.print(f"    $ {printable(brief(asked, 2 * _COMMAND))}", style="dim")
            outcome = words(arguments, *OUTCOMES[each.outcome])
            said = words(arguments, *each.why) or each.rests
            table.add_row(
                "",
                Text(outcome, style=OUTCOME_STYLES[each.outcome]),
                Text(printable(each.host.name)),
                local_time(each.at, short=True),
                Text(printable(brief(said, _ANSWER))),
            )
        console.print(table)


def _foot(evidence: Evidence, arguments: argparse.Namespace) -> str:
    zh = arguments.language is Language.ZH
    parts = [
        f"{OUTCOMES[outcome].zh if zh else OUTCOMES[outcome].en} {evidence.counts[outcome]}"
        for outcome in Outcome
    ]
    return "  ".join(parts)
