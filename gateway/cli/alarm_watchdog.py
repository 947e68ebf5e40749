"""`loushan alarm watchdog`: raises the alarm when the monitoring host is silent; for systemd."""

import argparse
import os
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "sender",
        metavar="NAME",
        help="whose signs of life count, by the name in its certificate | 报平安者证书中的名称",
    )
    parser.add_argument(
        "--silent-seconds",
        type=int,
        default=60,
        metavar="N",
        help="after how many seconds of silence people are told | 失声多少秒后报警",
    )


def run(arguments: argparse.Namespace) -> int:
    """Listen until told to end, or until there are new programs."""
    from gateway.agent.systemd import handed_over, notify, programs
    from gateway.alarm.hearing import Hearing, Senders
    from gateway.alarm.telling import tell
    from gateway.alarm.watchdog import LEAST_SECONDS, Watchdog
    from gateway.observe.scrape import Credentials

    handed = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/etc/loushan-watchdog"))
    credentials = Credentials(handed / "watchdog.pem", Path("/etc/loushan-watchdog/services.pem"))
    credentials.context()  # what cannot be used is said now, not to who posts
    watchdog = Watchdog(max(arguments.silent_seconds, LEAST_SECONDS), tell)
    is_current = programs()

    def goes_on() -> bool:
        notify("WATCHDOG=1")
        watchdog.look()
        return is_current()

    (listening,) = handed_over()
    senders = Senders(credentials, frozenset({arguments.sender}))
    hearing = Hearing(listening, watchdog.hear, senders)
    notify("READY=1")
    hearing.run(goes_on)
    return 0
