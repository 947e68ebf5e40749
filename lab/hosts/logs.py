"""`loushan lab logs`: what a host has written in its journal."""

import argparse
import subprocess

from gateway.errors import Refused
from lab.manners import require_root


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("host", metavar="HOST", help="as in tax-gw | 主机,如 tax-gw")
    parser.add_argument("-f", "--follow", action="store_true", help="go on | 持续输出")
    parser.add_argument(
        "-u", "--unit", metavar="UNIT", help="only this one, as in loushan-agent | 仅此服务"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show the journal; of a host that does not run, its last words on the console."""
    require_root()
    from lab.hosts.describe import described  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.machine import entering  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    here = places()
    host = described(here).host(arguments.host)
    asked = ["journalctl", "--no-pager", "--output=short-iso"]
    asked += ["--follow"] if arguments.follow else []
    asked += [f"--unit={arguments.unit}"] if arguments.unit else []
    try:
        command = entering(here, host.name, asked)
    except Refused:
        command = ["/usr/bin/tail", "-n", "50", str(here.host_run(host.name) / "console")]
    return subprocess.run(command, check=False).returncode
