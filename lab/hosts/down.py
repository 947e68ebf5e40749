"""`loushan lab down`: take the lab away, in whatever state it is."""

import argparse

from gateway.cli.report import say, words
from gateway.errors import ExitStatus
from lab.manners import require_root


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Say what may follow: nothing."""


def run(arguments: argparse.Namespace) -> int:
    """Take it away; a lab that is not there is no error."""
    require_root()
    from lab.hosts.city import take_down  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    take_down(places())
    say(words(arguments, "nothing of the lab is left", "实验城市已全部清除"))
    return ExitStatus.OK
