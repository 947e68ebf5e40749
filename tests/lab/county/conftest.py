"""What these tests stand on: a part of the city, for a worker of its own."""

from collections.abc import Iterator

import pytest

from tests.lab.town import Town, booted, provisioned
from tests.machine import held

#: The city, one county, and what is below that.
SITES = ("city", "suiyang", "suiyang-housing", "yangchuan")


@pytest.fixture(scope="package")
def town() -> Iterator[Town]:
    """Boot it, and make gateways of it.

    What every namespace sees is done by the other worker meanwhile: it is over in seconds.
    """
    with booted("c", sites=SITES) as bare, held(alone=False):
        yield provisioned(bare)
