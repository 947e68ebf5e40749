"""A revocation is delivered by the playbook, and who has not got it is named."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pki.deliver import Delivered, begun
from pki.errors import Code, PkiRefused
from pki.files import locked, settled
from playbooks.plugins.authority import read

RECAP = """\
PLAY RECAP *********************************************************************
city-gw                    : ok=1    changed=1    unreachable=0    failed=0    skipped=0
huichuan-gw                : ok=0    changed=0    unreachable=1    failed=0    skipped=0
tax-gw                     : ok=0    changed=0    unreachable=0    failed=1    skipped=0
"""

NOBODY = RECAP.replace("ok=1    changed=1    unreachable=0", "ok=0    changed=0    unreachable=1")


def playbook(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, status: int) -> None:
    """Have Ansible say this; it stands beside our Python."""
    program = folder / "ansible-playbook"
    (folder / "said").write_text(said)
    told = f'echo "$@" "$LOUSHAN_AUTHORITY" >{folder}/asked'
    program.write_text(f"#!/bin/sh\n{told}\ncat {folder}/said\nexit {status}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))


def test_who_has_it_and_who_has_not_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ansible ends with a failure, and the others have it."""
    playbook(tmp_path, monkeypatch, RECAP, status=4)

    with begun(tmp_path / "inventory", tmp_path / "authorities") as delivery:
        pass

    assert delivery.end() == Delivered(("city-gw",), ("huichuan-gw", "tax-gw"))
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0].endswith("playbooks/revoke.yml")
    assert asked[1:] == ["-i", f"{tmp_path}/inventory", f"{tmp_path}/authorities"]


@pytest.mark.parametrize("said", ["", "no such inventory\n", NOBODY])
def test_a_list_that_reached_nobody_is_refused_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """The list is written all the same, and it says what to do."""
    playbook(tmp_path, monkeypatch, said, status=1)

    with begun(tmp_path / "inventory", tmp_path) as delivery:
        pass
    with pytest.raises(PkiRefused) as refused:
        delivery.end()

    assert refused.value.code is Code.ZP056


def test_without_ansible_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where only the authorities' own packages are installed."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(PkiRefused) as refused, begun(tmp_path / "inventory", tmp_path):
        pass

    assert refused.value.code is Code.ZP056


def test_where_nothing_was_signed_nothing_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The playbook, which has begun and waits, is ended."""
    playbook(tmp_path, monkeypatch, RECAP, status=0)
    (tmp_path / "ansible-playbook").write_text("#!/bin/sh\nexec sleep 60\n")

    with pytest.raises(LookupError), begun(tmp_path / "inventory", tmp_path) as delivery:
        raise LookupError

    assert delivery.process.returncode == -signal.SIGTERM


def test_who_reads_waits_for_who_changes(tmp_path: Path) -> None:
    """A list that is being signed is the one that is delivered; readers wait for no reader."""
    (tmp_path / "people").mkdir()
    file = tmp_path / "people/crl.pem"
    file.write_text("old")
    with ThreadPoolExecutor(1) as threads:
        with locked(tmp_path):
            reading = threads.submit(read, file)
            with pytest.raises(TimeoutError):
                reading.result(0.2)
            file.write_text("new")
        assert reading.result(5) == "new"
    with settled(tmp_path), settled(tmp_path, 0):
        assert read(file) == "new"
    with settled(tmp_path), pytest.raises(PkiRefused), locked(tmp_path, 0):
        pass
