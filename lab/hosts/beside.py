"""Processes of this machine that belong to a lab: they go with it, as its hosts do."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from lab.hosts.keeper import cgroup_of
from lab.hosts.places import Places

_ROOT = Path(__file__).resolve().parents[2]

#: What is in the lab's cgroup is ended with the lab.
_BEGIN = 'mkdir -p "$1" && echo $$ >"$1/cgroup.procs" && shift && exec "$@"'


def log_of(places: Places, name: str) -> Path:
    """Give where the words of such a process go."""
    return places.log.with_name(f"{places.log.stem}-{name}.log")


def begin_beside(
    places: Places, name: str, command: Sequence[str], *, mode: str = "wb", keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Begin a process that goes with a lab.

    Args:
        places: the lab's.
        name: what it is called, in the lab's cgroup and its log's name.
        command: what it runs, from the root of the tree.
        mode: how its log is opened.
        keep: open files that it takes over.
    """
    with log_of(places, name).open(mode) as said:
        return subprocess.Popen(
            ["/bin/sh", "-c", _BEGIN, name, str(cgroup_of(places) / name), *command],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=keep,
            start_new_session=True,
        )
