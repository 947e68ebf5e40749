"""`loushan policy matrix`: the zone by zone table."""

import argparse
from html import escape
from pathlib import Path
from string import Template

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language, Refused, Where, problem
from gateway.policy.model import Plan
from gateway.policy.table import Cell, Table

#: Above this many zones a table is of kinds of site, unless every zone is asked for.
MOST_ZONES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument(
        "--zones", action="store_true", help="every zone, however many | 列出每个安全域"
    )
    shown.add_argument(
        "--kinds", action="store_true", help="zones by kind of site | 按站点类型汇总"
    )
    shown.add_argument(
        "--rules", action="store_true", help="what may be joined at all | 列出允许的站点关系"
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page | 生成网页")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the table."""
    from gateway.policy.plan import read_plan

    plan = read_plan(arguments.plan)
    if arguments.rules:
        return _say_rules(arguments)
    table = _table(plan, arguments)
    if arguments.html is not None:
        _write(arguments.html, _page(plan, table))
        say(words(arguments, "written: {}", "已生成:{}").format(arguments.html))
    elif arguments.json:
        say_json(_as_json(table))
    else:
        _say_table(table, arguments)
    return ExitStatus.OK


def _table(plan: Plan, arguments: argparse.Namespace) -> Table:
    from gateway.policy.table import table_of_kinds, table_of_zones

    by_kind = arguments.kinds or (len(plan.zones) > MOST_ZONES and not arguments.zones)
    return table_of_kinds(plan) if by_kind else table_of_zones(plan)


def _say_table(table: Table, arguments: argparse.Namespace) -> None:
    """Print only rows and columns with something in them, columns by number."""
    from rich.console import Console
    from rich.table import Table as RichTable

    zh = arguments.language is Language.ZH
    heads = dict(zip(table.names, table.titles if zh else table.names, strict=True))
    sources = [n for n in table.names if any(one == n for one, _ in table.cells)]
    targets = [n for n in table.names if any(two == n for _, two in table.cells)]
    letters = _letters(table)
    shown = RichTable(show_lines=False, pad_edge=False, box=None)
    shown.add_column(words(arguments, "from \\ to", "从 \\ 到"), no_wrap=True)
    for index in range(len(targets)):
        shown.add_column(str(index + 1), justify="center", no_wrap=True)
    for source in sources:
        cells = [_marks(table.cells.get((source, target)), letters) for target in targets]
        shown.add_row(heads[source], *cells)
    # Never cut a table to the window: what is not shown would look refused.
    console = Console(width=max(100, 26 + 6 * len(targets)), highlight=False)
    console.print(shown)
    say("")
    for index, target in enumerate(targets):
        say(f"{index + 1:4}  {heads[target]}")
    say("  ".join(f"{letter}={name}" for name, letter in letters.items()))
    refused = words(arguments, "· and every zone not shown: refused", "· 及未列出的安全域:拒绝")
    say(refused)


def _letters(table: Table) -> dict[str, str]:
    """Give each service a letter, so that a cell is small."""
    names = sorted({name for cell in table.cells.values() for name in cell.services})
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if len(names) > len(alphabet):
        return {name: f"s{index}," for index, name in enumerate(names)}
    return dict(zip(names, alphabet, strict=False))


def _marks(cell: Cell | None, letters: dict[str, str]) -> str:
    return "".join(letters[name] for name in cell.services) if cell else "·"


def _say_rules(arguments: argparse.Namespace) -> int:
    from gateway.policy.matrix import OPERATIONS, RELATIONS

    rules = (*RELATIONS, OPERATIONS)
    if arguments.json:
        say_json([{"code": rule.code, "en": rule.en, "zh": rule.zh} for rule in rules])
        return ExitStatus.OK
    for rule in rules:
        say(f"{rule.code:16} {words(arguments, rule.en, rule.zh)}")
    return ExitStatus.OK


def _as_json(table: Table) -> dict[str, object]:
    return {
        "zones": list(table.names),
        "cells": [
            {
                "source": source,
                "destination": destination,
                "services": list(cell.services),
                "conduits": list(cell.conduits),
                "pairs": cell.pairs,
            }
            for (source, destination), cell in sorted(table.cells.items())
        ],
    }


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise Refused(
            problem("ZG702", Where(str(file)), file=file, error=error.strerror)
        ) from error


def _page(plan: Plan, table: Table) -> str:
    """Give a page that stands alone: no script, no picture, nothing fetched."""
    heads = "".join(
        f'<th scope="col" title="{escape(name)}"><span>{escape(title)}</span></th>'
        for name, title in zip(table.names, table.titles, strict=True)
    )
    rows = "\n".join(
        _row(plan, table, name, title)
        for name, title in zip(table.names, table.titles, strict=True)
    )
    template = (Path(__file__).parent / "matrix.html").read_text("utf-8")
    return Template(template).substitute(
        title=escape(plan.title),
        exercise="<p class='exercise'>仅供演练</p>" if plan.exercise_only else "",
        ceiling=escape(str(plan.ceiling)),
        counts=f"站点 {len(plan.sites)} · 安全域 {len(plan.zones)} · 管道 {len(plan.conduits)}",
        heads=heads,
        rows=rows,
    )


def _row(plan: Plan, table: Table, name: str, title: str) -> str:
    cells = "".join(_cell_html(plan, table, (name, target)) for target in table.names)
    return f'<tr><th scope="row" title="{escape(name)}">{escape(title)}</th>{cells}</tr>'


def _cell_html(plan: Plan, table: Table, pair: tuple[str, str]) -> str:
    cell = table.cells.get(pair)
    if cell is not None:
        tip = escape(", ".join(cell.conduits))
        services = escape(" ".join(plan.services[name].title for name in cell.services))
        count = f" <small>x{cell.pairs}</small>" if cell.pairs > 1 else ""
        return f'<td class="yes" title="{tip}">{services}{count}</td>'
    return '<td class="same"></td>' if pair[0] == pair[1] else "<td></td>"
