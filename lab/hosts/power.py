"""`loushan lab reboot`: a host boots again, or its power is cut and given back."""

import argparse
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.cli.report import say, words
from gateway.errors import ExitStatus, Refused, problem
from lab.manners import require_root

if TYPE_CHECKING:
    from lab.hosts.places import Places

#: It takes some seconds; a busy machine takes longer.
_PATIENCE_SECONDS = 180
_LOOK_SECONDS = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("host", metavar="HOST", help="as in tax-gw | 主机,如 tax-gw")
    parser.add_argument(
        "--power",
        action="store_true",
        help="cut its power, without a word to it | 直接断电再加电",
    )


def run(arguments: argparse.Namespace) -> int:
    """Boot it again and wait until it is ready."""
    require_root()
    from lab.hosts.describe import described  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    here = places()
    host = described(here).host(arguments.host)
    began = time.monotonic()
    reboot(here, host.name, power=arguments.power)
    seconds = f"{time.monotonic() - began:.1f}"
    said = words(arguments, "{} is up again after {} s", "{} 已重新启动,用时 {} 秒")
    say(said.format(host.name, seconds))
    return ExitStatus.OK


def reboot(places: "Places", host: str, *, power: bool) -> None:
    """Boot a host again: asked to, or by taking its power away.

    Raises:
        Refused: ZG673, it does not run, or has not come up again.
    """
    from lab.hosts.city import is_ready  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.machine import execute, leader  # noqa: PLC0415 - as above

    before = leader(places, host)
    if power:
        (places.host_run(host) / "again").touch()
        os.kill(before, signal.SIGKILL)
    else:
        execute(places, host, ["systemctl", "--no-block", "reboot"])
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        with suppress(Refused):  # between the two it runs not at all
            if leader(places, host) != before and is_ready(places, host):
                return
        time.sleep(_LOOK_SECONDS)
    raise Refused(problem("ZG673", host=host))
