"""A client, a gateway and a server in namespaces of their own, joined by wires.

All traffic of the benchmarks stays in here.  Addresses are those of
`synthetic`; what the gateway holds is whoever uses the road's business.
"""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks.synthetic import EAST, FORBIDDEN_PORT, PORTS, WEST, west_network
from lab import namespace

Name = TypeVar("Name")

#: What every namespace of a benchmark begins with.
PREFIX = "lsb-"

#: The interface of client and server.
WIRE = "wire"

#: Real hosts of a zone have this last byte; no frame of `frames` has it.
HOST = 250

CLIENT_HARDWARE, GATEWAY_HARDWARE = "02:00:00:00:00:01", "02:00:00:00:00:02"
_GATEWAY_EAST_HARDWARE, _SERVER_HARDWARE = "02:00:00:00:00:03", "02:00:00:00:00:04"

_CLIENT, _GATEWAY_WEST = "192.0.2.1", "192.0.2.2"
_SERVER, _GATEWAY_EAST = "192.0.2.5", "192.0.2.6"

_QUIET = tuple(
    (f"{path}/{scope}/{name}", value)
    for path, name, value in (("ipv4/conf", "rp_filter", "0"), ("ipv6/conf", "disable_ipv6", "1"))
    for scope in ("all", "default")
)
_BACKLOG = 4096


class Road:
    """One road; `roads` below puts them up."""

    def __init__(self, prefix: str, name: str, zones: int) -> None:
        """Name the three namespaces; nothing is made yet.  The client has a host in each zone."""
        self.client, self.gateway, self.server = (f"{prefix}{name}-{end}" for end in "cgs")
        self._hosts = [west_network(zone)[HOST] for zone in range(zones)]

    def put_up(self) -> None:
        """Make the namespaces, wires, addresses and routes; the gateway forwards everything.

        Raises:
            Refused: the kernel would not.
        """
        ends = (self.client, self.gateway, self.server)
        namespace.add(ends)
        for end in ends:
            namespace.set_sysctls(end, _QUIET)
        namespace.ip(
            f"link add name {near} address {near_hardware} netns {self.gateway} type veth "
            f"peer name {WIRE} address {far_hardware} netns {far}"
            for near, near_hardware, far, far_hardware in (
                (WEST, GATEWAY_HARDWARE, self.client, CLIENT_HARDWARE),
                (EAST, _GATEWAY_EAST_HARDWARE, self.server, _SERVER_HARDWARE),
            )
        )
        self._furnish()
        namespace.set_sysctls(self.gateway, [("ipv4/ip_forward", "1")])

    def load(self, text: str) -> None:
        """Give the gateway a ruleset.

        Raises:
            Refused: nft would not.
        """
        namespace.run(self.gateway, [namespace.NFT, "--file", "-"], text)

    def forget_connections(self) -> None:
        """Empty the gateway's connection table."""
        namespace.run(self.gateway, ["conntrack", "--flush"])

    def answers(self) -> int:
        """Count the packets that ever came to the client."""

        def received() -> int:
            for line in Path("/proc/thread-self/net/dev").read_text("ascii").splitlines():
                interface, _, numbers = line.strip().partition(":")
                if interface == WIRE:
                    return int(numbers.split()[1])
            raise LookupError(WIRE)

        return namespace.inside(self.client, received)

    def remember_first_packets(self, *, remember: bool) -> None:
        """Have the server answer first packets as usual, or all of them without remembering any.

        Without, a flood of them measures the gateway and not the server's memory.
        """
        value = "1" if remember else "2"
        namespace.set_sysctls(self.server, [("ipv4/tcp_syncookies", value)])

    @contextmanager
    def listening(self) -> Iterator[dict[int, socket.socket]]:
        """Have the server listen at every address, on all ports, the forbidden one too."""
        open_sockets = namespace.inside(
            self.server, lambda: {port: _listener(port) for port in _ALL_PORTS}
        )
        try:
            yield open_sockets
        finally:
            for one in open_sockets.values():
                one.close()

    def _furnish(self) -> None:
        hosts = [f"address add {host}/32 dev lo" for host in self._hosts]
        self._end(
            self.client,
            [(WIRE, f"{_CLIENT}/30", _GATEWAY_WEST, GATEWAY_HARDWARE)],
            [*hosts, f"route add default via {_GATEWAY_WEST}"],
        )
        self._end(
            self.server,
            [(WIRE, f"{_SERVER}/30", _GATEWAY_EAST, _GATEWAY_EAST_HARDWARE)],
            ["route add local 172.16.0.0/12 dev lo", f"route add default via {_GATEWAY_EAST}"],
        )
        self._end(
            self.gateway,
            [
                (WEST, f"{_GATEWAY_WEST}/30", _CLIENT, CLIENT_HARDWARE),
                (EAST, f"{_GATEWAY_EAST}/30", _SERVER, _SERVER_HARDWARE),
            ],
            [f"route add 10.0.0.0/8 via {_CLIENT}", f"route add 172.16.0.0/12 via {_SERVER}"],
        )

    def _end(
        self, name: str, wires: Sequence[tuple[str, str, str, str]], rest: Sequence[str]
    ) -> None:
        lines = ["link set lo up"]
        for interface, address, neighbour, hardware in wires:
            lines += [
                # Packets as a real wire carries them: the kernel would send 64 KiB as one.
                f"link set {interface} gso_max_segs 1",
                f"link set {interface} up",
                f"address add {address} dev {interface}",
                # Nothing is asked on the wire: each packet there is of a measurement.
                f"neighbour add {neighbour} lladdr {hardware} dev {interface} nud permanent",
            ]
        namespace.ip([*lines, *rest], name)


@contextmanager
def roads(zones: Mapping[Name, int]) -> Iterator[dict[Name, Road]]:
    """Put up roads and take them down afterwards, after an error and Ctrl-C too.

    Each has a name, and a client with a host in so many source zones.

    Raises:
        Refused: the kernel would not.
    """
    prefix = f"{PREFIX}{os.getpid()}-"
    made = {
        name: Road(prefix, str(number), count) for number, (name, count) in enumerate(zones.items())
    }
    try:
        for road in made.values():
            road.put_up()
        yield made
    finally:
        namespace.sweep(prefix)


def sweep_abandoned() -> None:
    """Remove the roads of processes that were killed."""
    owners = {name.split("-")[1] for name in namespace.names(PREFIX)}
    for owner in owners:
        if owner.isdigit() and not Path("/proc", owner).exists():
            namespace.sweep(f"{PREFIX}{owner}-")


_ALL_PORTS = (*PORTS, FORBIDDEN_PORT)


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))  # noqa: S104 - all addresses of a namespace of ours
    listener.listen(_BACKLOG)
    return listener
