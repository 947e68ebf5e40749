"""`loushan link refresh`: take up new lists of revocations on this gateway, at its gates too."""

import argparse
import os

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.vici import SOCKET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Have strongSwan take them, and end the links of who is on them; and the proxy."""
    from gateway.agent.gates import gates_of
    from gateway.load.loader import Places
    from gateway.load.revocations import take_up

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    gates = gates_of("", Places().state)
    refused_at_gates = gates.revoke() if gates else 0
    taken = take_up(SOCKET)
    if arguments.json:
        found = {"revoked": taken.revoked, "ended": list(taken.ended)}
        say_json({**found, "refused_at_gates": refused_at_gates})
        return ExitStatus.OK
    text = words(arguments, "newly revoked: {}; links ended: {}", "新吊销:{};已终止链路:{}")
    say(text.format(taken.revoked, ", ".join(taken.ended) or "-"))
    if gates:
        text = words(arguments, "certificates refused at the gates: {}", "闸口拒绝的证书:{}")
        say(text.format(refused_at_gates))
    return ExitStatus.OK
