"""The signers' authority makes what the gateway takes, and takes it back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway.errors import Refused
from gateway.policy.signature import Release, Verified, add_signature, check_release
from gateway.policy.signers import (
    ROLE_POLICIES,
    SignerRole,
    load_certificate,
    load_key,
    load_trust,
)
from gateway.policy.statement import prepare_statement
from pki import certificates
from pki.__main__ import main
from pki.errors import Code, PkiRefused
from pki.keys import SHORTEST_PASSPHRASE, read_passphrase
from pki.parts import ALGORITHMS
from pki.signers import make_signers, renew_revocations, revoke_signer
from tests.signing import DIFFERENCE, DOCUMENTS, PLAN

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PASSPHRASE = b"correct horse battery"


def signed(folder: Path, now: datetime, passphrase: bytes | None = None) -> Verified:
    """Have both people of a folder sign a plan, and verify it."""
    release = Release(
        prepare_statement(
            plan=PLAN,
            revision=1,
            not_before=NOW,
            not_after=NOW + timedelta(days=365),
            documents=DOCUMENTS,
            difference=DIFFERENCE,
            base=None,
        )
    )
    trust = load_trust(folder)
    for role in SignerRole:
        release = add_signature(
            release,
            role,
            load_key(folder / f"{role}.key", passphrase),
            load_certificate(folder / f"{role}.pem"),
            documents=DOCUMENTS,
            difference=DIFFERENCE,
            trust=trust,
            now=now,
            plan=PLAN,
        )
    return check_release(DOCUMENTS, release, DIFFERENCE, trust, now, plan=PLAN)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_the_authority_makes_signs_a_plan(tmp_path: Path, algorithm: str) -> None:
    """The two meet through files only."""
    make_signers(tmp_path, algorithm, None, NOW)

    verified = signed(tmp_path, NOW)

    assert (verified.author.name, verified.bureau.name) == (
        "信息中心策略编制岗",
        "保密局审签岗",
    )


def test_both_sides_call_the_roles_the_same() -> None:
    """They may not import one another, so this holds them together."""
    assert {oid: role.value for oid, role in ROLE_POLICIES.items()} == {
        oid: role for role, oid in certificates.ROLE_POLICIES.items()
    }


@pytest.mark.parametrize("name", ["authority", "author", "bureau"])
def test_keys_are_for_their_owner_alone(tmp_path: Path, name: str) -> None:
    """From the moment they are made."""
    make_signers(tmp_path, "ed25519", None, NOW)

    assert (tmp_path / f"{name}.key").stat().st_mode & 0o777 == 0o600


def test_keys_are_never_the_same_twice(tmp_path: Path) -> None:
    """They are made at run time; nothing is shipped."""
    for name in ("one", "two"):
        make_signers(tmp_path / name, "ed25519", None, NOW)

    files = [p.read_bytes() for p in tmp_path.rglob("*.key")]

    assert len(set(files)) == len(files) == 6


@pytest.mark.parametrize("name", ["authority.key", "bureau.pem", "crl.pem"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    """Not even what is not ours; and nothing is left beside it."""
    (tmp_path / name).write_text("precious")

    with pytest.raises(PkiRefused) as refused:
        make_signers(tmp_path, "ed25519", None, NOW)

    assert refused.value.code is Code.ZP001
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    """A key would land where somebody else chose."""
    (tmp_path / "author.key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PkiRefused):
        make_signers(tmp_path, "ed25519", None, NOW)

    assert not (tmp_path / "elsewhere").exists()


def test_with_a_passphrase_every_key_is_encrypted(tmp_path: Path) -> None:
    """And nothing opens without it."""
    make_signers(tmp_path, "ecdsa-p256", PASSPHRASE, NOW)

    assert signed(tmp_path, NOW, PASSPHRASE).digest
    for file in tmp_path.glob("*.key"):
        assert b"ENCRYPTED" in file.read_bytes()
    for wrong in (None, b"wrong"):
        with pytest.raises(PkiRefused) as refused:
            renew_revocations(tmp_path, wrong, NOW)
        assert refused.value.code is Code.ZP003


@pytest.mark.parametrize("name", ["author", "信息中心策略编制岗", "serial"])
def test_a_revoked_signer_signs_no_more(tmp_path: Path, name: str) -> None:
    """Named by file, by post or by serial."""
    make_signers(tmp_path, "ed25519", None, NOW)
    serial = load_certificate(tmp_path / "author.pem").serial_number

    revoked = revoke_signer(tmp_path, f"{serial:x}" if name == "serial" else name, None, NOW)

    with pytest.raises(Refused, match="ZG348"):
        signed(tmp_path, NOW)
    assert revoked == serial


def test_each_list_keeps_the_revocations_before_it(tmp_path: Path) -> None:
    """And counts on."""
    make_signers(tmp_path, "ed25519", None, NOW)
    revoke_signer(tmp_path, "author", None, NOW)
    revoke_signer(tmp_path, "bureau", None, NOW)
    renew_revocations(tmp_path, None, NOW)

    crl = x509.load_pem_x509_crl((tmp_path / "crl.pem").read_bytes())

    assert {entry.serial_number for entry in crl} == {
        load_certificate(tmp_path / f"{name}.pem").serial_number for name in ("author", "bureau")
    }
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 4
    assert len(list(tmp_path.iterdir())) == 7


def test_a_list_is_good_for_thirty_days_and_can_be_renewed(tmp_path: Path) -> None:
    """An authority that falls silent is not believed for ever."""
    make_signers(tmp_path, "ed25519", None, NOW)
    later = NOW + timedelta(days=30, seconds=1)

    assert signed(tmp_path, NOW + timedelta(days=30)).digest
    with pytest.raises(Refused, match="ZG355"):
        signed(tmp_path, later)
    renew_revocations(tmp_path, None, later)
    assert signed(tmp_path, later).digest


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param("nobody", Code.ZP004, id="nobody"),
        pytest.param("authority", Code.ZP004, id="the authority itself"),
        pytest.param("bureau", Code.ZP005, id="who is revoked already"),
    ],
)
def test_nobody_else_is_revoked(tmp_path: Path, wanted: str, code: Code) -> None:
    """A slip of the pen is said, not done."""
    make_signers(tmp_path, "ed25519", None, NOW)
    revoke_signer(tmp_path, "bureau", None, NOW)
    before = (tmp_path / "crl.pem").read_bytes()

    with pytest.raises(PkiRefused) as refused:
        revoke_signer(tmp_path, wanted, None, NOW)

    assert refused.value.code is code
    assert (tmp_path / "crl.pem").read_bytes() == before


@pytest.mark.parametrize("name", ["crl.pem", "authority.key", "authority.pem"])
def test_what_is_another_authoritys_is_not_made_ours(tmp_path: Path, name: str) -> None:
    """A swapped list or key is refused, not signed over."""
    for folder in ("one", "two"):
        make_signers(tmp_path / folder, "ed25519", None, NOW)
    (tmp_path / "two" / name).replace(tmp_path / "one" / name)

    with pytest.raises(PkiRefused) as refused:
        renew_revocations(tmp_path / "one", None, NOW)

    assert refused.value.code is Code.ZP003


@pytest.mark.parametrize("name", ["crl.pem", "authority.key", "authority.pem", "author.pem"])
@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_damaged_folder_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    """With the file's name, and without a stack of calls."""
    make_signers(tmp_path, "ed25519", None, NOW)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)

    with pytest.raises(PkiRefused) as refused:
        revoke_signer(tmp_path, "author", None, NOW)

    assert refused.value.code in {Code.ZP002, Code.ZP003, Code.ZP004}


def test_the_command_line_makes_revokes_and_renews(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each prints what it made or changed."""
    folder, secret = tmp_path / "signers", tmp_path / "passphrase"
    secret.write_bytes(PASSPHRASE + b"\n")
    options = [str(folder), "--passphrase-file", str(secret)]

    made = main(["signers", *options, "--algorithm", "ecdsa-p384"])
    assert len(capsys.readouterr().out.splitlines()) == 7
    revoked = main(["revoke-signer", *options, "bureau"])
    renewed = main(["renew-crl", *options])

    assert (made, revoked, renewed) == (0, 0, 0)


def test_a_passphrase_of_the_shortest_length_is_taken(tmp_path: Path) -> None:
    """The first line of the file, without its end."""
    (tmp_path / "file").write_bytes(b"x" * SHORTEST_PASSPHRASE + b"\r\nmore\n")

    assert read_passphrase(tmp_path / "file") == b"x" * SHORTEST_PASSPHRASE


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_command_line_says_what_it_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    """In the reader's language, with what to do."""
    (tmp_path / "short").write_text("short\n")

    status = main(
        ["signers", str(tmp_path), "--passphrase-file", str(tmp_path / "short")], language
    )

    assert status == 1
    assert capsys.readouterr().err.startswith(
        "ZP006 “" if language == "zh" else "ZP006 the passphrase"
    )
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("argv", [[], ["signers"], ["signers", "x", "--algorithm", "rsa"]])
def test_wrong_arguments_are_said(argv: list[str]) -> None:
    """By the exit status that the shell knows."""
    with pytest.raises(SystemExit) as stopped:
        main(argv)

    assert stopped.value.code == 2
