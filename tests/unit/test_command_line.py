"""What a person sees at the command line: help, answers, refusals, languages."""

import json
import re
import tomllib
from pathlib import Path

import pytest

import gateway
from gateway.cli.commands import COMMANDS, DELEGATED, Command
from gateway.cli.main import main
from gateway.errors import ExitStatus
from tests.plans import LAB, ROOT, changed

Captured = pytest.CaptureFixture[str]

SUPERVISION = "https://applications-city.svc.lab.internal:8444"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(name, "C.UTF-8")


def _write(folder: Path, documents: dict[str, str]) -> Path:
    folder.mkdir()
    for name, text in documents.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: "-".join(c.words))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_command_explains_itself(command: Command, language: str, capsys: Captured) -> None:
    """`--help` answers for each, in one language at a time."""
    with pytest.raises(SystemExit) as left:
        main([*command.words, "--help", "--lang", language])

    shown = capsys.readouterr().out
    assert left.value.code == 0
    if command.words != DELEGATED:
        assert (re.search("[一-鿿]", shown) is not None) is (language == "zh")


def test_a_plan_in_order_is_said_so(capsys: Captured) -> None:
    """With what was counted."""
    assert main(["policy", "check", str(LAB)]) == ExitStatus.OK
    assert "11 sites, 10 gateways, 33 zones" in capsys.readouterr().out


def test_a_plan_out_of_order_is_said_with_every_place(tmp_path: Path, capsys: Captured) -> None:
    """On standard error, with a status that a script sees."""
    plan = _write(tmp_path / "plan", changed("sites.yml", "kind: hall,", "kind: hal,"))

    status = main(["policy", "check", str(plan)])

    assert status == ExitStatus.REFUSED
    assert re.search(r"plan/sites.yml:7: ZG104 `hall`", capsys.readouterr().err)


def test_the_locale_chooses_the_language(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Chinese where the locale is; the option goes before it."""
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    main(["policy", "check", str(LAB)])
    chinese = capsys.readouterr().out
    main(["policy", "check", str(LAB), "--lang", "en"])
    english = capsys.readouterr().out

    assert "检查通过" in chinese
    assert "in order" in english


def test_json_is_for_machines(tmp_path: Path, capsys: Captured) -> None:
    """Problems too, in both languages, on standard output."""
    plan = _write(tmp_path / "plan", changed("sites.yml", "kind: hall,", "kind: hal,"))

    main(["policy", "check", str(plan), "--json"])

    found = json.loads(capsys.readouterr().out)["problems"][0]
    assert (found["code"], found["line"]) == ("ZG104", 7)
    assert found["zh"] == "“hall”:没有名为“hal”的站点类型"


@pytest.mark.parametrize(
    ("words", "status", "shown"),
    [
        pytest.param(
            ["tax.office", "city.business", "https"], 0, "tax [office > city] → city", id="accept"
        ),
        pytest.param(
            ["市税务局办公区", "市信息中心业务区", "网页应用"], 0, "ACCEPT", id="by titles"
        ),
        pytest.param(["10.11.1.7", "10.1.0.9", "443/tcp"], 0, "ACCEPT", id="by addresses"),
        pytest.param(["fd72:6a5e:11:1::7", "city.business", "https"], 0, "ACCEPT", id="by IPv6"),
        pytest.param(["tax.office", "housing.office", "https"], 1, "no_conduit", id="drop"),
        pytest.param(["tax.office", "city.business", "22/tcp"], 1, "no_conduit", id="other port"),
        pytest.param(["portal.web", "city.business", "https"], 1, "DROP", id="from the portal"),
        pytest.param(["tax.office", "city.applications", "approval"], 1,
                     "https://applications-city.svc.lab.internal:8443/", id="past a gate"),
    ],
)  # fmt: skip
def test_explain_gives_verdict_reason_and_way(
    words: list[str], status: int, shown: str, capsys: Captured
) -> None:
    """In the user's own words for places and services."""
    assert main(["policy", "explain", *words, "--plan", str(LAB)]) == status
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["tax.ofice", "city.business", "https"], "ZG710", id="no such zone"),
        pytest.param(["192.0.2.1", "city.business", "https"], "ZG711", id="in no zone"),
        pytest.param(["tax.office", "city.business", "htps"], "ZG712", id="no such service"),
        pytest.param(["tax.office", "city.business", "0/tcp"], "ZG712", id="no such port"),
        pytest.param(["10.11.1.7", "fd72:6a5e:1::9", "https"], "ZG713", id="two families"),
    ],
)
def test_explain_refuses_what_it_does_not_understand(
    words: list[str], code: str, capsys: Captured
) -> None:
    """And says what could have been meant."""
    assert main(["policy", "explain", *words, "--plan", str(LAB)]) == ExitStatus.REFUSED
    assert code in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "status", "shown"),
    [
        pytest.param(["tax_clerk", "GET", "cases"], 0, "tax_decides_cases", id="by its name"),
        pytest.param(["税务局经办岗", "PUT", "审批办件"], 0, "tax_decides_cases", id="by title"),
        pytest.param(["leader", "GET", "cases"], 1, "no_grant", id="another's"),
        pytest.param(["leader", "GET", f"{SUPERVISION}/supervision/x"], 0, "leader_supervises",
                     id="a whole address"),
        pytest.param(["leader", "GET", f"{SUPERVISION}/Supervision/x"], 1, "not_canonical",
                     id="an address in capitals"),
        pytest.param(["leader", "GET", "supervision_view", "--from", "city.office"], 1,
                     "wrong_zone", id="from elsewhere"),
    ],
)  # fmt: skip
def test_a_request_is_judged_as_at_the_gate(
    words: list[str], status: int, shown: str, capsys: Captured
) -> None:
    """With the reason, and the grant where one permits it."""
    assert main(["policy", "request", *words, "--plan", str(LAB)]) == status
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["nobody", "GET", "cases"], "ZG715", id="no such subject"),
        pytest.param(["leader", "GET", "case"], "ZG716", id="no such resource"),
        pytest.param(["leader", "GET", "https://example.test/cases/"], "ZG716", id="no gate"),
        pytest.param(["leader", "GET", "cases", "--from", "tax.ofice"], "ZG710", id="no zone"),
    ],
)
def test_a_request_that_nobody_could_make_is_refused(
    words: list[str], code: str, capsys: Captured
) -> None:
    """And what there is is said."""
    assert main(["policy", "request", *words, "--plan", str(LAB)]) == ExitStatus.REFUSED
    assert code in capsys.readouterr().err


def test_a_request_is_judged_for_a_machine(capsys: Captured) -> None:
    """Each zone that the subject may ask from has an answer."""
    words = ["hall_counter", "POST", "cases", "--at", "2026-11-25T09:30", "--json"]
    assert main(["policy", "request", *words, "--plan", str(LAB)]) == ExitStatus.OK

    assert json.loads(capsys.readouterr().out) == [
        {
            "from": "hall.counter",
            "verdict": "ACCEPT",
            "reason": "grant",
            "subject": "hall_counter",
            "resource": "cases",
            "grant": "hall_files_cases",
        }
    ]


def test_a_range_that_is_carried_in_part_has_an_answer_for_each_part(
    tmp_path: Path, capsys: Captured
) -> None:
    """An answer for the first port is not an answer for all."""
    documents = changed("services.yml", "udp: 6970-6999}", "udp: 6970-6999}\n"
                        "  - {name: wide, title: 宽, udp: 6960-7010}")  # fmt: skip
    plan = _write(tmp_path / "plan", documents)
    words = ["city.monitoring", "hall.video", "wide", "--plan", str(plan)]

    assert main(["policy", "explain", *words]) == ExitStatus.REFUSED
    shown = capsys.readouterr().out
    assert "DROP  city.monitoring → hall.video  6960-6969/udp" in shown
    assert "ACCEPT  city.monitoring → hall.video  6970-6999/udp" in shown


def test_reach_says_both_directions(capsys: Captured) -> None:
    """What it may reach, and who may reach it."""
    main(["policy", "reach", "yangchuan", "--plan", str(LAB), "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert {row["destination"] for row in answer["reaches"]} == {
        "suiyang.business",
        "city.monitoring",
        "city.operations",
    }
    assert {row["source"] for row in answer["reached_by"]} == {"city.monitoring", "city.operations"}


def test_the_matrix_is_a_page_that_stands_alone(tmp_path: Path, capsys: Captured) -> None:
    """Chinese, with nothing fetched from anywhere and what is hostile made harmless."""
    documents = changed("plan.yml", "title: 样例城市", 'title: "<script>样例</script>"')
    page = tmp_path / "matrix.html"

    main(["policy", "matrix", str(_write(tmp_path / "plan", documents)), "--html", str(page)])

    text = page.read_text("utf-8")
    assert str(page) in capsys.readouterr().out
    assert "&lt;script&gt;样例" in text
    assert not re.search(r"<script|src=|href=|url\(", text)
    assert text.count('class="yes"') == 72


def test_an_exercise_says_so_on_its_page(tmp_path: Path) -> None:
    """A plan above 内部 is for exercise only, and says so."""
    documents = changed("plan.yml", "ceiling: 内部", "ceiling: 机密\ncommissioning_approval: 样例")
    page = tmp_path / "matrix.html"

    main(["policy", "matrix", str(_write(tmp_path / "plan", documents)), "--html", str(page)])

    assert "仅供演练" in page.read_text("utf-8")


def test_a_diff_of_nothing_says_nothing_changes(capsys: Captured) -> None:
    """Not an empty answer."""
    assert main(["policy", "diff", str(LAB), str(LAB)]) == ExitStatus.OK
    assert "nothing changes for anybody" in capsys.readouterr().out


def test_compile_refuses_a_gateway_that_is_not_ours(capsys: Captured) -> None:
    """The province runs its own."""
    assert main(["compile", str(LAB), "--gateway", "province"]) == ExitStatus.REFUSED
    assert "ZG701" in capsys.readouterr().err


def test_compile_writes_one_file_for_each_gateway(tmp_path: Path) -> None:
    """The same bytes each time."""
    main(["compile", str(LAB), "--out", str(tmp_path / "one")])
    main(["compile", str(LAB), "--out", str(tmp_path / "two")])

    one = {file.name: file.read_bytes() for file in (tmp_path / "one").iterdir()}
    assert len(one) == 10
    assert one == {file.name: file.read_bytes() for file in (tmp_path / "two").iterdir()}


def test_an_error_code_is_explained(capsys: Captured) -> None:
    """And an unknown one is refused."""
    assert main(["errors", "zg102", "--lang", "zh"]) == ExitStatus.OK
    assert "没有名为" in capsys.readouterr().out
    assert main(["errors", "ZG999"]) == ExitStatus.REFUSED


def test_the_version_is_said_once() -> None:
    """The package and its description agree."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert gateway.__version__ == described["project"]["version"]
