"""`loushan bundle verify`: judge a bundle."""

import argparse

from gateway.bundle.judge import judge
from gateway.cli.bundle_trust import add_trust, say_judged, trust
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_trust(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say what it is, if it may be used."""
    say_judged(arguments, judge(arguments.file, trust(arguments)))
    return ExitStatus.OK
