"""`loushan metrics knock`: who shows no certificate is refused where the metrics are asked for."""

import argparse

from gateway.cli.report import say
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("address", metavar="ADDRESS", help="as in 10.11.255.1 | 例如 10.11.255.1")
    parser.add_argument(
        "ports", nargs="+", type=int, metavar="PORT", help="as in 9633 9100 | 例如 9633 9100"
    )


def run(arguments: argparse.Namespace) -> int:
    """Knock at each port; ends with 1 where somebody who shows nothing is heard."""
    from gateway.observe.knock import refusal_of

    status = ExitStatus.OK
    for port in arguments.ports:
        try:
            said = refusal_of(arguments.address, port)
        except OSError as fault:
            said, status = f"{type(fault).__name__}: {fault}", ExitStatus.REFUSED
        say(f"{arguments.address} {port}: {said}")
    return status
