"""`loushan metrics show`: what this gateway's metrics are now, as Prometheus reads them."""

import argparse

from gateway.cli.report import say
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "begin",
        nargs="?",
        default="loushan_",
        metavar="BEGIN",
        help="only those that begin so | 仅显示以此开头的指标",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print them; nobody on the network is asked."""
    from gateway.observe.exporter import GatewayCollector, text_of
    from gateway.observe.exporter_settings import read_exporter_settings

    text = text_of(GatewayCollector(read_exporter_settings().hub)).decode()
    for line in text.splitlines():
        if line.startswith(arguments.begin):
            say(line)
    return ExitStatus.OK
