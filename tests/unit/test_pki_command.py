"""`loushan pki` from its words: what it prints, for people and machines, in both languages."""

import json
import re
from pathlib import Path
from string import Formatter

import pytest

from gateway.policy.signers import load_trust
from pki.__main__ import main
from pki.errors import Code
from tests.authorities import GATEWAY, PASSPHRASE, request

PLAN = ["--plan-name", "zunyi", "--organ", "遵义市信息中心"]


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Make authorities by the command line."""
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert main(["init", str(tmp_path / "pki"), *PLAN, *secret]) == 0
    capsys.readouterr()
    return tmp_path / "pki"


def answer(capsys: pytest.CaptureFixture[str], *argv: str | Path) -> object:
    """Run a command that succeeds, and give its JSON."""
    assert main([*map(str, argv), "--json"]) == 0
    said: object = json.loads(capsys.readouterr().out)
    return said


def test_a_gateway_from_its_request_to_its_end(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issued, renewed, revoked; and the status says so."""
    asked, out = tmp_path / "gw.csr", tmp_path / "gw.pem"
    asked.write_bytes(request())

    issued = answer(
        capsys, "issue", folder, "--profile", "gateway", "--name", GATEWAY,
        "--request", asked, "--out", out,
    )  # fmt: skip
    renewed = answer(capsys, "renew", folder, GATEWAY, "--request", asked, "--out", out)
    status = answer(capsys, "status", folder, GATEWAY)
    revoked = answer(capsys, "revoke", folder, GATEWAY, "--reason", "keyCompromise")

    assert isinstance(issued, dict)
    assert isinstance(renewed, dict)
    assert isinstance(status, dict)
    assert isinstance(revoked, dict)
    assert (issued["name"], issued["again"]) == (GATEWAY, False)
    assert {line["serial"] for line in status["certificates"]} == set(revoked["serials"])
    assert {issued["serial"], renewed["serial"]} == set(revoked["serials"])
    assert out.read_text().count("BEGIN CERTIFICATE") == 2


def test_lists_are_renewed_all_or_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The root's needs its passphrase, so it is asked for by name."""
    everyone = answer(capsys, "crl", folder)
    one = answer(capsys, "crl", folder, "--authority", "links")

    assert everyone == {"links": 2, "people": 2, "services": 2, "signers": 2}
    assert one == {"links": 3}
    assert main(["crl", str(folder), "--authority", "linkz"]) == 1
    assert main(["crl", str(folder), "--authority", "root"]) == 1
    secret = str(folder.parent / "passphrase")
    assert main(["crl", str(folder), "--authority", "root", "--passphrase-file", secret]) == 0


def test_the_status_for_people_has_a_line_for_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five authorities and their lists."""
    assert main(["status", str(folder)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("good") for line in lines)


def test_the_gateway_takes_the_signers_authority_below_the_root(folder: Path) -> None:
    """Its folder here is what a gateway trusts: `authority.pem` and `crl.pem`."""
    trust = load_trust(folder / "signers")

    assert len(trust.authorities) == len(trust.revocations) == 1


def test_the_root_is_not_made_in_the_clear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And then nothing is made at all."""
    assert main(["init", str(tmp_path / "pki"), *PLAN]) == 1

    assert capsys.readouterr().err.startswith("ZP052")
    assert not (tmp_path / "pki").exists()


@pytest.mark.parametrize("plan", ["Zunyi", "zunyi.gov", ""])
def test_a_plan_has_a_name_that_hosts_can_be_below(
    tmp_path: Path, plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It becomes `<plan>.internal`."""
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]

    assert main(["init", str(tmp_path / "pki"), "--plan-name", plan, "--organ", "x", *secret]) == 1
    assert capsys.readouterr().err.startswith("ZP035")


@pytest.mark.parametrize(("language", "word"), [("en", "example:"), ("zh", "示例:")])
def test_help_teaches_in_one_language(
    language: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an example, and none of the other language's words."""
    with pytest.raises(SystemExit):
        main(["issue", "--help"], language)

    said = capsys.readouterr().out
    assert word in said
    assert " | " not in said


HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("code", Code)
def test_a_refusal_is_said_in_both_languages(code: Code) -> None:
    """The same facts in each, lower case, no full stop."""
    words = code.value

    def filled(*texts: str) -> set[str | None]:
        return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}

    assert HAN.search(words.zh)
    assert HAN.search(words.zh_help)
    assert filled(words.en, words.en_help) == filled(words.zh, words.zh_help)
    for text in (words.en, words.en_help, words.zh, words.zh_help):
        assert not re.match(r"[A-Z][a-z]+\b", text)
        assert not text.endswith((".", "。"))


def test_every_refusal_can_happen() -> None:
    """A code that nothing raises is taken out."""
    files = (Path(__file__).parents[2] / "pki").glob("*.py")
    source = "".join(file.read_text("utf-8") for file in files if file.name != "errors.py")

    assert [code.name for code in Code if f"Code.{code.name}" not in source] == []
