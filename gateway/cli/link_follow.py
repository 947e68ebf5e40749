"""`loushan link follow`: the service that takes up revocations when they are signed."""

import argparse
import os
from typing import TYPE_CHECKING

from gateway.errors import Refused, problem
from gateway.vici import SOCKET

if TYPE_CHECKING:
    from gateway.renewal.follow import AtGates


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Nothing may follow."""


def run(_arguments: argparse.Namespace) -> int:
    """Run until told to end, or until there are new programs."""
    from gateway.agent.settings import read_settings
    from gateway.agent.systemd import notify, programs
    from gateway.errors import ExitStatus
    from gateway.load.revocations import CREDENTIALS
    from gateway.renewal.certificate import Identity
    from gateway.renewal.follow import Follower, follow
    from gateway.renewal.server import Server

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    name = read_settings().enrolment
    if not name:
        raise Refused(problem("ZG524"))
    server = Server.named(name, Identity(CREDENTIALS).authority("root"))
    is_current = programs()

    def goes_on() -> bool:
        notify("WATCHDOG=1")
        return is_current()

    notify("READY=1")
    follow(Follower(server, SOCKET, _at_gates()), goes_on)
    return ExitStatus.OK


def _at_gates() -> "AtGates | None":
    from gateway.agent.gates import GIVEN, LISTS, TRUSTED
    from gateway.renewal.follow import AtGates

    return AtGates(GIVEN / LISTS, GIVEN / TRUSTED) if GIVEN.exists() else None
