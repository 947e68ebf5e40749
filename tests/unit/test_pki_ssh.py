"""SSH certificates: what ssh-keygen reads in them, and who gets none."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pki.errors import Code, PkiRefused
from pki.initialise import KNOWN_HOSTS, REVOKED_KEYS
from pki.parts import ALGORITHMS, make_key
from pki.profiles import PACKAGED
from pki.ssh import issue_ssh, revoke_ssh
from pki.state import State
from pki.status import Standing, certificate_lines
from tests.authorities import GATEWAY, NO_SECRETS, NOW, AnyKey, make_state


def line(key: AnyKey | None = None) -> bytes:
    """Give a public key as a host has it in a file."""
    public = (key or make_key("ed25519")).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" root@host\n"


def certify(
    state: State, profile: str, name: str, *principals: str, key: AnyKey | None = None
) -> Path:
    """Issue a certificate in SSH's own form."""
    return issue_ssh(state, profile, name, principals, line(key), secrets=NO_SECRETS, now=NOW)


def shown(file: Path) -> str:
    """Have ssh-keygen say what stands in a certificate."""
    return subprocess.run(
        ["ssh-keygen", "-L", "-f", file],
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC", "PATH": "/usr/bin"},
    ).stdout


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_host_is_known_by_its_names(tmp_path: Path, algorithm: str) -> None:
    """For ninety days, to everyone who trusts the authority."""
    state = make_state(tmp_path)

    said = shown(certify(state, "ssh-host", GATEWAY, "10.32.0.1", key=make_key(algorithm)))

    public = subprocess.run(
        ["ssh-keygen", "-l", "-f", tmp_path / "ssh-host" / "authority.pub"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[1]
    assert "host certificate" in said
    assert f'Key ID: "{GATEWAY}"' in said
    assert "10.32.0.1" in said
    assert f"Signing CA: ECDSA {public}" in said
    assert "from 2026-11-23T08:55:00 to 2027-02-21T08:55:00" in said


def test_a_host_may_be_called_by_its_addresses(tmp_path: Path) -> None:
    """Whoever gives an address to ssh is asked nothing either; in one spelling, as ssh has it."""
    state = make_state(tmp_path)

    said = shown(certify(state, "ssh-host", GATEWAY, "10.32.0.1", "fd00:32::1"))

    principals = said[said.index("Principals:") : said.index("Critical")].split()
    assert principals == ["Principals:", GATEWAY, "10.32.0.1", "fd00:32::1"]
    for untrusted in ("fd00:32:0::1", "FD00:32::1", "[fd00:32::1]"):
        with pytest.raises(PkiRefused) as refused:
            certify(state, "ssh-host", GATEWAY, untrusted)
        assert refused.value.code is Code.ZP035


def finds(folder: Path, host: str, key: bytes) -> set[str]:
    """Have ssh-keygen say which lines of the hosts' list are about a host."""
    listed = folder / "ssh-host" / KNOWN_HOSTS
    said = subprocess.run(
        ["ssh-keygen", "-F", host, "-f", listed], capture_output=True, text=True, check=True
    ).stdout
    lines = (line for line in said.splitlines() if not line.startswith("#"))
    own = b" ".join(key.split()[:2]).decode()
    return {line.split()[0] for line in lines if line.startswith("@cert-authority") or own in line}


def test_whoever_comes_to_a_host_is_told_which_key_counts_no_more(tmp_path: Path) -> None:
    """The list names the authority, and every host's key that was revoked."""
    state, lost = make_state(tmp_path), make_key("ed25519")
    certify(state, "ssh-host", GATEWAY, key=lost)
    before = finds(tmp_path, GATEWAY, line(lost))

    revoke_ssh(state, "ssh-host", GATEWAY)

    assert before == {"@cert-authority"}
    assert finds(tmp_path, GATEWAY, line(lost)) == {"@cert-authority", "@revoked"}
    assert finds(tmp_path, GATEWAY, line()) == {"@cert-authority"}


def test_nobody_is_revoked_at_first(tmp_path: Path) -> None:
    """And the list is there: sshd refuses everybody where it is missing."""
    state = make_state(tmp_path)

    for ssh in state.profiles.ssh:
        assert (tmp_path / ssh.name / REVOKED_KEYS).read_bytes() == b""


def test_an_administrator_may_have_a_terminal_and_nothing_more(tmp_path: Path) -> None:
    """For a week, as the account that was named."""
    said = shown(certify(make_state(tmp_path), "ssh-user", "liming", "operator"))

    assert "user certificate" in said
    assert said[said.index("Extensions:") :].split() == ["Extensions:", "permit-pty"]
    assert said[said.index("Principals:") : said.index("Critical")].split() == [
        "Principals:",
        "liming",
        "operator",
    ]


@pytest.mark.parametrize(
    ("name", "principals", "code"),
    [
        pytest.param("wang", ("audit:wang", "system:wang"), Code.ZP062, id="two at once"),
        pytest.param("liming", ("audit:liming",), Code.ZP062, id="another beside the one"),
        pytest.param("liming", ("build:liming",), Code.ZP062, id="also that of who builds"),
        pytest.param("wang", ("root:wang",), Code.ZP061, id="no duty"),
        pytest.param("wang", (":wang",), Code.ZP061, id="an empty one"),
    ],
)
def test_nobody_is_certified_for_two_duties(
    tmp_path: Path, name: str, principals: tuple[str, ...], code: Code
) -> None:
    """System, security and audit are of three people; who has one gets no other."""
    state = make_state(tmp_path)
    certify(state, "ssh-user", "liming", "system:liming")

    with pytest.raises(PkiRefused) as refused:
        certify(state, "ssh-user", name, *principals)

    assert refused.value.code is code


def test_one_key_is_not_certified_for_two_duties_under_two_names(tmp_path: Path) -> None:
    """It would be one person."""
    state, key = make_state(tmp_path), make_key("ed25519")
    certify(state, "ssh-user", "liming", "system:liming", key=key)

    with pytest.raises(PkiRefused) as refused:
        certify(state, "ssh-user", "liming2", "audit:liming2", key=key)

    assert refused.value.code is Code.ZP062


def test_who_gave_a_duty_back_may_have_another(tmp_path: Path) -> None:
    """When the certificate has ended, or its key was revoked; the same one may be had again."""
    state = make_state(tmp_path)
    certify(state, "ssh-user", "liming", "system:liming")
    certify(state, "ssh-user", "liming", "system:liming")
    revoke_ssh(state, "ssh-user", "liming")

    said = shown(certify(state, "ssh-user", "liming", "audit:liming"))
    later = NOW + timedelta(days=8)
    after = issue_ssh(
        state, "ssh-user", "liming", ("security:liming",), line(), secrets=NO_SECRETS, now=later
    )

    assert "audit:liming" in said
    assert "security:liming" in shown(after)


@pytest.mark.parametrize(
    ("key", "name", "code"),
    [
        pytest.param(b"rubbish", GATEWAY, Code.ZP060, id="no key"),
        pytest.param(b"", GATEWAY, Code.ZP060, id="nothing"),
        pytest.param(
            line(rsa.generate_private_key(65537, 2048)), GATEWAY, Code.ZP032, id="a kind of key"
        ),
        pytest.param(line(), "Huichuan", Code.ZP035, id="no name of a host"),
        pytest.param(line(), "a,b", Code.ZP035, id="two names in one"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, key: bytes, name: str, code: Code) -> None:
    """And nothing is recorded."""
    state = make_state(tmp_path)

    with pytest.raises(PkiRefused) as refused:
        issue_ssh(state, "ssh-host", name, (), key, secrets=NO_SECRETS, now=NOW)

    assert refused.value.code is code
    assert not list((tmp_path / "ssh-host" / "issued").iterdir())


def test_a_profile_may_take_fewer_kinds_of_key(tmp_path: Path) -> None:
    """Then the others are refused."""
    profiles = tmp_path / "profiles"
    shutil.copytree(PACKAGED, profiles)
    file = profiles / "ssh-host.yml"
    file.write_text(file.read_text().replace("keys: [ed25519, ", "keys: ["))
    state = make_state(tmp_path / "pki", profiles=profiles)

    with pytest.raises(PkiRefused) as refused:
        certify(state, "ssh-host", GATEWAY, key=make_key("ed25519"))

    assert refused.value.code is Code.ZP032


def is_revoked(folder: Path, certificate: Path) -> bool:
    """Have ssh-keygen judge a certificate by the list, in the form that it can query."""
    made = folder / "krl"
    listed = folder / "ssh-user" / REVOKED_KEYS
    subprocess.run(["ssh-keygen", "-q", "-k", "-f", made, listed], check=True)
    done = subprocess.run(
        ["ssh-keygen", "-Q", "-f", made, certificate], capture_output=True, text=True, check=False
    )
    return "REVOKED" in done.stdout


def test_a_revoked_key_is_revoked_for_sshd_and_for_us(tmp_path: Path) -> None:
    """The key counts no more, whatever certificate it comes with."""
    state, key = make_state(tmp_path), make_key("ed25519")
    lost = certify(state, "ssh-user", "liming", key=key)
    kept = certify(state, "ssh-user", "wangfang")

    revoke_ssh(state, "ssh-user", "liming")

    assert is_revoked(tmp_path, lost)
    assert not is_revoked(tmp_path, kept)
    for again in ("liming", "wangfang"):
        with pytest.raises(PkiRefused) as refused:
            certify(state, "ssh-user", again, key=key)
        assert refused.value.code is Code.ZP037
    with pytest.raises(PkiRefused) as twice:
        revoke_ssh(state, "ssh-user", "liming")
    with pytest.raises(PkiRefused) as nobody:
        revoke_ssh(state, "ssh-user", "nobody")
    assert (twice.value.code, nobody.value.code) == (Code.ZP005, Code.ZP004)


def test_the_status_knows_them_too(tmp_path: Path) -> None:
    """Due from half of their week."""
    state = make_state(tmp_path)
    certify(state, "ssh-user", "liming")
    certify(state, "ssh-user", "wangfang")
    revoke_ssh(state, "ssh-user", "wangfang")

    at = {
        days: {
            found.name: found.standing
            for found in certificate_lines(state, NOW + timedelta(days=days))
            if found.profile == "ssh-user"
        }
        for days in (1, 4)
    }

    assert at[1] == {"liming": Standing.GOOD, "wangfang": Standing.REVOKED}
    assert at[4] == {"liming": Standing.DUE, "wangfang": Standing.REVOKED}


@pytest.mark.parametrize("harm", ["rubbish", "renamed", "another key"])
def test_a_damaged_record_or_key_is_refused(tmp_path: Path, harm: str) -> None:
    """With its file."""
    state = make_state(tmp_path)
    file = certify(state, "ssh-user", "liming")
    if harm == "rubbish":
        file.write_bytes(b"rubbish")
    elif harm == "renamed":
        file.rename(file.with_name("1-cert.pub"))
    else:
        public = (tmp_path / "ssh-host" / "authority.pub").read_bytes()
        (tmp_path / "ssh-user" / "authority.pub").write_bytes(public)

    def everything() -> None:
        certify(state, "ssh-user", "wangfang")
        list(certificate_lines(state, NOW))

    with pytest.raises(PkiRefused) as refused:
        everything()

    assert refused.value.code in {Code.ZP003, Code.ZP015, Code.ZP013}
