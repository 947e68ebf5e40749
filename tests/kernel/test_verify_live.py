"""The proof is about the kernel it runs in, and its counterexamples are real packets."""

import contextlib
from collections.abc import Iterator

import pytest

from gateway.compile.ruleset import compile_slice
from gateway.errors import Language, Refused
from gateway.policy.topology import slices
from gateway.verify import kernel
from gateway.verify.proof import Proof, prove
from tests.cities import small_city
from tests.kernel.city import FORBIDDEN, HTTPS, City
from tests.kernel.namespace import STAMP, stamped

pytestmark = pytest.mark.kernel

PLAN = small_city()
PART = slices(PLAN)["city"]
SERVICES = "a_from_city.office_4"


def proof(city: City) -> Proof:
    """Prove the gateway as it is now."""
    return city.gateway.run(lambda: prove(PART, PLAN, STAMP))


@pytest.fixture
def guarded(small_network: City) -> Iterator[City]:
    """Give a city whose gateway holds the policy and forwards."""
    gateway = small_network.gateway
    for line in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
        gateway.command("sysctl", "-qw", line)
    gateway.command("nft", stamped(compile_slice(PART)))
    yield small_network
    with contextlib.suppress(Exception):
        gateway.command("nft", "flush ruleset")


def test_a_right_gateway_is_proven_and_forwards(guarded: City) -> None:
    """What is proven lets pass what a conduit carries, and nothing else."""
    assert proof(guarded).holds
    assert proof(guarded).stamp == STAMP
    assert guarded.passes(HTTPS)
    assert guarded.refuses(FORBIDDEN)


def test_a_counterexample_really_passes(guarded: City) -> None:
    """What the prover says reaches, reaches; the real packet's zones, way and port are named."""
    guarded.gateway.command(
        "nft",
        f"add element inet loushan {SERVICES} "
        f"{{ 10.1.1.0/24 . tcp . {FORBIDDEN} counter : goto a_exit_approval }}",
    )

    (finding,) = proof(guarded).findings

    assert finding.code == "ZG610"
    assert "city.office 10.1.0.1 reaches zone city.approval 10.1.1.1, 8443/tcp" in finding.text(
        Language.EN
    )
    assert guarded.passes(FORBIDDEN)
    assert guarded.refuses(FORBIDDEN, 6)


def test_what_is_said_to_be_dropped_is_dropped(guarded: City) -> None:
    """The same the other way round, for the missing half of a conduit."""
    guarded.gateway.command(
        "nft", "delete element inet loushan a_from_city.office_6 { fd00:1:1::/64 . tcp . 443 }"
    )

    (finding,) = proof(guarded).findings

    assert finding.code == "ZG611"
    assert "conduit database_in_city" in finding.text(Language.EN)
    assert guarded.passes(HTTPS)
    assert guarded.refuses(HTTPS, 6)


def test_a_gateway_without_nft_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be read is refused, not passed over."""
    monkeypatch.setattr(kernel, "COMMAND", ("nft-is-not-here",))

    with pytest.raises(Refused, match="ZG600"):
        prove(PART, PLAN, STAMP)


def test_a_host_without_rules_is_told_what_passes(small_network: City) -> None:
    """An empty kernel: each hook is open, and no policy is in force."""
    assert {finding.code for finding in proof(small_network).findings} == {"ZG604", "ZG620"}
