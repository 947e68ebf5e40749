"""What must not work, tried from a zone's cable with packets made by hand."""

import struct
import time
from collections.abc import Iterator

import pytest

from gateway.policy.decide import TCP, UDP
from gateway.policy.reasons import Reason
from tests.lab import wire
from tests.lab.town import Town, until
from tests.lab.tries import (
    APPROVAL,
    HTTPS,
    Stand,
    Try,
    anywhere,
    attempt,
    is_recorded,
    new_port,
)

pytestmark = pytest.mark.lab

SSH, NO_PORT = 22, 9

OTHERS = ("housing.office", "tax.business", "huichuan.business", "city.operations", "portal.web")


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def attacker(request: pytest.FixtureRequest, town: Town) -> Stand:
    """Somebody on the tax office's cable, in each family: what one refuses the other refuses."""
    return Stand(town, "attacker", "tax-gw", "office", request.param)


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def walled(request: pytest.FixtureRequest, town: Town) -> Stand:
    """Somebody on the housing office's cable, who may ask the approval hall and nobody else."""
    return Stand(town, "walled", "housing-gw", "office", request.param)


# --- somebody else's name -------------------------------------------------------------------------


def from_address(source: str, ipv6: str = "", destination: str = APPROVAL) -> Try:
    """Claim an address, a host's or any, towards where the tax office may go."""

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        claimed = anywhere(stand.version, source, ipv6) if ipv6 else stand.address(source)
        yield stand.syn(claimed, stand.address(destination), (port, HTTPS), token)

    return Try(packets, (destination,), Reason.UNEXPECTED_SOURCE)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(from_address("city.office"), id="a zone of another site"),
        pytest.param(from_address("tax.business", destination="huichuan-tax.business"), id="next"),
        pytest.param(from_address("huichuan.office"), id="who may go there himself"),
        pytest.param(from_address("10.99.0.1", "fd72:6a5e:ff::1"), id="an address of no zone"),
        pytest.param(from_address("203.0.113.9", "2001:db8::9"), id="an address outside"),
        pytest.param(from_address("city-gw"), id="another gateway"),
    ],
)
def test_a_false_source_is_refused_and_recorded(attacker: Stand, what: Try) -> None:
    """Who sends is known by the cable: an address that is not of it goes nowhere."""
    outcome = attempt(attacker, what)

    assert not outcome.heard_by
    assert is_recorded(attacker.town, "tax-gw", outcome.port, what.reason)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(from_address("tax-gw"), id="the gateway's own address"),
        pytest.param(from_address("127.0.0.1", "::1"), id="the loopback"),
        pytest.param(from_address("0.0.0.0", "::"), id="no address"),  # noqa: S104 - a packet's source
        pytest.param(from_address("224.0.0.5", "ff02::5"), id="a multicast group"),
        pytest.param(from_address("255.255.255.255", "fe80::7"), id="broadcast, or link-local"),
    ],
)
def test_a_source_that_nobody_can_have_goes_nowhere(attacker: Stand, what: Try) -> None:
    """Some the kernel drops before any ruleset; none comes out."""
    assert not attempt(attacker, what).heard_by


# --- somebody else's zone -------------------------------------------------------------------------


def to(destination: str, port: int = HTTPS) -> Try:
    """Ask for a connection to a host of another zone, from our own address."""

    def packets(stand: Stand, own_port: int, token: bytes) -> Iterator[bytes]:
        there = stand.address(destination)
        yield stand.syn(stand.address(), there, (own_port, port), token)

    return Try(packets, (destination,), Reason.NO_CONDUIT)


@pytest.mark.parametrize(
    "what",
    [
        *(pytest.param(to(zone), id=zone) for zone in OTHERS),
        pytest.param(to("walled"), id="somebody whom the plan does not know"),
        pytest.param(to(APPROVAL, SSH), id="the right host, the wrong port"),
    ],
)
def test_another_zone_is_not_reached(attacker: Stand, what: Try) -> None:
    """Straight to the gateway's card, as with a static route: there is no conduit."""
    outcome = attempt(attacker, what)

    assert not outcome.heard_by
    assert is_recorded(attacker.town, "tax-gw", outcome.port, what.reason)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(to("attacker"), id="somebody in another office"),
        pytest.param(to("housing.business"), id="the next zone"),
        pytest.param(to("suiyang-housing.office"), id="the same department in a county"),
        pytest.param(to("city.operations"), id="operations"),
        pytest.param(from_address("attacker"), id="as somebody else"),
        pytest.param(from_address("housing.business"), id="as the next zone"),
    ],
)
def test_who_is_walled_in_reaches_nobody_else(walled: Stand, what: Try) -> None:
    """Another site's gateway refuses as the first does: nothing about the tax office is special."""
    outcome = attempt(walled, what)

    assert not outcome.heard_by
    assert is_recorded(walled.town, "housing-gw", outcome.port, what.reason)


def test_a_segment_is_not_connected_to_the_next(attacker: Stand) -> None:
    """To a neighbour's card, to the gateway's other card, to everybody: a gateway is no switch."""
    town, tries = attacker.town, []
    there, token = attacker.address("tax.business"), wire.token()
    for card in (
        wire.card(*town.cable("tax.business")),
        wire.card(town.namespace("tax-gw"), "business"),
        wire.EVERYBODY,
    ):
        tries.append(attacker.syn(attacker.address(), there, (30_000, HTTPS), token))
        with wire.ears(town.cable("tax.business")) as (ear,):
            attacker.send(tries, card)
            assert not ear.hears(token, 0.2)


# --- pieces ---------------------------------------------------------------------------------------


def pieces(
    stand: Stand, payload: bytes, cuts: tuple[tuple[int, int], ...], identifier: int
) -> Iterator[bytes]:
    """Send a payload to the housing office in pieces from-to, of which the last is the last.

    By the identifier a gateway knows which belong together: each try needs one of its own.
    """
    own, there = stand.address(), stand.address("housing.office")
    for number, (start, end) in enumerate(cuts, start=1):
        more = number < len(cuts)
        if stand.version == 4:
            field = (0x2000 if more else 0) | start // 8
            piece = payload[start:end]
            yield wire.packet(own, there, TCP, piece, fragment=field, identifier=identifier)
        else:
            head = wire.ipv6_fragment(TCP, start, identifier, more=more)
            yield wire.packet(own, there, wire.FRAGMENT, head + payload[start:end])


def in_pieces(*cuts: tuple[int, int], reason: str = "") -> Try:
    """Cut a forbidden connection's first packet into pieces.

    Those that make a whole are refused for a reason; others the kernel drops unjudged.
    """

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        ends = stand.address(), stand.address("housing.office")
        segment = wire.syn(*ends, (port, HTTPS), token * 4)
        yield from pieces(stand, segment, cuts, identifier=port)

    return Try(packets, ("housing.office",), reason)


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(in_pieces((0, 8), (8, 84)), id="a first piece that ends before the flags"),
        pytest.param(in_pieces((0, 24), (16, 84)), id="pieces that overlap"),
        pytest.param(in_pieces((0, 84)), id="one piece that says it is one of many"),
        pytest.param(in_pieces((24, 84)), id="a last piece without a first"),
        pytest.param(
            in_pieces((0, 40), (40, 84), reason=Reason.NO_CONDUIT), id="two that make a whole"
        ),
        pytest.param(in_pieces((8, 84), (0, 8)), id="the first piece last"),
    ],
)
def test_pieces_are_judged_as_a_whole(attacker: Stand, what: Try) -> None:
    """No way of cutting it brings a forbidden packet, or a piece of it, through."""
    outcome = attempt(attacker, what)

    assert not outcome.heard_by
    if what.reason:
        assert is_recorded(attacker.town, "tax-gw", outcome.port, what.reason)


def test_a_permitted_packet_in_two_pieces_arrives(attacker: Stand) -> None:
    """So the pieces above were lost for what they were, not for being pieces."""
    town, token = attacker.town, wire.token()
    own, there = attacker.address(), attacker.address(APPROVAL)
    segment = wire.syn(own, there, (31_000 + attacker.version, HTTPS), token * 4)
    with wire.ears(town.cable(APPROVAL)) as (ear,):
        for start, end in ((0, 40), (40, 84)):
            piece, more = segment[start:end], start == 0
            if attacker.version == 4:
                field = (0x2000 if more else 0) | start // 8
                whole = wire.packet(own, there, TCP, piece, fragment=field, identifier=78)
            else:
                head = wire.ipv6_fragment(TCP, start, 78, more=more)
                whole = wire.packet(own, there, wire.FRAGMENT, head + piece)
            attacker.send([whole])
        assert ear.hears(token)


# --- ways that a packet wants to prescribe --------------------------------------------------------


def source_route(kind: int, first: str) -> Try:
    """Ask to be passed on to the housing office by way of somebody (RFC 791; RFC 5095)."""

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        own, way, there = stand.address(), stand.address(first), stand.address("housing.office")
        if stand.version == 4:
            option = bytes([kind, 7, 4]) + there.packed + b"\0"
            segment = wire.syn(own, there, (port, HTTPS), token)
            yield wire.packet(own, way, TCP, segment, options=option)
        else:
            # What is to come is counted down: one segment is left, and it is the housing office.
            type_ = 4 if kind == STRICT else 0
            body = bytes([type_, 1, 0, 0, 0, 0]) + there.packed
            segment = wire.syn(own, there, (port, HTTPS), token)
            routed = wire.extension(TCP, body) + segment
            yield wire.packet(own, way, wire.ROUTING, routed)

    return Try(packets, ("housing.office",))


LOOSE, STRICT = 131, 137


@pytest.mark.parametrize("kind", [LOOSE, STRICT], ids=["loose, RH0", "strict, SRH"])
@pytest.mark.parametrize("first", ["tax-gw", APPROVAL, "city-gw"])
def test_a_packet_does_not_choose_its_way(attacker: Stand, kind: int, first: str) -> None:
    """Neither our gateway, nor another, nor a host passes on what says where to go next."""
    assert not attempt(attacker, source_route(kind, first)).heard_by


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((wire.HOP_BY_HOP,), id="hop-by-hop options"),
        pytest.param((wire.DESTINATION,), id="destination options"),
        pytest.param((wire.DESTINATION,) * 5, id="five of them"),
        pytest.param((wire.HOP_BY_HOP, wire.DESTINATION, wire.FRAGMENT), id="and one piece"),
    ],
)
def test_extension_headers_hide_nothing(town: Town, headers: tuple[int, ...]) -> None:
    """Behind whatever headers, a forbidden port is a forbidden port."""
    stand = Stand(town, "attacker", "tax-gw", "office", 6)

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        own, there = stand.address(), stand.address("housing.office")
        payload, following = wire.syn(own, there, (port, HTTPS), token), TCP
        for header in reversed(headers):
            if header == wire.FRAGMENT:
                payload = wire.ipv6_fragment(following, 0, 99, more=False) + payload
            else:
                payload = wire.extension(following, b"\1\4\0\0\0\0") + payload
            following = header
        yield wire.packet(own, there, following, payload)

    outcome = attempt(stand, Try(packets, ("housing.office",)))

    assert not outcome.heard_by
    assert is_recorded(town, "tax-gw", outcome.port, Reason.NO_CONDUIT)


# --- to everybody ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ipv4", "ipv6"),
    [
        pytest.param("255.255.255.255", "ff02::1", id="everybody here"),
        pytest.param("10.11.0.255", "ff05::1", id="everybody in the next zone, or on the site"),
        pytest.param("10.12.1.255", "ff08::1", id="everybody in another site, or organisation"),
        pytest.param("239.1.2.3", "ff0e::1", id="everybody who listens"),
    ],
)
def test_what_is_for_everybody_stays_in_the_zone(attacker: Stand, ipv4: str, ipv6: str) -> None:
    """Neither broadcast nor multicast passes a gateway."""

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        own, there = stand.address(), anywhere(stand.version, ipv4, ipv6)
        datagram = wire.udp(own, there, (port, NO_PORT), token)
        yield wire.packet(own, there, UDP, datagram)

    assert not attempt(attacker, Try(packets, ("tax.business", "housing.office"))).heard_by


# --- the gateway itself ---------------------------------------------------------------------------


def test_what_root_opens_on_a_gateway_is_not_reached(attacker: Stand) -> None:
    """A listener on every address of a gateway answers its own host, and no zone."""
    town, port = attacker.town, 4444 + attacker.version
    family = "-6" if attacker.version == 6 else "-4"
    town.must("tax-gw", "systemd-run", f"--unit=open{port}", "nc", family, "-lk", "-p", str(port))
    own = str(attacker.address("tax-gw"))
    try:
        here = until(lambda: town.run("tax-gw", "nc", "-z", own, str(port)).returncode == 0, 5)
        link_local = "fe80::1%wire" if attacker.version == 6 else own
        there = [
            town.run("attacker", "nc", "-z", "-w", "1", address, str(port)).returncode
            for address in (own, link_local)
        ]
    finally:
        town.run("tax-gw", "systemctl", "stop", f"open{port}")

    assert here
    assert 0 not in there


def test_a_try_to_log_in_from_a_zone_is_refused_and_recorded(attacker: Stand) -> None:
    """Only operations may knock at a gateway's ssh."""

    def packets(stand: Stand, port: int, token: bytes) -> Iterator[bytes]:
        yield stand.syn(stand.address(), stand.address("tax-gw"), (port, SSH), token)

    outcome = attempt(attacker, Try(packets, ()))

    assert is_recorded(attacker.town, "tax-gw", outcome.port, Reason.NO_CONDUIT)


# --- neighbours -----------------------------------------------------------------------------------


def state(town: Town, gateway: str) -> list[str]:
    """Give what a gateway knows of its network, addresses and routes, without what counts down."""
    commands = (["address"], ["route", "show", "table", "all"], ["-6", "route", "show"])
    said = [town.must(gateway, "ip", "-o", *words) for words in commands]
    return [line.split("expires")[0] for text in said for line in text.split("\n")]


def test_nobody_on_a_segment_tells_a_gateway_where_to_send(town: Town) -> None:
    """Router advertisements and redirects change nothing."""
    stand = Stand(town, "attacker", "tax-gw", "office", 6)
    everybody, link_local = anywhere(6, "", "ff02::1"), anywhere(6, "", "fe80::1")
    mine = anywhere(6, "", "fe80::3")
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0)
    prefix += anywhere(6, "", "2001:db8:bad::").packed
    advertisement = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix
    victim = stand.address(APPROVAL)
    redirect = struct.pack("!BBHI", 137, 0, 0, 0) + mine.packed + victim.packed
    before = state(town, "tax-gw")

    for source, to_, message in (
        (mine, everybody, advertisement),
        (mine, link_local, redirect),
        (anywhere(6, "", "fe80::2"), link_local, redirect),
    ):
        whole = wire.icmpv6(source, to_, message)
        stand.send([wire.packet(source, to_, wire.ping_protocol(source), whole, hops=255)])

    after = state(town, "tax-gw")
    assert after == before


def test_a_claim_of_a_neighbour_zones_address_diverts_nothing(town: Town) -> None:
    """Said on the wrong cable, by ARP or neighbour discovery, it is not believed."""
    stand = Stand(town, "attacker", "tax-gw", "office", 4)
    card = wire.card(*town.cable("attacker"))
    victim, victim6 = town.address("tax.business", 4), town.address("tax.business", 6)
    gateway, token = town.address("tax-gw", 4), wire.token()
    claim = wire.arp(2, (card, victim), (stand.card, gateway))
    body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + victim6.packed + b"\2\1" + card
    local, own = anywhere(6, "", "fe80::1"), anywhere(6, "", "fe80::3")
    solicited = wire.packet(own, local, 58, wire.icmpv6(own, local, body), hops=255)

    stand.send([claim, claim, solicited])

    with wire.ears(town.cable("attacker"), town.cable("tax.business")) as (wrong, right):
        source = town.address("city.business", 4)
        segment = wire.syn(source, victim, (31_500, 8443), token)
        sender = Stand(town, "city.business", town.active("city"), "business", 4)
        sender.send([wire.packet(source, victim, TCP, segment)])
        assert right.hears(token)
        assert not any(token in frame for frame in wrong.frames())
    for address in (victim, victim6):
        known = town.must("tax-gw", "ip", "neigh", "show", str(address), "dev", "office")
        assert card.hex(":") not in known


def test_a_gateway_does_not_answer_for_another_zone(town: Town) -> None:
    """It is asked by ARP for a host of the next zone, and is no proxy."""
    stand = Stand(town, "attacker", "tax-gw", "office", 4)
    card, token = wire.card(*town.cable("attacker")), bytes(6)
    asked, own = town.address("tax.business", 4), town.address("attacker", 4)

    with wire.ears(town.cable("attacker")) as (ear,):
        stand.send([wire.arp(1, (card, own), (token, asked))], wire.EVERYBODY)
        stand.send([wire.arp(1, (card, own), (token, town.address("tax-gw", 4)))], wire.EVERYBODY)
        said: list[bytes] = []

        def is_answered() -> bool:
            said.extend(frame[28:32] for frame in ear.frames() if frame[12:14] == b"\x08\x06")
            return town.address("tax-gw", 4).packed in said

        assert until(is_answered, 5)
        time.sleep(0.5)  # an answer that must not come has no sign by which to know that
        is_answered()

    assert asked.packed not in said


def test_a_claim_of_the_gateways_address_reaches_only_its_own_zone(town: Town) -> None:
    """Whoever sits in a zone can deceive that zone's hosts: no gateway sees it.  No other zone's.

    This is what is NOT stopped, and how far it goes: the office's host sends to the liar.
    What it sends then is refused as anybody's would be; the next zone's host is not deceived.
    """
    stand = Stand(town, "attacker", "tax-gw", "office", 4)
    card, gateway = wire.card(*town.cable("attacker")), town.address("tax-gw", 4)
    known = ("ip", "neigh", "show", str(gateway))
    for host in ("tax.office", "tax.business"):
        town.run(host, "ping", "-c1", "-W1", str(gateway))

    claim = wire.arp(2, (card, gateway), (wire.card(*town.cable("tax.office")), gateway))

    def believes() -> bool:
        # What a host has learnt within the last second, no other claim takes the place of.
        stand.send([claim], wire.EVERYBODY)
        return card.hex(":") in town.must("tax.office", *known)

    deceived = until(believes, 2.0)
    elsewhere = town.must("tax.business", *known)
    town.must("tax.office", "ip", "neigh", "flush", "dev", "wire")
    assert deceived
    assert card.hex(":") not in elsewhere


# --- the cable outside ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("root", "source", "destination"),
    [
        pytest.param("city", "portal.web", APPROVAL, id="the portal to the office network"),
        pytest.param("city", "tax.office", APPROVAL, id="outside, as the tax office"),
        pytest.param("city", "city.office", APPROVAL, id="outside, as a zone within"),
        pytest.param("portal", "city.business", "portal.web", id="the office to the portal"),
    ],
)
def test_nothing_comes_in_from_outside(
    town: Town, version: int, root: str, source: str, destination: str
) -> None:
    """The cable that joins the trees of sites carries nothing to either of them."""
    outside, token = town.namespace("OUTSIDE"), wire.token()
    ends = town.address(source, version), town.address(destination, version)
    port = new_port()
    segment = wire.syn(*ends, (port, HTTPS), token)
    gateway = town.active(root)
    card = wire.card(town.namespace(gateway), "OUTSIDE")
    with wire.ears(town.cable(destination)) as (ear,):
        wire.send(outside, root, [wire.packet(*ends, TCP, segment)], card)
        assert is_recorded(town, gateway, port, Reason.UNEXPECTED_SOURCE)
        assert not any(token in frame for frame in ear.frames())


# --- the controls ---------------------------------------------------------------------------------


def test_without_the_refusal_the_try_is_heard(town: Town) -> None:
    """The ears are not deaf: opened for a moment, the gateway lets the forbidden try through."""
    stand = Stand(town, "attacker", "tax-gw", "office", 4)
    shut = attempt(stand, to("tax.business"))

    def is_heard() -> bool:
        # The agent closes it again at once, and may be quicker than the try.
        town.must("tax-gw", "nft", "insert", "rule", "inet", "loushan", "forward", "accept")
        return attempt(stand, to("tax.business")).heard_by == ("tax.business",)

    assert not shut.heard_by
    assert until(is_heard)
    assert until(lambda: not attempt(stand, to("tax.business")).heard_by)
    assert until(lambda: town.is_proven("tax-gw"))
    assert town.status("tax-gw")["drift"]["count"] >= 1
