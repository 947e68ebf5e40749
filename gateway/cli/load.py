"""`loushan load`: bring a signed plan into force on this host, or leave the last good one."""

import argparse
import os
import sys
from pathlib import Path

from gateway.agent.enforce import Enforcer, State
from gateway.agent.gates import gates_of
from gateway.agent.settings import daemon, link_engine, read_settings
from gateway.cli.report import add_json, say, say_json, words
from gateway.cli.signed import add_trust, read_signed_plan
from gateway.cli.steps import step_words
from gateway.errors import ExitStatus, Refused, problem
from gateway.load.events import Step
from gateway.load.loader import Places
from gateway.observe.status import is_recording


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
        sys.stderr.write(f"{step_words(self._arguments, step, detail)}\n")


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
    _say_loaded(arguments, _enforcer(arguments, arguments.gateway, places).enforce(signed))
    return ExitStatus.OK


def _enforcer(arguments: argparse.Namespace, gateway: str, places: Places) -> Enforcer:
    gates = gates_of(gateway, places.state, is_recording)
    return Enforcer(gateway, places, Progress(arguments), link_engine(), daemon(), gates)


def _recover(arguments: argparse.Namespace, places: Places) -> int:
    in_force = _enforcer(arguments, _gateway(arguments), places).put_in_order()
    if arguments.json:
        say_json({"in_force": str(in_force.stamp) if in_force else None})
    elif in_force is None:
        say(words(arguments, "no policy is in force: everything is refused", "无现行策略:拒绝一切"))
    else:
        say(words(arguments, "in force: {}", "现行策略:{}").format(in_force.stamp))
    return ExitStatus.OK


def _say_loaded(arguments: argparse.Namespace, state: State) -> None:
    loaded = state.loaded
    if arguments.json:
        say_json(
            {
                "in_force": str(state.stamp),
                "way": loaded.way if loaded else None,
                "changed": loaded.changed if loaded else 0,
                "sessions_cut": loaded.cut if loaded else 0,
            }
        )
        return
    text = words(arguments, "in force and proven: {}", "已生效并证明:{}").format(state.stamp)
    if loaded:
        more = words(arguments, "({}; {} live sessions cut)", "({};切断会话 {} 个)")
        text = f"{text} {more.format(loaded.way, loaded.cut)}"
    say(text)


def _gateway(arguments: argparse.Namespace) -> str:
    """Give the gateway that was named, else the one that the agent's settings name."""
    if arguments.gateway is not None:
        return str(arguments.gateway)
    try:
        return read_settings().gateway
    except Refused:
        return ""
