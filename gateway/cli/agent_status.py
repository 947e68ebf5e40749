"""`loushan agent status`: what is in force on this gateway, and whether it is proven."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.agent.requests import problems_from
from gateway.agent.status import STATUS_FILE, read_status
from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "--file", type=Path, default=STATUS_FILE, metavar="FILE", help="the status | 状态文件"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say it; what an agent wrote that is no longer there counts as not proven."""
    status = read_status(arguments.file)
    if arguments.json:
        say_json(status)
    else:
        _say(arguments, status)
    return ExitStatus.OK if status["proven"] else ExitStatus.REFUSED


def _say(arguments: argparse.Namespace, status: Mapping[str, Any]) -> None:
    stamp = status["in_force"]
    in_force = (
        f"{stamp['plan']} revision {stamp['revision']} sha256 {stamp['digest'][:16]}"
        if stamp
        else words(arguments, "no policy: everything is refused", "无策略:拒绝一切")
    )
    proven = (
        words(arguments, "proven", "已证明")
        if status["proven"]
        else words(arguments, "NOT proven", "未证明")
    )
    say(f"{status['gateway']}  {in_force}")
    say(f"  {proven}  {status['proved_at'] or '-'}")
    if status["closed"]:
        say("  " + words(arguments, "closed: nothing passes", "已关闭:一切不通"))
    if probation := status["probation"]:
        text = words(arguments, "on probation until {}: {} revision {}", "试行至 {}:{} 修订 {}")
        known = (probation["deadline"], probation["plan"], probation["revision"])
        say("  " + text.format(*known))
    if gates := status.get("gates"):
        _say_gates(arguments, gates)
    drift = status["drift"]
    if drift["last"]:
        what = problems_from([drift["last"]["what"]])[0].text(arguments.language)
        text = words(arguments, "drift: {} times, last {}: {}", "偏离:{} 次,最近 {}:{}")
        say("  " + text.format(drift["count"], drift["last"]["time"], what))
    if status["findings"]:
        report_problems(problems_from(status["findings"]), arguments)


def _say_gates(arguments: argparse.Namespace, gates: Mapping[str, Any]) -> None:
    if gates["open"]:
        text = words(arguments, "gates: open, each request is judged", "闸口:已开放,逐一判定请求")
        say(f"  {text}")
        return
    say("  " + words(arguments, "gates: closed, no request passes", "闸口:已关闭,任何请求不通过"))
    report_problems(problems_from(gates["problems"]), arguments)
