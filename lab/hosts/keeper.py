"""Keeps the hosts of a lab: boots them, boots them again when they ask, takes all away.

It is a process of its own that outlives `loushan lab up`.  Two of them: the
one below keeps the hosts, the one above takes everything away when that one
ends, however it ends.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import FrameType

from lab import namespace
from lab.hosts import cables
from lab.hosts.blueprint import Blueprint, Host, read_blueprint
from lab.hosts.machine import REBOOT_STATUS, Machine, start
from lab.hosts.places import Places

#: So many boot at once; more only stand in each other's way.
_AT_ONCE = 6

_TICK_SECONDS = 0.2

#: How long the processes of a host may take to be gone.
_PATIENCE_SECONDS = 20

_PR_SET_PDEATHSIG = 1

#: Tells a keeper that the description has changed, and that the city is to follow it.
FOLLOW = signal.SIGUSR1

#: How many things of the machine may watch files, what a city needs, what it was before.
_WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
_WATCHERS_NEEDED = 1024
_BEFORE = "watchers-before"


def main(words: list[str]) -> int:
    """Keep the lab that is called so until it is told to end, or dies; then take it away."""
    places = Places(words[0])
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        return _keep(places)
    (places.run / "keeper").write_text(f"{os.getpid()}\n")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    signal.signal(FOLLOW, lambda *_: os.kill(child, FOLLOW))
    while True:
        try:
            os.waitpid(child, 0)
        except InterruptedError:
            continue
        break
    take_away(places)
    return 0


def take_away(places: Places) -> None:
    """Remove whatever a lab has left, in whatever state it is; what is not there is no matter."""
    _end_processes(places)
    namespace.sweep(places.prefix)
    _give_room_back(places)
    for folder in (places.disk, places.run):
        shutil.rmtree(folder, ignore_errors=True)


def _keep(places: Places) -> int:
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(FOLLOW, signal.SIG_IGN)
    described = json.loads(places.description.read_text("utf-8"))
    blueprint = read_blueprint(described["hosts"])
    _make_cgroup(places)
    _make_room(places)
    cables.lay(places, blueprint)
    keeper = _Keeper(places, blueprint, Path(described["tree"]))
    keeper.stay_for(described["maker"], described["owner"])
    keeper.run()
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


class _Keeper:
    """The hosts that run, and those that wait to be booted."""

    def __init__(self, places: Places, blueprint: Blueprint, tree: Path) -> None:
        self.places = places
        self.tree = tree
        self.blueprint = blueprint
        self.has_changed = False
        self.waiting = deque(host for host in blueprint.hosts if host.boots)
        self.machines: dict[str, Machine] = {}
        self.selector = selectors.DefaultSelector()
        self.maker = -1

    def stay_for(self, maker: int, owner: int) -> None:
        """Leave when who makes the lab dies before it is made, or its owner, if it has one."""
        self.maker = self._watch_process(maker)
        if owner:
            self._watch_process(owner)

    def _watch_process(self, process: int) -> int:
        try:
            handle = os.pidfd_open(process)
        except ProcessLookupError as fault:
            raise SystemExit(0) from fault
        self.selector.register(handle, selectors.EVENT_READ)
        return handle

    def run(self) -> None:
        signal.signal(FOLLOW, self._changed)
        while True:
            if self.has_changed:
                self._follow()
            if self.maker >= 0 and self._is_made():
                self.selector.unregister(self.maker)
                os.close(self.maker)
                self.maker = -1
            booting = sum(not machine.ready for machine in self.machines.values())
            while self.waiting and booting < _AT_ONCE:
                self._start(self.waiting.popleft())
                booting += 1
            for key, _ in self.selector.select(_TICK_SECONDS):
                if key.data is None:  # a process that we stay for has ended
                    raise SystemExit(0)
                self._hear(key.data)
            for machine in list(self.machines.values()):
                if machine.process.poll() is not None:
                    self._ended(machine)

    def _changed(self, _number: int, _frame: FrameType | None) -> None:
        self.has_changed = True

    def _follow(self) -> None:
        """Take the description as it is now: boot who has come, end who has gone."""
        self.has_changed = False
        described = json.loads(self.places.description.read_text("utf-8"))
        after = read_blueprint(described["hosts"])
        hosts = {host.name: host for host in after.hosts}
        known = {host.name for host in self.blueprint.hosts}
        for name, machine in list(self.machines.items()):
            if name not in hosts:
                machine.process.kill()
                machine.process.wait()
                self._ended(machine)
        cables.change(self.places, self.blueprint, after)
        for host in (host for host in self.blueprint.hosts if host.name not in hosts):
            for folder in (self.places.host_disk(host.name), self.places.host_run(host.name)):
                shutil.rmtree(folder, ignore_errors=True)
        for name, machine in self.machines.items():
            machine.host = hosts[name]
        self.waiting.extend(host for host in after.hosts if host.boots and host.name not in known)
        self.blueprint = after
        (self.places.run / "followed").write_text(f"{described['serial']}\n")

    def _is_made(self) -> bool:
        return not self.waiting and all(machine.ready for machine in self.machines.values())

    def _start(self, host: Host) -> None:
        machine = start(self.places, host, self.tree, cgroup_of(self.places) / host.name)
        self.machines[host.name] = machine
        self.selector.register(machine.notes, selectors.EVENT_READ, machine)

    def _hear(self, machine: Machine) -> None:
        machine.listen()
        folder = self.places.host_run(machine.host.name)
        if machine.leader:
            _write(folder / "leader", f"{machine.leader}\n")
        if machine.ready:
            _write(folder / "ready", "")

    def _ended(self, machine: Machine) -> None:
        """Boot a host again that asked for it, or whose power was cut to be given back."""
        host, folder = machine.host, self.places.host_run(machine.host.name)
        self.selector.unregister(machine.notes)
        machine.notes.close()
        del self.machines[host.name]
        for name in ("leader", "ready"):
            (folder / name).unlink(missing_ok=True)
        _end_cgroup(cgroup_of(self.places) / host.name)
        again = folder / "again"
        if machine.process.returncode == REBOOT_STATUS or again.exists():
            again.unlink(missing_ok=True)
            cables.replace(self.places, host)
            self.waiting.append(host)


def _make_cgroup(places: Places) -> None:
    """Make the hosts' cgroup below our own, which systemd leaves to us where it is there."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next(line.removeprefix("0::") for line in lines if line.startswith("0::"))
    (places.run / "cgroup").write_text(f"{own.rstrip('/')}/loushan-{places.name}\n")
    cgroup_of(places).mkdir(exist_ok=True)


def cgroup_of(places: Places) -> Path:
    """Give the cgroup of a lab's hosts."""
    recorded = places.run / "cgroup"
    path = recorded.read_text().strip() if recorded.exists() else "/no-such-lab"
    return _unified() / path.lstrip("/")


def _unified() -> Path:
    mount = Path("/sys/fs/cgroup")
    return mount if (mount / "cgroup.controllers").exists() else mount / "unified"


def _make_room(places: Places) -> None:
    """Let systemd watch files in so many hosts: the kernel counts them all as one user's."""
    before = int(_WATCHERS.read_text())
    (places.run / _BEFORE).write_text(f"{before}\n")
    if before < _WATCHERS_NEEDED:
        _WATCHERS.write_text(f"{_WATCHERS_NEEDED}\n")


def _give_room_back(places: Places) -> None:
    recorded = places.run / _BEFORE
    labs = places.run.parent.glob(f"*/{_BEFORE}")
    if recorded.exists() and all(lab == recorded for lab in labs):
        _WATCHERS.write_text(recorded.read_text())


def _end_processes(places: Places) -> None:
    """End whoever is left in the lab's cgroup, and remove it; another may be at it too."""
    base = cgroup_of(places)
    with suppress(FileNotFoundError):
        for inner in [entry for entry in base.iterdir() if entry.is_dir()]:
            _end_cgroup(inner)
    _remove_cgroup(base)
    # Where both kinds of cgroups are mounted, nspawn makes its own in systemd's old one too.
    _remove_cgroup(Path("/sys/fs/cgroup/systemd") / base.relative_to(_unified()))


def _end_cgroup(cgroup: Path) -> None:
    with suppress(OSError):  # it has just gone
        (cgroup / "cgroup.kill").write_text("1", "ascii")
        end = time.monotonic() + _PATIENCE_SECONDS
        while "populated 1" in (cgroup / "cgroup.events").read_text() and time.monotonic() < end:
            time.sleep(0.01)
    _remove_cgroup(cgroup)


def _remove_cgroup(cgroup: Path) -> None:
    for folder, _, _ in os.walk(cgroup, topdown=False):
        with suppress(FileNotFoundError):
            Path(folder).rmdir()


def _write(path: Path, text: str) -> None:
    """Write it whole: somebody may be reading what stood there."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, "ascii")
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
