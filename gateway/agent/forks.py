"""A process for each connection, forked from one that has imported everything already.

The parent reads nothing that anybody sends and keeps nothing but the numbers of
its children, so that no request leaves anything for the next.
"""

import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from gateway.agent.systemd import LOOKING_SECONDS, notify
from gateway.errors import ExitStatus
from gateway.journal import journal

#: A child that ends by one of these may be somebody's try at where things lie in its memory.
FAULTS = frozenset(
    {
        signal.SIGABRT,
        signal.SIGBUS,
        signal.SIGFPE,
        signal.SIGILL,
        signal.SIGSEGV,
        signal.SIGSYS,
        signal.SIGTRAP,
    }
)

_EXPECTED = frozenset({int(ExitStatus.OK), int(ExitStatus.REFUSED)})
_TOLD_TO_END = frozenset({signal.SIGTERM})


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many children there are at once, and how long each may live; also when told to end."""

    most: int = 4
    longest_seconds: float = 4200.0
    farewell_seconds: float = 60.0


@dataclass(slots=True)
class Child:
    """One at work; `handle` can be read when it has ended, `until` is when something is done."""

    process: int
    handle: int
    until: float
    is_told: bool = False


@dataclass(slots=True)
class Forks:
    """The parent: has each connection served by a child of its own, by `serve`.

    It ends when it is told to, when `is_current` says that its programs are no
    longer those of the host, and when a child ended by a fault of memory: all
    children have one layout of it, and who is begun anew has another.
    Whoever is at work then ends first; others wait in the socket's queue.
    """

    listener: socket.socket
    serve: Callable[[socket.socket], int]
    is_current: Callable[[], bool] = lambda: True
    bounds: Bounds = field(default_factory=Bounds)
    children: dict[int, Child] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    accepts: bool = True
    is_told: bool = False
    _wakes: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def run(self) -> None:
        """Go on until it is time to end, and nobody is at work any more."""
        gc.collect()
        gc.freeze()  # a child that collects must not copy what it shares with its parent
        self.listener.settimeout(0)
        self.selector.register(self.listener, selectors.EVENT_READ)
        for end in self._wakes:
            end.settimeout(0)
        self.selector.register(self._wakes[0], selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wakes[1].fileno())
        signal.signal(signal.SIGTERM, self._be_told)
        notify("READY=1")
        while self.accepts or self.children:
            self.once()

    def once(self) -> None:
        """Wait for something, and do it."""
        ready = [key.fileobj for key, _ in self.selector.select(self._pause())]
        notify("WATCHDOG=1")
        if self._wakes[0] in ready:  # first: what is told from now on wakes again
            with suppress(BlockingIOError):
                self._wakes[0].recv(64)
        for number in [each for each in ready if each in self.children]:
            self._take_leave(self.children[int(number)])
        if self.is_told or not self.is_current():
            self._accept_no_more()
        self._bound(time.monotonic())
        if self.accepts and self.listener in ready:
            self._accept()

    def _be_told(self, _number: int, _frame: FrameType | None) -> None:
        self.is_told = True

    def _pause(self) -> float:
        ends = [each.until - time.monotonic() for each in self.children.values()]
        return max(min([LOOKING_SECONDS, *ends]), 0.0)

    def _accept_no_more(self) -> None:
        if self.accepts:
            self.accepts = False
            self.selector.unregister(self.listener)

    def _bound(self, now: float) -> None:
        """Tell who has lived too long to end, or everybody; kill who does not."""
        for child in self.children.values():
            if child.is_told and now >= child.until:
                os.kill(child.process, signal.SIGKILL)
                child.until = now + self.bounds.farewell_seconds
            elif not child.is_told and (self.is_told or now >= child.until):
                os.kill(child.process, signal.SIGTERM)
                child.is_told, child.until = True, now + self.bounds.farewell_seconds

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self.listener.accept()
            with connection:
                if len(self.children) < self.bounds.most:
                    self._begin(connection)
                else:
                    journal({"connection": "refused", "at_work": len(self.children)})

    def _begin(self, connection: socket.socket) -> None:
        """Fork; a child hears that it is to end only when it knows what that means."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD_TO_END)
        try:
            process = os.fork()
            if process == 0:
                self._be_child(connection)
        except OSError as fault:
            journal({"connection": "refused", "error": str(fault)})
            return
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD_TO_END)
        handle = os.pidfd_open(process)
        until = time.monotonic() + self.bounds.longest_seconds
        self.children[handle] = Child(process, handle, until)
        self.selector.register(handle, selectors.EVENT_READ)

    def _be_child(self, connection: socket.socket) -> NoReturn:
        status = 1
        try:
            try:
                self._let_go()
                status = self.serve(connection)
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            except BaseException:  # noqa: BLE001 - nothing may become a second parent
                traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _let_go(self) -> None:
        """Keep nothing of the parent's but what it has imported."""
        os.setpgid(0, 0)  # what a child begins ends with it
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, go_back)
        for each in (self.selector, self.listener, *self._wakes):
            each.close()
        for child in self.children.values():
            os.close(child.handle)
        self.children.clear()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _TOLD_TO_END)

    def _take_leave(self, child: Child) -> None:
        self.selector.unregister(child.handle)
        os.close(child.handle)
        del self.children[child.handle]
        with suppress(ProcessLookupError):
            os.killpg(child.process, signal.SIGKILL)  # its number is its own until the next line
        _, status = os.waitpid(child.process, 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in _EXPECTED:
            ended = signal.Signals(-code).name if code < 0 else code
            journal({"process": child.process, "ended": ended})
        if -code in FAULTS:
            self._accept_no_more()


def go_back(number: int, _frame: FrameType | None) -> NoReturn:
    """Have a load that is told to stop go back first; told again it is not broken off in that."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)
