"""A site less: only when nothing hangs on it, and back to the byte."""

from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.errors import ExitStatus, Refused
from gateway.policy.documents import Document
from gateway.policy.site_change import SiteChange
from gateway.policy.site_entry import NewSite, add_site
from gateway.policy.site_removal import remove_site
from tests.plans import TODAY, added, changed, lab_documents

LONELY = """\
document: sites
sites:
  # a comment
  - {name: far, title: 远, kind: portal, ipv4: 10.99.0.0/16, ipv6: "fd72:6a5e:99::/48"}
"""


def remove(name: str, texts: dict[str, str] | None = None) -> SiteChange:
    """Take a site out of the lab's plan."""
    given = [Document(n, t.encode()) for n, t in (texts or lab_documents()).items()]
    return remove_site(given, "plan", name, TODAY)


def refusals(name: str, texts: dict[str, str] | None = None) -> set[str]:
    """Give code and place of each reason for which a removal is refused."""
    with pytest.raises(Refused) as refused:
        remove(name, texts)
    return {f"{problem.code} {problem.where}" for problem in refused.value.problems}


@pytest.mark.parametrize("ending", ["\n", "", "\n# end\n", "\r\n"])
@pytest.mark.parametrize("kind", ["county", "county_department"])
def test_what_was_added_is_taken_out_to_the_byte(kind: str, ending: str) -> None:
    """Of one line or of many, whatever stands behind."""
    texts = lab_documents()
    text = texts["sites.yml"].rstrip("\n") + ending.replace("\r", "")
    texts["sites.yml"] = text.replace("\n", "\r\n") if ending == "\r\n" else text
    given = [Document(n, t.encode()) for n, t in texts.items()]
    hub = "suiyang" if kind == "county_department" else None
    change = add_site(given, "plan", NewSite("xishui", "习水县", kind, hub), TODAY)
    assert change.after is not None

    back = remove("xishui", texts | {"sites.yml": change.after.content.decode()})

    assert back.after == change.before
    assert back.new == change.old


def test_an_entry_of_many_lines_goes_whole() -> None:
    """Its neighbours and their comments stay."""
    texts = changed("expectations.yml", "suiyang-housing, ", "")
    change = remove("suiyang-housing", texts)

    assert change.after is not None
    kept, gone = change.after.content.decode().splitlines(), texts["sites.yml"].splitlines()
    assert [line for line in gone if line not in kept] == [
        "  - name: suiyang-housing",
        "    title: 绥阳县房管局",
        "    hub: suiyang",
        "    counterpart: housing",
        "    ipv4: 10.37.0.0/16",
        '    ipv6: "fd72:6a5e:37::/48"',
    ]
    assert change.touched


def test_a_document_with_nothing_left_goes_too() -> None:
    """A document of sites has at least one."""
    assert remove("far", lab_documents() | {"far.yml": LONELY}).after is None


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        pytest.param(
            "suiyang",
            {
                "ZG147 plan/sites.yml:20",
                "ZG147 plan/sites.yml:24",
                "ZG148 plan/expectations.yml:15",
                "ZG148 plan/expectations.yml:27",
            },
            id="sites hang on it and expectations name it",
        ),
        pytest.param(
            "hall",
            {"ZG148 plan/subjects.yml:13", "ZG148 plan/grants.yml:5"},
            id="a subject sits there",
        ),
        pytest.param(
            "housing",
            {"ZG147 plan/sites.yml:21", "ZG148 plan/expectations.yml:32"},
            id="a counterpart",
        ),
        pytest.param("nowhere", {"ZG103 "}, id="no such site"),
        pytest.param("sites.yml", {"ZG103 "}, id="no name at all"),
        pytest.param("far\x1b[2J", {"ZG103 "}, id="a terminal's control"),
    ],
)
def test_what_is_needed_is_kept(name: str, reasons: set[str]) -> None:
    """Each place is said, so that it can be put right."""
    assert refusals(name) == reasons


def test_what_chooses_by_kind_must_find_another() -> None:
    """The last of its kind cannot go while something speaks of the kind."""
    assert {reason.split()[0] for reason in refusals("portal")} == {"ZG146", "ZG109"}


def test_a_plan_with_errors_is_put_right_first() -> None:
    """Else nobody could say what the removal broke."""
    broken = added("sites.yml", "  - {name: x, title: x, kind: nope}\n")

    assert {reason.split()[0] for reason in refusals("province", broken)} == {"ZG104", "ZG135"}


def test_a_layout_that_cannot_be_taken_apart_is_refused() -> None:
    """Two entries on one line stay as they are."""
    two = LONELY.replace("far", "near").replace("远", "近").replace("99", "98").splitlines()[-1]
    entries = f"{LONELY.splitlines()[-1].strip('- ')}, {two.strip('- ')}"
    texts = lab_documents() | {"far.yml": f"document: sites\nsites: [{entries}]\n"}

    assert {reason.split()[0] for reason in refusals("far", texts)} == {"ZG145"}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Lay the lab's documents in a folder, with one site more in a document of its own."""
    folder = tmp_path / "lab"
    folder.mkdir()
    for name, text in (lab_documents() | {"far.yml": LONELY}).items():
        (folder / name).write_text(text, "utf-8")
    return folder


def test_the_command_shows_first(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway is decommissioned while the inventory knows it."""
    assert main(["site", "remove", str(plan), "far", "--lang", "en"]) == ExitStatus.OK

    said = capsys.readouterr().out
    assert (
        "playbooks/decommission.yml -i inventory/lab --limit far -e decommission_confirm=far-gw"
        in said
    )
    assert said.index("decommission") < said.index("--write")
    assert (plan / "far.yml").read_text("utf-8") == LONELY


def test_the_command_writes(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document with nothing left is gone; the rest of the plan is in order."""
    assert main(["site", "remove", str(plan), "far", "--write", "--lang", "zh"]) == ExitStatus.OK

    assert "已写入" in capsys.readouterr().out
    assert not (plan / "far.yml").exists()
    assert main(["policy", "check", str(plan)]) == ExitStatus.OK


def test_a_refusal_writes_nothing(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A site that is needed stays, --write or not."""
    assert main(["site", "remove", str(plan), "city", "--write"]) == ExitStatus.REFUSED

    assert "ZG147" in capsys.readouterr().err
    assert (plan / "sites.yml").read_text("utf-8") == lab_documents()["sites.yml"]
