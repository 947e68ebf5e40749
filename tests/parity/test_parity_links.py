"""One link by the kernel's own IPsec: Debian's kernel, the real playbooks, the signed plan.

The tests follow one another.  The hub is the city's gateway and the lower site a
county's; all other links of theirs have nobody at their other ends.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateway.compile.links import compile_links
from gateway.policy.lines import lines_of
from gateway.policy.names import gateway_identity
from gateway.policy.topology import link_interface
from tests.lab import wire
from tests.parity.cable import frames
from tests.parity.pair import HUB, SITE, Done, Pair, other

BOTH = pytest.mark.parametrize("site", [HUB, SITE])
FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])

HTTPS, EXCHANGE = 443, 8443

#: Within this something comes about in machines whose time goes slowly.
SECONDS = 900.0
_LOOK_SECONDS = 2.0

#: In no site's networks.
STRANGER = "10.99.0.1"

_KEY = "0x" + "00" * 36

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

#: Puts one UDP packet of somebody's into an interface, below what its own kernel lets out.
_SEND = """\
import socket, sys
interface, words = sys.argv[1], bytes.fromhex(sys.argv[2])
kind = 0x0800 if words[0] >> 4 == 4 else 0x86DD
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind)) as opened:
    opened.sendto(words, (interface, kind))
"""


def until(what: Callable[[], bool], seconds: float = SECONDS) -> bool:
    """Wait until something holds; tell whether it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(_LOOK_SECONDS)
    return what()


def prove(pair: Pair, site: str) -> Done:
    """Have a gateway proven now."""
    return pair.run(site, "loushan", "agent", "prove")


def counted(pair: Pair, site: str) -> dict[str, int]:
    """Give the packets that the kernel has counted for each address that a state leads to."""
    said = pair.must(site, "ip", "-s", "xfrm", "state")
    found: dict[str, int] = {}
    for block in blocks(said):
        to = block.split()[3]
        (packets,) = re.findall(r"lifetime current:\s+\d+\(bytes\), (\d+)\(packets\)", block)
        found[to] = found.get(to, 0) + int(packets)
    return found


def blocks(said: str) -> list[str]:
    """Divide what `ip xfrm` lists; each thing begins with its ends."""
    return re.split(r"^(?=src )", said, flags=re.MULTILINE)[1:]


def numbers_in(said: str) -> list[int]:
    """Give the numbers of interfaces that `ip xfrm` says."""
    return [int(number, 16) for number in re.findall(r"if_id (0x[0-9a-f]+)", said)]


def statistic(pair: Pair, site: str, name: str) -> int:
    """Give one of the kernel's counters of what its IPsec has refused."""
    said = pair.must(site, "cat", "/proc/net/xfrm_stat")
    return int(dict(line.split() for line in said.splitlines())[name])


def unsent(pair: Pair, site: str, interface: str) -> int:
    """Give how many packets an interface was to send and had no policy for."""
    return int(pair.must(site, "cat", f"/sys/class/net/{interface}/statistics/tx_carrier_errors"))


# --- they stand -----------------------------------------------------------------------------------


@BOTH
def test_it_is_debians_own_kernel_and_it_encrypts(pair: Pair, site: str) -> None:
    """Not this machine's; and strongSwan's own program has no part in it."""
    assert "cloud-amd64" in pair.must(site, "uname", "-r")
    assert 'link_engine = "kernel"' in pair.must(site, "cat", "/etc/loushan/agent.toml")
    assert "kernel-libipsec" not in pair.must(site, "swanctl", "--stats")
    assert pair.run(site, "ip", "link", "show", "ipsec0").returncode != 0


@BOTH
def test_each_link_of_the_plan_has_an_interface_with_its_number(pair: Pair, site: str) -> None:
    """Made by the role; whoever is at the other end or not."""
    said = pair.must(site, "ip", "-details", "-oneline", "link", "show", "type", "xfrm")
    found = {
        name: int(number, 16)
        for name, number in re.findall(
            r"^\d+: ([^:@]+)[:@].*? if_id (0x[0-9a-f]+)", said, re.MULTILINE
        )
    }

    lines = lines_of(pair.plan, site)
    assert found == {link_interface(pair.plan, one.neighbour): one.number for one in lines}


@BOTH
def test_the_link_is_up_by_certificate(pair: Pair, site: str) -> None:
    """Agreed with nothing weak, between the names that the plan has for both."""
    assert until(lambda: bool(pair.status(site)["is_up"]))
    said = pair.must(site, "swanctl", "--list-sas", "--ike", other(site))

    assert "AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384" in said
    assert "INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256" in said
    for end in (HUB, SITE):
        assert f"'{gateway_identity(pair.plan.name, end)}'" in said


@BOTH
def test_the_gateway_is_proven_without_a_finding(pair: Pair, site: str) -> None:
    """By the agent, which reads the ruleset, strongSwan and the kernel's IPsec."""
    proof = prove(pair, site)

    assert proof.returncode == 0, proof.stdout + proof.stderr


@BOTH
def test_the_kernel_carries_the_numbers_of_the_plan(pair: Pair, site: str) -> None:
    """Each policy and state of IPsec is of one interface; none is for all packets."""
    numbers = {one.number for one in lines_of(pair.plan, site)}
    line = pair.line(site)
    policies = pair.must(site, "ip", "xfrm", "policy")
    states = pair.must(site, "ip", "xfrm", "state")
    of_interfaces = [
        p for p in re.split(r"^(?=src )", policies, flags=re.MULTILINE)[1:] if "tmpl" in p
    ]
    of_link = [int(n, 16) for n in re.findall(r"if_id (0x[0-9a-f]+)", states)]

    found = [int(n, 16) for p in of_interfaces for n in re.findall(r"if_id (0x[0-9a-f]+)", p)]
    assert len(found) == len(of_interfaces)
    assert set(found) <= numbers
    assert line.number in found
    assert set(of_link) == {line.number}
    for end in (str(line.own), str(line.far)):
        assert f"dst {end}" in states
    assert "rfc4106(gcm(aes))" in states
    assert "encap type espinudp" in states


# --- what passes ----------------------------------------------------------------------------------


@FAMILIES
@pytest.mark.parametrize(
    ("sender", "receiver"),
    [
        pytest.param("city.operations", "suiyang", id="from the hub to the gateway below"),
    ],
)
def test_a_ping_passes_through_the_link(
    pair: Pair, sender: str, receiver: str, version: int
) -> None:
    """There and back; the kernel's states count each, at both ends, and so do the interfaces."""
    before = {site: counted(pair, site) for site in (HUB, SITE)}
    to = str(pair.address(receiver, version))

    done = pair.host(sender, "ping", "-c", "3", "-W", "30", to)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 received" in done.stdout
    for site in (HUB, SITE):
        line, after = pair.line(site), counted(pair, site)
        for end in (str(line.own), str(line.far)):
            assert after[end] - before[site].get(end, 0) >= 3, (site, end)


@FAMILIES
def test_a_connection_that_is_permitted_passes_through_the_link(pair: Pair, version: int) -> None:
    """The host at the far end answers: nobody listens there, and it says so."""
    to = str(pair.address("city.business", version))

    done = pair.host("suiyang.office", "nc", "-z", "-v", "-w", "60", to, str(HTTPS))

    assert "refused" in done.stderr, done.stdout + done.stderr


@FAMILIES
def test_a_connection_that_nobody_signed_does_not_pass(pair: Pair, version: int) -> None:
    """A port that no conduit names: the county's own gateway refuses it, and says why."""
    to = str(pair.address("city.business", version))
    before = counted(pair, SITE)

    done = pair.host("suiyang.office", "nc", "-z", "-v", "-w", "5", to, "8444")
    journal = pair.must(SITE, "journalctl", "--no-pager", "--output=cat", "--unit=ulogd2")

    assert done.returncode != 0
    assert "refused" not in done.stderr
    assert "8444" in journal
    assert counted(pair, SITE) == before


# --- what does not --------------------------------------------------------------------------------


def packet(pair: Pair, source: str, version: int = 4) -> str:
    """Give a UDP packet from some address to the city, as digits."""
    to = pair.address("city.business", version)
    origin = type(to)(source)
    segment = wire.udp(origin, to, (40_000, HTTPS), wire.token())
    return wire.packet(origin, to, 17, segment).hex()


def test_what_is_outside_the_selectors_does_not_enter_the_link(pair: Pair) -> None:
    """Put into the interface past the ruleset; what is inside them does."""
    interface, far = link_interface(pair.plan, HUB), str(pair.line(SITE).far)
    own = str(pair.address("suiyang.business", 4))
    inside = ("python3", "-c", _SEND, interface, packet(pair, own))
    outside = ("python3", "-c", _SEND, interface, packet(pair, STRANGER))
    before, refused = counted(pair, SITE)[far], unsent(pair, SITE, interface)

    pair.must(SITE, *outside)
    after_outside, refused_outside = counted(pair, SITE)[far], unsent(pair, SITE, interface)
    pair.must(SITE, *inside)
    after_inside, refused_inside = counted(pair, SITE)[far], unsent(pair, SITE, interface)

    assert (after_outside, refused_outside) == (before, refused + 1)
    assert (after_inside, refused_inside) == (before + 1, refused + 1)


def test_what_is_outside_the_selectors_does_not_come_out_of_the_link(pair: Pair) -> None:
    """The lower site's owner makes a policy by hand; the hub's kernel refuses what comes by it."""
    line, refused = pair.line(SITE), statistic(pair, HUB, "XfrmInNoPols")
    interface, before = link_interface(pair.plan, HUB), counted(pair, SITE)[str(line.far)]
    with foreign_policy(pair, SITE, f"{STRANGER}/32"):
        pair.must(SITE, "python3", "-c", _SEND, interface, packet(pair, STRANGER))
        sent = counted(pair, SITE)[str(line.far)] - before

    assert sent == 1
    assert until(lambda: statistic(pair, HUB, "XfrmInNoPols") == refused + 1, 60)


@contextmanager
def foreign_policy(pair: Pair, site: str, source: str) -> Iterator[None]:
    """Have a policy in a kernel that nobody signed, for what goes out by the link's own states."""
    line = pair.line(site)
    states = pair.must(site, "ip", "xfrm", "state")
    request = re.findall(rf"dst {line.far}\n.*?reqid (\d+)", states)[0]
    selector = ["src", source, "dst", "0.0.0.0/0", "dir", "out", "if_id", str(line.number)]
    ends = ["tmpl", "src", str(line.own), "dst", str(line.far), "proto", "esp", "reqid", request]
    pair.must(site, "ip", "xfrm", "policy", "add", *selector, *ends, "mode", "tunnel")
    try:
        yield
    finally:
        pair.must(site, "ip", "xfrm", "policy", "delete", *selector)


# --- what nobody signed ---------------------------------------------------------------------------


def test_a_policy_of_the_kernels_that_nobody_signed_is_a_finding(pair: Pair) -> None:
    """By the link's own states, from addresses that are nobody's; gone, all is well again."""
    with foreign_policy(pair, SITE, f"{STRANGER}/32"):
        proof = prove(pair, SITE)

    assert proof.returncode != 0
    assert "ZG646" in proof.stdout + proof.stderr
    assert STRANGER in proof.stdout + proof.stderr
    assert until(lambda: prove(pair, SITE).returncode == 0)


def test_a_state_of_the_kernels_that_nobody_agreed_is_a_finding(pair: Pair) -> None:
    """With the link's own ends and number, and a key that somebody chose."""
    line = pair.line(SITE)
    ends = ["src", str(line.far), "dst", str(line.own), "proto", "esp", "spi", "0x77777777"]
    how = ["mode", "tunnel", "aead", "rfc4106(gcm(aes))", _KEY, "128", "if_id", str(line.number)]
    pair.must(SITE, "ip", "xfrm", "state", "add", *ends, *how)
    try:
        proof = prove(pair, SITE)
    finally:
        pair.must(SITE, "ip", "xfrm", "state", "delete", *ends)

    assert proof.returncode != 0
    assert "ZG647" in proof.stdout + proof.stderr
    assert "77777777" in proof.stdout + proof.stderr
    assert until(lambda: prove(pair, SITE).returncode == 0)


def test_a_connection_that_nobody_signed_is_a_finding(pair: Pair) -> None:
    """Loaded by hand; the agent takes it away."""
    pair.must(SITE, "sh", "-c", "cat >/run/stranger.conf", text=_FOREIGN)
    pair.run(SITE, "swanctl", "--load-conns", "--file", "/run/stranger.conf")

    proof = prove(pair, SITE)

    assert "ZG651" in proof.stdout + proof.stderr
    assert until(lambda: prove(pair, SITE).returncode == 0)
    assert "stranger" not in pair.must(SITE, "swanctl", "--list-conns")


def test_what_is_loaded_is_what_the_plan_compiles_to(pair: Pair) -> None:
    """The agent has given strongSwan the text for a kernel, and no other."""
    digest = compile_links(replace(pair.plan, shares_link=False), SITE).digest

    assert pair.must(SITE, "cat", "/run/loushan/links") == digest


# --- the end --------------------------------------------------------------------------------------


def test_who_is_revoked_is_cut_off(pair: Pair) -> None:
    """Its states are gone from both kernels, nothing passes, and it does not come back."""
    assert until(lambda: bool(pair.status(HUB)["is_up"]))
    pair.revoke(SITE)

    done = pair.playbook("revoke")
    began_again = pair.run(SITE, "swanctl", "--initiate", "--child", HUB, "--timeout", "60")
    to = str(pair.address("suiyang", 4))
    ping = pair.host("city.operations", "ping", "-c", "2", "-W", "10", to)

    assert done.returncode == 0, done.stdout
    assert began_again.returncode != 0
    assert "0 received" in ping.stdout
    for site in (HUB, SITE):
        assert not pair.status(site)["is_up"]
        assert "rfc4106" not in pair.must(site, "ip", "xfrm", "state")


def test_the_line_has_carried_the_link_and_nothing_else(pair: Pair) -> None:
    """From the first frame to the last, also while somebody tried what is not permitted."""
    seen = list(frames(pair.dump))
    inner = [
        pair.address(node, version).packed
        for node in ("city.business", "city.operations", "suiyang.office", "suiyang")
        for version in (4, 6)
    ]

    assert len(seen) > 20
    assert [f.hex() for f in seen if not wire.is_of_a_link(f)] == []
    assert not any(each in f for f in seen for each in inner)
