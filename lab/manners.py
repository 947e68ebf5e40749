"""What the commands of the lab have in common: what they ask, and how they end."""

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gateway.errors import Refused, problem


def add_sites(parser: argparse.ArgumentParser) -> None:
    """Ask which sites are wanted."""
    parser.add_argument(
        "--sites",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="A,B",
        help="only these sites and those between them | 仅这些站点及其间的站点",
    )


@contextmanager
def polite_kill_is_an_end() -> Iterator[None]:
    """Let SIGTERM end the program as an error does, so that it tidies up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def require_root() -> None:
    """Return when we are root.

    Raises:
        Refused: ZG661, we are not.
    """
    if os.geteuid() != 0:
        raise Refused(problem("ZG661"))
