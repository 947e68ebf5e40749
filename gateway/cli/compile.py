"""`loushan compile`: check a plan and write the ruleset of its gateways."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from gateway.artefacts import Ruleset
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, Where, problem, refuse_any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "plan", type=Path, nargs="?", metavar="PLAN", help="folder of the plan | 规划文件夹"
    )
    parser.add_argument(
        "--scaffold",
        action="store_true",
        help="the ruleset of a gateway without a policy, which refuses everything"
        " | 输出无策略网关的规则集(拒绝一切)",
    )
    parser.add_argument("--gateway", metavar="SITE", help="only this gateway | 只编译该网关")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write one GATEWAY.nft each into this folder | 将规则集写入该文件夹",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the ruleset of one gateway or of none, or write and list those of all."""
    if arguments.scaffold:
        return _say_scaffold()
    if arguments.plan is None:
        raise Refused(problem("ZG001", Where("PLAN")))
    from gateway.agent.signed import slice_named
    from gateway.compile.ruleset import compile_slice
    from gateway.policy.check import check_plan
    from gateway.policy.plan import read_plan
    from gateway.policy.topology import slices

    plan = read_plan(arguments.plan)
    refuse_any(check_plan(plan, datetime.now().astimezone().date()))
    name = arguments.gateway
    parts = slices(plan) if name is None else {name: slice_named(plan, name)}
    rulesets = {name: compile_slice(part) for name, part in parts.items()}
    if arguments.out is not None:
        _write(arguments.out, rulesets)
    if arguments.gateway is not None and arguments.out is None and not arguments.json:
        say(rulesets[arguments.gateway].text.rstrip())
        return ExitStatus.OK
    _report(arguments, rulesets)
    return ExitStatus.OK


def _say_scaffold() -> int:
    from gateway.compile.scaffold import scaffold
    from gateway.load.transaction import closed

    say(closed(scaffold()).rstrip())
    return ExitStatus.OK


def _report(arguments: argparse.Namespace, rulesets: Mapping[str, Ruleset]) -> None:
    if arguments.json:
        say_json({n: {"sha256": r.digest, "entries": r.entries} for n, r in rulesets.items()})
        return
    for name, ruleset in rulesets.items():
        say(f"{name:16} {ruleset.entries:6}  sha256 {ruleset.digest}")
    total = sum(ruleset.entries for ruleset in rulesets.values())
    text = words(arguments, "{} gateways, {} entries", "网关 {} 个,条目 {} 条")
    say(text.format(len(rulesets), total))


def _write(folder: Path, rulesets: Mapping[str, Ruleset]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, ruleset in rulesets.items():
            (folder / f"{name}.nft").write_text(ruleset.text, "utf-8")
    except OSError as error:
        where = Where(str(folder))
        raise Refused(problem("ZG702", where, file=folder, error=error.strerror)) from error
