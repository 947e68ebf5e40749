"""`loushan agent confirm`: the new policy let me in again, so it stays."""

import argparse

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "--revision",
        type=int,
        default=0,
        metavar="N",
        help="only if this one is on probation | 仅当试行的是此修订",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Confirm what is on probation, from a connection that was opened since."""
    from gateway.agent.ask import ask
    from gateway.agent.requests import Ask, Request

    answer = ask(Request(Ask.CONFIRM, revision=arguments.revision))
    if arguments.json:
        say_json(answer["result"])
    else:
        text = words(arguments, "confirmed, in force and proven: {}", "已确认、生效并证明:{}")
        say(text.format(answer["result"]["in_force"]))
    return ExitStatus.OK
