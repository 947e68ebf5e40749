"""The service that may change the kernel: one request, one process, then it ends.

systemd hands over the socket; each connection has a process of its own (`forks`).
It takes nothing on trust: which gateway this host is and whose signatures count
it reads itself, with each request.
"""

import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from gateway.agent.enforce import Enforcer, State, stamp_json
from gateway.agent.forks import Forks
from gateway.agent.gates import gates_of
from gateway.agent.probation import Word, wait
from gateway.agent.requests import (
    LONGEST_LINE_BYTES,
    OF_THE_LOADER,
    Ask,
    Request,
    files_of,
    json_line,
    parse_request,
    parse_word,
    problems_json,
)
from gateway.agent.settings import SETTINGS_FILE, Settings, read_settings
from gateway.agent.signed import SignedPlan, delivered, verified
from gateway.agent.systemd import handed_over
from gateway.errors import ExitStatus, Refused, problem
from gateway.journal import journal
from gateway.load.events import Step
from gateway.load.loader import Places
from gateway.policy.schema import read_schemas
from gateway.policy.signers import load_trust
from gateway.vici import SOCKET

#: Where a host keeps the signers' authority and its list of revocations.
TRUST_FOLDER = Path("/etc/loushan/trust")

#: How long a request may take to arrive.
ARRIVAL_SECONDS = 30

_PEER = struct.Struct("3i")
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Setup:
    """Where this loader finds what it must not be told by who asks.

    `is_recording` tells whether the decisions at gates are written down; without it there are none.
    """

    settings: Path = SETTINGS_FILE
    trust: Path = TRUST_FOLDER
    places: Places = field(default_factory=Places)
    daemon: Path | None = SOCKET
    is_recording: Callable[[], bool] | None = None
    arrival_seconds: float = ARRIVAL_SECONDS


@dataclass(slots=True)
class Line:
    """The connection to the one who asks; reads what was said, tells what was done."""

    connection: socket.socket
    arrival_seconds: float = ARRIVAL_SECONDS
    rest: bytes = b""

    def step(self, step: Step, detail: str) -> None:
        """Tell a step."""
        self.tell({"step": step.value, "detail": detail})

    def tell(self, body: dict[str, object]) -> None:
        """Tell something; that nobody listens any more changes nothing about the work."""
        with suppress(OSError):
            self.connection.sendall(json_line(body))

    def request(self) -> tuple[Request, bytes]:
        """Read the request and what belongs to it.

        Raises:
            Refused: ZG806, it is none, or did not come in time.
        """
        until = time.monotonic() + self.arrival_seconds
        while b"\n" not in self.rest:
            if len(self.rest) > LONGEST_LINE_BYTES:
                raise Refused(problem("ZG806", error=f"> {LONGEST_LINE_BYTES}"))
            self._more(until)
        line, _, self.rest = self.rest.partition(b"\n")
        request = parse_request(line)
        parts = [self.rest[: request.size]]
        self.rest = self.rest[request.size :]
        missing = request.size - len(parts[0])
        while missing > 0:
            self._more(until)
            parts.append(self.rest[:missing])
            self.rest = self.rest[missing:]
            missing -= len(parts[-1])
        return request, b"".join(parts)

    def words(self, seconds: float) -> Iterator[Word] | None:
        """Wait for words to a policy on probation; None when nobody is there."""
        ready, _, _ = select.select([self.connection], [], [], seconds)
        if not ready:
            return iter(())
        received = self.connection.recv(_CHUNK_BYTES)
        if not received or len(self.rest) > LONGEST_LINE_BYTES:
            return None
        *lines, self.rest = (self.rest + received).split(b"\n")
        return map(parse_word, lines)

    def _more(self, until: float) -> None:
        self.connection.settimeout(max(until - time.monotonic(), 0.001))
        try:
            received = self.connection.recv(_CHUNK_BYTES)
        except TimeoutError as fault:
            raise Refused(problem("ZG806", error="timeout")) from fault
        finally:
            self.connection.settimeout(None)
        if not received:
            raise Refused(problem("ZG806", error="EOF"))
        self.rest += received


def serve(connection: socket.socket, setup: Setup, allowed: frozenset[int]) -> int:
    """Do what one connection asks; give the exit status.

    `allowed` are the users who may ask.
    """
    line = Line(connection, setup.arrival_seconds)
    try:
        _check_peer(connection, allowed)
        request, content = line.request()
        settings = read_settings(setup.settings)
        line.tell({"result": answer(request, content, settings, setup, line).as_json()})
    except Refused as refused:
        told = problems_json(refused.problems)
        for each in told:
            journal({"refused": each})
        line.tell({"refused": told})
        return ExitStatus.REFUSED
    return ExitStatus.OK


def answer(request: Request, content: bytes, settings: Settings, setup: Setup, line: Line) -> State:
    """Do one piece of work.

    Raises:
        Refused: it was not done, or not by this service.
    """
    gates = None
    if setup.is_recording is not None:
        gates = gates_of(settings.gateway, setup.places.state, setup.is_recording)
    engine = settings.link_engine
    enforcer = Enforcer(settings.gateway, setup.places, line, engine, setup.daemon, gates)
    work: dict[Ask, Callable[[], State]] = {
        Ask.PROVE: enforcer.prove,
        Ask.RESTORE: enforcer.restore,
        Ask.REPAIR: enforcer.repair,
        Ask.CLOSE: enforcer.close,
        Ask.CHECK: lambda: enforcer.judge(_signed(request, content, setup)),
        Ask.LOAD: lambda: _load(enforcer, request, content, settings, setup, line),
    }
    if request.ask not in OF_THE_LOADER:
        raise Refused(problem("ZG806", error=request.ask.value))
    return work[request.ask]()


def import_everything() -> None:
    """Import what a request needs, and read the schemas: programs all of it, and nothing else.

    A child of who has done so need not.  What says how this host is, or what was
    asked of it, is for each request to read anew.
    """
    import pwd  # noqa: F401, PLC0415 - who does one request imports what that one needs

    from cryptography.hazmat.backends.openssl import backend  # noqa: F401, PLC0415 - as above

    # pyroute2 is heavier than everything else together.
    from gateway.verify import host, ipsec, links, routes  # noqa: F401, PLC0415 - as above

    read_schemas()


def main(is_recording: Callable[[], bool], is_current: Callable[[], bool]) -> int:
    """Serve whoever connects to the socket that systemd hands over.

    `is_current` tells whether the programs are still those that were imported.
    """
    import_everything()
    (listener,) = handed_over()
    setup = Setup(is_recording=is_recording)
    Forks(listener, lambda connection: serve(connection, setup, allowed_users()), is_current).run()
    return ExitStatus.OK


def allowed_users(agent: str = "loushan-agent") -> frozenset[int]:
    """Give the users who may ask the loader: root and the agent."""
    import pwd  # noqa: PLC0415 - asked once, and only by the service

    with suppress(KeyError):
        return frozenset({0, pwd.getpwnam(agent).pw_uid})
    return frozenset({0})


def _load(  # noqa: PLR0913, PLR0917 - what was asked, and everything that it is judged by
    enforcer: Enforcer,
    request: Request,
    content: bytes,
    settings: Settings,
    setup: Setup,
    line: Line,
) -> State:
    signed = _signed(request, content, setup)
    asked = request.confirm_within
    seconds = settings.confirm_within_seconds if asked is None else asked

    def confirmed(prove: Callable[[], None]) -> None:
        line.tell({"probation": {**(stamp_json(signed.stamp) or {}), "within_seconds": seconds}})
        wait(signed.stamp, seconds, line.words, prove)

    return enforcer.enforce(signed, confirmed if seconds else None)


def _signed(request: Request, content: bytes, setup: Setup) -> SignedPlan:
    what = delivered(files_of(request, content))
    return verified(what, load_trust(setup.trust), datetime.now(UTC))


def _check_peer(connection: socket.socket, allowed: frozenset[int]) -> None:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, user, _ = _PEER.unpack(credentials)
    if user not in allowed:
        raise Refused(problem("ZG807", user=user))
