"""The agent and its loader in this process's network namespace, as systemd would run them.

Run as a command: a folder with agent.toml, trust/, and room for sockets and state.
The process of each request is named in `loader.pid` while it is at work, and the one that
it was forked from in `loaders.pid`.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from gateway.agent.forks import Forks
from gateway.agent.loader import Setup, import_everything, serve
from gateway.agent.service import Agent
from gateway.agent.settings import read_settings
from gateway.load.loader import Places

NETFILTER, ROUTE = 12, 0
NFTABLES_GROUPS, ROUTE_GROUPS = 64, 263641


def listening(path: Path) -> socket.socket:
    """Listen on a socket of the file system."""
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    found.bind(str(path))
    found.listen()
    return found


def hearing(family: int, groups: int) -> socket.socket:
    """Hear what changes in this namespace."""
    found = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family)
    found.bind((0, groups))
    return found


def be_the_loader(listener: socket.socket, setup: Setup, folder: Path) -> None:
    """Give each request a process of its own; write down what it had to import itself."""
    import_everything()
    ready = set(sys.modules)

    def served(connection: socket.socket) -> int:
        (folder / "loader.pid").write_text(str(os.getpid()))
        try:
            return serve(connection, setup, frozenset({0}))
        finally:
            with (folder / "imported").open("a") as imported:
                imported.writelines(f"{name}\n" for name in sorted(set(sys.modules) - ready))

    Forks(listener, served).run()


def keep_a_loader(listener: socket.socket, setup: Setup, folder: Path) -> NoReturn:
    """Begin it again whenever it has ended; it ends with us."""
    while True:
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            end_with(parent)
            be_the_loader(listener, setup, folder)
            os._exit(0)
        (folder / "loaders.pid").write_text(str(child))
        os.waitpid(child, 0)


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends: prctl(PR_SET_PDEATHSIG)."""
    import ctypes  # noqa: PLC0415 - beside its one use

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main(name: str) -> None:
    """Be both services until ended."""
    folder = Path(name)
    places = Places(folder / "run", folder / "state")
    # Here is no strongSwan: links are tested on booted hosts.
    setup = Setup(folder / "agent.toml", folder / "trust", places, daemon=None)
    loader = listening(folder / "loader.sock")
    parent = os.getpid()
    if os.fork() == 0:
        end_with(parent)
        keep_a_loader(loader, setup, folder)
    loader.close()
    sockets = [
        listening(folder / "agent.sock"),
        hearing(NETFILTER, NFTABLES_GROUPS),
        hearing(ROUTE, ROUTE_GROUPS),
    ]
    Agent(
        read_settings(setup.settings),
        sockets,
        loader=folder / "loader.sock",
        status_file=folder / "status.json",
    ).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
