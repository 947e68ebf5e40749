"""A revocation is delivered by the playbook, and who has not got it is named."""

import sys
from pathlib import Path

import pytest

from pki import deliver
from pki.deliver import Delivered
from pki.errors import Code, PkiRefused

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

    done = deliver.deliver(tmp_path / "inventory", tmp_path / "authorities")

    assert done == Delivered(("city-gw",), ("huichuan-gw", "tax-gw"))
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0].endswith("playbooks/revoke.yml")
    assert asked[1:] == ["-i", f"{tmp_path}/inventory", f"{tmp_path}/authorities"]


@pytest.mark.parametrize("said", ["", "no such inventory\n", NOBODY])
def test_a_list_that_reached_nobody_is_refused_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """The list is written all the same, and it says what to do."""
    playbook(tmp_path, monkeypatch, said, status=1)

    with pytest.raises(PkiRefused) as refused:
        deliver.deliver(tmp_path / "inventory", tmp_path)

    assert refused.value.code is Code.ZP056


def test_without_ansible_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where only the authorities' own packages are installed."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(PkiRefused) as refused:
        deliver.deliver(tmp_path / "inventory", tmp_path)

    assert refused.value.code is Code.ZP056
