"""One Debian host: booted by systemd-nspawn, entered, ended.

Its disk is the shared image with what it has written laid over it.  It stands
in a mount namespace of its own, so that no mount outlives it.
"""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, problem
from lab.hosts.blueprint import Host
from lab.hosts.places import Places

#: What nspawn ends with when its host asked to be booted again.
REBOOT_STATUS = 133

#: What a host may do to its own network; nspawn keeps back the rest of the machine.
_CAPABILITIES = "CAP_NET_ADMIN,CAP_NET_RAW,CAP_BPF,CAP_PERFMON"

_BOOT = """
set -eu
echo 0 > "$1/cgroup.procs"
mount -t overlay loushan -o "lowerdir=$2,upperdir=$3/upper,workdir=$3/work" "$3/root"
shift 3
exec systemd-nspawn "$@"
"""

_ENVIRONMENT = {
    # Without it a host could not set its own network.
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
    "UNIFIED_CGROUP_HIERARCHY": "1",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
}

#: What a command in a host finds around it.
_INSIDE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@dataclass
class Machine:
    """One host that was started; `notes` is where it says that it is ready."""

    host: Host
    process: subprocess.Popen[bytes]
    notes: socket.socket
    leader: int = 0
    ready: bool = False

    def listen(self) -> None:
        """Take what nspawn says of its host."""
        while True:
            try:
                words = self.notes.recv(4096).decode("utf-8", "replace").splitlines()
            except BlockingIOError:
                return
            said = dict(word.partition("=")[::2] for word in words)
            self.leader = int(said.get("X_NSPAWN_LEADER_PID", self.leader))
            self.ready = self.ready or said.get("READY") == "1"


def start(places: Places, host: Host, tree: Path, cgroup: Path) -> Machine:
    """Boot a host into its namespace.

    Raises:
        OSError: a folder or the process cannot be made.
    """
    run, disk = places.host_run(host.name), places.host_disk(host.name)
    for folder in (run, disk / "upper", disk / "work", disk / "root", cgroup):
        folder.mkdir(parents=True, exist_ok=True)
    notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notes.settimeout(0)
    address = run / "notes"
    address.unlink(missing_ok=True)
    notes.bind(str(address))
    # Slave: a namespace that is removed outside is not kept alive in here.
    away = ["unshare", "--mount", "--propagation", "slave", "--", "/bin/sh", "-c", _BOOT, "boot"]
    with (run / "console").open("ab") as console:
        process = subprocess.Popen(
            [*away, str(cgroup), str(tree), str(disk), *_nspawn(places, host, disk)],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**_ENVIRONMENT, "NOTIFY_SOCKET": str(address)},
        )
    return Machine(host, process, notes)


def _nspawn(places: Places, host: Host, disk: Path) -> Iterator[str]:
    yield from ("--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no")
    yield from ("--console=pipe", "--notify-ready=yes", "--link-journal=no")
    # A proof asks which BPF programs meet packets.
    yield "--system-call-filter=bpf"
    # A link comes out of a tun device.
    yield "--bind=/dev/net/tun"
    yield from ("--resolv-conf=off", "--timezone=off", f"--capability={_CAPABILITIES}")
    yield f"--network-namespace-path=/run/netns/{places.namespace(host.name)}"
    yield f"--directory={disk / 'root'}"
    yield from (f"--machine={host.name}", f"--hostname={host.name}")


def leader(places: Places, host: str) -> int:
    """Give the first process of a running host.

    Raises:
        Refused: ZG673, it is not running.
    """
    try:
        return int((places.host_run(host) / "leader").read_text())
    except (FileNotFoundError, ValueError) as fault:
        raise Refused(problem("ZG673", host=host)) from fault


def entering(places: Places, host: str, command: Sequence[str]) -> list[str]:
    """Give the command that runs a command in a host, as root at its console.

    Raises:
        Refused: ZG673, it is not running.
    """
    target = ["--target", str(leader(places, host))]
    namespaces = ["--mount", "--uts", "--ipc", "--pid", "--net"]
    inside = [f"{name}={value}" for name, value in inside_environment().items()]
    into = ["nsenter", *target, *namespaces, "--root", "--wd"]
    return [*into, "--", "/usr/bin/env", "-i", *inside, *command]


def inside_environment() -> Mapping[str, str]:
    """Give what a command in a host finds around it."""
    return {**_INSIDE, "TERM": os.environ.get("TERM", "dumb")}


def execute(places: Places, host: str, command: Sequence[str], text: str = "") -> str:
    """Run a command in a host and give what it says.

    Raises:
        Refused: ZG673, the host is not running; ZG662, the command failed.
    """
    done = subprocess.run(
        entering(places, host, command), input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(problem("ZG662", command=command[0], answer=done.stderr.strip()))
    return done.stdout
