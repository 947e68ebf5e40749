"""What the kernel encrypts is compared with the plan's links, each thing by itself."""

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from errno import EPERM, EPROTONOSUPPORT
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from gateway.errors import Problem
from gateway.policy.lines import lines_of
from gateway.policy.model import Plan
from gateway.verify import ipsec, xfrm
from gateway.verify.host import Link
from gateway.verify.xfrm import Policy, State, Template
from gateway.vici import ViciRefused
from tests.cities import small_city
from tests.strongswan import Daemon, running

CITY, SITE = small_city(), "red"
(LINE,) = (line for line in lines_of(CITY, SITE) if line.neighbour == "hill")
OWN, FAR, NUMBER = str(LINE.own), str(LINE.far), LINE.number

HERE, THERE = ["0.0.0.0/0", "::/0"], ["10.4.0.0/24", "fd00:4::/64"]

_Said: TypeAlias = dict[str, Any]


def policy(direction: str, local: str, remote: str) -> Policy:
    """Give a good policy of the link with `hill`."""
    ends, sides = (
        ((OWN, FAR), (local, remote)) if direction == "out" else ((FAR, OWN), (remote, local))
    )
    template = Template(*ends, "esp", "tunnel", is_required=True)
    source, destination = map(ip_network, sides)
    return Policy(direction, source, destination, NUMBER, True, True, (template,))  # noqa: FBT003 - as declared


def state(spi: str, ends: tuple[str, str]) -> State:
    """Give a good state of the link with `hill`."""
    return State(spi, *ends, "esp", "tunnel", NUMBER, "rfc4106(gcm(aes)) 288 128", in_udp=True)


POLICIES = [
    policy(direction, local, remote)
    for direction in ("in", "fwd", "out")
    for local, remote in zip(HERE, THERE, strict=True)
]
STATES = [state("0a000001", (FAR, OWN)), state("0a000002", (OWN, FAR))]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> tuple[list[Policy], list[State]]:
    """A kernel that holds what it must for one link that stands."""
    policies, states = list(POLICIES), list(STATES)
    monkeypatch.setattr(xfrm, "policies", lambda: list(policies))
    monkeypatch.setattr(xfrm, "states", lambda: list(states))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return policies, states


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has made that link."""
    with running(tmp_path / "vici") as daemon:
        daemon.told = {"list-sas": [{"hill": association()}]}
        yield daemon


def association() -> _Said:
    """Give what strongSwan says of it."""
    child = {
        "state": "INSTALLED",
        "spi-in": "0a000001",
        "spi-out": "0a000002",
        "local-ts": HERE,
        "remote-ts": THERE,
    }
    return {"state": "ESTABLISHED", "child-sas": {"hill-1": child}}


def found(
    daemon: Daemon | None, plan: Plan = CITY, interfaces: tuple[Link, ...] = ()
) -> list[Problem]:
    """Look."""
    return ipsec.find_in_kernel(plan, SITE, daemon.path if daemon else None, interfaces)


_Kernel: TypeAlias = tuple[list[Policy], list[State]]


def test_what_a_link_needs_is_no_finding(kernel: _Kernel, daemon: Daemon) -> None:
    """While it stands, and while it waits for the first packet, with policies and no state."""
    stands = found(daemon)
    daemon.told["list-sas"], kernel[1][:] = [], []

    assert stands == []
    assert found(daemon) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"number": 0}, id="for all packets"),
        pytest.param({"number": NUMBER + 1}, id="of no link"),
        pytest.param({"source": ip_network("10.4.0.0/16")}, id="from more"),
        pytest.param({"source": ip_network("10.3.0.0/24")}, id="from another"),
        pytest.param({"source": ip_network("fd00:3::/64")}, id="from another family's"),
        pytest.param({"is_whole": False}, id="one protocol only"),
        pytest.param({"allows": False}, id="refused"),
        pytest.param({"templates": ()}, id="in plain"),
        pytest.param({"templates": POLICIES[0].templates * 2}, id="twice"),
        pytest.param(
            {"templates": (replace(POLICIES[0].templates[0], is_required=False),)},
            id="encrypted or not",
        ),
        pytest.param(
            {"templates": (replace(POLICIES[0].templates[0], protocol="ah"),)}, id="only signed"
        ),
        pytest.param(
            {"templates": (replace(POLICIES[0].templates[0], mode="transport"),)}, id="between ends"
        ),
        pytest.param(
            {"templates": (replace(POLICIES[0].templates[0], source="fd00::66"),)}, id="by another"
        ),
    ],
)
def test_a_policy_that_nobody_signed_is_found(
    kernel: _Kernel, daemon: Daemon, change: dict[str, Any]
) -> None:
    """Whatever of it is otherwise."""
    kernel[0].append(replace(POLICIES[0], **change))

    assert [p.code for p in found(daemon)] == ["ZG646"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spi": "0a000003"}, id="strongSwan knows nothing of it"),
        pytest.param({"number": 0}, id="for all interfaces"),
        pytest.param({"source": "fd00::66"}, id="from another"),
        pytest.param({"protocol": "ah"}, id="only signed"),
        pytest.param({"protocol": "comp", "algorithm": ""}, id="only packed"),
        pytest.param({"mode": "transport"}, id="between ends"),
        pytest.param({"algorithm": "rfc4106(gcm(aes)) 160 128"}, id="half a key"),
        pytest.param({"algorithm": "rfc4106(gcm(aes)) 288 64"}, id="half a tag"),
        pytest.param({"algorithm": "ecb(cipher_null) digest_null"}, id="in plain"),
        pytest.param({"in_udp": False}, id="not in UDP"),
    ],
)
def test_a_state_that_nobody_agreed_is_found(
    kernel: _Kernel, daemon: Daemon, change: dict[str, Any]
) -> None:
    """Whatever of it is otherwise."""
    kernel[1].append(replace(STATES[0], **change))

    assert [p.code for p in found(daemon)] == ["ZG647"]


def test_a_number_that_was_asked_for_is_no_state_yet(kernel: _Kernel, daemon: Daemon) -> None:
    """It has no key, so nothing comes in or goes out by it."""
    kernel[1].append(State("0a000009", FAR, OWN, "esp", "tunnel", 0, "", in_udp=False))

    assert found(daemon) == []


@pytest.mark.parametrize("direction", ["in", "fwd", "out"])
def test_a_policy_that_is_missing_is_found(kernel: _Kernel, daemon: Daemon, direction: str) -> None:
    """For each direction and family; what the link was agreed for does not pass without."""
    kernel[0][:] = [p for p in POLICIES if p.direction != direction or p.source.version == 6]

    problems = found(daemon)

    assert [p.code for p in problems] == ["ZG648"]
    assert dict(problems[0].params)["direction"] == direction


def test_what_comes_and_goes_meanwhile_is_no_finding(
    kernel: _Kernel, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state that was on its way out is not there when it is looked at again."""
    going = replace(STATES[0], spi="0a000008")
    looks = [[*STATES, going], STATES]
    monkeypatch.setattr(xfrm, "states", lambda: looks.pop(0))

    assert found(daemon) == []
    assert (kernel[1], looks) == (STATES, [])


def test_where_the_kernel_does_not_encrypt_it_holds_nothing(
    kernel: _Kernel, daemon: Daemon
) -> None:
    """Neither where strongSwan's own program does, nor where there is no strongSwan."""
    shared = replace(CITY, shares_link=True)
    expected = ["ZG646"] * len(POLICIES) + ["ZG647"] * len(STATES)

    assert [p.code for p in found(daemon, shared)] == expected
    assert [p.code for p in found(None)] == expected
    kernel[0].clear()
    kernel[1].clear()
    assert found(daemon, shared) == found(None) == []


@pytest.mark.parametrize(
    ("interface", "codes"),
    [
        pytest.param(Link(9, "hill", "", "", "xfrm", NUMBER), [], id="the link's own"),
        pytest.param(Link(9, "hill", "", "", "xfrm", NUMBER + 1), ["ZG649"], id="another number"),
        pytest.param(Link(9, "hill", "", "", "dummy"), ["ZG649"], id="another kind"),
        pytest.param(Link(9, "hill", "", ""), ["ZG649"], id="a card"),
        pytest.param(Link(9, "office", "", ""), [], id="of a zone"),
    ],
)
def test_a_link_comes_out_of_its_own_interface(
    kernel: _Kernel, daemon: Daemon, interface: Link, codes: list[str]
) -> None:
    """Another thing of its name would take its packets, in plain."""
    assert len(kernel) == 2
    assert [p.code for p in found(daemon, interfaces=(interface,))] == codes


def test_a_kernel_without_ipsec_holds_nothing(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it must encrypt, it is an error all the same; and so is everything else."""

    def fails(number: int) -> Any:  # noqa: ANN401 - it gives nothing
        raise OSError(number, "refused")

    monkeypatch.setattr(xfrm, "policies", lambda: fails(EPROTONOSUPPORT))
    assert found(None) == []
    with pytest.raises(OSError, match="refused"):
        found(daemon)
    monkeypatch.setattr(xfrm, "policies", lambda: fails(EPERM))
    with pytest.raises(OSError, match="refused"):
        found(None)


def test_a_daemon_that_cannot_be_asked_raises(kernel: _Kernel, tmp_path: Path) -> None:
    """Where nothing was seen, nothing is proven."""
    assert kernel
    with pytest.raises(ViciRefused):
        ipsec.find_in_kernel(CITY, SITE, tmp_path / "nobody", ())


# --- as the kernel writes it ----------------------------------------------------------------------


def attribute(kind: int, body: bytes) -> bytes:
    """Write an attribute of netlink's."""
    return struct.pack("=HH", 4 + len(body), kind) + body + bytes(-len(body) % 4)


def state_bytes(*attributes: bytes) -> bytes:
    """Write what linux/xfrm.h calls `xfrm_usersa_info`, and attributes after it."""
    own, far = IPv6Address(OWN).packed, IPv6Address(FAR).packed
    identity = own + bytes.fromhex("0a000001") + bytes([50, 0, 0, 0])
    numbers = struct.pack("=IIHBBB7x", 0, 1, socket.AF_INET6, 1, 32, 0)
    return bytes(56) + identity + far + bytes(64 + 32 + 12) + numbers + b"".join(attributes)


def test_a_state_is_read_as_the_kernel_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, sizes and number; the key stays where it was."""
    aead = struct.pack("=64sII", b"rfc4106(gcm(aes))", 288, 128) + b"k" * 36
    written = state_bytes(
        attribute(18, aead),
        attribute(4, struct.pack("=HHH2x16s", 2, 0, 0, bytes(16))),
        attribute(31, struct.pack("=I", NUMBER)),
    )
    monkeypatch.setattr(xfrm, "_dump", lambda _question: [written])

    assert xfrm.states() == [STATES[0]]
    assert "kkkk" not in repr(xfrm.states())


def test_older_algorithms_are_read_by_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a state in plain is seen to be one."""
    encryption = struct.pack("=64sI", b"ecb(cipher_null)", 0)
    signing = struct.pack("=64sI", b"digest_null", 0)
    written = state_bytes(attribute(2, encryption), attribute(1, signing))
    monkeypatch.setattr(xfrm, "_dump", lambda _question: [written])

    (read,) = xfrm.states()

    assert (read.algorithm, read.in_udp, read.number) == ("ecb(cipher_null) digest_null", False, 0)
