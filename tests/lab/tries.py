"""What somebody on a wire tries, and what came of it.

After each try the sender sends something that is permitted, the same way: when
that has come out, the try would have come out before it.  So nothing is waited
for, and a way that is simply dead is not taken for a refusal.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from gateway.policy.decide import TCP
from gateway.policy.model import Address
from lab.hosts.journal import UNIT, read_line
from tests.lab import wire
from tests.lab.town import Town, until

#: Each try has a source port of its own, by which the journal is read.
_ports = itertools.count(40_000)

#: Whoever may be reached from the tax office, and where.
APPROVAL, HTTPS = "city.business", 443


def new_port() -> int:
    """Give a source port that no other try has."""
    return next(_ports)


@dataclass(frozen=True, slots=True)
class Try:
    """One try by somebody: how its packets are made, of a family, a port and a token.

    `victims` are hosts that must not hear it.
    """

    packets: Callable[["Stand", int, bytes], Iterable[bytes]]
    victims: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody stands: a host, the gateway of its site, and a family of addresses."""

    town: Town
    host: str
    gateway: str
    segment: str
    version: int

    def address(self, host: str = "") -> Address:
        """Give a host's address in this family; our own unless said."""
        return self.town.address(host or self.host, self.version)

    @property
    def card(self) -> bytes:
        """Give the gateway's card on our segment."""
        return wire.card(self.town.namespace(self.gateway), self.segment)

    def send(self, packets: Iterable[bytes], to: bytes = b"") -> None:
        """Put packets on our cable; to the gateway unless said."""
        wire.send(*self.town.cable(self.host), packets, to or self.card)

    def syn(
        self, source: Address, destination: Address, ports: tuple[int, int], data: bytes
    ) -> bytes:
        """Give a whole packet that asks for a connection."""
        segment = wire.syn(source, destination, ports, data)
        return wire.packet(source, destination, TCP, segment)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who heard a try, and where its packets came from and went by its port."""

    heard_by: tuple[str, ...]
    port: int


def attempt(stand: Stand, what: Try) -> Outcome:
    """Try it; return when it would have come out.

    Where what is permitted is lost, as while a link is made anew, nothing is known: it is tried
    again.  Whoever has heard a try has heard it, all the same.
    """
    heard_by: set[str] = set()
    for _ in range(_TRIES):
        outcome, is_known = _once(stand, what)
        heard_by |= set(outcome.heard_by)
        if is_known:
            return Outcome(tuple(v for v in what.victims if v in heard_by), outcome.port)
    pytest.fail(f"what is permitted does not pass from {stand.host}")


_TRIES = 3


def _once(stand: Stand, what: Try) -> tuple[Outcome, bool]:
    """Try it; tell whether what was permitted came out after it."""
    town, port, token, passed = stand.town, new_port(), wire.token(), wire.token()
    places = [town.cable(victim) for victim in what.victims]
    with wire.ears(*places, town.cable(APPROVAL)) as (*victims, approval):
        stand.send(what.packets(stand, port, token))
        own, there = stand.address(), stand.address(APPROVAL)
        stand.send([stand.syn(own, there, (new_port(), HTTPS), passed)])
        is_known = approval.hears(passed)
        found = tuple(
            name
            for name, ear in zip(what.victims, victims, strict=True)
            if any(token in frame for frame in ear.frames())
        )
    return Outcome(found, port), is_known


def refusals(town: Town, gateway: str, port: int) -> set[str]:
    """Give the reasons that a gateway's journal has for the packets from a port."""
    lines = town.must(gateway, "journalctl", "--output=cat", f"--unit={UNIT}", "--since=-60s")
    entries = (read_line(line) for line in lines.splitlines() if line.startswith("loushan:"))
    return {e.reason for e in entries if e.trace and e.trace.source_port == port}


def is_recorded(town: Town, gateway: str, port: int, reason: str) -> bool:
    """Tell whether a refusal of packets from a port is found in a gateway's journal soon."""
    return until(lambda: reason in refusals(town, gateway, port), 6.0)


def anywhere(version: int, ipv4: str, ipv6: str) -> Address:
    """Give one of two addresses by the family."""
    return ip_address(ipv4 if version == 4 else ipv6)
