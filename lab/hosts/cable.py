"""`loushan lab cut` and `join`: pull a cable, or push it in again."""

import argparse
from typing import TYPE_CHECKING

from gateway.cli.report import say, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.policy.names import HEARTBEAT
from lab.manners import require_root

if TYPE_CHECKING:
    from lab.hosts.blueprint import Blueprint, Host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("host", metavar="HOST", help="as in tax-gw or tax.office | 主机")
    parser.add_argument(
        "other",
        nargs="?",
        metavar="HOST",
        help="the other end of a link, as in city-gw | 链路另一端的主机",
    )


def run_cut(arguments: argparse.Namespace) -> int:
    """Pull the cable."""
    return _run(arguments, joined=False)


def run_join(arguments: argparse.Namespace) -> int:
    """Push it in again."""
    return _run(arguments, joined=True)


def _run(arguments: argparse.Namespace, *, joined: bool) -> int:
    require_root()
    from lab.hosts import cables  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.describe import described  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    lab = described(places())
    host = lab.host(arguments.host)
    other = lab.host(arguments.other) if arguments.other else None
    cables.cut(places(), host, interface_between(lab.blueprint, host, other), joined=joined)
    done = words(arguments, *(("joined", "已接通") if joined else ("cut", "已断开")))
    say(f"{host.name}{' – ' + other.name if other else ''}: {done}")
    return ExitStatus.OK


def interface_between(blueprint: "Blueprint", host: "Host", other: "Host | None") -> str:
    """Give the interface of a host that leads to another, or its only one.

    Two of a pair are plugged in at the same places; what leads from one to the other is the
    cable between them.

    Raises:
        Refused: ZG680, there is none.
    """
    theirs = {port.segment for port in other.ports} if other else set(blueprint.segments)
    leading = [port.interface for port in host.ports if port.segment in theirs]
    if HEARTBEAT in leading:
        return HEARTBEAT
    if len(leading) != 1:
        raise Refused(problem("ZG680", one=host.name, two=other.name if other else "?"))
    return leading[0]
