"""A policy that cuts off the operator's own connection undoes itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.desk import DESK, KNOWN, Operator
from tests.lab.releases import THERE, carry, retitle, sign_next, without
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

GATEWAY = "huichuan-gw"

#: It takes some seconds until an operator's connection is known to be cut, and a new one too.
WINDOW_SECONDS = 20


@pytest.fixture(scope="module")
def operator(town: Town) -> Iterator[Operator]:
    """Give the desk a key, and the gateway an operator who has it."""
    operator = Operator(town, GATEWAY)
    done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", operator.account)
    assert done.returncode == 0, done.stdout[-3000:]
    yield operator
    town.playbook("provision", "--limit", GATEWAY)


def test_a_policy_that_cuts_the_operator_off_undoes_itself(
    operator: Operator, tmp_path: Path
) -> None:
    """The connection that brought it is cut; after the deadline the old policy is back."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]
    shut = sign_next(town, tmp_path, without("operations_to_gateways", "county"), keep=False)
    carry(town, GATEWAY, shut)
    assert until(operator.gets_in)
    cursor = town.cursor(GATEWAY)

    window = ("--confirm-within", str(WINDOW_SECONDS))
    operator.ssh("sudo", "loushan", "agent", "enforce", THERE, *window)

    assert town.status(GATEWAY)["probation"], "the new policy is on probation"
    assert not operator.gets_in(), "and there is no way in"
    assert until(lambda: not town.status(GATEWAY).get("probation"), WINDOW_SECONDS + 10)
    assert until(lambda: town.is_proven(GATEWAY))
    assert town.status(GATEWAY)["in_force"] == before
    assert until(operator.gets_in)
    assert "ZG80" in town.since(GATEWAY, cursor, "loushan-agent.service")


def test_a_policy_that_is_confirmed_stays(operator: Operator, tmp_path: Path) -> None:
    """The operator comes in again, over a new connection, and says so."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]["revision"]
    carry(town, GATEWAY, sign_next(town, tmp_path, retitle("样例城市二"), keep=True))

    brought = operator.ssh("sudo", "loushan", "agent", "enforce", THERE, "--confirm-within", "90")
    confirmed = operator.ssh("sudo", "loushan", "agent", "confirm")

    assert (brought.returncode, confirmed.returncode) == (0, 0), brought.stderr + confirmed.stderr
    assert until(lambda: town.is_proven(GATEWAY))
    status = town.status(GATEWAY)
    assert status["probation"] is None
    assert status["in_force"]["revision"] == before + 1


def test_a_playbook_over_ssh_enforces_confirms_and_proves(
    operator: Operator, tmp_path: Path
) -> None:
    """What brings a policy to a real gateway: Ansible, by ssh, in band."""
    town = operator.town
    signed = sign_next(town, tmp_path, retitle("样例城市三"), keep=True)

    enforced = operator.playbook("enforce", "-e", f"enforce_plan={signed}")
    again = operator.playbook("enforce", "-e", f"enforce_plan={signed}")
    proven = operator.playbook("verify")

    for done in (enforced, again, proven):
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "changed=2 " in enforced.stdout, "brought, and confirmed"
    assert "changed=0 " in again.stdout
    assert town.status(GATEWAY)["probation"] is None


def test_a_playbook_over_ssh_cannot_confirm_what_cuts_its_way(
    operator: Operator, tmp_path: Path
) -> None:
    """The play fails, and the gateway goes back to what it had."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]
    shut = sign_next(town, tmp_path, without("operations_to_gateways", "county"), keep=False)

    window = ("-e", "enforce_confirm_within_seconds=30")
    done = operator.playbook("enforce", "-e", f"enforce_plan={shut}", *window)

    assert done.returncode != 0
    assert "unreachable=1" in done.stdout, done.stdout[-2000:]
    assert until(lambda: not town.status(GATEWAY).get("probation"), 30)
    assert until(lambda: town.is_proven(GATEWAY))
    assert town.status(GATEWAY)["in_force"] == before


def test_the_rollback_playbook_takes_back_what_is_on_probation(
    operator: Operator, tmp_path: Path
) -> None:
    """At once, long before the deadline; a second time there is nothing to take back."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]
    carry(town, GATEWAY, sign_next(town, tmp_path, retitle("样例城市退"), keep=False))
    brought = town.run(GATEWAY, "loushan", "agent", "enforce", THERE, "--confirm-within", "600")
    waiting = town.status(GATEWAY)["probation"]

    dry = town.playbook("rollback", "--limit", GATEWAY, "--check")
    still = town.status(GATEWAY)["probation"]
    taken = town.playbook("rollback", "--limit", GATEWAY)
    nothing = town.playbook("rollback", "--limit", GATEWAY)

    assert brought.returncode == 0, brought.stderr
    assert waiting
    assert (dry.returncode, bool(still)) == (0, True)
    assert "changed=1 " in taken.stdout, taken.stdout[-2000:]
    assert town.status(GATEWAY)["probation"] is None
    assert town.status(GATEWAY)["in_force"] == before
    assert "changed=0 " in nothing.stdout
    assert "nothing was on probation" in nothing.stdout
    assert until(lambda: town.is_proven(GATEWAY))


def test_an_operator_without_a_key_does_not_come_in(operator: Operator) -> None:
    """A password is not asked for."""
    done = operator.town.run(
        DESK, "ssh", "-o", "IdentitiesOnly=yes", "-o", "IdentityFile=/dev/null",
        "-o", "NumberOfPasswordPrompts=1", "-o", f"UserKnownHostsFile={KNOWN}",
        f"operator@{operator.address}", "true",
    )  # fmt: skip

    assert done.returncode != 0
    assert "Permission denied (publickey)" in done.stderr
