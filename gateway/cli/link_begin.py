"""`loushan link begin`: make every link of this gateway anew, from this end."""

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
    from gateway.load.links import take_over

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    begun, standing = take_over(SOCKET)
    if arguments.json:
        say_json({"begun": begun, "standing": standing})
        return ExitStatus.OK
    text = words(arguments, "links begun: {}, standing: {}", "已发起链路:{};已建立:{}")
    say(text.format(begun, standing))
    return ExitStatus.OK
