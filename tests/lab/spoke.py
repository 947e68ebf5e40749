"""A site's gateway in the hands of somebody who owns it, and does with it what he likes.

What is changed there is put back at the end: key, certificate, authorities,
connections, and the agent that watches over them.
"""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv6Address

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.compile.links import compile_links
from gateway.policy.decide import UDP
from gateway.policy.lines import Line, lines_of
from tests.lab import wire
from tests.lab.forged import Shown
from tests.lab.town import Done, Town, until
from tests.lab.wire import ESP_PORT

_SWANCTL = "/etc/swanctl"
_KEPT = "/root/kept-swanctl"
_CONNECTIONS = "/run/owner.conf"
_SETTINGS = "/etc/strongswan.conf"

#: What has lists fetched, and certificates renewed.
FETCHERS = ("loushan-renewal.timer", "loushan-renewal.service", "loushan-lists.service")

#: A link comes about within this, also on a busy machine.
SECONDS = 20.0

_IPV4_INSIDE, _IPV6_INSIDE = 4, 41
_IV_BYTES, _SALT_BYTES = 8, 4


@dataclass(frozen=True, slots=True)
class Keys:
    """What an association encrypts with, on its way to the hub."""

    spi: int
    key: bytes
    salt: bytes

    def seal(self, sequence: int, inside: bytes) -> bytes:
        """Give a packet of RFC 4303 with another inside, by AES-GCM of RFC 4106."""
        head = self.spi.to_bytes(4) + sequence.to_bytes(4)
        padding = bytes(range(1, 1 + -(len(inside) + 2) % 4))
        protocol = _IPV6_INSIDE if inside[0] >> 4 == 6 else _IPV4_INSIDE
        plain = inside + padding + bytes([len(padding), protocol])
        iv = sequence.to_bytes(_IV_BYTES)
        return head + iv + AESGCM(self.key).encrypt(self.salt + iv, plain, head)


@dataclass(frozen=True, slots=True)
class Spoke:
    """The gateway of a lower site, its hub's, and the line between them."""

    town: Town
    site: str
    hub_site: str

    @property
    def host(self) -> str:
        """The gateway."""
        return f"{self.site}-gw"

    @property
    def hub(self) -> str:
        """The gateway at the other end; of a pair, the active one."""
        return self.town.active(self.hub_site)

    @property
    def line(self) -> Line:
        """The line, seen from the lower site."""
        return next(x for x in lines_of(self.town.plan, self.site) if x.is_up)

    @property
    def hub_interface(self) -> str:
        """The interface of the line at the hub."""
        lines = lines_of(self.town.plan, self.hub_site)
        return next(line.interface for line in lines if line.neighbour == self.site)

    @property
    def connections(self) -> str:
        """What was signed for this gateway."""
        return compile_links(replace(self.town.plan, shares_link=True), self.site).text

    def swanctl(self, *words: str) -> Done:
        """Say something to strongSwan here."""
        return self.town.run(self.host, "swanctl", *words)

    def load(self, connections: str) -> None:
        """Give strongSwan other connections."""
        self.town.must(self.host, "sh", "-c", f"cat >{_CONNECTIONS}", text=connections)
        self.town.must(self.host, "swanctl", "--load-conns", "--file", _CONNECTIONS)

    def show(self, shown: Shown, connections: str = "") -> None:
        """Take another key and certificate, and what is sent along with it.

        The hub is made to forget what it was shown before, so that its journal says what is
        wrong with this.
        """
        files = {f"x509ca/above{n}.pem": each.text for n, each in enumerate(shown.above)}
        self.town.must(self.host, "sh", "-c", f"rm -f {_SWANCTL}/x509ca/above*")
        self._write("private/gateway.key", shown.pair.key_text)
        self._write("x509/gateway.pem", shown.pair.text)
        for name, text in files.items():
            self._write(name, text)
        self.swanctl("--load-creds", "--clear", "--noprompt")
        named = f"local {{\n certs = {_SWANCTL}/x509/gateway.pem"
        self.load((connections or self.connections).replace("local {", named))
        self.town.must(self.hub, "swanctl", "--flush-certs")

    def begin(self) -> Done:
        """Try to have the link, anew."""
        self.swanctl("--terminate", "--ike", self.hub_site, "--force")
        return self.swanctl("--initiate", "--child", self.hub_site, "--timeout", "4")

    def begins(self) -> bool:
        """Tell whether the link comes about anew, within a time."""
        return until(lambda: self.begin().returncode == 0, SECONDS)

    def renew(self, gateway: str, *words: str) -> Done:
        """Have a gateway of ours fetch and renew what is due, when its timer's round is over."""
        found: list[Done] = []

        def is_alone() -> bool:
            found[:] = [self.town.run(gateway, "loushan", "link", "renew", *words)]
            return "ZG519" not in found[0].stderr

        assert until(is_alone)
        return found[0]

    @contextmanager
    def fetching_nothing(self, gateway: str) -> Iterator[None]:
        """Have a gateway of ours fetch no list and renew nothing for a while."""
        self.town.must(gateway, "systemctl", "stop", *FETCHERS)
        try:
            yield
        finally:
            self.town.must(gateway, "systemctl", "start", FETCHERS[0], FETCHERS[2])

    def is_up(self, gateway: str = "") -> bool:
        """Tell whether the link stands; as the hub says unless told."""
        other = self.site if (gateway or self.hub) == self.hub else self.hub_site
        said = self.town.run(gateway or self.hub, "swanctl", "--list-sas", "--ike", other).stdout
        return "ESTABLISHED" in said and "INSTALLED" in said

    def is_one(self) -> bool:
        """Tell whether there is exactly one association, at either end."""
        return all(
            self.town.must(gateway, "swanctl", "--list-sas", "--ike", other).count("ESTABLISHED")
            == 1
            for gateway, other in ((self.hub, self.site), (self.host, self.hub_site))
        )

    def comes_back(self, seconds: float = SECONDS) -> bool:
        """Tell whether the link stands within a time; who has to begin it is told to."""

        def stands() -> bool:
            if not self.is_up():
                self.town.run(self.host, "loushan", "agent", "prove")
            return self.is_up()

        return until(stands, seconds)

    def keys(self) -> Keys:
        """Have a key agreed, and have strongSwan tell it, as its owner can."""
        town, cursor = self.town, self.town.cursor(self.host)
        more = f"cp {_SETTINGS} /root/kept.conf; sed -i 's/default = 1/default = 1\\nchd = 4/'"
        town.must(self.host, "sh", "-c", f"{more} {_SETTINGS} && swanctl --reload-settings")
        try:
            town.must(self.host, "swanctl", "--rekey", "--child", self.hub_site)
            wanted = "outbound CHILD_SA .* established"
            assert until(lambda: bool(re.search(wanted, town.since(self.host, cursor))), 10)
            said = town.since(self.host, cursor)
        finally:
            less = f"mv /root/kept.conf {_SETTINGS} && swanctl --reload-settings"
            town.must(self.host, "sh", "-c", less)
        secret = _dumped(said, "encryption initiator key")
        (spi,) = re.findall(r"registering outbound ESP SA\s+SPI 0x([0-9a-f]+)", said)
        return Keys(int(spi, 16), secret[:-_SALT_BYTES], secret[-_SALT_BYTES:])

    def put(
        self, *payloads: bytes, port: int = ESP_PORT, source: IPv6Address | None = None
    ) -> None:
        """Put datagrams on the line, to the hub."""
        own, far = source or self.line.own, self.line.far
        packets = [
            wire.packet(own, far, UDP, wire.udp(own, far, (port, port), each)) for each in payloads
        ]
        self.put_packets(packets)

    def put_packets(self, packets: list[bytes]) -> None:
        """Put whole packets on the line, to the hub."""
        card = wire.card(self.town.namespace(self.hub), self.hub_interface)
        wire.send(self.town.namespace(self.host), self.line.interface, packets, card)

    def _write(self, name: str, text: str) -> None:
        path = shlex.quote(f"{_SWANCTL}/{name}")
        self.town.must(self.host, "sh", "-c", f"cat >{path}", text=text)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Have no strongSwan here for a while, so that another program speaks in its place."""
        self.town.must(self.host, "systemctl", "stop", "strongswan.service")
        try:
            yield
        finally:
            self.town.must(self.host, "systemctl", "start", "strongswan.service")
            assert until(lambda: self.swanctl("--stats").returncode == 0)

    @contextmanager
    def owned(self) -> Iterator["Spoke"]:
        """Own it for a while: the agent does not see to it that all is as it was signed."""
        town = self.town
        town.must(self.host, "systemctl", "stop", "loushan-agent.service", "loushan-agent.socket")
        town.must(self.host, "cp", "-a", _SWANCTL, _KEPT)
        try:
            yield self
        finally:
            back = f"rm -rf {_SWANCTL} && mv {_KEPT} {_SWANCTL}"
            town.must(self.host, "sh", "-c", back)
            self.swanctl("--load-creds", "--clear", "--noprompt")
            self.load(self.connections)
            self.begin()
            start = ("start", "loushan-agent.socket", "loushan-agent.service")
            town.must(self.host, "systemctl", *start)
            assert self.comes_back()
            assert until(lambda: town.is_proven(self.host))


def _dumped(said: str, what: str) -> bytes:
    """Read the last dump of some bytes in a journal."""
    *_, last = re.finditer(rf"{what} => (\d+) bytes @ .*\n((?: *\d+: .*\n)+)", said)
    lines = (line.partition(": ")[2][:47] for line in last.group(2).splitlines())
    return bytes.fromhex("".join(lines).replace(" ", ""))[: int(last.group(1))]
