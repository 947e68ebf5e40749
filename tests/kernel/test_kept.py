"""What a load of root's left on the disk, the loader's service, which is not root, goes on with."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.agent.kept import NEXT, Kept
from gateway.agent.signed import SignedPlan, read_delivered, verified
from gateway.load.accepted import Accepted
from gateway.policy.signers import load_trust
from pki.signers import make_signers
from tests.kernel.test_agent import Gateway

pytestmark = pytest.mark.kernel

SERVICE = 65534


@pytest.fixture(name="kept")
def _kept() -> Iterator[Kept]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "state").mkdir()
        os.chown(folder / "state", SERVICE, SERVICE)
        yield Kept(folder / "state")


@pytest.fixture(name="signed")
def _signed(tmp_path: Path) -> SignedPlan:
    now = datetime.now(UTC)
    make_signers(tmp_path / "trust", "ed25519", None, now)
    plan = Gateway(tmp_path, "").signed("one")
    return verified(read_delivered(plan), load_trust(tmp_path / "trust"), datetime.now(UTC))


@contextmanager
def as_the_service() -> Iterator[None]:
    """Be a user who is not root for a while."""
    os.seteuid(SERVICE)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("files", [0, 1, 8], ids=["no file", "one file", "eight files"])
def test_a_release_that_root_was_killed_writing_is_taken_away(
    kept: Kept, signed: SignedPlan, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    """Else no policy could be delivered to this host any more."""
    synced: list[int] = []

    def killed(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > files:
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            kept.stage(signed)
    assert (kept.directory / NEXT).exists()

    with as_the_service():
        kept.stage(signed)
        Accepted(kept.directory).record(signed.stamp)
        kept.promote()

    assert kept.read().stamp == signed.stamp
    assert not (kept.directory / NEXT).exists()


def test_a_record_that_root_was_killed_writing_is_written_anew(
    kept: Kept, signed: SignedPlan
) -> None:
    """A full disk leaves the same."""
    (kept.directory / "accepted.json.new").write_text("torn")

    with as_the_service():
        Accepted(kept.directory).record(signed.stamp)

    assert kept.accepted == signed.stamp
