"""Sites are joined by IKEv2, set up from the signed policy, and by nothing else."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.compile.links import compile_links
from gateway.policy.decide import TCP
from lab.hosts.power import reboot
from tests.lab import wire
from tests.lab.forged import authority, stranger
from tests.lab.spoke import Spoke
from tests.lab.town import Town, until
from tests.lab.tries import new_port

pytestmark = pytest.mark.lab

GATEWAY = "hall-gw"

#: A connection that nobody signed is found by the next proof, and taken away at once.
SECONDS = 30.0

_FOREIGN = """\
connections {
  stranger {
    remote_addrs = 192.0.2.1
    local { auth = pubkey
      certs = /etc/swanctl/x509/gateway.pem }
    remote { auth = pubkey }
    children { stranger { remote_ts = 10.0.0.0/8 } }
  }
}
"""


def links(town: Town, gateway: str) -> dict[str, Any]:
    """Give what a gateway says of its links, by name."""
    said = town.run(gateway, "loushan", "link", "status", "--json").stdout
    found = json.loads(said)["links"] if said else []  # strongSwan that begins says nothing yet
    return {link["name"]: link for link in found}


def test_every_link_of_the_city_is_up(town: Town) -> None:
    """At both ends, and the province's too."""
    for site in town.plan.gateways:
        wanted = {other for other in town.plan.sites if site in _joined(town, other)}
        gateway = town.active(site)

        def are_up(gateway: str = gateway, wanted: set[str] = wanted) -> bool:
            # What was refused while the other end had no policy yet is begun by the next proof.
            town.run(gateway, "loushan", "agent", "prove")
            found = links(town, gateway)
            return found.keys() == wanted and all(link["is_up"] for link in found.values())

        assert until(are_up), (gateway, links(town, gateway))


def _joined(town: Town, site: str) -> set[str]:
    hub = town.plan.sites[site].hub
    below = {other.name for other in town.plan.sites.values() if other.hub == site}
    return below | ({hub} if hub else set())


def test_a_link_is_agreed_with_nothing_weak(town: Town) -> None:
    """As strongSwan says of what was agreed, at the hub of all."""

    def is_all_strong() -> bool:
        # One that is being made has agreed already, and does not stand yet.
        said = town.must(town.active("city"), "swanctl", "--list-sas")
        established = said.count("ESTABLISHED")
        return 0 < established == said.count("AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384")

    assert until(is_all_strong)


@pytest.fixture
def township(town: Town) -> Spoke:
    """A township's link to its county, which stands."""
    spoke = Spoke(town, "yangchuan", "suiyang")
    assert spoke.comes_back()
    return spoke


def passes(spoke: Spoke, version: int = 4, seconds: float = 2.0) -> bool:
    """Tell whether what is permitted passes from the township to its county."""
    town, token = spoke.town, wire.token()
    ends = (town.address(host, version) for host in ("yangchuan.office", "suiyang.business"))
    source, destination = ends
    segment = wire.syn(source, destination, (new_port(), 443), token)
    with wire.ears(town.cable("suiyang.business")) as (ear,):
        card = wire.card(town.namespace(spoke.host), "office")
        packet = wire.packet(source, destination, TCP, segment)
        wire.send(*town.cable("yangchuan.office"), [packet], card)
        return ear.hears(token, seconds)


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_link_carries_what_is_permitted_and_its_line_shows_nothing_of_it(
    township: Spoke, version: int
) -> None:
    """What passes is counted at both ends; on the cable there is IKE and ESP, and no other."""
    town, before = township.town, counted(township)
    at_the_hub = (town.namespace(township.hub), township.hub_interface)
    at_the_spoke = (town.namespace(township.host), township.line.interface)
    source, destination = (
        town.address(host, version) for host in ("yangchuan.office", "suiyang.business")
    )
    asked = ("nc", "-z", "-v", "-w", "2", str(destination), "443")
    with wire.ears(at_the_hub, at_the_spoke) as ears:
        assert until(lambda: passes(township, version))
        answered = until(lambda: "refused" in town.run("yangchuan.office", *asked).stderr)
        assert answered, "the host answers, through the link"
        frames = [frame for ear in ears for frame in ear.frames()]

    assert len(frames) >= 2
    assert all(wire.is_of_a_link(frame) for frame in frames)
    assert not any(each.packed in f for each in (source, destination) for f in frames)
    assert all(more > less for more, less in zip(counted(township), before, strict=True))


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize(
    ("sender", "receiver"),
    [
        pytest.param("city.business", "province.exchange", id="to the province"),
        pytest.param("province.exchange", "city.business", id="from the province"),
    ],
)
def test_city_and_province_reach_each_other(
    town: Town, sender: str, receiver: str, version: int
) -> None:
    """There and back: a host that refuses has been asked, and its answer has come."""
    there = str(town.address(receiver, version))

    def is_answered() -> bool:
        return "refused" in town.run(sender, "nc", "-zvw2", there, "8443").stderr

    # Whose link it is begins again every few seconds, where it was refused before.
    assert until(is_answered)


def counted(spoke: Spoke) -> list[int]:
    """Give the packets that both ends have counted, in and out."""
    found = links(spoke.town, spoke.hub)[spoke.site], links(spoke.town, spoke.host)[spoke.hub_site]
    return [link[word] for link in found for word in ("packets_in", "packets_out")]


def test_a_renewed_certificate_is_shown_from_the_next_link_on(
    township: Spoke, tmp_path: Path
) -> None:
    """The link that stands stays; the hub then knows the lower site by the new one."""
    town, host = township.town, township.host
    words = ("openssl", "req", "-new", "-key", "/etc/swanctl/private/gateway.key", "-subj")
    asked, issued = tmp_path / "request.csr", tmp_path / "issued.pem"
    asked.write_text(town.must(host, *words, f"/CN={host}"), "ascii")
    folder, files = str(town.places.authorities), ("--request", str(asked), "--out", str(issued))
    renewed = town.loushan("pki", "renew", folder, host, *files)
    assert renewed.returncode == 0, renewed.stderr
    new = issued.read_text("ascii").partition("-----END CERTIFICATE-----\n")
    there = "/etc/swanctl/x509/gateway.pem"
    town.must(
        host, "sh", "-c", f"cat >{there}.new && mv {there}.new {there}", text="".join(new[:2])
    )
    serial = town.must(host, "openssl", "x509", "-in", there, "-noout", "-serial")

    town.must(host, "loushan", "link", "refresh")
    stayed = township.is_up()
    town.must(township.hub, "swanctl", "--flush-certs")

    assert stayed
    assert township.begins()
    listed = town.must(township.hub, "swanctl", "--list-certs", "--type", "x509")
    assert serial.strip().partition("=")[2].lower() in listed.replace(":", "")


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["hub", "host"], ids=["the hub's", "the lower site's"])
def test_links_come_back_when_what_makes_them_was_killed(township: Spoke, end: str) -> None:
    """It is started anew, has its links again, and they carry."""
    town, gateway = township.town, getattr(township, end)

    town.must(gateway, "pkill", "-KILL", "-x", "charon-systemd")

    assert until(lambda: town.run(gateway, "pidof", "charon-systemd").returncode == 0, 10)
    assert until(lambda: town.run(gateway, "loushan", "agent", "prove").returncode == 0, SECONDS)
    assert township.comes_back(SECONDS)
    assert until(lambda: passes(township), SECONDS)
    assert until(lambda: town.is_proven(gateway), SECONDS)


def test_a_link_comes_back_after_a_power_cut(township: Spoke) -> None:
    """Nobody types anything; `test_lab_links_revoked.py` cuts the hub's."""
    town = township.town

    reboot(town.places, township.host, power=True)

    assert until(lambda: town.is_proven(township.host), 60)
    assert until(lambda: township.is_up() and passes(township), SECONDS)


def test_a_link_outlives_a_line_that_comes_and_goes(township: Spoke) -> None:
    """Three times cut and joined: the link carries, and there is one of it."""
    town = township.town
    for _ in range(3):
        town.loushan("lab", "cut", township.host, township.hub)
        try:
            assert not passes(township, seconds=0.3)
        finally:
            town.loushan("lab", "join", township.host, township.hub)

    assert until(lambda: passes(township), SECONDS)
    # Where both ends have begun one, what is too much goes when nobody answers it.
    assert until(township.is_one, SECONDS)


# --- lists of revocations that are not in order ---------------------------------------------------


_LIST = "/etc/swanctl/x509crl/links.crl"


@contextmanager
def another_list(spoke: Spoke, script: str) -> Iterator[None]:
    """Have another list on the hub's disk for a while, for which none is fetched meanwhile."""
    town = spoke.town
    with spoke.fetching_nothing(spoke.hub):
        town.must(spoke.hub, "sh", "-c", f"cp {_LIST} /root/kept.crl && {script}")
        try:
            yield
        finally:
            town.must(spoke.hub, "mv", "/root/kept.crl", _LIST)
            town.must(spoke.hub, "loushan", "link", "refresh")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"head -c 300 /root/kept.crl >{_LIST}", id="cut off"),
        pytest.param(f"sed 5s/[A-Z]/x/g /root/kept.crl >{_LIST}", id="damaged"),
        pytest.param(f": >{_LIST}", id="empty"),
        pytest.param("sed -i s/X509/X510/ {_LIST}", id="no list"),
    ],
)
def test_a_damaged_list_is_refused_and_links_stay(township: Spoke, script: str) -> None:
    """What is in force stays in force, and it is said which file is wrong."""
    town = township.town
    with another_list(township, script.replace("{_LIST}", _LIST)):
        done = town.run(township.hub, "loushan", "link", "refresh")

        assert done.returncode != 0
        assert "ZG517" in done.stderr
        assert _LIST in done.stderr
        assert township.is_up()
        assert township.begins(), "the list in force still lets it in"


# --- what nobody signed ---------------------------------------------------------------------------


def found(town: Town, cursor: str, code: str) -> bool:
    """Have the gateway proven; tell whether it is found, now or by the agent a moment before."""
    proof = town.run(GATEWAY, "loushan", "agent", "prove")
    written = town.since(GATEWAY, cursor, "loushan-agent.service")
    return code in proof.stdout + proof.stderr + written


def test_a_connection_that_nobody_signed_is_a_finding_and_is_taken_away(town: Town) -> None:
    """Root loads one by hand; the signed ones stay, and carry on."""
    # What a file does not have is taken away; it is one finding, which the agent writes down.
    both = _compiled(town, GATEWAY) + _FOREIGN
    town.must(GATEWAY, "sh", "-c", "cat >/run/stranger.conf", text=both)
    before, cursor = links(town, GATEWAY).keys(), town.cursor(GATEWAY)

    town.must(GATEWAY, "swanctl", "--load-conns", "--file", "/run/stranger.conf")
    is_found = found(town, cursor, "ZG651")

    assert is_found
    assert until(lambda: links(town, GATEWAY).keys() == before, SECONDS)
    assert until(lambda: town.is_proven(GATEWAY), SECONDS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("s/revocation = strict/revocation = relaxed/", id="who is revoked may come"),
        pytest.param("s/remote_ts = .*/remote_ts = 0.0.0.0\\/0/", id="more may come out of it"),
    ],
)
def test_a_connection_that_was_changed_is_a_finding(town: Town, change: str) -> None:
    """The same name, and not what was signed."""
    compiled = _compiled(town, GATEWAY)
    changed = subprocess.run(
        ["sed", change], input=compiled, capture_output=True, text=True, check=True
    ).stdout
    town.must(GATEWAY, "sh", "-c", "cat >/run/changed.conf", text=changed)
    cursor = town.cursor(GATEWAY)

    town.must(GATEWAY, "swanctl", "--load-conns", "--file", "/run/changed.conf")
    is_found = found(town, cursor, "ZG653")

    assert changed != compiled
    assert is_found
    assert until(lambda: town.is_proven(GATEWAY), SECONDS)
    assert town.run(GATEWAY, "loushan", "agent", "prove").returncode == 0


def _compiled(town: Town, gateway: str) -> str:
    site = town.described.host(gateway).node
    return compile_links(replace(town.plan, shares_link=True), site).text


def test_an_authority_that_nobody_gave_closes_the_gateway(town: Town) -> None:
    """Loaded by hand, and hidden from the disk: the gateway stops until it is gone."""
    made = stranger(authority(town.places.authorities, "links"))
    there = "/etc/swanctl/x509ca/stranger.pem"
    cursor = town.cursor(GATEWAY)
    load = f"cat >{there} && swanctl --load-creds --noprompt && rm {there}"
    town.must(GATEWAY, "sh", "-c", load, text=made.text)
    try:
        is_found = found(town, cursor, "ZG654")
        closed = until(lambda: town.status(GATEWAY).get("forwarding") is False, SECONDS)
    finally:
        town.must(GATEWAY, "systemctl", "restart", "strongswan.service")
        town.run(GATEWAY, "loushan", "agent", "prove")

    assert is_found
    assert closed
    assert until(lambda: town.is_proven(GATEWAY), 90)


def test_strongswan_that_was_stopped_is_a_finding(town: Town) -> None:
    """Nothing was seen, so nothing is proven; when it runs again, the links are given to it."""
    before, cursor = links(town, GATEWAY).keys(), town.cursor(GATEWAY)
    town.must(GATEWAY, "systemctl", "stop", "strongswan.service")
    try:
        is_found = found(town, cursor, "ZG639")
    finally:
        town.must(GATEWAY, "systemctl", "start", "strongswan.service")
        town.run(GATEWAY, "loushan", "agent", "prove")

    assert is_found
    assert until(lambda: town.is_proven(GATEWAY), 90)
    assert until(lambda: links(town, GATEWAY).keys() == before, SECONDS)
