"""`loushan evidence` where no lab is up: who is not reached is said, and what is asked amiss."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.evidence_ask import read_answers
from gateway.errors import Refused
from tests.repo.tree import ROOT

Done = subprocess.CompletedProcess[str]


def evidence(*words: str) -> Done:
    """Ask the lab's city as people do; no host of a lab of this name runs."""
    command = [sys.executable, "-I", "-m", "gateway.cli", "evidence", *words]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOUSHAN_", "ANSIBLE_"))}
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**kept, "LOUSHAN_LAB": "nobody", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_hosts_that_are_away_fail_and_are_written_down(tmp_path: Path) -> None:
    """Every row of theirs; on paper too, with the digest of what is kept beside it."""
    done = evidence("--limit", "tax-gw", "--json", "--out", str(tmp_path))

    body = json.loads(done.stdout)
    assert done.returncode == 1
    assert [host["host"] for host in body["hosts"]] == ["tax-gw"]
    assert {each["outcome"] for each in body["rows"]} <= {"fail", "not_applicable"}
    assert all("not reached" in e["why"]["en"] for e in body["rows"] if e["outcome"] == "fail")
    assert "no plan with signers" in body["plan"]["problem"]
    assert json.loads((tmp_path / "evidence.json").read_text("utf-8")) == body
    assert (tmp_path / "evidence.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--lang", "en"), "FAIL", id="English"),
        pytest.param(("--lang", "zh"), "不符合", id="Chinese"),
    ],
)
def test_the_table_is_in_the_readers_language(words: tuple[str, ...], said: str) -> None:
    """By clause, with the control, the host and why."""
    done = evidence("--limit", "tax-gw", "--failed", *words)

    assert done.returncode == 1
    assert "8.1.3.2 " in done.stdout
    assert "tax-gw" in done.stdout
    assert said in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--limit", "nobody"), "ZG914", id="no such host"),
        pytest.param(("-i", "inventory/nowhere"), "ZG914", id="no such inventory"),
        pytest.param(("--limit", "tax-gw", "--out", "README.md"), "ZG917", id="no folder"),
    ],
)
def test_what_is_asked_amiss_is_refused(words: tuple[str, ...], code: str) -> None:
    """With what to do, and no table that looks like an answer."""
    done = evidence(*words, "--lang", "en")

    assert done.returncode == 1
    assert code in done.stderr
    assert "help: " in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": "x"}', '{"host": 1, "answers": [3]}'])
def test_what_cannot_be_read_is_no_host_that_is_left_out(tmp_path: Path, content: str) -> None:
    """Nobody's rows vanish from the table without a word."""
    (tmp_path / "x.json").write_text(content)

    with pytest.raises(Refused) as refused:
        list(read_answers(tmp_path))

    assert refused.value.problems[0].code == "ZG918"


def test_who_was_to_be_asked_and_has_no_answer_is_there(tmp_path: Path) -> None:
    """The others' files name everybody."""
    body = {"host": "a", "everybody": ["a", "b"], "variables": {}, "answers": [], "trouble": "x"}
    (tmp_path / "a.json").write_text(json.dumps(body))

    found = {host.name: host.trouble for host in read_answers(tmp_path)}

    assert found == {"a": "x", "b": "nothing came back from it"}
