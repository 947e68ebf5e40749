"""The line under a link, as the kernel says: its port, and who answers at its other end.

The one module of this package that knows pyroute2, which is heavy.
"""

import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address
from socket import AF_INET6
from typing import Any, Final

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from gateway.policy.decide import LINK_PORTS

#: linux/if.h, linux/if_addr.h.
_IFF_UP: Final = 1
_TENTATIVE, _DUPLICATE = 0x40, 0x08

#: linux/neighbour.h.
_STATES = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
}
_ANSWERED, _UNANSWERED = "REACHABLE", "FAILED"
_NO_ENTRY = "NONE"

#: The kernel asks three times, a second apart.
_PATIENCE_SECONDS = 4.5
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class LineEnd:
    """A line's port: whether it is there, switched on, has carrier and its address."""

    is_there: bool
    is_on: bool = False
    has_carrier: bool = False
    has_address: bool = False

    def __str__(self) -> str:
        """Give it in the kernel's words."""
        if not self.is_there:
            return "none"
        words = ("UP", self.is_on), ("CARRIER", self.has_carrier), ("ADDRESS", self.has_address)
        return " ".join(word if holds else f"NO-{word}" for word, holds in words)


def line_end(interface: str, own: IPv6Address) -> LineEnd:
    """Look at the port of a line, which ought to have an address."""
    with IPRoute() as route:
        found = route.link_lookup(ifname=interface)
        if not found:
            return LineEnd(is_there=False)
        (link,) = route.get_links(found[0])
        addresses = list(route.get_addr(index=found[0], family=AF_INET6))
    return LineEnd(
        is_there=True,
        is_on=bool(link["flags"] & _IFF_UP),
        has_carrier=bool(link.get_attr("IFLA_CARRIER")),
        has_address=any(_is_usable(each, own) for each in addresses),
    )


def neighbour(interface: str, own: IPv6Address, far: IPv6Address) -> str:
    """Have the kernel ask who is at the other end, and give what came of it, in its words.

    What it knew is forgotten: on a port without a link-local address it asks only for a
    packet that waits to be sent, and so it is given one.
    """
    with IPRoute() as route, socket.socket(AF_INET6, socket.SOCK_DGRAM) as sending:
        found = route.link_lookup(ifname=interface)
        if not found:
            return _NO_ENTRY
        with suppress(NetlinkError):  # it knew nothing
            route.neigh("del", dst=str(far), ifindex=found[0], family=AF_INET6)
        with suppress(OSError):  # it says the same by the state
            sending.bind((str(own), 0))
            sending.sendto(b"", (str(far), min(LINK_PORTS)))
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            state = _state(route, found[0], far)
            if state in {_ANSWERED, _UNANSWERED} or time.monotonic() > end:
                return state
            time.sleep(_LOOK_SECONDS)


def is_answered(state: str) -> bool:
    """Tell whether the neighbour's card has answered."""
    return state == _ANSWERED


def _state(route: Any, index: int, far: IPv6Address) -> str:  # noqa: ANN401 - pyroute2 has no types
    for entry in route.get_neighbours(family=AF_INET6, ifindex=index):
        if entry.get_attr("NDA_DST") == str(far):
            return _STATES.get(entry["state"], str(entry["state"]))
    return _NO_ENTRY


def _is_usable(entry: Any, own: IPv6Address) -> bool:  # noqa: ANN401 - as above
    flags = entry.get_attr("IFA_FLAGS") or entry["flags"]
    return entry.get_attr("IFA_ADDRESS") == str(own) and not flags & (_TENTATIVE | _DUPLICATE)
