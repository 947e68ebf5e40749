"""From hosts as the installer leaves them to gateways, and out of service again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.hosts import image
from tests.bundles import Makers
from tests.lab.desk import Operator
from tests.lab.recap import recap
from tests.lab.town import Town, booted, loushan, until
from tests.machine import held

pytestmark = pytest.mark.lab

#: The farthest from the hub goes first and alone.
HUB, FAR = "city-gw", "tax-gw"

KEY = "/etc/ssh/ssh_host_ed25519_key.pub"

PACKAGES = ("nftables", "ulogd2", "python3-pyroute2", "python3-cryptography")


@pytest.fixture(scope="module")
def bare() -> Iterator[Town]:
    """Boot two gateways with nothing of ours, no package that our roles want and no source."""
    # What every namespace sees, others do before or afterwards: it would be drift here.
    with booted("b", "--bare", sites=("city", "tax")) as town, held(alone=False):
        yield town


def installed(town: Town, host: str) -> set[str]:
    """Give which of the packages a host has."""
    return {name for name in PACKAGES if town.ask(host).package(name).is_installed}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give what an operator has unpacked of a bundle, made of what the image was built with."""
    folder = tmp_path_factory.mktemp("bundle")
    built, makers = image.ensure(lambda _line: None, bare=True), Makers.begin(folder)
    key, file = makers.operator("wei", "build:wei"), folder / "bundle.tar"
    make = f"bundle make {file} --key {key} --part hosts --packages {built.packages}"
    made = loushan("b", *make.split(), "--installed", str(built.installed))
    out = folder / "site"
    done = loushan("b", *f"bundle unpack {file} {out} --signers {makers.signers}".split())

    assert (made.returncode, done.returncode) == (0, 0), made.stderr + done.stderr
    file.unlink()
    return out / "bundle"


@pytest.fixture(scope="module")
def provided(bare: Town, bundle: Path) -> Town:
    """Have its packages on every host."""
    done = bare.playbook("offer", "-e", f"package_source_bundle={bundle}")
    assert done.returncode == 0, done.stdout[-3000:]
    return bare


def sources(town: Town, host: str) -> str:
    """Ask a host's apt where it looks for packages."""
    asked = ("apt-get", "indextargets", "--format", "$(URI)", "Created-By: Packages")
    return town.must(host, *asked)


def test_what_cannot_be_installed_stops_the_play_before_another_host(bare: Town) -> None:
    """The farthest gateway has no source: it says so, and the hub is not touched."""
    assert not installed(bare, FAR)
    done = bare.playbook("provision")

    assert done.returncode != 0
    assert "Install" in done.stdout
    assert not installed(bare, HUB)
    assert not bare.ask(HUB).file("/etc/sysctl.d/60-loushan.conf").exists
    assert not bare.ask(FAR).file("/etc/loushan").exists


def test_a_bundle_is_the_one_source_of_every_host(provided: Town, bundle: Path) -> None:
    """None has a network that leads to another; what lies there already is not brought again."""
    again = provided.playbook("offer", "-e", f"package_source_bundle={bundle}")

    for host in (HUB, FAR):
        assert set(sources(provided, host).split()) == {"file:/srv/packages/./Packages"}
        assert not installed(provided, host)
    assert again.returncode == 0, again.stdout[-3000:]
    changed = recap(again.stdout, "changed")
    assert set(changed.values()) == {0}
    assert len(changed) == len(provided.gateways) + 3


@pytest.mark.parametrize("playbook", ["enforce", "verify", "rollback", "decommission"])
def test_what_was_never_provisioned_is_said_to_be_so(bare: Town, playbook: str) -> None:
    """In words; and nothing is done."""
    done = bare.playbook(playbook, "--limit", FAR, "-e", f"decommission_confirm={FAR}")

    said = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert ("never provisioned" if playbook == "decommission" else "has no agent") in said
    assert not bare.ask(FAR).file("/etc/systemd/system/loushan-decommissioned.service").exists


def test_a_dry_run_of_everything_on_a_bare_host_says_that_a_policy_would_come(
    provided: Town,
) -> None:
    """Nobody on it can judge the policy yet, and nothing can be proven."""
    done = provided.playbook("site", "--check", "--diff", "--limit", FAR)

    said = " ".join(done.stdout.split())
    assert "+the delivered policy" in done.stdout
    assert "this host has no agent" in said, "so it is not said to be proven"


def test_a_dry_run_on_a_bare_host_says_what_it_would_do_and_does_nothing(provided: Town) -> None:
    """Packages too: it names them, and none is there afterwards."""
    done = provided.playbook("provision", "--check", "--diff")

    assert "ulogd2" in done.stdout
    assert not installed(provided, FAR)
    assert not provided.ask(FAR).file("/etc/sysctl.d/60-loushan.conf").exists


def test_the_roles_install_what_they_need(provided: Town) -> None:
    """From the bundle alone; a second run over one of them finds it all, and changes nothing."""
    bare = provided
    first = bare.playbook("site")
    second = bare.playbook("site", "--limit", FAR)

    assert first.returncode == 0, first.stdout[-3000:]
    assert all(installed(bare, host) == set(PACKAGES) for host in (HUB, FAR))
    assert until(lambda: all(bare.is_proven(host) for host in (HUB, FAR)))
    assert second.returncode == 0, second.stdout[-3000:]
    assert recap(second.stdout, "changed") == {FAR: 0}


@pytest.mark.parametrize("keys", [[], ["ssh-ed25519 AAAA"], "ssh-ed25519 AAAA"])
def test_an_operator_without_a_key_that_can_be_read_is_refused(
    bare: Town, keys: list[str] | str
) -> None:
    """In a dry run too: with keys only, nobody would come in again."""
    account = json.dumps({"base_operators": [{"name": "operator", "duty": "build", "keys": keys}]})
    before = bare.must(FAR, "ls", "/etc/ssh/operators")
    for words in (("--check",), ()):
        done = bare.playbook("provision", "--limit", FAR, "-e", account, *words)

        assert done.returncode != 0
        assert "is not a public key file" in " ".join(done.stdout.split())
        assert bare.must(FAR, "ls", "/etc/ssh/operators") == before


def test_programs_that_were_damaged_are_brought_again(bare: Town) -> None:
    """Also where the agent no longer starts and only its last words are left."""
    program = "/usr/lib/loushan/gateway/agent/service.py"
    bare.must(FAR, "sh", "-c", f"rm {program} ${{0%/*}}/__pycache__/service*", program)
    bare.run(FAR, "systemctl", "restart", "loushan-agent")

    dry = bare.playbook("provision", "--limit", FAR, "--check", "--diff")
    done = bare.playbook("provision", "--limit", FAR)
    again = bare.playbook("provision", "--limit", FAR)

    assert "damaged" in dry.stdout
    assert done.returncode == 0, done.stdout[-3000:]
    assert bare.ask(FAR).file(program).exists
    assert bare.must(FAR, "systemctl", "is-active", "loushan-agent") == "active\n"
    assert until(lambda: bare.is_proven(FAR))
    assert "changed=0 " in again.stdout


def test_an_agent_that_does_not_run_is_not_proven(bare: Town) -> None:
    """Its last words are still there to be read; they prove nothing."""
    drop_in = "/run/systemd/system/loushan-agent.service.d"
    broken = f"mkdir {drop_in} && printf '[Service]\nExecStartPre=false\n' >{drop_in}/x.conf"
    bare.must(FAR, "sh", "-c", f"{broken} && systemctl daemon-reload")
    bare.run(FAR, "systemctl", "restart", "loushan-agent")
    try:
        done = bare.playbook("provision", "--limit", FAR)
    finally:
        bare.must(FAR, "sh", "-c", f"rm -r {drop_in} && systemctl daemon-reload")

    assert done.returncode != 0
    assert "systemctl is-active loushan-agent.service" in " ".join(done.stdout.split())
    assert until(lambda: bare.is_proven(FAR))


#: Offers apt a newer package of ours; what it does when it is installed comes by standard input.
_OFFER = """
set -eu
version=$1 folder=$(mktemp -d)
mkdir "$folder/DEBIAN"
cat >"$folder/DEBIAN/control" <<END
Package: loushan-sample
Version: $version
Architecture: all
Maintainer: sample <sample@example.org>
Description: sample
END
cat >"$folder/DEBIAN/postinst"
chmod 0755 "$folder/DEBIAN/postinst"
deb=/srv/packages/sample-$version.deb
dpkg-deb --build "$folder" "$deb" >/dev/null
{
    echo
    dpkg-deb --field "$deb"
    echo "Filename: ./${deb##*/}"
    echo "Size: $(stat -c %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d' ' -f1)"
} >>/srv/packages/Packages
cd /srv/packages
sed -i '$d' Release
echo " $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages" >>Release
"""

_QUICK = ("-e", '{"upgrade_settle_seconds": 45, "upgrade_watch_seconds": 3}')


def _offer(town: Town, version: str, does: str) -> None:
    for host in (HUB, FAR):
        text = f"#!/bin/sh\n{does}\n"
        town.must(host, "sh", "-c", _OFFER, "offer", version, text=text)


def _version(town: Town, host: str) -> str:
    return town.run(
        host, "dpkg-query", "--show", "--showformat=${Version}", "loushan-sample"
    ).stdout


@pytest.fixture(scope="module")
def offered(bare: Town) -> Town:
    """Have a package on both gateways, of which newer versions come."""
    _offer(bare, "1", ":")
    for host in (HUB, FAR):
        bare.must(host, "sh", "-c", "apt-get update && apt-get install --yes loushan-sample")
    return bare


def test_an_upgrade_that_harms_the_canary_comes_to_nobody_else(offered: Town) -> None:
    """A service fails since then: that is said, and the hub has what it had."""
    _offer(offered, "2", "systemd-run --quiet --unit=sample-harm false || true")
    done = offered.playbook("upgrade", *_QUICK)
    offered.must(FAR, "systemctl", "reset-failed", "sample-harm.service")

    assert done.returncode != 0
    assert "sample-harm.service has failed" in " ".join(done.stdout.split())
    assert (_version(offered, FAR), _version(offered, HUB)) == ("2", "1"), done.stdout[-3000:]
    assert until(lambda: all(offered.is_proven(host) for host in (HUB, FAR)))


def test_an_upgrade_that_harms_nobody_comes_to_all(offered: Town) -> None:
    """The canary first; and a gateway that is not proven is not upgraded."""
    _offer(offered, "3", ":")
    offered.must(FAR, "systemctl", "stop", "loushan-agent.socket", "loushan-agent.service")
    offered.must(FAR, "rm", "-f", "/run/loushan/agent/status.json")
    refused = offered.playbook("upgrade", *_QUICK)
    untouched = (_version(offered, FAR), _version(offered, HUB))
    offered.must(FAR, "systemctl", "start", "loushan-agent.socket", "loushan-agent.service")
    assert until(lambda: all(offered.is_proven(host) for host in (HUB, FAR)))

    done = offered.playbook("upgrade", *_QUICK)

    assert refused.returncode != 0
    assert untouched == ("2", "1")
    assert done.returncode == 0, done.stdout[-3000:]
    assert (_version(offered, FAR), _version(offered, HUB)) == ("3", "3")
    assert done.stdout.index(f"[{FAR}]") < done.stdout.index(f"[{HUB}]")


def test_packages_that_are_offered_no_more_are_gone(offered: Town) -> None:
    """The host's own sources count again; this one has none."""
    no_more = json.dumps({"package_source_offered": False})
    done = offered.playbook("offer", "--limit", HUB, "-e", no_more)

    assert done.returncode == 0, done.stdout[-3000:]
    assert sources(offered, HUB) == ""
    assert not offered.ask(HUB).file("/srv/packages").exists
    assert sources(offered, FAR) != ""


def test_nobody_is_decommissioned_by_mistake(bare: Town) -> None:
    """Neither unnamed, nor by another's name, nor two at once."""
    tries = [
        bare.playbook("decommission", "--limit", FAR),
        bare.playbook("decommission", "--limit", FAR, "-e", f"decommission_confirm={HUB}"),
        bare.playbook("decommission", "-e", f"decommission_confirm={FAR}"),
    ]

    assert all(done.returncode != 0 for done in tries)
    assert all("nothing was done" in done.stdout for done in tries)
    assert until(lambda: all(bare.is_proven(host) for host in (HUB, FAR)))


def test_a_dry_run_of_decommissioning_shows_no_secret(bare: Town) -> None:
    """A difference is printed and kept in logs; a private key is in none."""
    words = ("--limit", FAR, "-e", f"decommission_confirm={FAR}", "--check", "--diff")
    done = bare.playbook("decommission", *words)

    assert done.returncode == 0, done.stdout[-3000:]
    assert f"before: {KEY.removesuffix('.pub')}\n" in done.stdout
    assert "PRIVATE KEY" not in done.stdout
    assert until(lambda: bare.is_proven(FAR))


def test_a_decommissioned_gateway_refuses_everything_also_after_a_boot(bare: Town) -> None:
    """By ssh, as in the city: its keys, state and programs are gone; the other one goes on."""
    key = bare.must(FAR, "cat", KEY)
    operator = Operator(bare, FAR)
    named = ("--limit", FAR, "-e", f"decommission_confirm={FAR}")
    let_in = bare.playbook("provision", "--limit", FAR, "-e", operator.account)
    done = operator.playbook("decommission", "-e", f"decommission_confirm={FAR}")
    wiped = not bare.ask(FAR).file(KEY).exists
    now = _refusing(bare)
    twice = bare.playbook("decommission", *named)
    again = bare.loushan("lab", "reboot", FAR)
    after = _refusing(bare)

    assert let_in.returncode == 0, let_in.stdout[-3000:]
    assert done.returncode == 0, done.stdout[-3000:]
    assert twice.returncode == 0, twice.stdout[-3000:]
    assert "changed=0 " in twice.stdout
    assert again.returncode == 0, again.stderr
    assert wiped
    assert bare.run(FAR, "cat", KEY).stdout != key, "a boot makes a new one at most"
    for said in (now, after):
        assert said["rules"].count("goto refuse_no_policy") == 3, "each hook refuses, and says so"
        assert "\tmap " not in said["rules"], "and nothing of a policy is left"
        assert said["forwarding"] == {"0"}
        assert said["left"] == set()
        assert "LISTEN" not in said["listeners"]
    assert until(lambda: bare.is_proven(HUB))


def test_a_decommissioned_gateway_is_not_brought_back_by_mistake(bare: Town) -> None:
    """A play over everybody, while the plan still has it, stops before it."""
    done = bare.playbook("site")

    assert done.returncode != 0
    assert "out of service until it is installed anew" in done.stdout
    assert _refusing(bare)["left"] == set()
    assert until(lambda: bare.is_proven(HUB))


def _refusing(town: Town) -> dict[str, Any]:
    """Ask a gateway that is out of service for what it does, and what it still has."""
    host = town.ask(FAR)
    ways = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
    gone = (
        *("/var/lib/loushan", "/etc/loushan", "/usr/lib/loushan", "/usr/sbin/loushan"),
        *("/etc/ssh/operators", "/etc/ssh/principals", "/etc/ssh/authority"),
    )
    return {
        "rules": town.run(FAR, "nft", "list", "table", "inet", "loushan").stdout,
        "forwarding": {town.must(FAR, "cat", f"/proc/sys/{way}").strip() for way in ways},
        "left": {path for path in gone if host.file(path).exists},
        "listeners": town.must(FAR, "ss", "--no-header", "--listening", "--tcp"),
    }
