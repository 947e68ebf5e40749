"""`loushan link refresh`: take up new lists of revocations on this gateway."""

import argparse
import os

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.vici import SOCKET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Have strongSwan take them, and end the links of who is on them."""
    from gateway.load.revocations import take_up

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    taken = take_up(SOCKET)
    if arguments.json:
        say_json({"revoked": taken.revoked, "ended": list(taken.ended)})
        return ExitStatus.OK
    text = words(arguments, "newly revoked: {}; links ended: {}", "新吊销:{};已终止链路:{}")
    say(text.format(taken.revoked, ", ".join(taken.ended) or "-"))
    return ExitStatus.OK
