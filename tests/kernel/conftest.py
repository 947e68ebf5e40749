"""What the kernel's tests stand on: a small city of network namespaces, gone when the test is."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.load.loader import Places
from tests.kernel.city import City, city


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
    alone = request.node.get_closest_marker("machine_wide") is not None
    with _held("turn", fcntl.LOCK_EX) as turn, _held("machine", _kind(alone=alone)):
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield


def _kind(*, alone: bool) -> int:
    return fcntl.LOCK_EX if alone else fcntl.LOCK_SH


@contextmanager
def _held(name: str, kind: int) -> Iterator[int]:
    """Hold a lock among the workers; whoever waits has the turn, so that nobody waits for ever."""
    file = os.open(
        Path(tempfile.gettempdir(), f"loushan-tests-{name}.lock"), os.O_CREAT | os.O_RDWR
    )
    try:
        fcntl.flock(file, kind)
        yield file
    finally:
        os.close(file)
