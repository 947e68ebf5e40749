"""Sites are joined by IKEv2, set up from the signed policy, and by nothing else."""

import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from gateway.compile.links import compile_links
from tests.lab.town import Town, until

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
    return {link["name"]: link for link in json.loads(said)["links"]}


def test_every_link_of_the_city_is_up(town: Town) -> None:
    """At both ends, and the province's too."""
    for site in town.plan.gateways:
        wanted = {other for other in town.plan.sites if site in _joined(town, other)}
        gateway = town.described.host(site).name

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
    said = town.must("city-gw", "swanctl", "--list-sas")

    established = said.count("ESTABLISHED")
    assert established
    assert said.count("AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384") == established


def test_a_connection_that_nobody_signed_is_a_finding_and_is_taken_away(town: Town) -> None:
    """Root loads one by hand; the signed ones stay, and carry on."""
    town.must(GATEWAY, "sh", "-c", "cat >/run/stranger.conf", text=_FOREIGN)
    before = links(town, GATEWAY).keys()

    town.run(GATEWAY, "swanctl", "--load-conns", "--file", "/run/stranger.conf")
    proof = town.run(GATEWAY, "loushan", "agent", "prove")

    assert "ZG651" in proof.stdout + proof.stderr
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

    town.must(GATEWAY, "swanctl", "--load-conns", "--file", "/run/changed.conf")
    proof = town.run(GATEWAY, "loushan", "agent", "prove")

    assert changed != compiled
    assert "ZG653" in proof.stdout + proof.stderr
    assert until(lambda: town.is_proven(GATEWAY), SECONDS)
    assert town.run(GATEWAY, "loushan", "agent", "prove").returncode == 0


def _compiled(town: Town, gateway: str) -> str:
    site = town.described.host(gateway).node
    return compile_links(replace(town.plan, shares_link=True), site).text
