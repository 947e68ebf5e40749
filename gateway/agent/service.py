"""The service without any capability: it hears, decides and tells; the loader does.

One thread, one loop.  It hears what changes in the kernel, what the clock says
and what operators ask, and has one piece of work done at a time.  It holds no
policy and trusts no file of its own with more than what it tells.
"""

import selectors
import signal
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.agent.course import Course, Outcome
from gateway.agent.jobs import Client, Job, Talk
from gateway.agent.requests import (
    GATES_CHANGED_FILE,
    LARGEST_DELIVERY_BYTES,
    LONGEST_LINE_BYTES,
    OF_THE_AGENT,
    Ask,
    Request,
    json_line,
    problems_from,
    problems_json,
)
from gateway.agent.settings import SETTINGS_FILE, OnDrift, Settings, read_settings
from gateway.agent.status import STATUS_FILE, WRITE_SECONDS, Status, read_status, write_status
from gateway.agent.systemd import handed_over, notify
from gateway.errors import ExitStatus, Problem, Refused, problem
from gateway.journal import journal

LOADER_SOCKET = Path("/run/loushan/loader.sock")
CONTROL_SOCKET = Path("/run/loushan/agent.sock")

#: What a socket that systemd hands over is for; netlink is for changes.
CONTROL, CHANGES = "control", "changes"

#: No piece of work takes longer, a probation aside.
LONGEST_WORK_SECONDS = 180
LONGEST_ASKING_SECONDS = 30
LONGEST_PAUSE_SECONDS = 1.0
MOST_CLIENTS = 16
MOST_WAITING = 4

#: How long an answer may take to leave.
_FAREWELL_SECONDS = 0.5

#: What a load says that went back, and that had changed the kernel, whether it could or not.
_WENT_BACK = frozenset({"ZG512", "ZG515"})
_TAKEN_BACK = _WENT_BACK | {"ZG510"}

_PEER = struct.Struct("3i")
_DRAIN_BYTES = 1 << 16
_MOST_DRAINED = 64


@dataclass(slots=True)
class Agent:
    """The loop and what it knows."""

    settings: Settings
    sockets: Iterable[socket.socket]
    loader: Path = LOADER_SOCKET
    status_file: Path = STATUS_FILE
    changed_file: Path = GATES_CHANGED_FILE
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    clients: dict[socket.socket, Client] = field(default_factory=dict)
    waiting: list[Client] = field(default_factory=list)
    job: Job | None = None
    asked_last: bool = False
    ending: bool = False
    course: Course = field(init=False)
    status: Status = field(init=False)
    _written: float = 0.0
    _alive_at: float = 0.0
    _gates_changed: int = 0

    def __post_init__(self) -> None:
        """Begin where a former agent of this boot ended, as far as that closes more."""
        now = time.monotonic()
        every = float(self.settings.prove_every_seconds)
        self.course = Course(self.settings.on_drift, every, at=now)
        self.status = Status(
            self.settings.gateway, prove_every_seconds=self.settings.prove_every_seconds
        )
        with suppress(Refused):
            before = read_status(self.status_file)
            drift = before.get("drift") or {}
            self.status.drift_count = int(drift.get("count", 0))
            self.status.drift_last = drift.get("last")
            self.status.repair_count = int(before.get("repairs", 0))
            self.status.since = before.get("since")
            self.status.until = before.get("until")
            self.status.in_force = before.get("in_force")
            if before.get("opens_by_operator_only") and self.settings.on_drift is OnDrift.REFUSE:
                self.course.latched = self.course.closed = True
                self.course.wanted = Ask.CLOSE
        for each in self.sockets:
            each.settimeout(0)
            purpose = CHANGES if each.family is socket.AF_NETLINK else CONTROL
            self.selector.register(each, selectors.EVENT_READ, purpose)

    def run(self) -> None:
        """Go on until told to end."""
        notify("READY=1")
        journal({"began": self.settings.gateway, "on_drift": self.settings.on_drift})
        while not self.ending:
            self.once()
        if self.job is not None:
            self.job.talk.connection.close()
        notify("STOPPING=1")

    def once(self) -> None:
        """Wait for something, and do it."""
        now = time.monotonic()
        for key, _ in self.selector.select(self._pause(now)):
            self._ready(key)
        now = time.monotonic()
        self._look_at_gates(now)
        self._bounds(now)
        self._next(now)
        if now - self._written >= WRITE_SECONDS:
            self._tell()
        if now - self._alive_at >= WRITE_SECONDS:  # not with the status, which work writes too
            self._alive_at = now
            notify("WATCHDOG=1")

    def _look_at_gates(self, now: float) -> None:
        """Hear from who looks at the gates, by a file's time: there is no more to be said."""
        with suppress(OSError):
            changed = self.changed_file.stat().st_mtime_ns
            if changed != self._gates_changed:
                self._gates_changed = changed
                self.course.changed(now)

    def _pause(self, now: float) -> float:
        wakes = LONGEST_PAUSE_SECONDS
        if self.job is None:
            wakes = min(wakes, self.course.wakes_at() - now)
        else:
            wakes = min(wakes, self.job.until - now)
            if self.job.probation is not None:
                wakes = min(wakes, self.course.proves_at() - now)
        return max(wakes, 0.0)

    def _ready(self, key: selectors.SelectorKey) -> None:
        source = key.fileobj
        if not isinstance(source, socket.socket) or source.fileno() < 0:
            return
        if key.data == CONTROL:
            self._accept(source)
        elif key.data == CHANGES:
            self._drain(source)
        elif self.job is not None and source is self.job.talk.connection:
            self._hear_loader(self.job)
        elif source in self.clients:
            self._hear_client(self.clients[source])

    def _drain(self, source: socket.socket) -> None:
        """Take the messages away: that something changed is all that they are asked."""
        for _ in range(_MOST_DRAINED):
            try:
                source.recv(_DRAIN_BYTES)
            except BlockingIOError:
                break
            except OSError:
                pass  # ENOBUFS: more changed than the socket could hold
        self.course.changed(time.monotonic())

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            if len(self.clients) >= MOST_CLIENTS:
                connection.close()
                return
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
            _, user, _ = _PEER.unpack(credentials)
            until = time.monotonic() + LONGEST_ASKING_SECONDS
            self.clients[connection] = Client(Talk(connection), user, until)
            self.selector.register(connection, selectors.EVENT_READ)

    def _hear_client(self, client: Client) -> None:
        client.talk.flush()
        if client.waiting:
            client.talk.read(LONGEST_LINE_BYTES)
            if client.talk.gone:
                self._leave(client)
            return
        try:
            whole = client.take()
            self._check_room()
            if whole and client.request is not None:
                client.waiting = True
                self._asked(client, client.request)
        except Refused as refused:
            self._refuse(client, *refused.problems)
            return
        if client.talk.gone and not client.waiting:
            self._leave(client)

    def _check_room(self) -> None:
        """Hold no more than one whole delivery: the service's memory is bounded, and so is it.

        Raises:
            Refused: ZG808, others are delivering.
        """
        requests = (client.request for client in self.clients.values())
        if sum(each.size for each in requests if each) > LARGEST_DELIVERY_BYTES:
            raise Refused(problem("ZG808", error="busy"))

    def _asked(self, client: Client, request: Request) -> None:
        """Judge what somebody asks.

        Raises:
            Refused: it is not for the agent, or cannot be done now.
        """
        if request.ask not in OF_THE_AGENT:
            raise Refused(problem("ZG806", error=request.ask.value))
        journal({"asked": request.ask, "by_user": client.user})
        probation = self.job.probation if self.job else None
        if request.ask in (Ask.CONFIRM, Ask.ROLLBACK):
            if self.job is None or probation is None:
                raise Refused(problem("ZG810"))
            if request.revision not in (0, probation["revision"]):
                found, wanted = probation["revision"], request.revision
                raise Refused(problem("ZG811", found=found, wanted=wanted))
            self.job.words_from.append(client)
            self.job.talk.send(request.line())
            return
        if probation is not None:
            stamp = f"{probation['plan']} revision {probation['revision']}"
            raise Refused(problem("ZG809", stamp=stamp))
        if len(self.waiting) >= MOST_WAITING:
            raise Refused(problem("ZG808", error=self.status.doing or "busy"))
        self.waiting.append(client)

    def _next(self, now: float) -> None:
        """Begin the next piece of work.

        What puts the host right comes first, and a proof takes turns with what
        operators ask: who asks without end keeps no drift from being found.
        """
        if self.job is not None:
            if self.job.probation is not None:
                self._prove_probation(now)
            return
        ask = self.course.due(now)
        first = self.course.wanted is not None or self.asked_last or not self.waiting
        if ask is not None and first:
            self.asked_last = False
            self._begin(Request(ask), now)
        elif self.waiting:
            client = self.waiting.pop(0)
            self.asked_last = True
            if client.request is not None:
                self._begin(client.request, now, client)

    def _prove_probation(self, now: float) -> None:
        """Have a policy on probation proven when something changes, by who holds the lock."""
        if now >= self.course.proves_at() and self.job is not None:
            self.course.begins(Ask.PROVE, now)
            self.course.proved_beside(now)
            self.job.talk.send(Request(Ask.PROVE).line())

    def _begin(self, request: Request, now: float, client: Client | None = None) -> None:
        self.course.begins(request.ask, now)
        self.status.doing = request.ask.value
        if request.ask is Ask.LOAD and request.confirm_within is None:
            request = replace(request, confirm_within=self.settings.confirm_within_seconds)
        talk = Talk(socket.socket(socket.AF_UNIX))
        job = Job(request.ask, talk, now, now + LONGEST_WORK_SECONDS, client)
        try:
            talk.connection.connect(str(self.loader))
        except OSError as fault:
            journal({"loader": f"{type(fault).__name__}: {fault}"})
            self._ended(job, None, [problem("ZG812", error=fault)])
            return
        self.job = job
        talk.send(request.line() + (client.content if client else b""))
        self.selector.register(talk.connection, selectors.EVENT_READ)
        self._watch(talk)

    def _hear_loader(self, job: Job) -> None:
        job.talk.flush()
        job.talk.read(LONGEST_LINE_BYTES)
        for body in job.talk.lines():
            if "result" in body:
                self._ended(job, body["result"], [])
                return
            if "refused" in body:
                self._ended(job, None, list(problems_from(body["refused"])))
                return
            if "probation" in body:
                self._on_probation(job, body["probation"])
            elif job.client is not None:
                job.client.talk.send(json_line(body))
        self._watch(job.talk)
        if job.talk.gone:
            self._ended(job, None, [problem("ZG812", error="EOF")], lost=True)

    def _on_probation(self, job: Job, body: dict[str, Any]) -> None:
        """Tell whoever asked that it is in the kernel, and now theirs to confirm."""
        seconds = int(body["within_seconds"])
        deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        body = {**body, "deadline": deadline.isoformat(timespec="seconds")}
        job.probation, job.until = body, time.monotonic() + seconds + LONGEST_WORK_SECONDS
        self.status.probation = body
        self.status.doing = "probation"
        journal({"probation": body})
        self._tell()
        if job.client is not None:
            self._answer(job.client, {"probation": body})
            job.client = None

    def _ended(
        self,
        job: Job,
        result: dict[str, Any] | None,
        refused: list[Problem],
        *,
        lost: bool = False,
    ) -> None:
        """Take in how a piece of work ended, and tell everybody whom it concerns."""
        now = time.monotonic()
        self._forget(job.talk)
        self.job = None
        was_on_probation, self.status.probation = self.status.probation, None
        self.status.doing = ""
        unreachable = any(p.code in ("ZG812", "ZG504", "ZG514") for p in refused)
        outcome = _outcome(result, lost=lost or unreachable)
        if job.ask is not Ask.CHECK:
            self._learn(job, outcome, result, refused)
            self.course.ended(job.ask, outcome, now, now - job.began)
            self.status.closed, self.status.latched = self.course.closed, self.course.latched
        self._tell()  # whoever is answered finds the status to be of the same mind
        answer: dict[str, object] = (
            {"result": result} if result is not None else {"refused": problems_json(tuple(refused))}
        )
        if job.client is not None:
            self._answer(job.client, answer)
        back = any(p.code in _WENT_BACK for p in refused)
        for client in job.words_from:
            if back and client.request is not None and client.request.ask is Ask.ROLLBACK:
                self._answer(client, {"result": {"taken_back": was_on_probation}})
            else:
                self._answer(client, answer)

    def _learn(
        self,
        job: Job,
        outcome: Outcome,
        result: dict[str, Any] | None,
        refused: list[Problem],
    ) -> None:
        status, time_now = self.status, datetime.now(UTC).isoformat(timespec="seconds")
        findings = result["findings"] if result else problems_json(tuple(refused))
        if result is not None:
            if result["stamp"] != status.in_force and job.ask is not Ask.CLOSE:
                status.in_force, status.since = result["stamp"], time_now
                status.until = None
            status.until = result.get("until") or status.until
            status.forwarding = result["forwarding"]
            # Where nobody looked, they are as they were.
            status.gates = result.get("gates") or status.gates
        if job.ask is Ask.CLOSE:
            status.proven = False
            if result is not None:
                status.in_force = status.until = None
            else:
                status.findings = findings
        elif job.ask is Ask.LOAD and outcome is Outcome.REFUSED:
            # What was taken back left the accepted one; the proof that follows says whether whole.
            back = any(each["code"] in _TAKEN_BACK for each in findings)
            status.proven = status.proven and not back
        else:
            status.proven = outcome is Outcome.HOLDS
            status.findings = findings
            if outcome in (Outcome.HOLDS, Outcome.EMPTY):
                status.proved_at = time_now
        if job.ask is Ask.REPAIR and outcome is Outcome.HOLDS:
            status.repair_count += 1
        if job.ask is Ask.PROVE:
            status.prove_seconds = time.monotonic() - job.began
        self._record(job, outcome, (result or {}).get("in_force"), findings)

    def _record(
        self, job: Job, outcome: Outcome, in_force: object, findings: list[dict[str, object]]
    ) -> None:
        """Write down drift and what was done; a proof that holds is no news."""
        status, time_now = self.status, datetime.now(UTC).isoformat(timespec="seconds")
        failed = job.ask is Ask.PROVE and outcome in (Outcome.DRIFT, Outcome.REFUSED)
        drifted = failed and not self.course.closed
        if drifted:
            did = "close" if self.settings.on_drift is OnDrift.REFUSE else "repair"
            what = findings[0] if findings else None
            status.drift_count += 1
            status.drift_last = {"time": time_now, "what": what, "did": did}
            journal({"drift": status.drift_last, "findings": len(findings)})
        elif job.ask is not Ask.PROVE or outcome is Outcome.LOST:
            said = {"did": job.ask, "outcome": outcome, "in_force": in_force}
            journal({**said, "problems": findings[:3]})
        if status.drift_last is not None and job.ask in (Ask.REPAIR, Ask.CLOSE):
            status.drift_last = {**status.drift_last, "did": job.ask, "ended": outcome}

    def _bounds(self, now: float) -> None:
        """End what takes too long, and who does not read."""
        if self.job is not None and now > self.job.until:
            self._ended(self.job, None, [problem("ZG812", error="timeout")], lost=True)
        for client in list(self.clients.values()):
            if client.talk.too_slow or (not client.waiting and now > client.until):
                self._leave(client)

    def _answer(self, client: Client, body: Mapping[str, object]) -> None:
        client.talk.send(json_line(body))
        client.talk.connection.settimeout(_FAREWELL_SECONDS)
        client.talk.flush()
        self._leave(client)

    def _refuse(self, client: Client, *problems: Problem) -> None:
        told = problems_json(problems)[:3]
        journal({"refused": told, "by_user": client.user})
        self._answer(client, {"refused": problems_json(problems)})

    def _leave(self, client: Client) -> None:
        if client in self.waiting:
            self.waiting.remove(client)
        if self.job is not None:
            if self.job.client is client:
                self.job.client = None
            if client in self.job.words_from:
                self.job.words_from.remove(client)
        self.clients.pop(client.talk.connection, None)
        self._forget(client.talk)

    def _watch(self, talk: Talk) -> None:
        """Hear of room to send only while there is something to send."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if talk.unsent else 0)
        with suppress(KeyError, ValueError):
            self.selector.modify(talk.connection, events)

    def _forget(self, talk: Talk) -> None:
        with suppress(KeyError, ValueError):
            self.selector.unregister(talk.connection)
        talk.connection.close()

    def _tell(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError):  # a full disk does not stop a proof
            write_status(self.status_file, self.status.as_json())


def _outcome(result: dict[str, Any] | None, *, lost: bool) -> Outcome:
    if lost:
        return Outcome.LOST
    if result is None:
        return Outcome.REFUSED
    if result["findings"]:
        return Outcome.DRIFT
    return Outcome.HOLDS if result["stamp"] else Outcome.EMPTY


def main() -> int:
    """Run as the service: everything comes from systemd and the settings."""
    agent = Agent(read_settings(SETTINGS_FILE), handed_over())

    def end(_number: int, _frame: object) -> None:
        agent.ending = True

    signal.signal(signal.SIGTERM, end)
    signal.set_wakeup_fd(_wakeup(agent))
    agent.run()
    return ExitStatus.OK


def _wakeup(agent: Agent) -> int:
    """Have a signal end the waiting."""
    near, far = socket.socketpair()
    near.settimeout(0)
    far.settimeout(0)
    agent.selector.register(near, selectors.EVENT_READ, "signal")
    return far.detach()
