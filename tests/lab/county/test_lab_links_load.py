"""What passes a link goes on: over new keys, and on a line that carries less than it says."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from lab import namespace
from lab.hosts.cables import CABLES, plug_of
from tests.lab.spoke import Spoke
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

SENDER, RECEIVER, PORT = "yangchuan.office", "suiyang.business", 443
_PIECE = bytes(range(256)) * 64

#: Less than an Ethernet frame has; no word of it reaches who sends more.
NARROW = 1400

_PATIENCE_SECONDS = 15.0


@dataclass
class Stream:
    """One TCP connection through a link, and what has come out at its other end."""

    sending: socket.socket
    receiving: socket.socket
    sent: int = 0
    received: int = 0
    is_whole: bool = True

    def send(self, pieces: int) -> None:
        """Send so many pieces, and hear that they have come."""
        hearing = threading.Thread(target=self._hear, args=(pieces,))
        hearing.start()
        with suppress(OSError):
            for _ in range(pieces):
                self.sending.sendall(_PIECE)
                self.sent += len(_PIECE)
        hearing.join()

    def _hear(self, pieces: int) -> None:
        wanted = self.received + pieces * len(_PIECE)
        with suppress(OSError):
            while self.received < wanted and (part := self.receiving.recv(len(_PIECE))):
                begin = self.received % len(_PIECE)
                self.is_whole = self.is_whole and (_PIECE * 2).startswith(part, begin)
                self.received += len(part)


@contextmanager
def stream(town: Town, version: int) -> Iterator[Stream]:
    """Open a connection that the plan permits."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    end = str(town.address(RECEIVER, version)), PORT
    listening = namespace.inside(
        town.namespace(RECEIVER), lambda: socket.create_server(end, family=family)
    )
    with listening:
        listening.settimeout(_PATIENCE_SECONDS)
        sending = namespace.inside(
            town.namespace(SENDER), lambda: socket.create_connection(end, _PATIENCE_SECONDS)
        )
        with sending:
            receiving, _ = listening.accept()
            with receiving:
                receiving.settimeout(_PATIENCE_SECONDS)
                yield Stream(sending, receiving)


@pytest.fixture
def spoke(town: Town) -> Iterator[Spoke]:
    """A township's gateway and its hub's, with the link up before and after."""
    made = Spoke(town, "yangchuan", "suiyang")
    assert made.comes_back()
    yield made
    assert made.comes_back()


@pytest.mark.parametrize("what", ["--child", "--ike"])
@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_new_keys_cost_a_connection_nothing(spoke: Spoke, what: str, version: int) -> None:
    """It goes on over three changes, to the byte, whichever end begins them."""
    with stream(spoke.town, version) as open_:
        open_.send(8)
        before = indices(spoke, what)
        sending = threading.Thread(target=open_.send, args=(200,))
        sending.start()
        for host, name in ((spoke.host, spoke.hub_site), (spoke.hub, spoke.site)):
            spoke.town.must(host, "swanctl", "--rekey", what, name)
        sending.join()

    assert open_.is_whole
    assert open_.received == open_.sent == 208 * len(_PIECE)
    assert until(lambda: not before & indices(spoke, what), 10)


def indices(spoke: Spoke, what: str) -> frozenset[str]:
    """Give what the keys are known by: ESP's indices, or the number of the whole association."""
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas", "--ike", spoke.site)
    known = r"^ +(?:in|out) +([0-9a-f]+)" if what == "--child" else r"^\S+: (#\d+),"
    return frozenset(re.findall(known, said, re.MULTILINE))


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_line_that_carries_less_than_it_says_stops_nothing(spoke: Spoke, version: int) -> None:
    """What is larger vanishes on it without a word; a link's packets never are."""
    with narrow(spoke, NARROW), stream(spoke.town, version) as open_:
        open_.send(20)

    assert open_.is_whole
    assert open_.received == 20 * len(_PIECE)


def test_a_line_that_carries_far_too_little_does_stop_it(spoke: Spoke) -> None:
    """So what was narrowed above is what the link goes over."""
    with stream(spoke.town, 4) as open_, narrow(spoke, 600):
        open_.receiving.settimeout(2)
        open_.sending.settimeout(2)
        open_.send(20)

    assert open_.received < 20 * len(_PIECE)


@contextmanager
def narrow(spoke: Spoke, mtu: int) -> Iterator[None]:
    """Have the line of a lower site carry no larger packets."""
    host = spoke.town.described.host(spoke.host)
    port = next(each for each in host.ports if each.interface == spoke.line.interface)
    place = spoke.town.places.namespace(CABLES)
    namespace.ip([f"link set {plug_of(host, port)} mtu {mtu}"], place)
    try:
        yield
    finally:
        namespace.ip([f"link set {plug_of(host, port)} mtu 1500"], place)
