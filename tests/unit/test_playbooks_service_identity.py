"""A service's key stays on its host; its certificate is judged, and renewed where it is due."""

import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from cryptography import x509

from pki.issue import issue
from pki.revoke import revoke
from pki.state import State
from playbooks.plugins.action import service_identity as controller
from playbooks.plugins.authority import certified, read
from playbooks.plugins.modules import service_identity as host
from tests.authorities import NO_SECRETS, NOW, make_state, request
from tests.unit.test_playbooks_host_state import options, without_words

NAME = "applications-city"

#: How long such a certificate lives.
LIFE = timedelta(days=60)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Give a host's folder."""
    return tmp_path / "service"


@pytest.fixture
def authorities(tmp_path: Path) -> State:
    """Give the folder of authorities at the controller, which issues by the machine's clock."""
    return make_state(tmp_path / "pki", datetime.now(UTC))


def asked(disk: Path, **more: object) -> dict[str, Any]:
    """Give what the controller says to a host, for the account that runs this."""
    own = pwd.getpwuid(os.getuid())
    return {
        "name": NAME,
        "authority": "/pki",
        "key": str(disk / "service.key"),
        "certificate": str(disk / "service.pem"),
        "combined": str(disk / "combined.pem"),
        "issuer": str(disk / "issuer.pem"),
        "authorities": str(disk / "authorities.pem"),
        "owner": own.pw_name,
        "group": "root",
        "mode": "0600",
        "new_key": False,
        "files": None,
        **more,
    }


def sent(state: State, said: Mapping[str, Any]) -> dict[str, str]:
    """Give what the controller sends to a host that has asked."""
    chain = controller.chain_for(state.folder, NAME, str(said["request"]), is_old=False)
    issuer = read(state.folder / "services" / "authority.pem")
    root = read(state.folder / "root" / "authority.pem")
    return {"certificate": chain, "issuer": issuer, "authorities": root + issuer}


def test_what_is_documented_is_what_is_taken() -> None:
    """Word for word."""
    assert options(host.SPEC) == without_words(yaml.safe_load(host.DOCUMENTATION)["options"])


# --- on the host ----------------------------------------------------------------------------------


def test_a_key_is_made_once_and_nothing_of_it_leaves(disk: Path) -> None:
    """Its owner alone reads it; the second time it is the same."""
    first = host.run(asked(disk), check=False)
    key = (disk / "service.key").read_text()
    second = host.run(asked(disk), check=False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert (disk / "service.key").stat().st_mode & 0o777 == 0o600
    assert (disk / "service.key").read_text() == key
    assert "PRIVATE" not in str(first) + str(second)
    made = x509.load_pem_x509_csr(first["request"].encode())
    assert made.is_signature_valid
    assert made.subject.rfc4514_string() == f"CN={NAME}"


def test_a_check_makes_no_key(disk: Path) -> None:
    """It says that it would."""
    said = host.run(asked(disk), check=True)

    assert said == {"changed": True, "request": "", "certificate": ""}
    assert not disk.exists()


@pytest.mark.parametrize("mode", ["0644", "0604", "01600"])
def test_a_key_is_not_for_others(disk: Path, mode: str) -> None:
    """Before one is made."""
    with pytest.raises(ValueError, match="owner and its group"):
        host.run(asked(disk, mode=mode), check=False)

    assert not disk.exists()


def test_a_user_that_is_not_there_is_refused(disk: Path) -> None:
    """The key would be nobody's, or everybody's."""
    with pytest.raises(KeyError, match="nobody-of-this-name"):
        host.run(asked(disk, owner="nobody-of-this-name"), check=False)

    assert not disk.exists()


@pytest.mark.parametrize("only", ["certificate", "combined"])
def test_what_is_sent_is_installed_once(disk: Path, authorities: State, only: str) -> None:
    """A check changes nothing; the second time nothing is changed, and the digest is the same."""
    other = {"certificate": "combined", "combined": "certificate"}[only]
    wanted = asked(disk, **{other: None})
    files = sent(authorities, host.run(wanted, check=False))
    would = host.run({**wanted, "files": files}, check=True)
    assert [file.name for file in disk.iterdir()] == ["service.key"]
    first, second = (host.run({**wanted, "files": files}, check=False) for _ in range(2))
    again = host.run(wanted, check=False)

    assert [each["changed"] for each in (would, first, second)] == [True, True, False]
    assert first["digest"] == second["digest"]
    assert again["certificate"] == files["certificate"], "and nothing of the key is told"


def test_each_file_is_for_those_who_need_it(disk: Path, authorities: State) -> None:
    """What holds the key is its owner's; the rest can be read by everybody."""
    files = sent(authorities, host.run(asked(disk), check=False))
    host.run(asked(disk, files=files), check=False)

    modes = {file.name: file.stat().st_mode & 0o777 for file in disk.iterdir()}
    assert modes == {
        "service.key": 0o600,
        "combined.pem": 0o600,
        "service.pem": 0o644,
        "issuer.pem": 0o644,
        "authorities.pem": 0o644,
    }
    combined = (disk / "combined.pem").read_text()
    assert combined == files["certificate"] + (disk / "service.key").read_text()
    assert combined.count("BEGIN CERTIFICATE") == 2
    assert (disk / "issuer.pem").read_text().count("BEGIN CERTIFICATE") == 1
    assert (disk / "authorities.pem").read_text().count("BEGIN CERTIFICATE") == 2


def test_rights_that_somebody_changed_are_put_right(disk: Path, authorities: State) -> None:
    """Of the key, and of what is combined."""
    files = sent(authorities, host.run(asked(disk), check=False))
    host.run(asked(disk, files=files), check=False)
    for name in ("service.key", "combined.pem"):
        (disk / name).chmod(0o644)

    done = host.run(asked(disk, files=files), check=False)

    assert done["changed"]
    for name in ("service.key", "combined.pem"):
        assert (disk / name).stat().st_mode & 0o777 == 0o600


def test_a_certificate_of_another_key_is_not_installed(disk: Path, authorities: State) -> None:
    """The key was changed between the question and the answer."""
    files = sent(authorities, host.run(asked(disk), check=False))
    (disk / "service.key").unlink()
    host.run(asked(disk), check=False)

    with pytest.raises(ValueError, match="has changed"):
        host.run(asked(disk, files=files), check=False)

    assert [file.name for file in disk.iterdir()] == ["service.key"]


def test_a_new_key_takes_the_old_ones_place_with_its_certificate(
    disk: Path, authorities: State
) -> None:
    """Until then the old one is in use; a check makes none."""
    files = sent(authorities, host.run(asked(disk), check=False))
    host.run(asked(disk, files=files), check=False)
    before = {file.name: file.read_bytes() for file in disk.iterdir()}
    host.run(asked(disk, new_key=True), check=True)
    assert {file.name: file.read_bytes() for file in disk.iterdir()} == before

    renewing = host.run(asked(disk, new_key=True), check=False)
    meanwhile = {name: (disk / name).read_bytes() for name in before}
    renewed = sent(authorities, renewing)
    done = host.run(asked(disk, files=renewed), check=False)
    again = host.run(asked(disk, files=renewed), check=False)

    after = {file.name: file.read_bytes() for file in disk.iterdir()}
    assert meanwhile == before
    assert (done["changed"], again["changed"]) == (True, False)
    assert after.keys() == before.keys()
    assert after["service.key"] != before["service.key"]
    assert after["combined.pem"] == after["service.pem"] + after["service.key"]
    assert (disk / "service.key").stat().st_mode & 0o777 == 0o600


# --- at the controller ----------------------------------------------------------------------------


def judged(state: State) -> controller.Wanted:
    """Give how a certificate of a folder's authority has to be."""
    folder = state.folder / "services"
    return controller.Wanted(NAME, read(folder / "authority.pem"), read(folder / "crl.pem"))


def test_a_good_certificate_is_left_until_a_third_of_its_life_is_left(tmp_path: Path) -> None:
    """To the second."""
    state, asking = make_state(tmp_path), request(NAME)
    issued = issue(state, "service", NAME, asking, secrets=NO_SECRETS, now=NOW)
    begin, end = issued.record.certificate.not_valid_before_utc, issued.record.ends_at
    latest = end - (end - begin) / 3
    chain, wanted = issued.chain().decode(), judged(state)

    assert end - begin >= LIFE
    assert wanted.why_due(chain, asking.decode(), NOW) == ""
    assert wanted.why_due(chain, asking.decode(), latest) == ""
    late = wanted.why_due(chain, asking.decode(), latest + timedelta(seconds=1))
    assert "a third" in late


def test_another_one_is_issued_where_it_is_due(tmp_path: Path) -> None:
    """Each for its reason."""
    state, asking = make_state(tmp_path / "pki"), request(NAME)
    own, other = (
        issue(each, "service", NAME, asking, secrets=NO_SECRETS, now=NOW).chain().decode()
        for each in (state, make_state(tmp_path / "other"))
    )
    wanted, mine = judged(state), asking.decode()

    renamed = controller.Wanted("est", wanted.issuer, wanted.revocations)
    assert "has no certificate" in wanted.why_due("", mine, NOW)
    assert "cannot be read" in wanted.why_due("no certificate", mine, NOW)
    assert "another key's" in wanted.why_due(own, request(NAME).decode(), NOW)
    assert "another name" in renamed.why_due(own, mine, NOW)
    assert "another authority's" in wanted.why_due(other, mine, NOW)
    leaf = own.partition("-----BEGIN")[2].partition("-----BEGIN")[0]
    assert "another authority's" in wanted.why_due(f"-----BEGIN{leaf}", mine, NOW), "none above it"


def test_what_was_revoked_is_no_good_certificate(tmp_path: Path) -> None:
    """By the list that lies beside the authority."""
    state, asking = make_state(tmp_path), request(NAME)
    issued = issue(state, "service", NAME, asking, secrets=NO_SECRETS, now=NOW)
    revoke(state, f"{issued.record.serial:x}", "keyCompromise", NO_SECRETS, NOW)

    assert "revoked" in judged(state).why_due(issued.chain().decode(), asking.decode(), NOW)


def test_several_hosts_show_one_name(authorities: State) -> None:
    """Each with its own key; who asks again with the same gets the same."""
    first, second = (request(NAME).decode() for _ in range(2))

    chains = [
        controller.chain_for(authorities.folder, NAME, each, is_old=False)
        for each in (first, second, second)
    ]

    assert len(authorities.records("services")) == 2
    assert chains[0] != chains[1]
    for chain in chains:
        leaf = x509.load_pem_x509_certificate(chain.encode())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [name.value for name in names] == [f"{NAME}.svc.zunyi.internal"]
        assert chain.count("BEGIN CERTIFICATE") == 2


def test_one_hosts_certificate_is_revoked_and_the_others_go_on(authorities: State) -> None:
    """With a new key; the one that was revoked is not certified again."""
    lost, other, new = (request(NAME).decode() for _ in range(3))
    chain, kept = (
        controller.chain_for(authorities.folder, NAME, each, is_old=False) for each in (lost, other)
    )
    serial = x509.load_pem_x509_certificate(chain.encode()).serial_number
    revoke(authorities, f"{serial:x}", "keyCompromise", NO_SECRETS, datetime.now(UTC))

    good = judged(authorities).why_due(kept, other, datetime.now(UTC))
    renewed = controller.chain_for(authorities.folder, NAME, new, is_old=True)

    assert good == ""
    assert renewed not in (chain, kept)
    with pytest.raises(AnsibleActionFail, match="ZP037"):
        controller.chain_for(authorities.folder, NAME, lost, is_old=False)


def test_a_request_for_another_name_is_refused(authorities: State) -> None:
    """The host cannot choose how it is called."""
    for is_old in (False, True):
        with pytest.raises(AnsibleActionFail, match="ZP"):
            controller.chain_for(authorities.folder, NAME, request("est").decode(), is_old=is_old)

    assert not authorities.records("services")


def test_a_key_that_was_revoked_is_not_certified_again(authorities: State) -> None:
    """Who took it may still have it."""
    asking = request(NAME).decode()
    chain = certified(authorities.folder, "service", NAME, asking)
    serial = x509.load_pem_x509_certificate(chain.encode()).serial_number
    revoke(authorities, f"{serial:x}", "keyCompromise", NO_SECRETS, datetime.now(UTC))

    with pytest.raises(AnsibleActionFail, match="ZP037"):
        controller.chain_for(authorities.folder, NAME, asking, is_old=False)
