"""What the lab's tests stand on: one city of booted hosts for all of them, gone when they are.

One worker has all these tests, one after the other (tests/conftest.py).
"""

from collections.abc import Iterator

import pytest

from tests.lab.town import Town, booted, provisioned

#: Hosts that the plan does not know, each plugged into a zone.
GUESTS = ("attacker@tax.office", "walled@housing.office", "neighbour@city.applications")


@pytest.fixture(scope="package")
def bare_town() -> Iterator[Town]:
    """Boot the city; its gateways are as from the installer."""
    guests = [word for guest in GUESTS for word in ("--guest", guest)]
    with booted("t", *guests) as town:
        yield town


@pytest.fixture(scope="package")
def town(bare_town: Town) -> Town:
    """Make gateways of it."""
    return provisioned(bare_town)
