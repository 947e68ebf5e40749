"""`loushan agent watch`: the service that looks at the gates every second; systemd starts it."""

import argparse

from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: a host has one proxy, and it is always in the same place."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Look until told to end."""
    del arguments
    from gateway.agent.gate_watch import main
    from gateway.observe.status import is_recording

    main(is_recording)
    return ExitStatus.OK
