"""Puts a city of booted hosts up, and takes it down again; it prints nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.errors import Refused, problem
from gateway.policy.model import Plan
from gateway.policy.names import plan_label
from gateway.policy.plan import read_plan
from lab.hosts import authority, image
from lab.hosts.blueprint import Blueprint, Guest, Role, draw
from lab.hosts.describe import described
from lab.hosts.foreign import furnish
from lab.hosts.keeper import FOLLOW, take_away
from lab.hosts.places import Places, owner
from lab.hosts.signing import make_authorities, sign_plan
from lab.layout import lay_out

_ROOT = Path(__file__).resolve().parents[2]

#: How long all hosts together may take to boot.
_PATIENCE_SECONDS = 180

_LOOK_SECONDS = 0.05

#: The signers' keys and the hosts' disks are root's alone.
_PRIVATE = 0o700


class Listener(Protocol):
    """Who is told how far it is; must be quick."""

    def image(self, line: str) -> None:
        """Hear what the building of the image says."""

    def booting(self, ready: int, total: int) -> None:
        """Hear how many hosts have booted."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to put up; `sites` empty means all of the plan's."""

    plan: Path
    sites: tuple[str, ...] = ()
    guests: tuple[Guest, ...] = ()
    new_image: bool = False
    bare: bool = False


def put_up(places: Places, wanted: Wanted, listener: Listener) -> Blueprint:
    """Boot a plan's city and wait until each host says that it is ready.

    Raises:
        Refused: it could not be done; nothing of it is left then.
    """
    if is_kept(places):
        raise Refused(problem("ZG678", run=places.run))
    plan = read_plan(wanted.plan)
    layout = lay_out(plan, with_hubs(plan, wanted.sites))
    blueprint = draw(layout, wanted.guests)
    built = image.ensure(listener.image, anew=wanted.new_image, bare=wanted.bare)
    take_away(places)
    places.run.mkdir(parents=True)
    places.disk.mkdir(parents=True, mode=_PRIVATE)
    try:
        body: dict[str, object] = {
            "tree": str(built.tree),
            "plan": str(wanted.plan.resolve()),
            "sites": list(wanted.sites),
            "hosts": blueprint.as_json(),
            "guests": [[guest.name, guest.zone] for guest in wanted.guests],
            "serial": 1,
            "maker": os.getpid(),
            "owner": owner(),
        }
        _describe(places, body)
        _start_keeper(places)
        sign_plan(wanted.plan, places.plan, places.signers)
        make_authorities(places.authorities, plan_label(plan.name))
        _wait(places, blueprint, listener)
        for host in blueprint.hosts:
            if host.role is Role.FOREIGN:
                furnish(places, plan, host)
        if authority.has_authority(layout):
            authority.begin(places, plan, layout)
    except BaseException:
        take_down(places)
        raise
    return blueprint


def with_hubs(plan: Plan, sites: Iterable[str]) -> tuple[str, ...]:
    """Give the named sites and every hub above them; a name that is no site's stays.

    So a city has its plan's roots, also where only some of its sites are wanted.
    """
    chosen: dict[str, None] = {}
    for name in sites:
        above: str | None = name
        while above is not None:
            chosen[above] = None
            above = plan.sites[above].hub if above in plan.sites else None
    return tuple(chosen)


def follow(places: Places, plan: Path, listener: Listener) -> tuple[list[str], list[str]]:
    """Take a changed plan into a lab that is up; give the hosts that have come and gone.

    The lab's own signers sign it, compared with the plan that the lab has.

    Raises:
        Refused: no lab is up, or the plan cannot be signed; the lab is as it was then.
    """
    before = described(places)
    if not is_kept(places):
        raise Refused(problem("ZG671"))
    body = json.loads(places.description.read_text("utf-8"))
    new, old = read_plan(plan), read_plan(places.plan)
    sites = [s for s in new.sites if s in before.sites or s not in old.sites]
    guests = [Guest(*guest) for guest in body["guests"]]
    blueprint = draw(lay_out(new, with_hubs(new, sites if before.sites else ())), guests)
    signed, replaced = places.disk / "plan.new", places.disk / "plan.before"
    sign_plan(plan, signed, places.signers, base=places.plan)
    shutil.rmtree(replaced, ignore_errors=True)
    places.plan.rename(replaced)
    signed.rename(places.plan)
    body["hosts"] = blueprint.as_json()
    body["sites"] = sites if before.sites else []
    body["serial"] += 1
    _describe(places, body)
    os.kill(_keeper(places), FOLLOW)
    until(lambda: _followed(places) == body["serial"], _PATIENCE_SECONDS)
    _wait(places, blueprint, listener)
    names = ({h.name for h in city.hosts if h.boots} for city in (before.blueprint, blueprint))
    was, now = names
    return sorted(now - was), sorted(was - now)


def _describe(places: Places, body: Mapping[str, object]) -> None:
    """Write down what stands where, whole: the keeper and others read it at any moment."""
    new = places.description.with_suffix(".new")
    new.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    new.replace(places.description)


def _followed(places: Places) -> int:
    """Give the serial of the description that the keeper has followed; 0 where it has none."""
    try:
        return int((places.run / "followed").read_text())
    except (FileNotFoundError, ValueError):
        return 0


def take_down(places: Places) -> None:
    """Take away all that a lab has; what is not there is no matter.

    Raises:
        Refused: something of it could not be removed.
    """
    keeper = _keeper(places)
    if keeper:
        os.kill(keeper, signal.SIGTERM)
        until(lambda: not _is_alive(keeper), _PATIENCE_SECONDS)
    take_away(places)


@contextmanager
def booted(places: Places, wanted: Wanted, listener: Listener) -> Iterator[Blueprint]:
    """Put up a city, and take it down afterwards, also after an error and after Ctrl-C.

    Raises:
        Refused: it could not be put up; one that is up already stays.
    """
    blueprint = put_up(places, wanted, listener)
    try:
        yield blueprint
    finally:
        take_down(places)


def is_kept(places: Places) -> bool:
    """Tell whether a keeper is at work."""
    return _keeper(places) != 0


def is_ready(places: Places, host: str) -> bool:
    """Tell whether a host has booted."""
    return (places.host_run(host) / "ready").exists()


def _start_keeper(places: Places) -> None:
    command: Sequence[str] = [sys.executable, "-I", "-m", "lab.hosts.keeper", places.name]
    if Path("/run/systemd/system").is_dir():
        # As a service of its own it outlives the session that called it, and has its own cgroup.
        unit = [f"--unit=loushan-{places.name}", "--collect", "--quiet", "--property=Delegate=yes"]
        kept = ["--property=KillMode=mixed", f"--working-directory={_ROOT}"]
        command = [
            "systemd-run",
            *unit,
            *kept,
            f"--property=StandardOutput=append:{places.log}",
            f"--property=StandardError=append:{places.log}",
            *command,
        ]
    with places.log.open("wb") as log:
        subprocess.Popen(
            command,
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    if not until(lambda: is_kept(places), _PATIENCE_SECONDS / 6):
        raise Refused(problem("ZG679", log=places.log))


def _wait(places: Places, blueprint: Blueprint, listener: Listener) -> None:
    hosts = [host.name for host in blueprint.hosts if host.boots]
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        ready = sum(is_ready(places, host) for host in hosts)
        listener.booting(ready, len(hosts))
        if ready == len(hosts):
            return
        if not is_kept(places):
            break
        time.sleep(_LOOK_SECONDS)
    raise Refused(problem("ZG679", log=places.log))


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; tell whether it does."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    return done()


def _keeper(places: Places) -> int:
    """Give the keeper's process, 0 where there is none."""
    try:
        number = int((places.run / "keeper").read_text())
    except (FileNotFoundError, ValueError):
        return 0
    return number if _is_alive(number) else 0


def _is_alive(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False
    return b"lab.hosts.keeper" in words
