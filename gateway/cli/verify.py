"""`loushan verify`: does this host's kernel do exactly what was signed?"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gateway.agent.gates import gates_of
from gateway.agent.settings import daemon, link_engine
from gateway.agent.signed import slice_named
from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.cli.signed import add_trust, read_signed_plan
from gateway.errors import ExitStatus, Refused, problem
from gateway.load.loader import Places
from gateway.policy.gates import gates_at
from gateway.verify.proof import Proof, prove
from gateway.verify.selftest import Fate, SelfTest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "plan", type=Path, metavar="PLAN", help="folder of the plan that should be in force | 规划"
    )
    parser.add_argument(
        "--gateway", metavar="SITE", help="the gateway this host is | 本机是哪个网关"
    )
    add_trust(parser)
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="tamper with a ruleset in throw-away namespaces, in every kind, and see that the "
        "prover finds it; touches nothing of this host | 在一次性命名空间中篡改规则集,检验证明器",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prove, or hold the prover to the mutants."""
    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    return _self_test(arguments) if arguments.self_test else _prove(arguments)


def _prove(arguments: argparse.Namespace) -> int:
    if arguments.gateway is None:
        raise Refused(problem("ZG704"))
    signed = read_signed_plan(arguments.plan, arguments.trust)
    plan = link_engine().seen_from_here(signed.plan)
    part = slice_named(plan, arguments.gateway)
    proof = prove(part, plan, str(signed.stamp), look_beside=True, daemon=daemon())
    if gates := gates_of(arguments.gateway, Places().state):
        proof = replace(
            proof,
            accounted={**proof.accounted, "gate": len(gates_at(plan, arguments.gateway))},
            findings=(*proof.findings, *gates.differences(signed)),
        )
    if arguments.json:
        say_json(proof.as_json())
    else:
        _say(arguments, proof)
    return ExitStatus.OK if proof.holds else ExitStatus.REFUSED


def _say(arguments: argparse.Namespace, proof: Proof) -> None:
    accounted = ", ".join(f"{kind} {count}" for kind, count in sorted(proof.accounted.items()))
    say(f"{proof.gateway}  {proof.stamp}  {proof.time.astimezone().isoformat(' ', 'seconds')}")
    say(f"  {words(arguments, 'accounted for', '已核对')}: {accounted}")
    unseen = words(
        arguments, "cgroup BPF, IPVS, MPLS, route encapsulation", "cgroup BPF、IPVS、MPLS、路由封装"
    )
    say(f"  {words(arguments, 'not looked at', '未检查')}: {unseen}")
    if proof.holds:
        text = words(
            arguments,
            "proven: the kernel accepts exactly what was signed, and nothing else",
            "已证明:内核所准许的恰为所签署的内容,别无其他",
        )
        say(f"  {text}")
        return
    report_problems(proof.findings, arguments)


def _self_test(arguments: argparse.Namespace) -> int:
    """Tamper with the smallest gateway that has something of every kind to tamper with."""
    from gateway.compile.ruleset import compile_slice
    from gateway.policy.plan import read_plan
    from gateway.policy.topology import slices
    from gateway.verify.selftest import self_test

    plan = read_plan(arguments.plan)
    parts = slices(plan)
    if arguments.gateway is None:
        # Small, for each mutant is loaded; with links, zones and its own addresses.
        joined = [part for part in parts.values() if part.links and part.own and part.crossings]
        part = min(joined or parts.values(), key=lambda p: len(p.crossings))
    else:
        part = slice_named(plan, arguments.gateway)
    ruleset = compile_slice(part)
    stamp = f"{plan.name} revision 1 sha256 {ruleset.digest[:16]}"
    with _progress(arguments) as tell:
        result = self_test(plan, part, ruleset.stamped(stamp), stamp, tell=tell)
    if arguments.json:
        say_json({"gateway": part.gateway, **result.as_json()})
    else:
        _say_self_test(arguments, part.gateway, result)
    return ExitStatus.OK if result.holds else ExitStatus.REFUSED


@contextmanager
def _progress(arguments: argparse.Namespace) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many mutants are tried."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    shown = console.is_terminal and not arguments.json
    with Progress(console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(words(arguments, "tampering", "篡改"), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _say_self_test(arguments: argparse.Namespace, gateway: str, result: SelfTest) -> None:
    kinds = result.by_kind()
    say(words(arguments, f"tampering with gateway {gateway}:", f"对网关 {gateway} 的篡改:"))
    for kind, counts in kinds.items():
        say(f"  {kind:44} {_counted(counts)}")
    totals = {r: sum(counts[r] for counts in kinds.values()) for r in Fate}
    say(words(arguments, f"{len(kinds)} kinds: ", f"{len(kinds)} 类:") + _counted(totals))
    for trial in result.missed:
        say(f"  {words(arguments, 'MISSED', '漏检')}: {trial.mutant.kind}: {trial.mutant.place}")


def _counted(counts: Mapping[Fate, int]) -> str:
    return ", ".join(f"{count} {result}" for result, count in counts.items() if count)
