"""A decision is found by what a person reads out on the telephone."""

import json
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.errors import ExitStatus
from tests.decision_logs import START, Site, decision, line, lines, refusal

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C.UTF-8")


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> str:
    """Give a log of one gateway, whose proxy was started twice, and has lost two decisions."""
    site = Site(tmp_path)
    site.take(lines(1) + line(refusal(17, "outside_hours", grant="tax_decides_cases")))
    site.now += 901
    site.go()
    site.now += 86_400
    again = {"id": f"city-gw.{START + 5000}.1", "subject": "leader"}
    site.take(
        line(decision(1, **again)) + line(refusal(18, "not_canonical", path="/\x1b[2J\u202e"))
    )
    site.sign()
    return str(site.log)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([f"city-gw.{START}.17"], id="as it is written"),
        pytest.param([f"CITY-GW.{START}.17"], id="in capitals"),
        pytest.param(["city", "gw", str(START), "17"], id="in words of their own"),
        pytest.param([f" city gw {START} 17 "], id="with spaces"),
        pytest.param([f"citygw . {START} . 17"], id="without the hyphen"),
        pytest.param([f"city-gw。{START}。17"], id="with Chinese stops"),
        pytest.param([f"\uff43ity-gw.{START}.\uff11\uff17"], id="in wide letters"),
        pytest.param([f"{START}.17"], id="without the gateway"),
        pytest.param(["17"], id="the number alone"),
        pytest.param(["17", "--node", "city-gw"], id="the number, with the gateway"),
        pytest.param(["17", "--node", "City GW"], id="the gateway as it is said"),
    ],
)
def test_it_is_found_however_it_is_said(log: str, words: list[str], capsys: Captured) -> None:
    """In any case, with any sign between its parts."""
    assert main(["decision", *words, "--log", log, "--json"]) == ExitStatus.OK
    found = json.loads(capsys.readouterr().out)
    assert found["decision"]["id"] == f"city-gw.{START}.17"
    assert found["decision"]["reason"] == "outside_hours"


def test_a_number_alone_is_the_newest(log: str, capsys: Captured) -> None:
    """Of the process that was started last; the whole id says another."""
    main(["decision", "1", "--log", log])
    newest = capsys.readouterr().out
    main(["decision", f"city-gw.{START}.1", "--log", log])
    older = capsys.readouterr().out

    assert "subject: leader" in newest
    assert "subject: tax_clerk" in older


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "when: 2025-11-26 09:00:00.123+08:00",
                "verdict: DROP",
                "reason: outside_hours — outside the hours of the grant",
                "subject: tax_clerk (people/tax-clerk, 5f3a, 3A0F)",
                "from: tax.office 10.11.1.9",
                "request: GET /cases/17",
                "resource: cases",
                "grant: tax_decides_cases",
                "revision: 7",
            ),
        ),
        (
            "zh",
            (
                "裁决: 拒绝",
                "理由: outside_hours — 不在授权的时段内",
                "主体: tax_clerk",
                "修订号: 7",
            ),
        ),
    ],
)
def test_it_says_everything(
    log: str, language: str, said: tuple[str, ...], capsys: Captured
) -> None:
    """In the reader's language."""
    assert main(["decision", "17", "--log", log, "--lang", language]) == ExitStatus.OK

    shown = capsys.readouterr().out.splitlines()
    assert all(any(text.startswith(each) for text in shown) for each in said)


def test_a_path_cannot_steer_the_readers_terminal(log: str, capsys: Captured) -> None:
    """What was refused for its path is shown as what it is."""
    main(["decision", "18", "--log", log])

    assert "request: GET /\\x1b[2J\\u202e" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["city-gw"], "ZG989", id="no number"),
        pytest.param(["city-gw.17"], "ZG989", id="a gateway and one number"),
        pytest.param([""], "ZG989", id="nothing"),
        pytest.param(["99999999999999999999"], "ZG989", id="no number of ours"),
        pytest.param([f"city-gw.{START}.19"], "ZG989", id="not there"),
        pytest.param([f"tax-gw.{START}.17"], "ZG989", id="another gateway's"),
        pytest.param([f"city-gw.{START + 1}.17"], "ZG989", id="another process's"),
        pytest.param(["17", "--node", "tax-gw"], "ZG989", id="a number of another gateway"),
        pytest.param([f"city-gw.{START}.1[0-9]"], "ZG989", id="a pattern"),
        pytest.param([f"city-gw.{START}.9"], "ZG987", id="made and never recorded"),
    ],
)
def test_none_is_taken_for_another(log: str, words: list[str], code: str, capsys: Captured) -> None:
    """What is not found is said; what never came is said to."""
    assert main(["decision", *words, "--log", log]) == ExitStatus.REFUSED
    assert code in capsys.readouterr().err


def test_two_gateways_with_one_number_are_told_apart(tmp_path: Path, capsys: Captured) -> None:
    """Where logs of several lie in one, a number alone asks which is meant."""
    site = Site(tmp_path)
    site.take(lines(1) + line(decision(1, id=f"tax-gw.{START}.1")))
    words = ["decision", "1", "--log", str(site.log)]

    assert main(words) == ExitStatus.REFUSED
    assert "say --node: city-gw, tax-gw" in capsys.readouterr().err
    assert main([*words, "--node", "tax-gw"]) == ExitStatus.OK


def test_without_a_log_nothing_is_found(tmp_path: Path, capsys: Captured) -> None:
    """It says that there is none, not that there is no such decision."""
    assert main(["decision", "1", "--log", str(tmp_path)]) == ExitStatus.REFUSED
    assert "ZG981" in capsys.readouterr().err
