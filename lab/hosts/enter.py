"""`loushan lab shell` and `exec`: what a keyboard at a host's console is."""

import argparse
import subprocess

from gateway.errors import ExitStatus
from lab.manners import require_root

_SHELL = ("/bin/bash", "--login")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "host",
        metavar="HOST",
        help="as in tax-gw or tax.office; a site's name means its gateway"
        " | 主机,如 tax-gw、tax.office;站点名即其网关",
    )
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="COMMAND …",
        help="what to run; a shell unless said | 要运行的命令,默认为 shell",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run it; our exit status is its own."""
    require_root()
    from lab.hosts.describe import described  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.machine import entering  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    here = places()
    host = described(here).host(arguments.host)
    command = arguments.command or list(_SHELL)
    if command[0] == "--":
        command = command[1:]
    if not host.boots:
        namespace = here.namespace(host.name)
        return subprocess.run(["ip", "netns", "exec", namespace, *command], check=False).returncode  # noqa: S607 - Debian's own
    done = subprocess.run(entering(here, host.name, command), check=False)
    return done.returncode if done.returncode >= 0 else ExitStatus.REFUSED
