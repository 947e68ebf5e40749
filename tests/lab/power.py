"""Power of a lab's host: taken away for a while, and given back."""

import os
import shutil
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


def new_disk(town: Town, host: str) -> None:
    """Have a host's disk taken out, and a new one put in, on which Debian was installed."""
    disk = town.places.host_disk(host)
    with without_power(town, host):
        assert until(lambda: not _is_used(disk))
        for name in ("upper", "work"):
            shutil.rmtree(disk / name)


def _is_used(disk: Path) -> bool:
    """Tell whether the program that boots a host still has its disk."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--directory={disk}/root".encode() in (process / "cmdline").read_bytes():
                return True
    return False
