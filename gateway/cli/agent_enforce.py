"""`loushan agent enforce`: hand a signed plan to this gateway's agent, and say what came."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.cli.report import add_json, say, say_json, words
from gateway.cli.steps import step_words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "plan", type=Path, metavar="PLAN", help="folder of the signed plan | 已签署的规划"
    )
    limits = parser.add_mutually_exclusive_group()
    limits.add_argument(
        "--confirm-within",
        type=int,
        metavar="SECONDS",
        help="undo it unless `loushan agent confirm` comes within so many seconds, from a new"
        " connection; agent.toml says otherwise how many | 在此秒数内未经新连接确认即撤回",
    )
    limits.add_argument(
        "--no-confirm",
        action="store_true",
        help="proven is enough: do not wait for anybody | 证明即生效,不等待确认",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only say whether it would be accepted and change anything | 只判断,不更改",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Deliver; a policy that follows another is then on probation."""
    from gateway.agent.ask import ask
    from gateway.agent.requests import Ask, Request
    from gateway.agent.signed import read_delivered

    files = read_delivered(arguments.plan).files()
    request = Request(
        Ask.CHECK if arguments.check else Ask.LOAD,
        tuple((name, len(content)) for name, content in files.items()),
        0 if arguments.no_confirm else arguments.confirm_within,
    )
    answer = ask(request, b"".join(files.values()), told=_progress(arguments))
    _say(arguments, answer)
    return ExitStatus.OK


def _progress(arguments: argparse.Namespace) -> Callable[[Mapping[str, Any]], None]:
    def told(body: Mapping[str, Any]) -> None:
        if "step" in body:
            sys.stderr.write(f"{step_words(arguments, body['step'], body['detail'])}\n")

    return told


def _say(arguments: argparse.Namespace, answer: Mapping[str, Any]) -> None:
    probation = answer.get("probation")
    if arguments.json:
        say_json(_for_a_machine(answer))
    elif probation:
        text = words(
            arguments,
            "proven and on probation: {plan} revision {revision}; it undoes itself in "
            "{within_seconds} s unless, from a new connection:\n"
            "  loushan agent confirm --revision {revision}",
            "已证明,试行中:{plan} 修订 {revision};{within_seconds} 秒内须经新连接确认,"
            "否则自动撤回:\n  loushan agent confirm --revision {revision}",
        )
        say(text.format(**probation))
    elif arguments.check:
        changes = answer["result"]["changed"]
        text = words(arguments, "it would be accepted", "可予接受")
        more = (
            words(arguments, "and would change this host", "将更改本机")
            if changes
            else words(arguments, "and is in force already", "且已生效")
        )
        say(f"{text} {more}")
    else:
        text = words(arguments, "in force and proven: {}", "已生效并证明:{}")
        unchanged = words(arguments, "(nothing had to change)", "(无须更改)")
        said = text.format(answer["result"]["in_force"])
        say(said if answer["result"]["changed"] else f"{said} {unchanged}")


def _for_a_machine(answer: Mapping[str, Any]) -> dict[str, Any]:
    if probation := answer.get("probation"):
        stamp = f"{probation['plan']} revision {probation['revision']}"
        return {
            "changed": True,
            "in_force": f"{stamp} sha256 {probation['digest'][:16]}",
            "probation": True,
            "deadline": probation["deadline"],
            "confirm_within_seconds": probation["within_seconds"],
        }
    result = answer["result"]
    return {
        "changed": result["changed"],
        "in_force": result["in_force"],
        "probation": False,
        "deadline": None,
    }
