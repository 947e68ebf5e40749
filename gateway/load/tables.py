"""Which tables nf_tables has, by their handles.

Asked of the kernel itself: it takes any bytes for a name, line feeds too, and
with a name that nft cannot write its text says what the name's author likes.
"""

import re
import socket
import struct
from dataclasses import dataclass

from gateway.errors import Refused, problem
from gateway.load.netlink import attributes, dump

#: linux/netfilter/nfnetlink.h, nf_tables.h.
_NETLINK_NETFILTER = 12
_GET_TABLE = 10 << 8 | 1
_TABLE_NAME, _TABLE_HANDLE = 1, 4
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

_HEADER_BYTES = 4
_ANY_FAMILY = struct.pack("BBH", socket.AF_UNSPEC, 0, 0)
_HANDLE = struct.Struct(">Q")

#: What nft reads as a name without quotes.
_PLAIN = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9_./\\-]*")


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """A table; `name` is what a person reads, with what cannot be printed escaped.

    `plain` tells whether nft can write its name.
    """

    family: str
    name: str
    handle: int
    plain: bool

    def __str__(self) -> str:
        """Give family and name."""
        return f"{self.family} {self.name}"


def tables() -> tuple[Table, ...]:
    """Give the tables of the network namespace that the caller is in.

    Raises:
        Refused: ZG501, the kernel cannot be asked.
    """
    try:
        return tuple(sorted(map(_table, dump(_NETLINK_NETFILTER, _GET_TABLE, _ANY_FAMILY))))
    except OSError as fault:
        raise Refused(problem("ZG501", error=fault)) from fault


def _table(body: bytes) -> Table:
    values = {
        kind: body[start:end] for kind, start, end in attributes(body, _HEADER_BYTES, len(body))
    }
    name = values[_TABLE_NAME].removesuffix(b"\0")
    (handle,) = _HANDLE.unpack(values[_TABLE_HANDLE])
    family = _FAMILIES.get(body[0], str(body[0]))
    plain = _PLAIN.fullmatch(name) is not None
    shown = name.decode() if plain else ascii(name)[1:]
    return Table(family, shown, handle, plain)
