"""`loushan log follow`: the service that records the proxy's decisions; systemd starts it."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    from gateway.observe.settings import SETTINGS_FILE

    parser.add_argument(
        "--settings",
        type=Path,
        default=SETTINGS_FILE,
        metavar="FILE",
        help=f"its settings, {SETTINGS_FILE} unless said | 设置文件",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until told to end, or until there are new programs."""
    from gateway.agent.systemd import notify, programs
    from gateway.observe.follow import follow
    from gateway.observe.settings import read_settings

    return follow(read_settings(arguments.settings), notify, programs())
