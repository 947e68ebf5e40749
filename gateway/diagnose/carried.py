"""What a link that stands carries, beside what it was asked to carry; pure."""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)
from typing import Final

from gateway.vici import Section

_SIDES: Final = ("local-ts", "remote-ts")


def carries_less(connection: Section, association: Section) -> bool:
    """Tell whether what was agreed leaves out addresses that the connection has.

    The peer may narrow what it was asked for, and does where its policy has less.
    """
    wanted = _inner(connection.get("children"))
    agreed = _inner(association.get("child-sas"))
    return any(
        frozenset(_networks(child.get(side))) != frozenset(_networks(whole.get(side)))
        for whole in wanted[:1]
        for child in agreed
        if child.get("state") == "INSTALLED"
        for side in _SIDES
    )


def _inner(section: object) -> list[Section]:
    if not isinstance(section, dict):
        return []
    return [value for value in section.values() if isinstance(value, dict)]


def _networks(value: object) -> Iterator[IPv4Network | IPv6Network]:
    """Read selectors, networks and ranges as in `10.0.0.0..10.255.255.255`, and join them."""
    found = [each for text in value for each in _read(str(text))] if isinstance(value, list) else []
    yield from collapse_addresses(n for n in found if isinstance(n, IPv4Network))
    yield from collapse_addresses(n for n in found if isinstance(n, IPv6Network))


def _read(text: str) -> Iterable[IPv4Network | IPv6Network]:
    low, dots, high = text.partition("..")
    try:
        if dots:
            return list(summarize_address_range(ip_address(low), ip_address(high)))
        return [ip_network(text)]
    except (ValueError, TypeError):  # as `dynamic`, or with ports: no plan has it
        return []
