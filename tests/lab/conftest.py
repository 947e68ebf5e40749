"""What the lab's tests stand on: one city of booted hosts for all of them, gone when they are.

One worker has all these tests, one after the other (tests/conftest.py).  The
city is told which process it is for, so that it goes also when that one is killed.
"""

import os
from collections.abc import Iterator

import pytest

from gateway.policy.plan import read_plan
from lab.hosts.places import Places
from lab.layout import lay_out
from tests.lab.town import Town, loushan

#: Hosts that the plan does not know, each plugged into a zone.
GUESTS = ("attacker@tax.office", "walled@housing.office")


@pytest.fixture(scope="session")
def bare_town() -> Iterator[Town]:
    """Boot the city; its gateways are as from the installer."""
    places = Places(f"t{os.getpid()}")
    guests = [word for guest in GUESTS for word in ("--guest", guest)]
    try:
        up = loushan(places.name, "lab", "up", *guests, owner=os.getpid())
        assert up.returncode == 0, up.stderr
        plan = read_plan(places.plan)
        yield Town(places, plan, lay_out(plan))
    finally:
        loushan(places.name, "lab", "down")


@pytest.fixture(scope="session")
def town(bare_town: Town) -> Town:
    """Make gateways of it, with the playbooks that make the real ones."""
    done = bare_town.playbook("site")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return bare_town
