"""What decides about packets beside nftables is found, one red test for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import Language, Problem
from gateway.policy.topology import slices
from gateway.verify import beside, conntrack, host
from gateway.verify.beside import find_beside
from tests.cities import small_city
from tests.kernel.city import FORBIDDEN, HTTPS, City

pytestmark = pytest.mark.kernel

GATEWAY = "city"


def found(
    city: City, *, in_force: bool = True, beginning: Callable[[], object] = lambda: None
) -> tuple[Problem, ...]:
    """Give what is beside nftables on the gateway, after something was done there."""
    plan = small_city()
    part = slices(plan)[GATEWAY]

    def look() -> tuple[Problem, ...]:
        beginning()
        return tuple(find_beside(part, plan, in_force=in_force))

    return city.gateway.run(look)


def test_a_plain_gateway_has_nothing(small_network: City) -> None:
    """Interfaces, routes to zones and the kernel's own rules are no findings."""
    assert found(small_network) == ()
    assert found(small_network, in_force=False) == ()


@pytest.mark.parametrize(
    ("commands", "code", "words"),
    [
        pytest.param(
            ["iptables-legacy -A FORWARD -j ACCEPT"],
            "ZG630",
            "iptables has tables of its own: filter",
            id="iptables",
        ),
        pytest.param(
            ["ip6tables-legacy -t raw -A PREROUTING -j ACCEPT"],
            "ZG630",
            "ip6tables",
            id="ip6tables",
        ),
        pytest.param(["tc qdisc add dev office clsact"], "ZG631", "office", id="tc clsact"),
        pytest.param(["tc qdisc add dev approval ingress"], "ZG631", "approval", id="tc ingress"),
        pytest.param(
            ["ip rule add from 10.0.0.0/8 table 100"],
            "ZG634",
            "src 10.0.0.0",
            id="a rule by source",
        ),
        pytest.param(
            ["ip -6 rule add fwmark 7 table 100"], "ZG634", "fwmark 7", id="a rule by mark"
        ),
        pytest.param(
            ["ip route add 10.3.0.0/24 dev approval"], "ZG635", "blue.office", id="a zone's route"
        ),
        pytest.param(
            ["ip route add 10.1.0.128/25 dev approval"], "ZG635", "city.office", id="half a zone"
        ),
        pytest.param(
            ["ip -6 route add default dev office"], "ZG635", "fd00:", id="by the default route"
        ),
        pytest.param(
            ["ip xfrm policy add src 10.2.0.0/24 dst 10.1.0.0/24 dir fwd"],
            "ZG646",
            "fwd 10.2.0.0/24 10.1.0.0/24 if_id 0 allow",
            id="IPsec that lets by",
        ),
        pytest.param(
            ["ip xfrm policy add src fd00::/16 dst ::/0 dir out action block if_id 7"],
            "ZG646",
            "out fd00::/16 ::/0 if_id 7 block",
            id="IPsec that refuses",
        ),
        pytest.param(
            ["ip xfrm policy add dst ::/0 dir out tmpl src ::1 dst ::2 proto esp mode tunnel"],
            "ZG646",
            "allow esp tunnel ::1 ::2",
            id="IPsec by other ends",
        ),
        pytest.param(
            ["ip link add br0 type bridge", "ip link set office master br0"],
            "ZG636",
            "br0",
            id="a bridge",
        ),
    ],
)
def test_what_decides_beside_is_found(
    small_network: City, commands: list[str], code: str, words: str
) -> None:
    """Each thing that sends packets past the rules has a finding that names it."""
    for command in commands:
        small_network.gateway.command(*command.split())

    problems = found(small_network)

    assert {problem.code for problem in problems} == {code}
    text = " ".join(problem.text(Language.EN) for problem in problems)
    assert words in text or (words == "fd00:" and "::/0" in text)


def test_forwarding_without_a_policy_is_found(small_network: City) -> None:
    """Before a policy is in force nothing is forwarded, of either family."""
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        small_network.gateway.command("sysctl", "-qw", f"{name}=1")

    assert [problem.code for problem in found(small_network, in_force=False)] == ["ZG637"] * 2
    assert found(small_network, in_force=True) == ()


def test_a_session_that_the_policy_does_not_permit_is_found(small_network: City) -> None:
    """What passes as established is judged too; what is permitted is left alone."""
    gateway = small_network.gateway
    gateway.command("sysctl", "-qw", "net.ipv4.ip_forward=1")
    gateway.command("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    gateway.command(
        "nft",
        "add table inet made; add chain inet made f "
        "{ type filter hook forward priority 0; }; "
        "add rule inet made f ct state new accept",
    )

    with (
        small_network.connect(HTTPS),
        small_network.connect(FORBIDDEN),
        small_network.connect(FORBIDDEN, 6),
    ):
        problems = found(small_network)

    assert {problem.code for problem in problems} == {"ZG638"}
    assert {dict(problem.params)["source"] for problem in problems} == {"10.1.0.2", "fd00:1::2"}
    assert {dict(problem.params)["service"] for problem in problems} == {"8443/tcp"}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(host, "links", id="interfaces"),
        pytest.param(host, "routes", id="routes"),
        pytest.param(host, "strange_rules", id="routing rules"),
        pytest.param(conntrack, "tracked_flows", id="flows"),
    ],
)
def test_what_cannot_be_looked_at_is_a_finding(
    small_network: City, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """Nothing is passed over in silence: not seen is not proven."""

    def unable() -> None:
        raise PermissionError(name)

    monkeypatch.setattr(owner, name, unable)

    assert "ZG639" in {problem.code for problem in found(small_network)}


def test_bridge_tables_are_found(
    small_network: City, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The old bridge filter shows only among the kernel's modules."""
    modules = tmp_path / "modules"
    modules.write_text("ebtable_filter 16384 0 - Live 0x0\nveth 40960 0 - Live 0x0\n")
    monkeypatch.setattr(beside, "_MODULES", modules)

    assert [problem.code for problem in found(small_network)] == ["ZG630"]


def test_a_table_that_never_stands_still_is_a_finding(
    small_network: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of flows that may lack some is not taken for the whole."""
    answers: Iterator[list[bytes] | None] = iter([None, None, []])
    monkeypatch.setattr(conntrack, "_entries", lambda: next(answers))
    assert found(small_network) == ()

    monkeypatch.setattr(conntrack, "_entries", lambda: None)
    assert [problem.code for problem in found(small_network)] == ["ZG639"]
