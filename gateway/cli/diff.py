"""`loushan policy diff`: what changes for people between two plans?"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus
from gateway.policy.difference import Difference, FlowChange, GrantChange


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "old", type=Path, metavar="OLD", help="folder of the plan in force | 旧规划"
    )
    parser.add_argument("new", type=Path, metavar="NEW", help="folder of the new plan | 新规划")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what becomes reachable and unreachable; that is an answer, not a failure."""
    from gateway.policy.difference import difference
    from gateway.policy.plan import read_plan

    found = difference(read_plan(arguments.old), read_plan(arguments.new))
    if arguments.json:
        say_json(found.as_json())
    else:
        say_difference(arguments, found)
    return ExitStatus.OK


def say_difference(arguments: argparse.Namespace, found: Difference) -> None:
    """Print a difference in sentences."""
    if found.is_empty:
        say(
            words(
                arguments,
                "nothing changes for anybody: only order, names or words differ",
                "实际访问没有任何变化:仅顺序、名称或文字不同",
            )
        )
        return
    headings: tuple[tuple[str, str, Sequence[FlowChange | GrantChange]], ...] = (
        ("newly reachable", "新增可达", found.reachable),
        ("newly unreachable", "不再可达", found.unreachable),
        ("newly granted", "新增授权", found.granted),
        ("withdrawn", "撤销授权", found.withdrawn),
    )
    for en, zh, changes in headings:
        if changes:
            say(f"{words(arguments, en, zh)} ({len(changes)}):")
            for change in changes:
                say(f"  {change.sentence(arguments.language)}")
    for en, zh, lines in (
        ("settings that are gone", "不再有的设定", found.settings_gone),
        ("new settings", "新的设定", found.settings_new),
    ):
        if lines:
            say(f"{words(arguments, en, zh)} ({len(lines)}):")
            for line in lines:
                say(f"  {line}")
