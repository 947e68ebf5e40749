"""How this gateway's links are, as strongSwan says."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.vici import SOCKET, Section, Vici, ViciRefused


@dataclass(frozen=True, slots=True)
class LinkState:
    """One link: up where traffic can pass; what is counted is of the associations that stand."""

    name: str
    peer: str
    is_up: bool
    seconds: int
    packets_in: int
    packets_out: int
    bytes_in: int
    bytes_out: int

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return asdict(self)


def link_states(daemon: Path = SOCKET) -> list[LinkState]:
    """Give the state of each link that is set up, in order of name.

    Raises:
        Refused: ZG516, strongSwan cannot be asked.
    """
    try:
        with Vici(daemon) as vici:
            connections = vici.stream("list-conns", "list-conn")
            associations = vici.stream("list-sas", "list-sa")
    except ViciRefused as fault:
        raise Refused(problem("ZG516", error=fault)) from fault
    standing = dict(_named(associations))
    return [
        _state(name, connection, standing.get(name, {}))
        for name, connection in sorted(_named(connections))
    ]


def _named(told: list[Section]) -> Iterator[tuple[str, Section]]:
    for section in told:
        for name, value in section.items():
            if isinstance(value, dict):
                yield name, value


def _state(name: str, connection: Section, association: Section) -> LinkState:
    remote = connection.get("remote-1")
    inside = association.get("child-sas")
    children = [child for _, child in _named([inside])] if isinstance(inside, dict) else []
    installed = [child for child in children if child.get("state") == "INSTALLED"]
    return LinkState(
        name=name,
        peer=str(remote.get("id", "")) if isinstance(remote, dict) else "",
        is_up=association.get("state") == "ESTABLISHED" and bool(installed),
        seconds=_number(association, "established"),
        packets_in=sum(_number(child, "packets-in") for child in installed),
        packets_out=sum(_number(child, "packets-out") for child in installed),
        bytes_in=sum(_number(child, "bytes-in") for child in installed),
        bytes_out=sum(_number(child, "bytes-out") for child in installed),
    )


def _number(section: Mapping[str, object], name: str) -> int:
    return int(str(section.get(name, 0)))
