"""A gateway's key stays on it; what is issued is for a name of the plan's, or for nobody."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from cryptography import x509

from pki.state import State
from playbooks.plugins.action import gateway_identity as controller
from playbooks.plugins.modules import gateway_identity as host
from playbooks.plugins.on_hosts.own_key import openssl
from tests.authorities import make_state
from tests.unit.test_playbooks_host_state import options, without_words

NAME = "huichuan-gw"


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a host's disk, on which strongSwan does not run."""
    folder = tmp_path / "swanctl"
    monkeypatch.setattr(host, "FOLDER", folder)
    monkeypatch.setattr(host, "KEY", folder / "private/gateway.key")
    monkeypatch.setattr(host, "NEXT_KEY", folder / "private/gateway.next.key")
    monkeypatch.setattr(host, "CERTIFICATE", folder / "x509/gateway.pem")
    monkeypatch.setattr(host, "_LOUSHAN", tmp_path / "no-loushan")
    return folder


@pytest.fixture
def authorities(tmp_path: Path) -> State:
    """Give the folder of authorities at the controller, which issues by the machine's clock."""
    return make_state(tmp_path / "pki", datetime.now(UTC))


def asked(**more: object) -> dict[str, Any]:
    """Give what the controller says to a host."""
    return {
        "name": NAME,
        "authority": "/pki",
        "lists_only": False,
        "new_key": False,
        "files": None,
        **more,
    }


def test_what_is_documented_is_what_is_taken() -> None:
    """Word for word."""
    assert options(host.SPEC) == without_words(yaml.safe_load(host.DOCUMENTATION)["options"])


# --- on the host ----------------------------------------------------------------------------------


def test_a_key_is_made_once_and_nothing_of_it_leaves(disk: Path) -> None:
    """Root alone reads it; the second time it is the same."""
    first = host.run(asked(), check=False)
    key = (disk / "private/gateway.key").read_text()
    second = host.run(asked(), check=False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert (disk / "private/gateway.key").stat().st_mode & 0o777 == 0o600
    assert (disk / "private").stat().st_mode & 0o777 == 0o700
    assert (disk / "private/gateway.key").read_text() == key
    assert "PRIVATE" not in str(first) + str(second)
    request = x509.load_pem_x509_csr(first["request"].encode())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"CN={NAME}"


def test_a_check_makes_no_key(disk: Path) -> None:
    """It says that it would."""
    said = host.run(asked(), check=True)

    assert said["changed"]
    assert not said["request"]
    assert not disk.exists()


def certificate(disk: Path, days: int, key: Path | None = None) -> None:
    """Lay a certificate on the disk, of a key, that is good for some days."""
    words = ["req", "-x509", "-new", "-key", str(key or disk / "private/gateway.key")]
    made = openssl(*words, "-subj", f"/CN={NAME}", "-days", str(days))
    (disk / "x509/gateway.pem").write_bytes(made)


def test_a_certificate_that_is_good_is_left(disk: Path) -> None:
    """The controller hears of it, and asks nobody for another."""
    host.run(asked(), check=False)
    certificate(disk, days=9)

    said = host.run(asked(), check=False)

    assert said["certificate"] == (disk / "x509/gateway.pem").read_text()


def test_a_certificate_that_has_a_day_or_less_is_not_good(disk: Path) -> None:
    """Another one is asked for."""
    host.run(asked(), check=False)
    certificate(disk, days=1)

    assert not host.run(asked(), check=False)["certificate"]


def test_a_certificate_of_another_key_is_not_good(disk: Path, tmp_path: Path) -> None:
    """As after the key was deleted so that a new one is made."""
    host.run(asked(), check=False)
    key = tmp_path / "other.key"
    key.write_bytes(openssl("genpkey", "-algorithm", "ED25519"))
    certificate(disk, days=9, key=key)

    assert not host.run(asked(), check=False)["certificate"]


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
def test_a_damaged_certificate_is_no_good_one(disk: Path, content: bytes) -> None:
    """A half-written renewal, for one: it is asked for again."""
    host.run(asked(), check=False)
    (disk / "x509/gateway.pem").write_bytes(content)

    assert not host.run(asked(), check=False)["certificate"]


@pytest.mark.parametrize(
    "name",
    [
        "private/gateway.key",
        "../x509/gateway.pem",
        "x509/../private/gateway.key",
        "x509/sub/gateway.pem",
        "x509/.new-gateway.pem",
        "x509/..",
        "x509/",
        "x509",
        "conf.d/links.conf",
        "/etc/passwd",
        "",
    ],
)
def test_nothing_is_installed_anywhere_else(disk: Path, name: str) -> None:
    """No key, no connection, and no way out of the folders of certificates."""
    with pytest.raises(ValueError):  # noqa: PT011 - the name is all it says
        host.run(asked(files={"x509/gateway.pem": "good\n", name: "evil\n"}), check=False)

    assert not disk.exists()


def test_what_is_sent_is_installed_once(disk: Path) -> None:
    """The second time nothing is changed; a check changes nothing and says what it would."""
    sent = asked(files={"x509crl/links.crl": "list\n"})
    would = host.run(sent, check=True)
    assert not disk.exists()
    first, second = host.run(sent, check=False), host.run(sent, check=False)

    assert [s["changed"] for s in (would, first, second)] == [True, True, False]
    assert "links.crl" in would["diff"]["after"]
    assert (disk / "x509crl/links.crl").read_text() == "list\n"
    assert (disk / "x509crl/links.crl").stat().st_mode & 0o777 == 0o644


def test_what_strongswan_refuses_does_not_stay(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next start would take it without a question."""
    host.run(asked(files={"x509crl/links.crl": "good\n"}), check=False)

    def refuses() -> None:
        raise subprocess.CalledProcessError(1, "loushan", stderr="ZG518")

    monkeypatch.setattr(host, "take_up", refuses)
    sent = {"x509crl/links.crl": "older\n", "x509crl/root.crl": "new\n"}
    with pytest.raises(subprocess.CalledProcessError):
        host.run(asked(files=sent), check=False)

    assert (disk / "x509crl/links.crl").read_text() == "good\n"
    assert not (disk / "x509crl/root.crl").exists()
    assert [file.name for file in (disk / "x509crl").iterdir()] == ["links.crl"]


def certificate_of(key: Path) -> str:
    """Certify a key by itself."""
    made: bytes = openssl("req", "-x509", "-new", "-key", str(key), "-subj", f"/CN={NAME}")
    return made.decode()


def test_a_new_key_takes_the_old_ones_place_with_its_certificate(disk: Path) -> None:
    """Until then the old one is in use; who asks twice asks for the last one."""
    host.run(asked(), check=False)
    old = (disk / "private/gateway.key").read_bytes()
    would = host.run(asked(new_key=True), check=True)
    assert not (disk / "private/gateway.next.key").exists()
    said = host.run(asked(new_key=True), check=False)
    new = (disk / "private/gateway.next.key").read_bytes()
    assert (disk / "private/gateway.key").read_bytes() == old != new

    sent = {"x509/gateway.pem": certificate_of(disk / "private/gateway.next.key")}
    host.run(asked(new_key=True, files=sent), check=False)

    assert (would["changed"], said["changed"], said["certificate"]) == (True, True, "")
    assert (disk / "private/gateway.key").read_bytes() == new
    assert (disk / "private/gateway.key").stat().st_mode & 0o777 == 0o600
    assert not (disk / "private/gateway.next.key").exists()


def test_a_new_key_that_strongswan_refuses_does_not_stay(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Certificate and key are those of before."""
    host.run(asked(), check=False)
    certificate(disk, days=9)
    before = [(disk / name).read_bytes() for name in ("private/gateway.key", "x509/gateway.pem")]
    host.run(asked(new_key=True), check=False)

    def refuses() -> None:
        raise subprocess.CalledProcessError(1, "loushan", stderr="ZG516")

    monkeypatch.setattr(host, "take_up", refuses)
    sent = {"x509/gateway.pem": certificate_of(disk / "private/gateway.next.key")}
    with pytest.raises(subprocess.CalledProcessError):
        host.run(asked(new_key=True, files=sent), check=False)

    after = [(disk / name).read_bytes() for name in ("private/gateway.key", "x509/gateway.pem")]
    assert after == before
    assert (disk / "private/gateway.key").stat().st_mode & 0o777 == 0o600


def test_a_certificate_of_a_key_that_is_not_there_any_more_is_not_installed(
    disk: Path, tmp_path: Path
) -> None:
    """The gateway renewed itself between the question and the answer."""
    host.run(asked(), check=False)
    certificate(disk, days=9)
    before = (disk / "x509/gateway.pem").read_bytes()
    other = tmp_path / "other.key"
    other.write_bytes(openssl("genpkey", "-algorithm", "ED25519"))

    with pytest.raises(ValueError, match="has changed"):
        host.run(asked(files={"x509/gateway.pem": certificate_of(other)}), check=False)

    assert (disk / "x509/gateway.pem").read_bytes() == before


# --- at the controller ----------------------------------------------------------------------------


@pytest.mark.usefixtures("disk")
def test_what_is_issued_is_for_the_name_of_the_plan(authorities: State) -> None:
    """Whatever the host calls itself in its request is refused."""
    request = host.run(asked(), check=False)["request"]

    issued = controller.certified(authorities.folder, NAME, request, check=False)

    names = x509.load_pem_x509_certificate(issued.encode()).extensions
    (name,) = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert name.value == f"{NAME}.gw.zunyi.internal"
    assert issued.count("BEGIN CERTIFICATE") == 1
    with pytest.raises(AnsibleActionFail, match="ZP"):
        controller.certified(authorities.folder, "city-gw", request, check=False)


@pytest.mark.usefixtures("disk")
def test_a_check_issues_nothing(authorities: State) -> None:
    """Nothing is on the authority's record."""
    request = host.run(asked(), check=False)["request"]

    assert not controller.certified(authorities.folder, NAME, request, check=True)
    assert not authorities.records("links")


def test_a_request_that_is_none_is_refused(authorities: State) -> None:
    """With the authority's words."""
    with pytest.raises(AnsibleActionFail, match="ZP"):
        controller.certified(authorities.folder, NAME, "no request", check=False)


def test_a_host_is_given_what_it_judges_others_by(authorities: State) -> None:
    """The root and the authority of links with their lists, and no other."""
    files = controller.lists_of(authorities.folder) | controller.authorities_of(authorities.folder)

    assert sorted(files) == [
        "x509ca/links.pem",
        "x509ca/root.pem",
        "x509crl/links.crl",
        "x509crl/root.crl",
    ]
    assert "PRIVATE" not in "".join(files.values())
    assert {host.place(name).parent.parent for name in files} == {host.FOLDER}


@pytest.mark.parametrize("missing", ["root/crl.pem", "links/authority.pem"])
def test_a_missing_file_is_said_with_what_is_to_be_named(authorities: State, missing: str) -> None:
    """Not a traceback of Ansible's."""
    (authorities.folder / missing).unlink()

    with pytest.raises(AnsibleActionFail, match="pki init"):
        (controller.lists_of if "crl" in missing else controller.authorities_of)(authorities.folder)


def test_what_stands_above_a_certificate_is_left_off() -> None:
    """Authorities are delivered by themselves."""
    one = "-----BEGIN CERTIFICATE-----\none\n-----END CERTIFICATE-----\n"

    assert controller.leaf_of(one + one.replace("one", "two")) == one
