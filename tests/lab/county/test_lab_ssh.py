"""By ssh, who comes and who is come to know each other by certificates, and nothing is asked."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.evidence.hosts_asked import AskedHost, host_from_json
from gateway.evidence.judge import Outcome, judge
from tests.lab.desk import Operator
from tests.lab.evidence import ROW
from tests.lab.forged_ssh import HOST, certificate, stranger, thief
from tests.lab.town import Town, until

pytestmark = pytest.mark.lab

GATEWAY = "suiyang-gw"

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
HOST_CERTIFICATE = f"{HOST_KEY}-cert.pub"
REVOKED = "/etc/ssh/authority/revoked_keys"

#: Stands for the gateway's own, which only the lab that is up knows.
ADDRESS = "address"

#: An account on the gateway that is no operator's.
FORMER = "former"

Issuer = ec.EllipticCurvePrivateKey


@pytest.fixture(scope="module")
def operator(town: Town) -> Iterator[Operator]:
    """Certify somebody at the desk, and have the gateway take them in."""
    operator = Operator(town, GATEWAY)
    done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", operator.account)
    assert done.returncode == 0, done.stdout[-3000:]
    yield operator
    town.playbook("provision", "--limit", GATEWAY)


@pytest.fixture(autouse=True)
def forgiven(operator: Operator) -> None:
    """Have sshd forget whom it refused: it does not speak for a while to who comes from there."""
    operator.town.must(GATEWAY, "systemctl", "reload", "ssh.service")
    assert until(operator.gets_in, 10)


def since(operator: Operator, cursor: str) -> str:
    """Give what sshd has written since."""
    return operator.town.since(GATEWAY, cursor, "ssh.service")


# --- who comes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_an_operator_with_a_certificate_gets_in_and_is_asked_nothing(
    operator: Operator, version: int
) -> None:
    """The desk knows the hosts' authority and no host; the journal names who it was."""
    cursor = operator.town.cursor(GATEWAY)

    done = operator.ssh("sudo", "-n", "id", "-u", version=version)

    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    assert until(lambda: "ID operator (serial" in since(operator, cursor), 5)
    assert "Accepted publickey for operator" in since(operator, cursor)


@dataclass(frozen=True, slots=True)
class Show:
    """What somebody shows who wants to come in, and how sshd says why not, if it says anything."""

    issuer: Callable[[Path], Issuer]
    names: tuple[str, ...]
    why: str = ""
    hours: tuple[float, float] = (-1, 24)
    account: str = "operator"


def users(folder: Path) -> Issuer:
    """Take the authority's key by whom operators are certified."""
    return thief(folder, "ssh-user")


def hosts(folder: Path) -> Issuer:
    """Take the authority's key by whom hosts are certified."""
    return thief(folder, "ssh-host")


def nobodys(_folder: Path) -> Issuer:
    """Make an authority of one's own."""
    return stranger()


ME = ("build:operator",)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(Show(users, ME, "expired", hours=(-48, -1)), id="expired"),
        pytest.param(Show(users, ME, "not yet valid", hours=(1, 24)), id="not yet valid"),
        pytest.param(
            Show(users, ("build:liming",), "authorized principal"), id="for another account"
        ),
        pytest.param(Show(users, (), "authorized principal"), id="for every account"),
        pytest.param(Show(hosts, ME), id="of the hosts' authority"),
        pytest.param(Show(nobodys, ME), id="of another authority"),
        pytest.param(
            Show(users, (f"build:{FORMER}",), account=FORMER), id="who is operator no longer"
        ),
        pytest.param(Show(users, ("build:root",), account="root"), id="root"),
    ],
)
def test_another_certificate_lets_nobody_in(operator: Operator, shown: Show) -> None:
    """Of the same key, for the same account, made by the same hand as one that does."""
    town, folder = operator.town, operator.town.places.authorities
    good = certificate(users(folder), operator.key, *ME)
    issuer = shown.issuer(folder)
    bad = certificate(issuer, operator.key, *shown.names, hours=shown.hours)
    with account(town, FORMER):
        with shows(operator, good):
            assert operator.gets_in()
        cursor = town.cursor(GATEWAY)

        with shows(operator, bad):
            done = operator.ssh("true", account=shown.account, more=("-v",))

    assert done.returncode != 0
    assert "Permission denied (publickey)" in done.stderr
    assert re.search("Offering public key: .* ED25519-CERT ", done.stderr)
    assert until(lambda: shown.why in since(operator, cursor), 5)
    assert "Accepted" not in since(operator, cursor)


def test_a_key_alone_lets_nobody_in_unless_the_inventory_lists_it(operator: Operator) -> None:
    """As before there are authorities; who is listed no longer is out again."""
    town = operator.town
    listed = json.dumps(
        {"base_operators": [{"name": "operator", "duty": "build", "keys": [operator.key]}]}
    )
    with shows(operator, ""):
        before = operator.ssh("true")
        done = town.playbook("provision", "--limit", GATEWAY, "--extra-vars", listed)
        meanwhile = operator.gets_in()
        town.playbook("provision", "--limit", GATEWAY, "--extra-vars", operator.account)
        after = operator.ssh("true")

    assert "Permission denied (publickey)" in before.stderr
    assert done.returncode == 0, done.stdout[-2000:]
    assert meanwhile
    assert "Permission denied (publickey)" in after.stderr


def evidence(operator: Operator, folder: Path) -> tuple[int, AskedHost]:
    """Ask the gateway for evidence, from the desk."""
    into = json.dumps({"evidence_into": str(folder)})
    done = operator.playbook("evidence", "-e", into, "-e", operator.account)
    body = json.loads((folder / f"{GATEWAY}.json").read_text("utf-8"))
    return done.returncode, host_from_json(body)


def test_evidence_is_asked_by_ssh_and_says_who_asked(operator: Operator, tmp_path: Path) -> None:
    """Who asks is root for it, and the row about who may do everything names them."""
    status, host = evidence(operator, tmp_path)

    found = judge(ROW["nobody_all"], host, {})
    assert status == 0
    assert (found.outcome, host.asker) == (Outcome.PASS, "operator"), found.why.en
    assert "operator" in found.rests
    assert judge(ROW["ssh_certificates"], host, {}).outcome is Outcome.PASS


def test_what_would_be_lost_comes_by_ssh_and_goes_back(operator: Operator, tmp_path: Path) -> None:
    """The archive is for root alone on the gateway, and whoever comes is not root."""
    folder = tmp_path / "kept"

    kept = operator.playbook("backup", "-e", f"backup_to={folder}", "-e", operator.account)
    (archive,) = folder.glob(f"{GATEWAY}-2*.tar.gz")
    words = ("-e", f"restore_from={archive}", "-e", f"restore_confirm={GATEWAY}")
    back = operator.playbook("restore", *words, "-e", operator.account)

    assert kept.returncode == 0, kept.stdout[-3000:]
    assert back.returncode == 0, back.stdout[-3000:]
    assert "aide.db" in operator.town.must(GATEWAY, "sh", "-c", "ls /var/lib/loushan-history/2*")


def test_a_gateway_that_lets_nobody_in_is_evidence_of_nothing(
    operator: Operator, tmp_path: Path
) -> None:
    """It is written down as not reached, and fails."""
    operator.show(certificate(stranger(), operator.key, "build:operator"))
    try:
        status, host = evidence(operator, tmp_path)
    finally:
        operator.show(operator.certificate)

    assert status != 0
    assert "Permission denied" in host.trouble
    assert judge(ROW["ssh_certificates"], host, {}).outcome is Outcome.FAIL


def test_who_was_revoked_does_not_come_in_again(operator: Operator) -> None:
    """From the moment that it was delivered; whoever else is certified still does."""
    town, folder = operator.town, str(operator.town.places.authorities)
    other = Operator(town, GATEWAY, "wangfang")
    before, cursor = other.gets_in(), town.cursor(GATEWAY)
    revoke = ("pki", "revoke", folder, "wangfang", "--profile", "ssh-user")

    done = town.loushan(*revoke, "--deliver", "inventory/lab")
    again = town.playbook("revoke", "--limit", GATEWAY)

    assert before
    assert done.returncode == 0, done.stdout + done.stderr
    others = ("city.applications", "city.monitoring")
    assert f"delivered to {len(town.gateways) + len(others)} hosts" in done.stdout
    assert "changed=0 " in again.stdout, again.stdout[-1000:]
    assert not other.gets_in()
    assert until(lambda: f"revoked by file {REVOKED}" in since(operator, cursor), 5)
    assert operator.gets_in()


def test_a_check_of_a_revocation_shows_it_and_delivers_nothing(operator: Operator) -> None:
    """Somebody has emptied the list by hand: only a run mends it."""
    town = operator.town
    whole = town.must(GATEWAY, "cat", REVOKED)
    town.must(GATEWAY, "sh", "-c", f"printf '' >{REVOKED}")
    words = ("--limit", GATEWAY)

    dry = town.playbook("revoke", *words, "--check", "--diff")
    still = town.must(GATEWAY, "cat", REVOKED)
    done = town.playbook("revoke", *words)

    assert whole
    assert whole.split()[1] in dry.stdout
    assert not still
    assert done.returncode == 0
    assert town.must(GATEWAY, "cat", REVOKED) == whole


def test_without_a_list_of_who_was_revoked_nobody_comes_in(operator: Operator) -> None:
    """A list that was lost is no list on which nobody stands."""
    operator.town.must(GATEWAY, "mv", REVOKED, f"{REVOKED}.away")
    try:
        lost = operator.gets_in()
    finally:
        operator.town.must(GATEWAY, "mv", f"{REVOKED}.away", REVOKED)

    assert not lost
    assert operator.gets_in()


@contextmanager
def shows(operator: Operator, text: str) -> Iterator[None]:
    """Have the operator show another certificate for a while."""
    operator.show(text)
    try:
        yield
    finally:
        operator.show(operator.certificate)


@contextmanager
def account(town: Town, name: str) -> Iterator[None]:
    """Have an account on the gateway for a while, as one that was an operator's."""
    town.must(GATEWAY, "useradd", "--create-home", "--shell", "/bin/bash", name)
    try:
        yield
    finally:
        town.must(GATEWAY, "userdel", "--remove", name)


# --- who is come to -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "names", "hours", "why"),
    [
        pytest.param(
            nobodys, (GATEWAY, ADDRESS), (-1, 24), "requested strict", id="another authority"
        ),
        pytest.param(
            users, (GATEWAY, ADDRESS), (-1, 24), "requested strict", id="the users' authority"
        ),
        pytest.param(hosts, (GATEWAY, ADDRESS), (-48, -1), "expired", id="expired"),
        pytest.param(hosts, ("city-gw",), (-1, 24), "principal", id="another gateway's"),
    ],
)
def test_a_host_that_shows_another_certificate_is_not_spoken_to(
    operator: Operator,
    issuer: Callable[[Path], Issuer],
    names: tuple[str, ...],
    hours: tuple[float, float],
    why: str,
) -> None:
    """No question is asked: it is refused. The same hand makes one that is taken."""
    town, folder = operator.town, operator.town.places.authorities
    key = town.must(GATEWAY, "cat", f"{HOST_KEY}.pub")
    own = str(operator.address)
    called = [own if name == ADDRESS else name for name in names]
    good = certificate(hosts(folder), key, GATEWAY, own, kind=HOST)
    bad = certificate(issuer(folder), key, *called, kind=HOST, hours=hours)
    with host_shows(town, good):
        assert operator.gets_in()
    with host_shows(town, bad):
        done = operator.ssh("true")

    assert done.returncode != 0
    assert "Host key verification failed" in done.stderr
    assert why in done.stderr
    assert operator.gets_in()


def test_a_host_whose_key_was_revoked_is_not_spoken_to(operator: Operator, tmp_path: Path) -> None:
    """Whoever takes the authority's list anew; a certificate of its helps no more."""
    town, folder = operator.town, str(operator.town.places.authorities)
    key, shown = tmp_path / "lost", tmp_path / "lost-cert.pub"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    words = ("--profile", "ssh-host", "--name", "lost-gw", "--principal", str(operator.address))
    files = ("--public-key", f"{key}.pub", "--out", str(shown))
    issued = town.loushan("pki", "issue", folder, *words, *files)
    with host_shows(town, shown.read_text(), key.read_text()):
        before = operator.gets_in()
        revoked = town.loushan("pki", "revoke", folder, "lost-gw", "--profile", "ssh-host")
        operator.learn()
        done = operator.ssh("true")

    assert before, issued.stderr
    assert revoked.returncode == 0, revoked.stderr
    assert done.returncode != 0
    assert "REVOKED HOST KEY DETECTED" in done.stderr
    assert operator.gets_in()


def test_a_host_is_certified_again_by_the_next_run_after_half_of_its_life(
    operator: Operator,
) -> None:
    """A check says so, and issues nothing; a second run finds nothing to do."""
    town, folder = operator.town, operator.town.places.authorities
    key = town.must(GATEWAY, "cat", f"{HOST_KEY}.pub")
    names = [GATEWAY, *(str(town.address(GATEWAY, version)) for version in (4, 6))]
    old = certificate(hosts(folder), key, *names, kind=HOST, hours=(-49, 47))
    host_has(town, {HOST_CERTIFICATE: old})
    issued = len(list((folder / "ssh-host/issued").iterdir()))
    words = ("--limit", GATEWAY, "--extra-vars", operator.account)

    dry = town.playbook("provision", *words, "--check", "--diff")
    after_dry = len(list((folder / "ssh-host/issued").iterdir()))
    done = town.playbook("provision", *words)
    again = town.playbook("provision", *words)

    assert "half of its certificate's life has gone" in dry.stdout
    assert after_dry == issued
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(list((folder / "ssh-host/issued").iterdir())) == issued + 1
    assert town.must(GATEWAY, "cat", HOST_CERTIFICATE) != old
    assert "changed=0 " in again.stdout, again.stdout[-2000:]
    assert operator.gets_in()


@contextmanager
def host_shows(town: Town, text: str, key: str = "") -> Iterator[None]:
    """Have the gateway show another certificate for a while, of another key too."""
    own = {
        HOST_CERTIFICATE: town.must(GATEWAY, "cat", HOST_CERTIFICATE),
        HOST_KEY: town.must(GATEWAY, "cat", HOST_KEY),
    }
    host_has(town, {HOST_CERTIFICATE: text, HOST_KEY: key or own[HOST_KEY]})
    try:
        yield
    finally:
        host_has(town, own)


def host_has(town: Town, files: Mapping[str, str]) -> None:
    """Write files of the gateway's sshd, and wait until it shows them."""
    for file, text in files.items():
        town.must(GATEWAY, "sh", "-c", f"cat >{file}", text=text)
    town.must(GATEWAY, "systemctl", "reload", "ssh.service")
    shown = files[HOST_CERTIFICATE].split()[1]
    ask = ("ssh-keyscan", "-c", "-t", "ed25519", "127.0.0.1")
    assert until(lambda: shown in town.run(GATEWAY, *ask).stdout, 10)
