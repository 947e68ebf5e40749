"""`loushan link begin`: begin every link of this gateway that does not stand."""

import argparse
import os

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.vici import SOCKET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Begin those too that the other end has to: it may not know yet that they ended."""
    from gateway.load.links import begin

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    count = begin(SOCKET, those_of_others=True)
    if arguments.json:
        say_json({"begun": count})
        return ExitStatus.OK
    say(words(arguments, "links begun: {}", "已发起链路:{}").format(count))
    return ExitStatus.OK
