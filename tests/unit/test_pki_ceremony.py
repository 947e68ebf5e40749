"""The ceremony's document can be followed: every command in it is one that we have."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pki.__main__ import main, parser
from pki.document import ceremony_text
from pki.errors import Code, PkiRefused
from tests.authorities import PASSPHRASE, REALM

LANGUAGES = ["en", "zh"]
OUR_COMMAND = re.compile(r"^    loushan pki (.+)$", re.MULTILINE)
COMMAND = re.compile(r"^    (\S.+)$", re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_plan_is_filled_in(language: str) -> None:
    """And nothing is left to fill in but what people write by hand."""
    text = ceremony_text(REALM, language)

    assert text.count("zunyi") > 20
    assert "{" not in text.replace("${", "")
    assert "遵义市信息中心" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_of_ours_is_understood(language: str) -> None:
    """With the options that it is given."""
    found = OUR_COMMAND.findall(ceremony_text(REALM, language))

    assert len(found) >= 5
    for words in found:
        assert parser(language).parse_args(shlex.split(words)).command


def test_both_languages_have_the_same_commands() -> None:
    """Who follows one does what the other says."""
    english, chinese = (COMMAND.findall(ceremony_text(REALM, language)) for language in LANGUAGES)

    assert english == chinese


def test_it_can_be_followed_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made, checked by another tool, copied, compared, and a copy tried."""
    text = ceremony_text(REALM, "en").replace("/run/ceremony", str(tmp_path / "run"))
    text = text.replace("/media/", f"{tmp_path}/media-")
    for name in ("run", "media-a", "media-b", "media-c"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / "passphrase").write_bytes(PASSPHRASE + b"\n")
    skipped = ("ip ", "date ", "mkdir ", "read ", "cd ")
    monkeypatch.chdir(tmp_path / "run")

    for command in COMMAND.findall(text):
        if command.startswith("loushan pki "):
            if "--pkcs11" not in command:
                assert main(shlex.split(command)[2:]) == 0, command
        elif not command.startswith(skipped):
            folder = tmp_path / "run" / "zunyi"
            done = subprocess.run(
                ["sh", "-ec", command], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (command, done.stderr)

    assert (tmp_path / "media-a" / "zunyi" / "root" / "authority.key").exists()
    assert not (tmp_path / "media-c" / "zunyi" / "root" / "authority.key").exists()


def test_a_name_that_cannot_be_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody prints it."""
    with pytest.raises(PkiRefused) as refused:
        ceremony_text(type(REALM)("Zunyi City", "x"), "en")

    assert refused.value.code is Code.ZP035
    assert main(["ceremony", "--plan-name", "zunyi"], "zh") == 0
    assert capsys.readouterr().out.startswith("# “zunyi”根密钥仪式")
