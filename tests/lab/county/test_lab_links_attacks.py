"""Who has a line, or even a site's gateway, gets no further than its certificate and its site.

The spoke is in the hands of somebody who owns it; what is asked is its hub.
"""

import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.compile.links import selectors
from gateway.policy.decide import TCP, UDP
from gateway.policy.reasons import Reason
from tests.lab import wire
from tests.lab.forged import WEAK, Pair, Shown, authority, below, leaf, stranger
from tests.lab.spoke import Keys, Spoke
from tests.lab.town import Town, until
from tests.lab.tries import is_recorded, new_port, refusals
from tests.lab.wire import ESP_PORT, IKE_PORT

pytestmark = pytest.mark.lab

HOST, OTHER = "yangchuan-gw.gw.lab.internal", "suiyang-housing-gw.gw.lab.internal"

HTTPS, SSH = 443, 22

#: What the county's gateway lets through from the township, and what it does not.
OFFICE, COUNTY, NEIGHBOUR = "yangchuan.office", "suiyang.business", "suiyang-housing.office"

#: What every link is agreed with.
IKE, ESP = "aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384"

#: What is begun and not ended is kept for half a minute: within this all of it would be.
FLOOD_PACKETS, LONGEST_FLOOD_SECONDS = 2000, 10


@pytest.fixture(scope="module")
def spoke(town: Town) -> Iterator[Spoke]:
    """A township's gateway, owned."""
    spoke = Spoke(town, "yangchuan", "suiyang")
    assert spoke.comes_back()
    with spoke.owned():
        yield spoke


# --- on the line, outside the link ----------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param(OFFICE, COUNTY, id="what the link would carry"),
        pytest.param(NEIGHBOUR, COUNTY, id="as the neighbour"),
        pytest.param("city.operations", "suiyang-gw", id="as operations, to the gateway"),
        pytest.param("suiyang.office", COUNTY, id="as a zone of the hub's own"),
    ],
)
def test_plain_traffic_on_a_line_is_refused_and_recorded(
    spoke: Spoke, version: int, source: str, destination: str
) -> None:
    """The link stands, and beside it nothing passes."""
    town, port, token = spoke.town, new_port(), wire.token()
    ends = town.address(source, version), town.address(destination, version)
    segment = wire.syn(*ends, (port, HTTPS), token)
    with wire.ears(town.cable(COUNTY), town.cable("suiyang.office")) as ears:
        spoke.put_packets([wire.packet(*ends, TCP, segment)])
        assert is_recorded(town, spoke.hub, port, Reason.UNEXPECTED_SOURCE)
        assert not any(token in frame for ear in ears for frame in ear.frames())


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("fd5f:5d51:4787::3", id="of another line"),
        pytest.param("2001:db8::3", id="from anywhere"),
        pytest.param("fe80::3", id="that nobody gave it"),
    ],
)
@pytest.mark.parametrize("port", [IKE_PORT, ESP_PORT])
def test_who_has_another_address_on_a_line_may_not_even_ask(
    spoke: Spoke, source: str, port: int
) -> None:
    """The line's other end is heard by strongSwan, and nobody else."""
    own, there, cursor = IPv6Address(source), spoke.line.far, spoke.town.cursor(spoke.hub)
    claimed = new_port()
    asked = wire.udp(own, there, (claimed, port), init_request())

    spoke.put_packets([wire.packet(own, there, UDP, asked)])

    assert is_recorded(spoke.town, spoke.hub, claimed, Reason.UNEXPECTED_SOURCE)
    assert source not in spoke.town.since(spoke.hub, cursor)


def asks_for_a_cookie(frame: bytes) -> bool:
    """Tell whether a frame is an answer that says nothing but: show that you are there (2.6)."""
    answer = frame[14 + 40 + 8 :]
    return answer[16:17] == bytes([_NOTIFY]) and answer[28 + 6 : 28 + 8] == _COOKIE


def init_request() -> bytes:
    """Give a first message of IKEv2 (RFC 7296) that asks for what every link asks for."""
    transforms = (
        struct.pack("!BBHBBHHH", 3, 0, 12, 1, 0, _AES_GCM, _KEY_LENGTH, 256),
        struct.pack("!BBHBBH", 3, 0, 8, 2, 0, _PRF_SHA384),
        struct.pack("!BBHBBH", 0, 0, 8, 4, 0, _ECP384),
    )
    chosen = struct.pack("!BBBB", 1, 1, 0, len(transforms)) + b"".join(transforms)
    body = _payload(_KE, _payload(0, chosen))
    body += _payload(_NONCE, struct.pack("!HH", _ECP384, 0) + _POINT) + _payload(0, wire.token())
    head = wire.token()[-8:] + bytes(8) + bytes([_SA, 0x20, _IKE_SA_INIT, 0x08])
    return head + struct.pack("!II", 0, 28 + len(body)) + body


_SA, _KE, _NONCE, _IKE_SA_INIT = 33, 34, 40, 34
_NOTIFY, _COOKIE = 41, (16390).to_bytes(2)
_AES_GCM, _PRF_SHA384, _ECP384, _KEY_LENGTH = 20, 6, 20, 0x800E

_NUMBERS = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
_POINT = _NUMBERS.x.to_bytes(48) + _NUMBERS.y.to_bytes(48)


def _payload(following: int, content: bytes) -> bytes:
    return struct.pack("!BBH", following, 0, 4 + len(content)) + content


def test_a_flood_of_strangers_who_knock_leaves_links_up(spoke: Spoke) -> None:
    """The hub answers with cookies, keeps what stands, and lets in who is known."""
    town = spoke.town
    spoke.show(links(HOST)(Thief(town.places.authorities)))
    assert spoke.begins()
    before = standing(spoke)
    own, far = spoke.line.own, spoke.line.far
    knocks = []
    for _ in range(FLOOD_PACKETS):
        datagram = wire.udp(own, far, (new_port(), IKE_PORT), init_request())
        knocks.append(wire.packet(own, far, UDP, datagram))

    with wire.ears((town.namespace(spoke.host), spoke.line.interface)) as (ear,):
        began = time.monotonic()
        spoke.put_packets(knocks)
        took = time.monotonic() - began
        assert until(lambda: any(map(asks_for_a_cookie, ear.frames())), 5)

    said = town.must(spoke.hub, "swanctl", "--stats")
    (half_open,) = re.findall(r"(\d+) half-open", said)
    assert took < LONGEST_FLOOD_SECONDS
    assert int(half_open) < 30
    assert before
    assert until(lambda: before <= standing(spoke), 5)
    assert spoke.begins()


def standing(spoke: Spoke) -> set[str]:
    """Give the names of the links that stand at the hub."""
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas")
    return set(re.findall(r"^(\S+): #\d+, ESTABLISHED", said, re.MULTILINE))


# --- certificates ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thief:
    """Whoever has stolen the authorities' keys."""

    folder: Path

    def __call__(self, name: str) -> Pair:
        """Give an authority's."""
        return authority(self.folder, name)


def a_strangers(thief: Thief) -> Shown:
    """Be certified by somebody who calls himself as our authority is called."""
    return Shown(leaf(stranger(thief("links")), HOST))


def a_chain_of_strangers(thief: Thief) -> Shown:
    """Send the authority along that certified it, of a root that nobody knows."""
    middle = below(stranger(thief("root")))
    return Shown(leaf(middle, HOST), (middle,))


def one_authority_too_many(thief: Thief) -> Shown:
    """Be certified by an authority that the authority of links had no right to make."""
    middle = below(thief("links"))
    return Shown(leaf(middle, HOST), (middle,))


def of_people(thief: Thief) -> Shown:
    """Be certified by the authority of people."""
    return Shown(leaf(thief("people"), HOST), (thief("people"),))


def of_services(thief: Thief) -> Shown:
    """Be certified by the authority of services."""
    return Shown(leaf(thief("services"), HOST), (thief("services"),))


def a_persons(thief: Thief) -> Shown:
    """Show what a person has, rightly certified, and call oneself a gateway."""
    return Shown(leaf(thief("people"), unit="people"), (thief("people"),))


def of_the_root(thief: Thief) -> Shown:
    """Be certified by the root itself."""
    return Shown(leaf(thief("root"), HOST))


def links(
    *names: str, days: tuple[float, float] = (-1, 30), signs: bool = True
) -> Callable[[Thief], Shown]:
    """Be certified by the right authority, and wrongly."""
    return lambda thief: Shown(leaf(thief("links"), *names, days=days, signs=signs))


def with_a_weak_key(thief: Thief) -> Shown:
    """Be certified by the right authority, with a key of half the strength."""
    return Shown(leaf(thief("links"), HOST, curve=WEAK))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(a_strangers, "no issuer certificate found", id="a stranger's"),
        pytest.param(a_chain_of_strangers, "no issuer certificate found", id="with its authority"),
        pytest.param(links(HOST, days=(-40, -1)), "certificate invalid (valid from", id="expired"),
        pytest.param(links(HOST, days=(1, 30)), "certificate invalid (valid from", id="not yet"),
        pytest.param(links(OTHER), "no trusted ECDSA public key found", id="another site's"),
        pytest.param(links(HOST, "a.example"), "permitted name constraints", id="and a name more"),
        pytest.param(with_a_weak_key, "ECDSA_WITH_SHA256_DER not acceptable", id="a weak key"),
        pytest.param(links(HOST, signs=False), "without digitalSignature", id="not for signing"),
        pytest.param(one_authority_too_many, "violates", id="an authority too many"),
        pytest.param(of_people, "no trusted ECDSA public key found", id="of people"),
        pytest.param(a_persons, "no trusted ECDSA public key found", id="a person's"),
        pytest.param(of_services, "permitted name constraints", id="of services"),
        pytest.param(of_the_root, "peer not authenticated by CA", id="the root's own"),
    ],
)
def test_a_wrong_certificate_makes_no_link(
    spoke: Spoke, make: Callable[[Thief], Shown], words: str
) -> None:
    """The hub says why in its journal, and is not shaken by what it was shown."""
    spoke.show(make(Thief(spoke.town.places.authorities)))
    cursor = spoke.town.cursor(spoke.hub)

    done = spoke.begin()

    assert done.returncode != 0
    assert is_down(spoke)
    assert spoke.town.says(spoke.hub, cursor, words)
    proof = spoke.town.run(spoke.hub, "loushan", "agent", "prove")
    assert proof.returncode == 0, proof.stdout + proof.stderr


def is_down(spoke: Spoke) -> bool:
    """Tell whether the link ends: the hub may hear a moment later that the one before did."""
    return until(lambda: not spoke.is_up(), 5)


def test_the_same_hand_makes_one_that_is_taken(spoke: Spoke) -> None:
    """So the certificates above were refused for what was wrong with them."""
    spoke.show(links(HOST)(Thief(spoke.town.places.authorities)))

    assert spoke.begins()
    assert until(spoke.is_up, 5)


def test_another_sites_certificate_is_not_taken_on_this_line(spoke: Spoke) -> None:
    """What was carried off is nobody at another place, also under its own name."""
    connections = spoke.connections.replace(f"id = {HOST}", f"id = {OTHER}")
    spoke.show(links(OTHER)(Thief(spoke.town.places.authorities)), connections)
    cursor = spoke.town.cursor(spoke.hub)

    done = spoke.begin()

    assert done.returncode != 0
    assert spoke.town.says(spoke.hub, cursor, "no matching peer config found")
    said = spoke.town.must(spoke.hub, "swanctl", "--list-sas", "--ike", "suiyang-housing")
    assert "ESTABLISHED" in said


# --- what is agreed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "weak", "words"),
    [
        pytest.param(IKE, "aes128-sha1-modp2048", "proposals unacceptable", id="once good"),
        pytest.param(IKE, "aes128gcm16-prfsha256-ecp256", "proposals unacceptable", id="half"),
        pytest.param(ESP, "aes128-sha1", "no acceptable proposal found", id="inside, once good"),
        pytest.param(ESP, "aes128gcm16-ecp384", "no acceptable proposal found", id="inside, half"),
    ],
)
def test_nothing_weak_is_agreed(spoke: Spoke, old: str, weak: str, words: str) -> None:
    """Not even where both ends have good certificates."""
    connections = spoke.connections.replace(f"proposals = {old}\n", f"proposals = {weak}\n")
    spoke.show(links(HOST)(Thief(spoke.town.places.authorities)), connections)
    cursor = spoke.town.cursor(spoke.hub)

    done = spoke.begin()

    assert done.returncode != 0
    assert is_down(spoke)
    assert spoke.town.says(spoke.hub, cursor, words)


def test_a_spoke_that_asks_for_everything_gets_its_own(spoke: Spoke) -> None:
    """The hub narrows what was asked to what was signed, and stays proven."""
    everything = re.sub("local_ts = .*", "local_ts = 0.0.0.0/0, ::/0", spoke.connections)
    spoke.show(links(HOST)(Thief(spoke.town.places.authorities)), everything)

    def agreed() -> list[set[str]]:
        said = spoke.town.must(spoke.hub, "swanctl", "--list-sas", "--ike", spoke.site)
        remotes: list[str] = re.findall(r"^ +remote +([0-9].*)$", said, re.MULTILINE)
        return [set(each.split()) for each in remotes]

    assert spoke.begins()
    own = {str(each) for each in selectors(spoke.town.plan, spoke.site)}
    assert until(lambda: agreed() == [own], 10), agreed()
    assert spoke.town.run(spoke.hub, "loushan", "agent", "prove").returncode == 0


# --- inside the link ------------------------------------------------------------------------------


@dataclass(slots=True)
class Tunnel:
    """The link from within: what its owner may put in by hand.

    It counts far ahead of what the gateway itself sends meanwhile, of its journal for one.
    """

    spoke: Spoke
    keys: Keys
    sequence: int = 1_000_000

    def seal(self, inside: bytes) -> bytes:
        """Encrypt one packet as the next."""
        self.sequence += 1
        return self.keys.seal(self.sequence, inside)

    def syn(
        self, source: str, destination: str, version: int, token: bytes, ports: tuple[int, int]
    ) -> bytes:
        """Ask for a connection, as somebody."""
        town = self.spoke.town
        ends = town.address(source, version), town.address(destination, version)
        return wire.packet(*ends, TCP, wire.syn(*ends, ports, token))

    def permitted(self, version: int, token: bytes) -> bytes:
        """Ask for what the township may have."""
        return self.syn(OFFICE, COUNTY, version, token, (new_port(), HTTPS))


@pytest.fixture(scope="module")
def tunnel(spoke: Spoke) -> Tunnel:
    """The link, of which the owner has the keys."""
    spoke.show(links(HOST)(Thief(spoke.town.places.authorities)))
    assert spoke.begins()
    assert until(spoke.is_one)
    return Tunnel(spoke, spoke.keys())


FALSE, NOT_PERMITTED = "discarding inbound IP packet", Reason.NO_CONDUIT


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        pytest.param(NEIGHBOUR, COUNTY, FALSE, id="as the neighbour"),
        pytest.param("suiyang.office", COUNTY, FALSE, id="as a zone of the hub's own"),
        pytest.param("city.operations", "suiyang-gw", FALSE, id="as operations"),
        pytest.param("city.operations", "suiyang-housing-gw", FALSE, id="in transit"),
        pytest.param(OFFICE, "city.business", NOT_PERMITTED, id="further than it may"),
        pytest.param(OFFICE, NEIGHBOUR, NOT_PERMITTED, id="to the neighbour"),
    ],
)
def test_what_is_put_into_a_link_is_judged_as_its_sites(
    tunnel: Tunnel, version: int, source: str, destination: str, why: str
) -> None:
    """A false source does not come out of it, and a true one goes only where it may."""
    town, hub, own = tunnel.spoke.town, tunnel.spoke.hub, new_port()
    token, passed, cursor = wire.token(), wire.token(), town.cursor(hub)
    port = SSH if destination.endswith("-gw") else HTTPS
    places = (town.cable(COUNTY), town.cable(NEIGHBOUR), town.cable("city.business"))
    with wire.ears(*places) as ears:
        forbidden = tunnel.syn(source, destination, version, token, (own, port))
        sealed = tunnel.seal(forbidden), tunnel.seal(tunnel.permitted(version, passed))
        tunnel.spoke.put(*sealed)

        assert ears[0].hears(passed)
        assert not any(token in frame for ear in ears for frame in ear.frames())
    if why == FALSE:
        assert town.says(hub, cursor, FALSE)
        assert not refusals(town, hub, own)
    else:
        assert is_recorded(town, hub, own, why)


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_what_was_recorded_on_a_line_is_not_taken_again(tunnel: Tunnel, version: int) -> None:
    """Nor what was changed on its way, nor what is of no link."""
    town, hub, cursor = (
        tunnel.spoke.town,
        tunnel.spoke.hub,
        tunnel.spoke.town.cursor(tunnel.spoke.hub),
    )
    once, changed, strange, passed = (wire.token() for _ in range(4))
    taken = tunnel.seal(tunnel.permitted(version, once))
    whole = tunnel.seal(tunnel.permitted(version, changed))
    other = replace(tunnel.keys, spi=tunnel.keys.spi ^ 1)
    with wire.ears(town.cable(COUNTY)) as (ear,):
        tunnel.spoke.put(taken, taken, whole[:-1] + bytes([whole[-1] ^ 1]), taken)
        tunnel.spoke.put(other.seal(1, tunnel.permitted(version, strange)))
        tunnel.spoke.put(tunnel.seal(tunnel.permitted(version, passed)))
        frames = list(_until_heard(ear, passed))

    heard = [sum(token in frame for frame in frames) for token in (once, changed, strange)]
    assert heard == [1, 0, 0]
    assert town.says(hub, cursor, "ICV verification failed")
    # What it said of an earlier test may come late.
    assert town.since(hub, cursor).count("sequence number verification failed") >= 2


def _until_heard(ear: wire.Ear, token: bytes) -> Iterator[bytes]:
    end = time.monotonic() + wire.PATIENCE_SECONDS
    while time.monotonic() < end:
        for frame in ear.frames():
            yield frame
            if token in frame:
                return
        time.sleep(0.005)
    pytest.fail("what is permitted does not pass")
