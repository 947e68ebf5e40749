"""A damaged folder is said to be one, and is left as it is; two operations take turns."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pki.errors import Code, PkiRefused
from pki.files import LARGEST_BYTES, locked, read_file, replace_file
from pki.issue import issue
from pki.revoke import renew_list
from pki.state import open_state
from tests.authorities import GATEWAY, NO_SECRETS, NOW, certify, make_state, request

Harm = Callable[[Path], object]


def truncate(file: Path) -> None:
    """Leave half of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    """Change one letter in the middle of a file."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle] = ord("A") if content[middle] != ord("A") else ord("B")
    file.write_bytes(content)


def link(file: Path) -> None:
    """Put a link in its place."""
    moved = file.replace(file.with_suffix(".moved"))
    file.symlink_to(moved)


def swell(file: Path) -> None:
    """Make it larger than any such file is."""
    file.write_bytes(b"x" * (LARGEST_BYTES + 1))


DAMAGES = [
    pytest.param(Path.unlink, id="missing"),
    pytest.param(lambda file: file.write_bytes(b""), id="empty"),
    pytest.param(truncate, id="cut off"),
    pytest.param(flip, id="one letter"),
    pytest.param(link, id="a link"),
    pytest.param(swell, id="swollen"),
]
FILES = ["pki.json", "links/authority.key", "links/authority.pem", "links/crl.pem", "root/crl.pem"]


def everything(folder: Path) -> dict[str, bytes]:
    """Give the content of every file but the lock."""
    return {str(f): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name != "lock"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("harm", DAMAGES)
def test_a_damaged_file_stops_everything_that_needs_it(
    tmp_path: Path, file: str, harm: Harm
) -> None:
    """With its name, and nothing is written."""
    make_state(tmp_path)
    harm(tmp_path / file)
    before = everything(tmp_path)

    with pytest.raises(PkiRefused) as refused:
        issue(open_state(tmp_path, NOW), "gateway", GATEWAY, request(), secrets=NO_SECRETS, now=NOW)

    known = {Code.ZP002, Code.ZP003, Code.ZP009, Code.ZP012, Code.ZP013, Code.ZP035}
    assert refused.value.code in known
    assert everything(tmp_path) == before


@pytest.mark.parametrize("harm", DAMAGES[1:])
def test_a_damaged_record_is_not_passed_over(tmp_path: Path, harm: Harm) -> None:
    """It may be the one that forbids a second certificate."""
    state = make_state(tmp_path)
    harm(certify(state).record.file)

    with pytest.raises(PkiRefused):
        certify(state, name="city-gw")


def test_a_record_under_another_name_is_refused(tmp_path: Path) -> None:
    """A record is known by its serial."""
    state = make_state(tmp_path)
    file = certify(state).record.file
    file.rename(file.with_name("1234.pem"))

    with pytest.raises(PkiRefused) as refused:
        state.records("links")

    assert refused.value.code is Code.ZP015


@pytest.mark.parametrize("name", ["authority.key", "authority.pem", "crl.pem"])
def test_what_is_another_authoritys_is_not_used(tmp_path: Path, name: str) -> None:
    """A key in the wrong place signs nothing, and a swapped list is not signed again."""
    state = make_state(tmp_path)
    shutil.copy2(tmp_path / "people" / name, tmp_path / "links" / name)

    with pytest.raises(PkiRefused) as refused:
        renew_list(state, "links", NO_SECRETS, NOW)

    assert refused.value.code is Code.ZP013


def test_an_authority_of_another_root_is_not_used(tmp_path: Path) -> None:
    """The same names, another root: what it signs, nobody would believe."""
    state = make_state(tmp_path / "one")
    make_state(tmp_path / "two")
    shutil.rmtree(tmp_path / "one" / "links")
    shutil.copytree(tmp_path / "two" / "links", tmp_path / "one" / "links")

    with pytest.raises(PkiRefused) as refused:
        certify(state)

    assert refused.value.code is Code.ZP013


def test_an_authority_in_anothers_place_is_not_used(tmp_path: Path) -> None:
    """Though its key, certificate and list fit one another, and the root signed it."""
    state = make_state(tmp_path)
    shutil.rmtree(tmp_path / "links")
    shutil.copytree(tmp_path / "people", tmp_path / "links")

    with pytest.raises(PkiRefused) as refused:
        certify(state)

    assert refused.value.code is Code.ZP013


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Nor a pipe, which would hold us for ever."""
    swell(tmp_path / "large")
    os.mkfifo(tmp_path / "pipe")

    for name in ("large", "pipe"):
        with pytest.raises(PkiRefused) as refused:
            read_file(tmp_path / name)
        assert refused.value.code is Code.ZP009


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_can_reach_is_not_used(tmp_path: Path, mode: int) -> None:
    """It may have been read; somebody decides what that means."""
    state = make_state(tmp_path)
    (tmp_path / "links" / "authority.key").chmod(mode)

    with pytest.raises(PkiRefused) as refused:
        certify(state)

    assert refused.value.code is Code.ZP011
    assert state.records("links") == ()


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    """From the moment they are made; the root's is encrypted."""
    make_state(tmp_path)

    modes = {file.stat().st_mode & 0o777 for file in tmp_path.rglob("*.key")}

    assert modes == {0o600}
    assert b"ENCRYPTED" in (tmp_path / "root" / "authority.key").read_bytes()


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    """No key is ever overwritten."""
    make_state(tmp_path)
    before = everything(tmp_path)

    with pytest.raises(PkiRefused) as refused:
        make_state(tmp_path)

    assert refused.value.code is Code.ZP001
    assert everything(tmp_path) == before


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stood there stands, and nothing is left beside it."""
    state = make_state(tmp_path)
    before = everything(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pki.files.os.fsync", full)
    for change in (
        lambda: replace_file(tmp_path / "links" / "crl.pem", b"new"),
        lambda: certify(state),
        lambda: renew_list(state, "links", NO_SECRETS, NOW),
    ):
        with pytest.raises(PkiRefused) as refused:
            change()
        assert refused.value.code is Code.ZP002

    assert everything(tmp_path) == before


def test_two_who_ask_for_one_name_get_one_certificate(tmp_path: Path) -> None:
    """The lock lets one after the other see what the first one did."""
    make_state(tmp_path)

    def one(_: int) -> str:
        with locked(tmp_path):
            try:
                return f"{certify(open_state(tmp_path, NOW)).record.serial:x}"
            except PkiRefused as refused:
                return refused.code.name

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))

    assert answers.count(Code.ZP036.name) == 7
    assert len(open_state(tmp_path, NOW).records("links")) == 1


def test_lists_written_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each counts on from the one before it."""
    make_state(tmp_path)

    def one(_: int) -> int:
        with locked(tmp_path):
            return renew_list(open_state(tmp_path, NOW), "links", NO_SECRETS, NOW)

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(one, range(8)))

    assert sorted(numbers) == list(range(2, 10))


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    """And the lock is free again afterwards."""
    with (
        locked(tmp_path),
        pytest.raises(PkiRefused) as refused,
        locked(tmp_path, wait_seconds=0.05),
    ):
        pass

    assert refused.value.code is Code.ZP010
    with locked(tmp_path, wait_seconds=0):
        pass
