"""What netlink says of this network namespace, as values.

The one place that knows pyroute2, which is heavy: nothing imports this module
before it is needed.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from socket import AF_INET, AF_INET6
from typing import Any, Final

from pyroute2 import IPRoute

from gateway.policy.model import Network

#: linux/rtnetlink.h: the types of route that lead a packet on or in.
_LEADING = {1: "unicast", 2: "local"}

#: linux/fib_rules.h: look a table up, with no further condition.
_TO_TABLE: Final = 1
_ANY_PREFIX_LENGTH: Final = 0xFFFFFFFF
_RULE_WORDS = {"FRA_TABLE", "FRA_PRIORITY", "FRA_PROTOCOL", "FRA_SUPPRESS_PREFIXLEN"}

#: Priority and table of the rules that the kernel begins with.
_OWN_RULES = {AF_INET: {(0, 255), (32766, 254), (32767, 253)}, AF_INET6: {(0, 255), (32766, 254)}}

#: The kind of an interface of IPsec.
_IPSEC: Final = "xfrm"

_NOWHERE = {AF_INET: "0.0.0.0", AF_INET6: "::"}  # noqa: S104 - the default route's name


@dataclass(frozen=True, slots=True)
class Link:
    """An interface; `master` is what it is a port of, `xdp` the program on it, both or empty.

    `kind` is what software makes it, empty for a card; `number` is that of an interface of IPsec.
    """

    index: int
    name: str
    master: str
    xdp: str
    kind: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Queue:
    """A queueing discipline of an interface."""

    interface: str
    kind: str


@dataclass(frozen=True, slots=True)
class Route:
    """A route that leads somewhere; a route by several ways is as many of these."""

    network: Network
    interface: str


def links() -> list[Link]:
    """Give the interfaces."""
    with IPRoute() as route:
        found = list(route.get_links())
    names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in found}
    return [
        Link(
            index=link["index"],
            name=names[link["index"]],
            master=names.get(link.get_attr("IFLA_MASTER") or 0, ""),
            xdp=_xdp(link),
            kind=_kind(link),
            number=_number(link),
        )
        for link in found
    ]


def queues() -> list[Queue]:
    """Give the queueing disciplines of all interfaces."""
    with IPRoute() as route:
        names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in route.get_links()}
        return [
            Queue(names.get(queue["index"], str(queue["index"])), str(queue.get_attr("TCA_KIND")))
            for queue in route.get_qdiscs()
        ]


def strange_rules() -> list[str]:
    """Give the routing rules that are not the kernel's own, each in a few words."""
    with IPRoute() as route:
        return [
            _rule_words(rule)
            for family in (AF_INET, AF_INET6)
            for rule in route.get_rules(family=family)
            if not _is_own_rule(family, rule)
        ]


def routes() -> list[Route]:
    """Give the routes of every table that lead a packet on or into the host."""
    with IPRoute() as route:
        names = {link["index"]: str(link.get_attr("IFLA_IFNAME")) for link in route.get_links()}
        return [
            Route(_network(message), names.get(index, str(index)))
            for family in (AF_INET, AF_INET6)
            for message in route.get_routes(family=family)
            if message["type"] in _LEADING
            for index in _interfaces(message)
        ]


def _kind(link: Any) -> str:  # noqa: ANN401 - pyroute2 has no types
    about = link.get_attr("IFLA_LINKINFO")
    return str(about.get_attr("IFLA_INFO_KIND") or "") if about is not None else ""


def _number(link: Any) -> int:  # noqa: ANN401 - as above
    about = link.get_attr("IFLA_LINKINFO")
    data = about.get_attr("IFLA_INFO_DATA") if _kind(link) == _IPSEC else None
    return int(data.get_attr("IFLA_XFRM_IF_ID") or 0) if data is not None else 0


def _xdp(link: Any) -> str:  # noqa: ANN401 - pyroute2 has no types
    program = link.get_attr("IFLA_XDP")
    number = program.get_attr("IFLA_XDP_PROG_ID") if program is not None else None
    return f"program {number}" if number else ""


def _is_own_rule(family: int, rule: Any) -> bool:  # noqa: ANN401 - as above
    attributes = dict(rule["attrs"])
    number = (attributes.get("FRA_PRIORITY", 0), attributes.get("FRA_TABLE", rule["table"]))
    return (
        rule["action"] == _TO_TABLE
        and number in _OWN_RULES[family]  # type: ignore[index] # AF_INET and AF_INET6 only
        and not (rule["src_len"] or rule["dst_len"] or rule["tos"] or rule["flags"])
        and attributes.keys() <= _RULE_WORDS
        and attributes.get("FRA_SUPPRESS_PREFIXLEN", _ANY_PREFIX_LENGTH) == _ANY_PREFIX_LENGTH
    )


def _rule_words(rule: Any) -> str:  # noqa: ANN401 - as above
    words = [
        f"{name.removeprefix('FRA_').lower()} {value}"
        for name, value in rule["attrs"]
        if (name, value) != ("FRA_SUPPRESS_PREFIXLEN", _ANY_PREFIX_LENGTH)
    ]
    return ", ".join(words)


def _network(message: Any) -> Network:  # noqa: ANN401 - as above
    address = message.get_attr("RTA_DST") or _NOWHERE[message["family"]]
    return ip_network(f"{address}/{message['dst_len']}", strict=False)


def _interfaces(message: Any) -> list[int]:  # noqa: ANN401 - as above
    ways = message.get_attr("RTA_MULTIPATH")
    if ways:
        return [way["oif"] for way in ways]
    single = message.get_attr("RTA_OIF")
    return [single] if single else []
