"""`loushan alarm notify`: tells people on this host of each alert; systemd starts it."""

import argparse
from collections.abc import Mapping
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Tell until told to end, or until there are new programs."""
    del arguments
    from gateway.agent.systemd import handed_over, notify, programs
    from gateway.alarm.hearing import Hearing
    from gateway.alarm.telling import tell
    from gateway.alarm.words import alarms_of

    def hear(body: Mapping[str, Any]) -> None:
        for alarm in alarms_of(body):
            tell(alarm)

    is_current = programs()

    def goes_on() -> bool:
        notify("WATCHDOG=1")
        return is_current()

    (listening,) = handed_over()
    hearing = Hearing(listening, hear)
    notify("READY=1")
    hearing.run(goes_on)
    return 0
