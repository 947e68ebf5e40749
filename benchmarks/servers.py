"""Programs that serve in a namespace of ours: what they cost, and their end.

Each has a process namespace of its own, so that all of its processes are gone with this one,
even where this one is killed in a way that it cannot answer.
"""

import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import NotMeasured
from lab import namespace

_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.02
_NANO = 1e9
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs; `number` is its first process, `said` has its words."""

    number: int
    said: Path

    def cpu_seconds(self) -> float:
        """Give what all its threads have used so far, user and system."""
        return sum(map(_thread_seconds, self._processes())) / _NANO

    def is_over(self) -> bool:
        """Tell whether its first process has ended."""
        try:
            state = Path(f"/proc/{self.number}/stat").read_text("ascii").rpartition(")")[2]
        except FileNotFoundError:
            return True
        return state.split()[0] == "Z"

    def ended(self) -> NotMeasured:
        """Give the fault to raise where it does not answer, with its last words."""
        words = self.said.read_text("utf-8", "replace").strip().splitlines()
        return NotMeasured(words[-1] if words else "it does not answer, and says nothing")

    def _processes(self) -> Iterator[int]:
        waiting = [self.number]
        while waiting:
            number = waiting.pop()
            yield number
            for thread in Path(f"/proc/{number}/task").iterdir():
                waiting += map(int, (thread / "children").read_text("ascii").split())


@contextmanager
def serving(
    where: str | None,
    command: Sequence[str],
    folder: Path,
    *,
    out: Path | None = None,
    named: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Have a program running for a while, in a namespace or where we are; end it with all it began.

    Its words go to `said` in the folder, what it writes to its standard output is added to `out`.
    """
    into = [f"--net=/run/netns/{where}"] if where else []
    begin = ["nsenter", *into, "--", "setpriv", "--pdeathsig", "KILL", "--"]
    # The child is the first process of its own namespace: with it all others end.
    begin += ["unshare", "--pid", "--fork", "--kill-child", "--"]
    said = folder / "said"
    with said.open("ab") as words, (out or said).open("ab") as lines:
        process = subprocess.Popen(
            [*begin, *command],
            cwd=folder,
            # As few names as a service has: HAProxy looks through them at each request.
            env={"PATH": _PATH, **(named or {})},
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=words,
            start_new_session=True,  # Ctrl-C is for who began it
        )
    try:
        yield Server(process.pid, said)
    finally:
        process.kill()
        process.wait()


def wait_for_port(server: Server, where: str, address: str, port: int) -> None:
    """Wait until a server takes connections.

    Raises:
        NotMeasured: it ended, or does not within a while.
    """
    end = time.monotonic() + _PATIENCE_SECONDS

    def is_open() -> bool:
        with socket.socket() as asking:
            asking.settimeout(1)
            return asking.connect_ex((address, port)) == 0

    while not namespace.inside(where, is_open):
        if server.is_over() or time.monotonic() > end:
            raise server.ended()
        time.sleep(_LOOK_SECONDS)


def of_debian_13(tree: Path, program: str, package: Path | None = None) -> list[str]:
    """Give how a program is run with the libraries of the lab's image, out of it or of another."""
    libraries = tree / "usr/lib" / sysconfig.get_config_var("MULTIARCH")
    (linker,) = libraries.glob("ld-linux*.so.*")
    return [str(linker), "--library-path", str(libraries), str((package or tree) / program)]


def _thread_seconds(process: int) -> int:
    used = 0
    for thread in Path(f"/proc/{process}/task").iterdir():
        used += int((thread / "schedstat").read_text("ascii").split()[0])
    return used
