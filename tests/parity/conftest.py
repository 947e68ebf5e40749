"""What the parity test stands on: two virtual machines that are gateways, gone when it is done."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.hosts import image
from tests.parity.pair import Pair, free_bytes, running

#: For the file system, and for what two machines write.
_ROOM_BYTES = 4 << 30

#: Not `/tmp`, which may be memory; short, for a socket's path is.
_PLACE = Path("/var/tmp")  # noqa: S108 - the folder made there is ours alone


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say how far it is, past what pytest captures."""
    plugins = request.config.pluginmanager
    terminal = plugins.get_plugin("terminalreporter")
    capture = plugins.get_plugin("capturemanager")

    def say(line: str) -> None:
        if terminal is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                terminal.write_line(f"parity: {line}")
                terminal.flush()

    return say


@pytest.fixture(scope="session")
def bare_pair(tell: Callable[[str], None]) -> Iterator[Pair]:
    """Boot both; nothing of ours is on them."""
    folder = Path(tempfile.mkdtemp(prefix="parity-", dir=_PLACE))
    try:
        assert free_bytes(folder) > _ROOM_BYTES, f"{_PLACE} has no room"
        tell("an image with Debian's kernel: fetched and built if it is not there, a minute or two")
        tree = image.ensure(lambda _line: None, kernel=True).tree
        with running(folder, tree, tell) as pair:
            yield pair
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def pair(bare_pair: Pair) -> Pair:
    """Make gateways of them, with the playbooks that make the real ones."""
    done = bare_pair.playbook("site")
    assert done.returncode == 0, done.stdout
    return bare_pair
