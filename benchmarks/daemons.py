"""Programs that run in a namespace of ours, on a disk in memory, and are gone with this process.

Each has a mount namespace of its own, so that neither its files nor its socket outlive it,
even where this process is killed in a way that it cannot answer.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import NotMeasured

_TICKS = os.sysconf("SC_CLK_TCK")

#: The times of a process in its `stat`, counted from behind the name.
_USER, _SYSTEM = 11, 12

#: No answer of a program takes longer.
_PATIENCE_SECONDS = 30

#: What of a process's memory would be free without it, as `smaps_rollup` calls it.
_OWN = ("Private_Clean:", "Private_Dirty:")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One that runs; `number` is its process."""

    number: int

    def path(self, inside: str) -> Path:
        """Give where a path of its own is found from outside."""
        return Path(f"/proc/{self.number}/root{inside}")

    def say(self, *command: str, text: str = "") -> str:
        """Run a command beside it, on its disk and in its network.

        Raises:
            NotMeasured: it failed; carries its last words.
        """
        into = ["nsenter", f"--target={self.number}", "--mount", "--net", "--root", "--wd", "--"]
        try:
            done = subprocess.run(
                [*into, *command],
                input=text,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise NotMeasured(str(late)) from late
        if done.returncode:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
            message = f"{command[0]}: {words[-1]}"
            raise NotMeasured(message)
        return done.stdout

    def cpu_seconds(self) -> float:
        """Give the processor time of all its threads so far."""
        words = Path(f"/proc/{self.number}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(words[_USER]) + int(words[_SYSTEM])) / _TICKS

    def own_bytes(self) -> int:
        """Give the memory that nobody shares with it."""
        return sum(map(self._bytes, _OWN))

    def resident_bytes(self) -> int:
        """Give all its memory, as a limit on it counts; what it shares too."""
        return self._bytes("Rss:")

    def _bytes(self, word: str) -> int:
        lines = Path(f"/proc/{self.number}/smaps_rollup").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(word))


@contextmanager
def running(place: str, script: str, *words: str) -> Iterator[Daemon]:
    """Have a shell's script become a program in a namespace; end it without asking.

    The script has the words as `$1` and so on, and ends with `exec`.
    """
    into = ["nsenter", f"--net=/run/netns/{place}", "--", "setpriv", "--pdeathsig", "KILL", "--"]
    # Slave: a namespace that is removed outside is not kept alive in here.
    away: Sequence[str] = ["unshare", "--mount", "--propagation", "slave", "--"]
    process = subprocess.Popen(
        [*into, *away, "/bin/sh", "-euc", script, "daemon", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Daemon(process.pid)
    finally:
        process.kill()
        process.wait()
