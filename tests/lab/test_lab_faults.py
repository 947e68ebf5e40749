"""Whatever happens to a gateway, it holds the old policy or the new one, proven."""

import random
import subprocess
import time
from pathlib import Path

import pytest

from gateway.policy.decide import TCP
from gateway.policy.release import read_release
from lab.hosts.machine import entering
from lab.hosts.power import reboot
from tests.lab import wire
from tests.lab.releases import THERE, carry, enforce, retitle, sign_next
from tests.lab.town import Town, until
from tests.lab.tries import new_port

pytestmark = pytest.mark.lab

GATEWAY = "housing-gw"

#: A tampered ruleset is found and put back within this, also on a busy machine.
SECONDS = 15.0

#: What is permitted passes a gateway so long after it has booted, at the latest.
LONGEST_BOOT_SECONDS = 120.0


def settled(town: Town, gateway: str = GATEWAY) -> bool:
    """Tell whether a gateway has nothing to do, and holds what was signed."""
    status = town.status(gateway)
    if not status.get("proven") or not status["forwarding"]:
        return False
    return not status["doing"] and not status["probation"]


def proves(town: Town, gateway: str = GATEWAY) -> bool:
    """Have a gateway proven now."""
    return town.run(gateway, "loushan", "agent", "prove").returncode == 0


def listing(town: Town, gateway: str = GATEWAY) -> str:
    """Give what the kernel holds, without what counts and what is numbered."""
    return town.must(gateway, "nft", "--stateless", "list", "ruleset")


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param("flush ruleset", id="all rules are gone"),
        pytest.param("delete table inet loushan", id="our table is gone"),
        pytest.param(
            "add chain inet loushan forward { policy accept; }", id="the last word is accept"
        ),
        pytest.param("insert rule inet loushan forward accept", id="everything may pass"),
        pytest.param("add table inet intruder", id="a table of somebody else's"),
    ],
)
def test_a_tampered_ruleset_is_found_recorded_and_put_back(town: Town, tampering: str) -> None:
    """Nobody has to ask: the kernel tells the agent that something has changed."""
    assert until(lambda: settled(town), SECONDS)
    before, drifts = listing(town), town.status(GATEWAY)["drift"]["count"]
    cursor = town.cursor(GATEWAY)

    town.must(GATEWAY, "nft", tampering)

    assert until(lambda: town.status(GATEWAY)["drift"]["count"] > drifts, SECONDS)
    assert until(lambda: settled(town), SECONDS)
    assert sorted(listing(town).splitlines()) == sorted(before.splitlines())
    assert "ZG" in town.since(GATEWAY, cursor, "loushan-agent.service")


def test_what_no_load_can_mend_closes_the_gateway(town: Town) -> None:
    """A routing rule of somebody else's is not nftables': the gateway stops until it is gone."""
    assert until(lambda: settled(town), SECONDS)

    town.must(GATEWAY, "ip", "rule", "add", "to", "10.1.0.0/24", "table", "77")
    closed = until(lambda: town.status(GATEWAY)["forwarding"] is False, SECONDS)
    town.must(GATEWAY, "ip", "rule", "del", "to", "10.1.0.0/24", "table", "77")
    town.run(GATEWAY, "loushan", "agent", "prove")

    assert closed
    assert until(lambda: settled(town), 90)


@pytest.mark.parametrize("victim", ["agent", "loader"])
def test_who_is_killed_at_any_moment_leaves_the_old_policy_or_the_new(
    town: Town, victim: str, tmp_path: Path
) -> None:
    """Kill -9 at random moments of a release; afterwards the gateway is whole."""
    chance = random.Random(victim)  # noqa: S311 - moments, not secrets
    for turn in range(4):
        assert until(lambda: settled(town), 60)
        old = town.status(GATEWAY)["in_force"]["revision"]
        signed = sign_next(town, tmp_path, retitle(f"样例城市{victim}{turn}"), keep=False)
        new = read_release(signed)[0].statement.revision
        carry(town, GATEWAY, signed)
        enforcing = ["loushan", "agent", "enforce", THERE, "--no-confirm"]
        command = entering(town.places, GATEWAY, enforcing)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            time.sleep(chance.uniform(0.05, 0.9))
            town.run(GATEWAY, "pkill", "-KILL", "-f", f"loushan agent {_MAIN[victim]}")
            run.wait(60)
        # What the agent said before it died still stands there; a proof asks the host itself.
        assert until(lambda: proves(town) and settled(town), 60), (turn, town.status(GATEWAY))
        revision = town.status(GATEWAY)["in_force"]["revision"]
        assert revision in (old, new)
        if revision == new:
            _take_as_the_citys(town, signed)


_MAIN = {"agent": "run", "loader": "loader"}


def _take_as_the_citys(town: Town, signed: Path) -> None:
    """Let the next revision follow the one that a gateway has accepted."""
    subprocess.run(["rm", "-rf", str(town.places.plan)], check=True)
    subprocess.run(["cp", "-a", str(signed), str(town.places.plan)], check=True)


def test_a_full_disk_refuses_what_is_new_and_keeps_what_is(town: Town, tmp_path: Path) -> None:
    """What cannot be written down cannot be accepted; the proof goes on."""
    # What a killed loader left half done is cleared away before it writes, and would make room.
    town.must(GATEWAY, "systemctl", "restart", "loushan-agent.service")
    assert until(lambda: proves(town), 60)
    assert until(lambda: settled(town), 60)
    before = town.status(GATEWAY)["in_force"]
    carry(town, GATEWAY, sign_next(town, tmp_path, retitle("样例城市满"), keep=False))
    fill = (
        "cp -a /var/lib/loushan /root/kept"
        " && mount -t tmpfs -o size=1m,mode=755 full /var/lib/loushan"
        " && cp -a /root/kept/. /var/lib/loushan/"
        " && (cat /dev/zero > /var/lib/loushan/full || true)"
        # Who is there already goes on with the disk that it began with.
        " && systemctl stop loushan-loader.service"
    )
    without = "umount -l /var/lib/loushan && systemctl stop loushan-loader.service"
    town.must(GATEWAY, "sh", "-c", fill)
    try:
        refused = enforce(town, GATEWAY, "--no-confirm")
        proven = town.run(GATEWAY, "loushan", "agent", "prove")
    finally:
        town.must(GATEWAY, "sh", "-c", f"{without} && rm -rf /root/kept")

    assert refused.returncode != 0
    assert "ZG" in refused.stdout + refused.stderr
    assert proven.returncode == 0
    assert until(lambda: settled(town), 60)
    assert town.status(GATEWAY)["in_force"] == before


def test_a_release_that_nobody_can_confirm_is_taken_back(town: Town, tmp_path: Path) -> None:
    """The line is cut in the middle of a release: nobody comes in to confirm it."""
    assert until(lambda: settled(town), 60)
    before = town.status(GATEWAY)["in_force"]
    carry(town, GATEWAY, sign_next(town, tmp_path, retitle("样例城市断"), keep=False))

    brought = enforce(town, GATEWAY, "--confirm-within", "3")
    town.loushan("lab", "cut", GATEWAY, "city-gw")
    try:
        back = until(lambda: settled(town) and town.status(GATEWAY)["in_force"] == before, 30)
    finally:
        town.loushan("lab", "join", GATEWAY, "city-gw")

    assert brought.returncode == 0, brought.stderr
    assert back


@pytest.mark.parametrize("version", [4, 6])
def test_nothing_forbidden_passes_a_gateway_that_boots(town: Town, version: int) -> None:
    """A flood from before the boot until after it: what is forbidden is never heard.

    What is permitted is heard again, and not before the gateway has its policy.
    """
    assert until(lambda: settled(town, "tax-gw"), 60)
    sender, there = (town.address(h, version) for h in ("tax.office", "city.business"))
    permitted, forbidden = wire.token(), wire.token()
    frames = [
        wire.packet(sender, there, TCP, wire.syn(sender, there, (new_port(), port), mark))
        for port, mark in ((443, permitted), (8443, forbidden), (22, forbidden))
    ]
    cable, card = town.cable("tax.office"), wire.card(town.namespace("tax-gw"), "office")
    first_heard = first_forbidden = 0.0
    with wire.ears(town.cable("city.business")) as (ear,):
        reboot(town.places, "tax-gw", power=True)
        end = time.time() + LONGEST_BOOT_SECONDS
        while time.time() < end and not first_heard:
            try:
                wire.send(*cable, frames, card)
            except OSError:
                continue  # the cable's other end is not there yet
            for frame in ear.frames():
                if forbidden in frame:
                    first_forbidden = first_forbidden or time.time()
                if permitted in frame:
                    first_heard = first_heard or time.time()
            time.sleep(0.002)

    assert not first_forbidden
    assert first_heard, "what is permitted passes again"
    assert until(lambda: settled(town, "tax-gw"), 60)
    told = town.journal("tax-gw", "--boot", "--unit=loushan-agent")
    began = float(told.splitlines()[0].split()[0])
    assert first_heard > began


@pytest.mark.parametrize("version", [4, 6])
def test_the_flood_is_heard_where_the_gateway_lets_everything_pass(
    town: Town, version: int
) -> None:
    """The same ears hear a forbidden packet when the refusal is taken away for a moment."""
    assert until(lambda: settled(town, "tax-gw"), 60)
    sender, there = (town.address(h, version) for h in ("tax.office", "city.business"))
    mark = wire.token()
    frame = wire.packet(sender, there, TCP, wire.syn(sender, there, (new_port(), 8443), mark))
    gateways = ("tax-gw", town.active("city"))
    for gateway in gateways:
        town.must(gateway, "systemctl", "stop", "loushan-agent.service")
        town.must(gateway, "nft", "insert rule inet loushan forward accept")
    try:
        with wire.ears(town.cable("city.business")) as (ear,):
            card = wire.card(town.namespace("tax-gw"), "office")

            def is_heard() -> bool:
                wire.send(*town.cable("tax.office"), [frame], card)
                return ear.hears(mark)

            # One may be lost, as while a link gets new keys.
            heard = any(is_heard() for _ in range(3))
    finally:
        for gateway in gateways:
            town.must(gateway, "systemctl", "start", "loushan-agent.service")

    assert heard
    assert until(lambda: all(settled(town, gateway) for gateway in gateways), 60)
