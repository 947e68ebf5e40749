"""One measurement of one gate: so many requests, what they cost its processes, how they went."""

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Self

from benchmarks import rights
from benchmarks.contestants import NotMeasured
from benchmarks.ground import END, GATE, Ground
from benchmarks.servers import Server, of_debian_13
from lab import namespace

#: So many connections stand at once, and so many are made at once.
CONNECTIONS, AT_ONCE = 32, 4

#: So many requests go before those that are counted: gateways forget idle connections to what is
#: behind them.
_WARM = 4 * CONNECTIONS

GRANTED, REFUSED = 200, 403

_ASKER = Path(__file__).with_name("asker.py")
_GROUPS = """\
openssl_conf = all
[all]
ssl_conf = tls
[tls]
system_default = groups
[groups]
Groups = {}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; `path` has a place for a number where it is another one each time.

    `groups` are those of the key exchange that are offered; OpenSSL's own where it is empty.
    """

    path: str = "/made/%06d/1"
    status: int = GRANTED
    keeps: bool = True
    size: int = rights.ASKERS
    groups: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request cost the gate's processes, and how they went.

    `rate` is requests a second, `slow_seconds` what 99 of 100 are sooner than; of `cpu_seconds`
    the log's follower used `follower_seconds`.
    """

    cpu_seconds: float
    rate: float
    slow_seconds: float
    follower_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stand:
    """A gate that can be asked: its namespace, its processes, and when all is written down."""

    where: str
    servers: Sequence[Server]
    follower: Server | None = None
    settle: Callable[[], None] = lambda: None

    def cpu_seconds(self) -> tuple[float, float]:
        """Give what its processes have used so far, and the log's follower."""
        used = sum(server.cpu_seconds() for server in self.servers)
        return used, self.follower.cpu_seconds() if self.follower else 0.0


class Asking:
    """Somebody who asks in a stand's namespace, while this is entered."""

    def __init__(self, ground: Ground, stand: Stand, wanted: Wanted, seed: int = 0) -> None:
        """Say what is wanted; nothing is begun yet."""
        self._ground, self._stand, self._wanted, self._seed = ground, stand, wanted, seed
        self._begun: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Begin; connections are opened by the first that is asked."""
        tree = self._ground.tree
        named = {"PYTHONHOME": str(tree / "usr"), "PATH": "/usr/bin"}
        if self._wanted.groups:
            named["OPENSSL_CONF"] = str(self._conf())
        # No site packages and no folder of the user: the image's standard library alone.
        command = [*of_debian_13(tree, "usr/bin/python3"), "-s", "-S", "-B", str(_ASKER)]
        start = partial(
            subprocess.Popen,
            command,
            env=named,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for who began it
        )
        self._begun = namespace.inside(self._stand.where, start)
        self._say(json.dumps(self._words()))
        return self

    def __exit__(self, *_words: object) -> None:
        """End it."""
        begun = self._process
        begun.kill()
        begun.wait()
        for end in (begun.stdin, begun.stdout, begun.stderr):
            with suppress(OSError):
                _pipe(end).close()

    def measure(self, requests: int) -> Asked:
        """Ask so often, and give what it cost; a few uncounted requests go before.

        Raises:
            NotMeasured: an answer is another one than was wanted, or none came.
        """
        self.ask(_WARM if self._wanted.keeps else AT_ONCE)
        self._stand.settle()
        before = self._stand.cpu_seconds()
        found = self.ask(requests)
        self._stand.settle()
        after = self._stand.cpu_seconds()
        served, followed = ((b - a) / requests for a, b in zip(before, after, strict=True))
        rate = requests / found["seconds"]
        return Asked(served + followed, rate, found["slow_seconds"], followed)

    def ask(self, requests: int) -> dict[str, Any]:
        """Ask so often, and give what was found.

        Raises:
            NotMeasured: an answer is another one than was wanted, or none came.
        """
        self.begin(requests)
        return self.found(requests)

    def begin(self, requests: int) -> None:
        """Have it ask so often, and do not wait for it."""
        self._say(str(requests))

    def found(self, requests: int) -> dict[str, Any]:
        """Wait until it has asked, and give what was found.

        Raises:
            NotMeasured: as `ask`.
        """
        found = self.heard()
        if found["others"] or found["answers"] != requests:
            message = f"{found['answers']} answers to {requests} requests, {found['others']}"
            raise NotMeasured(message)
        return found

    def heard(self) -> dict[str, Any]:
        """Wait until it has asked, and give what was found, whatever that is.

        Raises:
            NotMeasured: it has ended.
        """
        found: dict[str, Any] = json.loads(self._hear())
        return found

    def _words(self) -> dict[str, object]:
        wanted, place = self._wanted, rights.place()
        connections = CONNECTIONS if wanted.keeps else AT_ONCE
        return {
            "address": GATE,
            "port": place.gate.port,
            "host": place.gate.host,
            "source": place.source,
            "authorities": str(self._ground.authorities),
            "certificates": [str(file) for file in self._ground.askers],
            "end": END,
            "connections": connections,
            "seed": self._seed,
            "keeps": wanted.keeps,
            "path": wanted.path,
            "status": wanted.status,
            "size": wanted.size,
        }

    def _conf(self) -> Path:
        file = self._ground.folder / f"groups-{self._wanted.groups.replace(':', '-')}.cnf"
        file.write_text(_GROUPS.format(self._wanted.groups))
        return file

    @property
    def _process(self) -> subprocess.Popen[str]:
        if self._begun is None:
            raise TypeError
        return self._begun

    def _say(self, line: str) -> None:
        with suppress(BrokenPipeError):  # it says why it ended
            _pipe(self._process.stdin).write(f"{line}\n")
            _pipe(self._process.stdin).flush()

    def _hear(self) -> str:
        line = _pipe(self._process.stdout).readline()
        if not line:
            words = _pipe(self._process.stderr).read().strip().splitlines()
            raise NotMeasured(words[-1] if words else "whoever asks has ended")
        return line


def _pipe(end: IO[str] | None) -> IO[str]:
    if end is None:
        raise TypeError
    return end
