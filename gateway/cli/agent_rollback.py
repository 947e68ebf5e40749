"""`loushan agent rollback`: take back at once what is on probation."""

import argparse

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take it back; what was accepted before is in force again."""
    from gateway.agent.ask import ask
    from gateway.agent.requests import Ask, Request

    answer = ask(Request(Ask.ROLLBACK))["result"]
    taken = answer.get("taken_back")
    if taken is None:
        # The confirmation of somebody else came first.
        raise Refused(problem("ZG810"))
    if arguments.json:
        say_json(answer)
    else:
        text = words(
            arguments, "taken back: {plan} revision {revision}", "已撤回:{plan} 修订 {revision}"
        )
        say(text.format(**taken))
    return ExitStatus.OK
