"""What the kernel's tests stand on: a small city of network namespaces, gone when the test is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.load.loader import Places
from tests.kernel.city import City, city
from tests.machine import held


@pytest.fixture
def small_network() -> Iterator[City]:
    """Give a gateway between an office host and an approval host, without any policy."""
    with city() as built:
        yield built


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Give the loader directories of the test's own."""
    return Places(run=tmp_path / "run", state=tmp_path / "state")


@pytest.fixture(autouse=True)
def machine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep other tests of the kernel away from one whose doings every namespace sees."""
    with held(alone=request.node.get_closest_marker("machine_wide") is not None):
        yield
