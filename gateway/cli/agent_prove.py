"""`loushan agent prove`: have this gateway proven now."""

import argparse

from gateway.agent.requests import Ask, Request, problems_from
from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prove; what is found the agent then puts right as it is told to."""
    from gateway.agent.ask import ask

    result = ask(Request(Ask.PROVE))["result"]
    if arguments.json:
        say_json(result)
    elif result["proven"]:
        say(words(arguments, "proven: {}", "已证明:{}").format(result["in_force"]))
    elif result["findings"]:
        report_problems(problems_from(result["findings"]), arguments)
    else:
        say(words(arguments, "no policy is in force: everything is refused", "无现行策略:拒绝一切"))
    return ExitStatus.OK if result["proven"] else ExitStatus.REFUSED
