"""A host's SSH key stays on it; its certificate is judged, and another issued where it is due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleActionFail

from pki.ssh import issue_ssh, ssh_certificates
from pki.state import State
from playbooks.plugins.action import ssh_identity as controller
from playbooks.plugins.authority import read
from playbooks.plugins.modules import ssh_identity as host
from tests.authorities import NO_SECRETS, NOW, make_state
from tests.unit.test_playbooks_host_state import options, without_words

NAMES = ("huichuan-gw", "10.32.255.1", "fd00:32::1")

#: How long a host's certificate lives.
LIFE = timedelta(days=90)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a host's folder of ssh."""
    folder = tmp_path / "ssh"
    folder.mkdir()
    monkeypatch.setattr(host, "KEY", folder / "host_key")
    monkeypatch.setattr(host, "CERTIFICATE", folder / "host_key-cert.pub")
    return folder


def test_what_is_documented_is_what_is_taken() -> None:
    """Word for word."""
    assert options(host.SPEC) == without_words(yaml.safe_load(host.DOCUMENTATION)["options"])


# --- on the host ----------------------------------------------------------------------------------


def test_a_key_is_made_once_and_nothing_of_it_leaves(disk: Path) -> None:
    """What is said of it is its public half, also where the file beside it has another one."""
    first = host.run({}, check=False)
    (disk / "host_key.pub").write_text("ssh-ed25519 AAAA another\n")
    second = host.run({}, check=False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["key"] == second["key"]
    assert first["key"].startswith("ssh-ed25519 ")
    assert (disk / "host_key").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in str(first)


def test_a_check_makes_no_key(disk: Path) -> None:
    """It says that it would."""
    said = host.run({}, check=True)

    assert said == {"changed": True, "key": "", "certificate": ""}
    assert not list(disk.iterdir())


def test_what_is_no_certificate_is_told_as_it_is(disk: Path) -> None:
    """The controller judges it."""
    host.run({}, check=False)
    (disk / "host_key-cert.pub").write_bytes(b"\xff rubbish")

    assert "rubbish" in host.run({}, check=False)["certificate"]


# --- at the controller ----------------------------------------------------------------------------


@pytest.fixture
def authorities(tmp_path: Path) -> State:
    """Give the folder of authorities."""
    return make_state(tmp_path / "pki")


def wanted(state: State, key: str, *names: str) -> controller.Wanted:
    """Give what a certificate has to be."""
    public = (state.folder / "ssh-host/authority.pub").read_text()
    return controller.Wanted(key, names or NAMES, public)


def issued(
    state: State, key: str, profile: str = "ssh-host", names: tuple[str, ...] = NAMES
) -> str:
    """Have a certificate issued."""
    name, *more = names
    asked = key.encode()
    file = issue_ssh(state, profile, name, tuple(more), asked, secrets=NO_SECRETS, now=NOW)
    return file.read_text()


@pytest.mark.usefixtures("disk")
def test_a_certificate_is_left_until_half_of_its_life(authorities: State) -> None:
    """And then another one is due, a long time before it ends."""
    key = host.run({}, check=False)["key"]
    due, good = wanted(authorities, key), issued(authorities, key)

    at = {days: due.why_due(good, NOW + timedelta(days=days)) for days in (0, 44, 45, 91)}

    assert {days: bool(why) for days, why in at.items()} == {
        0: False,
        44: False,
        45: True,
        91: True,
    }
    assert at[45] == "half of its certificate's life has gone"


@pytest.mark.usefixtures("disk")
def test_a_certificate_that_is_not_as_it_must_be_is_replaced(
    authorities: State, tmp_path: Path
) -> None:
    """Each for what is wrong with it."""
    key = host.run({}, check=False)["key"]
    other_key = issued(authorities, key)
    host.KEY.unlink()
    key = host.run({}, check=False)["key"]
    good, due = issued(authorities, key), wanted(authorities, key)
    stranger = make_state(tmp_path / "stranger")
    kind, blob = good.split()[:2]
    broken = blob[:-8] + ("AAAA" if blob[-8:-4] != "AAAA" else "BBBB") + blob[-4:]

    said = {
        why: due.why_due(text, NOW)
        for why, text in {
            "good": good,
            "no certificate": "",
            "cannot be read": "rubbish",
            "cannot be read, a key": key,
            "another authority's": issued(stranger, key),
            "another authority's, the users'": issued(authorities, key, "ssh-user", NAMES[:1]),
            "another authority's, broken": f"{kind} {broken}",
            "another key's": other_key,
            "other names": issued(authorities, key, names=NAMES[:2]),
        }.items()
    }

    assert not said.pop("good")
    for why, text in said.items():
        assert why.partition(",")[0] in text


@pytest.mark.usefixtures("disk")
def test_what_is_issued_is_what_was_wanted(tmp_path: Path) -> None:
    """By the machine's clock, once."""
    state = make_state(tmp_path / "pki", datetime.now(UTC))
    key = host.run({}, check=False)["key"]

    made = controller.certified(state.folder, key, NAMES)

    assert not wanted(state, key).why_due(made, datetime.now(UTC))
    assert len(ssh_certificates(state, "ssh-host")) == 1


def test_a_key_that_is_none_is_refused(authorities: State) -> None:
    """In the authority's words."""
    with pytest.raises(AnsibleActionFail, match="ZP060"):
        controller.certified(authorities.folder, "rubbish", NAMES)


def test_a_folder_that_lacks_a_list_is_not_taken_for_one_without_revocations(
    authorities: State,
) -> None:
    """It is said, with what is to be named."""
    file = authorities.folder / "ssh-user/revoked_keys"
    assert read(file, "utf-8") == ""
    file.unlink()

    with pytest.raises(AnsibleActionFail, match="revoked_keys: No such file"):
        read(file, "utf-8")
