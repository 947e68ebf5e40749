"""The key of a map's element as a box of numbers, read from our text or from the kernel's listing.

The same key can be written in several ways, and the kernel may list another
one than it was given; boxes can be compared, and can be seen to overlap.
"""

from functools import lru_cache
from ipaddress import ip_address, ip_network

#: From and to, both included; of a name, the name twice.
Span = tuple[int, int] | tuple[str, str]
Key = tuple[Span, ...]

_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "icmpv6": 58}
_ADDRESS_KINDS = frozenset({"ipv4_addr", "ipv6_addr"})
_NAME_KIND = "ifname"


def key_of_text(kinds: tuple[str, ...], text: str) -> Key:
    """Read a key as a ruleset writes it; `kinds` are the types of its fields.

    Raises:
        ValueError: the text is not such a key.
    """
    fields = text.split(" . ")
    if len(fields) != len(kinds):
        message = f"not a key of {kinds}: {text}"
        raise ValueError(message)
    return tuple(_span(kind, field) for kind, field in zip(kinds, fields, strict=True))


def text_of_listing(kinds: tuple[str, ...], value: object) -> str:
    """Write a key of a JSON listing as a ruleset would.

    Raises:
        ValueError: the listing has a form that is not known here.
    """
    fields = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    if not isinstance(fields, list) or len(fields) != len(kinds):
        message = f"not a key of {kinds}: {value}"
        raise ValueError(message)
    return " . ".join(_field(kind, field) for kind, field in zip(kinds, fields, strict=True))


def overlap(one: Key, other: Key) -> bool:
    """Tell whether some packet has both keys."""
    return all(
        a[0] <= b[1] and b[0] <= a[1]  # type: ignore[operator]  # both names or numbers
        for a, b in zip(one, other, strict=True)
    )


def _field(kind: str, value: object) -> str:
    match value:
        case str() | int():
            return f'"{value}"' if kind == _NAME_KIND else str(value)
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [low, high]}:
            return f"{low}-{high}"
        case _:
            message = f"not a field of a key: {value}"
            raise ValueError(message)


@lru_cache(maxsize=1 << 16)
def _span(kind: str, text: str) -> Span:
    if kind == _NAME_KIND:
        name = text.strip('"')
        return (name, name)
    low, dash, high = text.partition("-")
    if kind in _ADDRESS_KINDS:
        if dash:
            return (int(ip_address(low)), int(ip_address(high)))
        network = ip_network(text)
        return (int(network.network_address), int(network.broadcast_address))
    if text in _PROTOCOLS:
        return (_PROTOCOLS[text], _PROTOCOLS[text])
    return (int(low), int(high) if dash else int(low))
