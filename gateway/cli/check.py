"""`loushan policy check`: is a plan in order?"""

import argparse
from datetime import date, datetime
from pathlib import Path

from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    parser.add_argument(
        "--on",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="the day to check for, today unless said | 检查所依据的日期",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print every problem, or that there is none."""
    from gateway.policy.check import check_plan
    from gateway.policy.plan import read_plan

    plan = read_plan(arguments.plan)
    today = arguments.on or datetime.now().astimezone().date()
    problems = check_plan(plan, today)
    if problems:
        report_problems(problems, arguments)
        return ExitStatus.REFUSED
    if arguments.json:
        say_json({"problems": []})
        return ExitStatus.OK
    counts = (len(plan.sites), len(plan.gateways), len(plan.zones), len(plan.conduits))
    say(
        words(
            arguments,
            "{}: in order: {} sites, {} gateways, {} zones, {} conduits",
            "{}:检查通过:站点 {} 个,网关 {} 个,安全域 {} 个,管道 {} 条",
        ).format(plan.title, *counts)
    )
    if plan.exercise_only:
        say(words(arguments, "exercise only (仅供演练)", "仅供演练"))
    return ExitStatus.OK
