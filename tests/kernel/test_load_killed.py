"""A loader that is killed at any step leaves the old policy or the new one, whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.load import forwarding
from gateway.load.events import Step
from gateway.load.inforce import read_host
from gateway.load.loader import Places, Recovered, recover
from tests.kernel import policies
from tests.kernel.city import FORBIDDEN, HTTPS, POSTGRES, City, is_answered, is_cut
from tests.kernel.policies import BOTH, GATEWAY, HTTPS_ONLY, candidate, load_into

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).parents[2]

BEFORE_COMMIT = [Step.LOCKED, Step.STAGED, Step.CHECKED]
AFTER_COMMIT = [
    Step.COMMITTED,
    Step.SESSIONS_CUT,
    Step.PROVED,
    Step.ACCEPTED,
    Step.CLEANED,
    Step.FORWARDING,
    Step.CONFIRMED,
]


def die_loading(city: City, places: Places, plan: str, revision: int, step: Step) -> None:
    """Load a policy in a process of its own that is killed at a step."""
    loader = [sys.executable, "-m", "tests.kernel.dying_loader"]
    words = [str(places.run.parent), plan, str(revision), step]
    ended = subprocess.run(
        ["ip", "netns", "exec", city.gateway.name, *loader, *words],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def restart(city: City, places: Places) -> Recovered:
    """Do what a host does at its start."""
    return city.gateway.run(lambda: recover(places=places))


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        *[pytest.param("WITH_PING", step, id=f"swap, {step}") for step in BEFORE_COMMIT],
        *[
            pytest.param("HTTPS_ONLY", step, id=f"delta, {step}")
            for step in BEFORE_COMMIT
            if step is not Step.STAGED
        ],
    ],
)
def test_killed_before_the_commit_the_old_policy_is_in_force(
    small_network: City, places: Places, plan: str, step: Step
) -> None:
    """Whatever was prepared is gone, and the host says which policy it has."""
    old = load_into(small_network.gateway, candidate(BOTH, 1), places).in_force

    die_loading(small_network, places, plan, 2, step)

    assert small_network.gateway.run(read_host).in_force == old
    assert restart(small_network, places).in_force == old
    assert not small_network.gateway.run(read_host).leftovers
    assert small_network.passes(POSTGRES)
    assert small_network.refuses(FORBIDDEN)


@pytest.mark.parametrize(
    ("plan", "step"),
    [
        *[pytest.param("HTTPS_ONLY_RENAMED", step, id=f"swap, {step}") for step in AFTER_COMMIT],
        *[
            pytest.param("HTTPS_ONLY", step, id=f"delta, {step}")
            for step in AFTER_COMMIT
            if step is not Step.CLEANED
        ],
    ],
)
def test_killed_after_the_commit_the_new_policy_is_in_force(
    small_network: City, places: Places, plan: str, step: Step
) -> None:
    """The old one is gone, and the host says which policy it has."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    new = candidate(getattr(policies, plan), 2)

    die_loading(small_network, places, plan, 2, step)

    recovered = restart(small_network, places).in_force
    assert recovered is not None
    assert (recovered.revision, recovered.digest) == (2, new.ruleset.digest[:16])
    assert not small_network.gateway.run(read_host).leftovers
    assert small_network.passes(HTTPS)
    assert small_network.refuses(POSTGRES)


@pytest.mark.parametrize("step", [Step.LOCKED, Step.SCAFFOLDED, *BEFORE_COMMIT[1:]])
def test_killed_before_the_first_commit_there_is_no_policy(
    small_network: City, places: Places, step: Step
) -> None:
    """Nothing passes, even where somebody makes the host forward."""
    die_loading(small_network, places, "BOTH", 1, step)

    assert restart(small_network, places).in_force is None
    small_network.gateway.run(lambda: forwarding.switch(on=True))
    assert not small_network.gateway.run(read_host).leftovers
    assert small_network.refuses(HTTPS)


def test_killed_after_the_first_commit_nothing_is_forwarded_unproven(
    small_network: City, places: Places
) -> None:
    """The policy is there, and the host forwards once it is loaded to the end."""
    die_loading(small_network, places, "BOTH", 1, Step.COMMITTED)

    recovered = restart(small_network, places)

    assert recovered.in_force is not None
    assert not recovered.forwarding
    assert small_network.refuses(HTTPS)
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    assert small_network.passes(HTTPS)


def test_recovery_ends_what_the_killed_loader_did_not(small_network: City, places: Places) -> None:
    """A session that the new policy forbids ends at the restart, a permitted one goes on."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    with small_network.connect(POSTGRES) as revoked, small_network.connect(HTTPS) as kept:
        assert is_answered(revoked)
        die_loading(small_network, places, "HTTPS_ONLY", 2, Step.COMMITTED)

        recovered = small_network.gateway.run(
            lambda: recover(lambda _: HTTPS_ONLY, gateway=GATEWAY, places=places)
        )

        assert recovered.cut == 1
        assert is_cut(revoked)
        assert is_answered(kept)


def test_a_killed_loader_lets_go_of_the_lock(small_network: City, places: Places) -> None:
    """The next load needs nobody to clean up first."""
    load_into(small_network.gateway, candidate(BOTH, 1), places)
    die_loading(small_network, places, "WITH_PING", 2, Step.STAGED)

    loaded = load_into(small_network.gateway, candidate(HTTPS_ONLY, 2), places)

    assert loaded.in_force.revision == 2
    assert not small_network.gateway.run(read_host).leftovers
