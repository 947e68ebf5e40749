"""Power of a lab's host: taken away for a while, and given back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import Refused
from lab.hosts.city import is_ready
from lab.hosts.machine import leader
from tests.lab.town import Town, until


@contextmanager
def without_power(town: Town, host: str) -> Iterator[None]:
    """Have a host without power for a while: nobody gives it any before the end."""
    guard = (town.places.run / "keeper").read_text().strip()
    keeper = int(Path(f"/proc/{guard}/task/{guard}/children").read_text())
    before = leader(town.places, host)
    os.kill(keeper, signal.SIGSTOP)
    try:
        (town.places.host_run(host) / "again").touch()
        os.kill(before, signal.SIGKILL)
        yield
    finally:
        os.kill(keeper, signal.SIGCONT)

    def is_back() -> bool:
        with suppress(Refused):
            return leader(town.places, host) != before and is_ready(town.places, host)
        return False

    assert until(is_back, 60)
