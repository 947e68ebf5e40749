"""A policy that cuts off the operator's own connection undoes itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.releases import THERE, carry, retitle, sign_next, without
from tests.lab.town import Done, Town, until

pytestmark = pytest.mark.lab

GATEWAY, DESK = "huichuan-gw", "city.operations"
WINDOW_SECONDS = 5


class Operator:
    """Somebody at a desk in the operations zone, who has nothing but ssh."""

    def __init__(self, town: Town) -> None:
        """Sit down."""
        self.town = town
        self.address = town.address(GATEWAY, 4)

    def ssh(self, *command: str) -> Done:
        """Run a command on the gateway, through the network."""
        options = ["BatchMode=yes", "ConnectTimeout=2", "ServerAliveInterval=1"]
        options += ["ServerAliveCountMax=2", "StrictHostKeyChecking=accept-new"]
        words = [word for option in options for word in ("-o", option)]
        return self.town.run(DESK, "ssh", *words, f"operator@{self.address}", *command)

    def gets_in(self) -> bool:
        """Tell whether a new connection comes about."""
        return self.ssh("true").returncode == 0


@pytest.fixture(scope="module")
def operator(town: Town) -> Iterator[Operator]:
    """Give the desk a key, and the gateway an operator who has it."""
    make = "mkdir -p ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519"
    key = town.must(DESK, "sh", "-c", f"{make} && cat ~/.ssh/id_ed25519.pub").strip()
    account = json.dumps({"base_operators": [{"name": "operator", "keys": [key]}]})
    done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", account)
    assert done.returncode == 0, done.stdout[-3000:]
    yield Operator(town)
    town.playbook("provision", "--limit", GATEWAY)


def test_a_policy_that_cuts_the_operator_off_undoes_itself(
    operator: Operator, tmp_path: Path
) -> None:
    """The connection that brought it is cut; after the deadline the old policy is back."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]
    shut = sign_next(town, tmp_path, without("operations_to_gateways", "county"), keep=False)
    carry(town, GATEWAY, shut)
    assert operator.gets_in()

    window = ("--confirm-within", str(WINDOW_SECONDS))
    operator.ssh("sudo", "loushan", "agent", "enforce", THERE, *window)

    assert town.status(GATEWAY)["probation"], "the new policy is on probation"
    assert not operator.gets_in(), "and there is no way in"
    assert until(lambda: not town.status(GATEWAY).get("probation"), WINDOW_SECONDS + 10)
    assert until(lambda: town.is_proven(GATEWAY))
    assert town.status(GATEWAY)["in_force"] == before
    assert operator.gets_in()
    assert "ZG80" in town.journal(GATEWAY, "--since=-60s", "--unit=loushan-agent")


def test_a_policy_that_is_confirmed_stays(operator: Operator, tmp_path: Path) -> None:
    """The operator comes in again, over a new connection, and says so."""
    town = operator.town
    before = town.status(GATEWAY)["in_force"]["revision"]
    carry(town, GATEWAY, sign_next(town, tmp_path, retitle("样例城市二"), keep=True))

    brought = operator.ssh("sudo", "loushan", "agent", "enforce", THERE, "--confirm-within", "20")
    confirmed = operator.ssh("sudo", "loushan", "agent", "confirm")

    assert (brought.returncode, confirmed.returncode) == (0, 0), brought.stderr + confirmed.stderr
    assert until(lambda: town.is_proven(GATEWAY))
    status = town.status(GATEWAY)
    assert status["probation"] is None
    assert status["in_force"]["revision"] == before + 1


def test_an_operator_without_a_key_does_not_come_in(operator: Operator) -> None:
    """A password is not asked for."""
    done = operator.town.run(
        DESK, "ssh", "-o", "IdentitiesOnly=yes", "-o", "IdentityFile=/dev/null",
        "-o", "NumberOfPasswordPrompts=1", "-o", "StrictHostKeyChecking=accept-new",
        f"operator@{operator.address}", "true",
    )  # fmt: skip

    assert done.returncode != 0
    assert "Permission denied (publickey)" in done.stderr
