"""No policy older than one that was accepted, and the stamps that say so."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import Refused
from gateway.load.accepted import Accepted
from gateway.load.inforce import Stamp
from gateway.load.lock import only_loader

ONE, OTHER = "1" * 64, "2" * 64


def code(refused: pytest.ExceptionInfo[Refused]) -> str:
    """Give the code of a refusal of one thing."""
    (found,) = refused.value.problems
    return found.code


@pytest.fixture
def accepted(tmp_path: Path) -> Accepted:
    """Give the record of a host that accepted revision 5."""
    record = Accepted(tmp_path / "state")
    record.record(Stamp("zunyi", 5, ONE))
    return record


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(Stamp("zunyi", 6, OTHER), id="a higher revision"),
        pytest.param(Stamp("zunyi", 5, ONE), id="the same once more"),
    ],
)
def test_what_is_not_older_is_accepted(accepted: Accepted, stamp: Stamp) -> None:
    """A newer policy, and a reload, may come."""
    accepted.check_not_older(stamp, [])


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        pytest.param(Stamp("zunyi", 4, OTHER), "ZG505", id="an older revision"),
        pytest.param(Stamp("zunyi", 4, ONE), "ZG505", id="an older revision, same content"),
        pytest.param(Stamp("zunyi", 5, OTHER), "ZG506", id="the same revision, other content"),
    ],
)
@pytest.mark.parametrize("forgotten", [False, True], ids=["record", "kernel alone"])
def test_what_is_older_is_refused(
    accepted: Accepted, stamp: Stamp, expected: str, *, forgotten: bool
) -> None:
    """By the record, and where that is gone by the stamp in the kernel, which is shorter."""
    if forgotten:
        accepted.path.unlink()

    with pytest.raises(Refused) as refused:
        accepted.check_not_older(stamp, [Stamp("zunyi", 5, ONE[:16])])

    assert code(refused) == expected


def test_the_kernel_may_be_ahead_of_the_record(accepted: Accepted) -> None:
    """A loader that was killed before it wrote does not open a way back."""
    with pytest.raises(Refused) as refused:
        accepted.check_not_older(Stamp("zunyi", 6, ONE), [Stamp("zunyi", 7, OTHER[:16])])

    assert code(refused) == "ZG505"


def test_a_doubtful_stamp_counts_only_without_a_record(accepted: Accepted) -> None:
    """Who can write in the kernel cannot keep the true policy out, nor bring an old one back."""
    forged = [Stamp("zunyi", 999, OTHER[:16])]

    accepted.check_not_older(Stamp("zunyi", 6, ONE), [], doubtful=forged)

    accepted.path.unlink()
    with pytest.raises(Refused) as refused:
        accepted.check_not_older(Stamp("zunyi", 6, ONE), [], doubtful=forged)
    assert code(refused) == "ZG505"


def test_a_host_that_accepted_nothing_accepts_anything(tmp_path: Path) -> None:
    """There is no record before the first policy."""
    record = Accepted(tmp_path)

    record.check_not_older(Stamp("zunyi", 1, ONE), [])

    assert record.read() == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[]", id="not an object"),
        pytest.param(b'{"format": 1, "plans": {}}', id="emptied"),
        pytest.param(b'{"format": 2, "plans": {"zunyi": {}}}', id="another format"),
        pytest.param(b'{"format": 1, "plans": {"zunyi": {"revision": 5}}}', id="a field short"),
        pytest.param(
            json.dumps({"format": 1, "plans": {"zunyi": {"revision": -1, "digest": ONE}}}).encode(),
            id="a revision that cannot be",
        ),
        pytest.param(
            json.dumps(
                {"format": 1, "plans": {"zunyi": {"revision": True, "digest": ONE}}}
            ).encode(),
            id="a revision that is not a number",
        ),
        pytest.param(b"[" * 100_000, id="made to exhaust"),
    ],
)
def test_a_record_that_is_not_understood_refuses_everything(
    accepted: Accepted, content: bytes
) -> None:
    """It may have been made so; and it is not written over."""
    accepted.path.write_bytes(content)

    with pytest.raises(Refused) as refused:
        accepted.check_not_older(Stamp("zunyi", 9, ONE), [])
    assert code(refused) == "ZG507"
    with pytest.raises(Refused) as refused:
        accepted.record(Stamp("zunyi", 9, ONE))
    assert code(refused) == "ZG507"
    assert accepted.path.read_bytes() == content


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The policy is then not accepted."""
    (tmp_path / "state").write_text("a file where the folder should be")

    with pytest.raises(Refused) as refused:
        Accepted(tmp_path / "state").record(Stamp("zunyi", 1, ONE))

    assert code(refused) in {"ZG507", "ZG508"}


def test_a_host_that_follows_one_plan_takes_no_other(accepted: Accepted) -> None:
    """Neither by its record nor by its kernel."""
    other = Stamp("lab", 9, OTHER)

    with pytest.raises(Refused) as recorded:
        accepted.check_not_older(other, [])
    with pytest.raises(Refused) as held:
        Accepted(accepted.directory / "new").check_not_older(other, [Stamp("zunyi", 5, ONE)])
    assert (code(recorded), code(held)) == ("ZG363", "ZG363")


@pytest.mark.parametrize(
    ("plan", "revision", "digest"),
    [
        pytest.param('zunyi" accept', 1, ONE, id="a plan that ends its own comment"),
        pytest.param("zunyi", 0, ONE, id="no revision"),
        pytest.param("zunyi", 1, "no digest", id="no digest"),
        pytest.param("zunyi", 1, ONE[:8], id="too little of a digest"),
    ],
)
def test_what_cannot_be_read_back_is_not_a_stamp(plan: str, revision: int, digest: str) -> None:
    """It would stand in the kernel and nobody could tell what is in force."""
    with pytest.raises(ValueError, match="not a stamp"):
        Stamp(plan, revision, digest)


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda new: new.write_text("torn"), id="a file"),
        pytest.param(lambda new: new.symlink_to("elsewhere"), id="a link"),
    ],
)
def test_what_a_killed_loader_left_is_no_obstacle(
    accepted: Accepted, leave: Callable[[Path], object]
) -> None:
    """It is taken away, not written to: the folder is ours, the file may be another's."""
    leave(accepted.path.with_name("accepted.json.new"))

    accepted.record(Stamp("zunyi", 6, OTHER))

    assert accepted.read() == {"zunyi": Stamp("zunyi", 6, OTHER)}


def test_a_full_disk_does_not_keep_a_host_from_being_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written into the lock is only for who has to wait, and the lock holds without."""

    def full(_descriptor: int, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)

    with only_loader(tmp_path), pytest.raises(Refused) as refused, only_loader(tmp_path):
        pass

    assert code(refused) == "ZG504"
