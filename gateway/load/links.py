"""Brings the links of a policy into force: strongSwan's connections become exactly these.

`swanctl`, strongSwan's own, loads them and takes away all others.  What was
agreed under a connection that is gone or has changed is ended here; the lower
site begins anew by itself.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path

from gateway.artefacts import LinkConfiguration
from gateway.errors import Refused, problem
from gateway.vici import Section, Vici, ViciRefused

SWANCTL = "/usr/sbin/swanctl"

#: Loading hundreds of connections takes seconds.
_PATIENCE_SECONDS = 60

#: How long the daemon may take to start.
_START_SECONDS = 10
_LOOK_SECONDS = 0.05

#: Whose other end has not answered within this is not there.
_ANSWER_SECONDS = 10.0

#: What strongSwan says where there is nothing to be ended.
_ALREADY_ENDED = "no matching SAs to terminate found"

_NOTHING = "connections {\n}\n"


def bring_into_force(daemon: Path, configuration: LinkConfiguration | None) -> int:
    """Make the daemon's connections those of a policy, or none at all.

    A daemon that is being started, or started again, is waited for; where none are
    wanted and nobody answers, there are none.

    Returns:
        How many associations were ended, because nothing permits them any more.

    Raises:
        Refused: ZG516, the daemon could not be asked or does not take them.
    """
    if configuration is None and not _answers(daemon):
        return 0
    wait(daemon)
    try:
        with Vici(daemon) as vici:
            before, standing = _connections(vici), vici.stream("list-sas", "list-sa")
            _load(daemon, configuration.text if configuration else _NOTHING)
            after = _connections(vici)
            return _end(vici, standing, {n for n, c in after.items() if before.get(n) == c})
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault


def wait(daemon: Path) -> None:
    """Wait until a daemon that is being started answers, and no longer than a start takes."""
    end = time.monotonic() + _START_SECONDS
    while not _answers(daemon) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)


def _answers(daemon: Path) -> bool:
    try:
        with Vici(daemon) as vici:
            vici.ask("version")
    except ViciRefused:
        return False
    return True


def begin(daemon: Path) -> int:
    """Begin each link that this end has to begin and that does not stand; give how many.

    strongSwan goes on trying by itself while nobody answers, and gives up where the
    other end has refused; what it was refused for may be over.

    Raises:
        Refused: ZG516, the daemon could not be asked.
    """
    try:
        with Vici(daemon) as vici:
            return len(_begin(vici, _begins))
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault


def take_over(daemon: Path, patience_seconds: float = _ANSWER_SECONDS) -> tuple[int, int]:
    """Make every link anew, also those that the other end has to begin: this gateway is active now.

    Neighbours may not know yet that their links ended with the gateway that was active before,
    and what stands here is from an earlier time.  Who does not answer is left alone after a
    while: it begins by itself when it can.

    Returns:
        How many were begun, and how many of them stand.

    Raises:
        Refused: ZG516, the daemon could not be asked.
    """
    end = time.monotonic() + patience_seconds
    try:
        with Vici(daemon) as vici:
            _end(vici, vici.stream("list-sas", "list-sa"), frozenset())
            begun = _begin(vici, lambda _: True)
            while (waiting := _unanswered(vici, begun)) and time.monotonic() < end:
                time.sleep(_LOOK_SECONDS)
            for association in waiting.values():
                end_association(vici, association)
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault
    return len(begun), len(begun) - len(waiting)


def _begin(vici: Vici, is_ours: Callable[[object], bool]) -> list[str]:
    standing = _names(vici.stream("list-sas", "list-sa"))
    connections = _connections(vici).items()
    waiting = [n for n, connection in connections if n not in standing and is_ours(connection)]
    for name in waiting:
        vici.ask("initiate", {"child": name, "ike": name, "timeout": "-1"})
    return waiting


def _unanswered(vici: Vici, names: Iterable[str]) -> dict[str, Section]:
    wanted = set(names)
    return {
        name: association
        for section in vici.stream("list-sas", "list-sa")
        for name, association in section.items()
        if name in wanted
        and isinstance(association, dict)
        and association.get("state") != "ESTABLISHED"
    }


def end_all(daemon: Path) -> int:
    """End every link that stands; give how many.

    Raises:
        Refused: ZG516, the daemon could not be asked.
    """
    try:
        with Vici(daemon) as vici:
            return _end(vici, vici.stream("list-sas", "list-sa"), frozenset())
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault


def _begins(connection: object) -> bool:
    children = connection.get("children") if isinstance(connection, dict) else None
    return isinstance(children, dict) and any(
        "start" in str(child.get("close_action", ""))
        for child in children.values()
        if isinstance(child, dict)
    )


def _names(told: Iterable[Section]) -> set[str]:
    return {name for section in told for name in section}


def _load(daemon: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="links-", suffix=".conf") as file:
        file.write(text)
        file.flush()
        command = [SWANCTL, "--load-conns", "--uri", f"unix://{daemon}", "--file", file.name]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise Refused(problem("ZG516", error=fault)) from fault
    if done.returncode:
        raise Refused(problem("ZG516", error=done.stderr.strip() or done.stdout.strip()))


def _connections(vici: Vici) -> dict[str, object]:
    told = vici.stream("list-conns", "list-conn")
    return {name: connection for section in told for name, connection in section.items()}


def _end(vici: Vici, standing: Iterable[Section], unchanged: AbstractSet[str]) -> int:
    """End the associations of connections that are gone, or are not as they were."""
    ended = 0
    for section in standing:
        for name, association in section.items():
            if name not in unchanged and isinstance(association, dict):
                end_association(vici, association)
                ended += 1
    return ended


def end_association(vici: Vici, association: Section) -> None:
    """End one association; its peer may be gone, and its word is not waited for.

    Raises:
        ViciRefused: the daemon does not do it.
    """
    this_one = {"ike-id": str(association.get("uniqueid")), "force": "yes", "timeout": "-1"}
    try:
        vici.ask("terminate", this_one)
    except ViciRefused as refused:
        # It ended by itself meanwhile, or its peer ended it.
        if _ALREADY_ENDED not in str(refused):
            raise
