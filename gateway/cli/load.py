"""`loushan load`: bring a signed plan into force on this host, or leave the last good one."""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from gateway.cli.report import add_json, say, say_json, words
from gateway.cli.signed import SignedPlan, add_trust, read_signed_plan, slice_named, stamp_of
from gateway.errors import ExitStatus, Refused, problem, refuse_any
from gateway.load.events import Step
from gateway.load.inforce import Stamp
from gateway.load.loader import Candidate, Loaded, Places, load, recover
from gateway.policy.succession import Accepted, check_may_follow
from gateway.policy.topology import GatewaySlice

_STEP_WORDS = {
    Step.LOCKED: ("alone at work on this host", "已取得本机装载锁"),
    Step.CLEANED: ("what no policy uses is deleted", "已清除不再使用的内容"),
    Step.SCAFFOLDED: ("the scaffold stands: everything is refused", "基础规则已就位:拒绝一切"),
    Step.CHECKED: ("the kernel would take it", "内核预检通过"),
    Step.STAGED: ("staged beside the policy in force", "已在现行策略旁备好"),
    Step.COMMITTED: ("committed", "已提交"),
    Step.SESSIONS_CUT: ("live sessions cut", "已切断的会话"),
    Step.PROVED: ("proven", "已证明"),
    Step.ACCEPTED: ("recorded as accepted", "已登记为已接受"),
    Step.FORWARDING: ("forwarding is on", "转发已开启"),
    Step.CONFIRMED: ("in force", "已生效"),
    Step.REVERTED: ("reverted to", "已还原为"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "plan",
        type=Path,
        nargs="?",
        metavar="PLAN",
        help="folder of the signed plan; none: put the host in order and say what is in force"
        " | 已签署的规划;不给则只整理本机并说明现行策略",
    )
    parser.add_argument(
        "--gateway", metavar="SITE", help="the gateway this host is | 本机是哪个网关"
    )
    add_trust(parser)
    add_places(parser)
    add_json(parser)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Ask where the loader keeps its lock and what was ever accepted."""
    places = Places()
    parser.add_argument(
        "--state",
        type=Path,
        default=places.state,
        metavar="DIR",
        help="what was accepted | 状态目录",
    )
    parser.add_argument(
        "--run", type=Path, default=places.run, metavar="DIR", help="the loader's lock | 运行目录"
    )


class Progress:
    """Says each step of a load on standard error."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Speak the reader's language."""
        self._arguments = arguments

    def step(self, step: Step, detail: str) -> None:
        """Say a step."""
        text = words(self._arguments, *_STEP_WORDS[step])
        sys.stderr.write(f"  {text}{': ' + detail if detail else ''}\n")


def run(arguments: argparse.Namespace) -> int:
    """Load, prove and confirm; or put the host in order."""
    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    places = Places(arguments.run, arguments.state)
    if arguments.plan is None:
        return _recover(arguments, places)
    if arguments.gateway is None:
        raise Refused(problem("ZG704"))
    signed = read_signed_plan(arguments.plan, arguments.trust)
    part = slice_named(signed.plan, arguments.gateway)
    _say_loaded(arguments, load_signed(signed, part, places, Progress(arguments)))
    return ExitStatus.OK


def load_signed(signed: SignedPlan, part: GatewaySlice, places: Places, events: Progress) -> Loaded:
    """Load one gateway's slice of a signed plan into this network namespace.

    Raises:
        Refused: the last good policy is still in force; the problems say why.
    """
    from gateway.compile.ruleset import compile_slice
    from gateway.verify.proof import prove

    stamp = stamp_of(signed)

    def may_follow(known: Iterable[Stamp]) -> None:
        accepted = (Accepted(one.plan, one.revision, one.digest) for one in known)
        check_may_follow(signed.verified, accepted)

    def proven() -> None:
        proof = prove(part, signed.plan, str(stamp), staged=True, look_beside=True)
        refuse_any(proof.findings)

    candidate = Candidate(compile_slice(part), stamp, signed.plan, may_follow)
    return load(candidate, proven, events=events, places=places)


def _recover(arguments: argparse.Namespace, places: Places) -> int:
    recovered = recover(events=Progress(arguments), places=places)
    in_force = recovered.in_force
    if arguments.json:
        say_json({"in_force": str(in_force.stamp) if in_force else None})
    elif in_force is None:
        say(words(arguments, "no policy is in force: everything is refused", "无现行策略:拒绝一切"))
    else:
        say(words(arguments, "in force: {}", "现行策略:{}").format(in_force.stamp))
    return ExitStatus.OK


def _say_loaded(arguments: argparse.Namespace, loaded: Loaded) -> None:
    if arguments.json:
        say_json(
            {
                "in_force": str(loaded.in_force.stamp),
                "way": loaded.way,
                "changed": loaded.changed,
                "sessions_cut": loaded.cut,
            }
        )
        return
    say(
        words(
            arguments,
            "in force and proven: {} ({}; {} live sessions cut)",
            "已生效并证明:{}({};切断会话 {} 个)",
        ).format(loaded.in_force.stamp, loaded.way, loaded.cut)
    )
