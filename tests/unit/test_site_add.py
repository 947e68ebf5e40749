"""A site more, in one command: where it goes, what it gets, and what is refused."""

import json
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.errors import ExitStatus, Refused
from gateway.policy.documents import Document, read_documents
from gateway.policy.site_change import SiteChange
from gateway.policy.site_entry import NewSite, add_site
from tests.plans import LAB, ROOT, TODAY, built, changed, lab_documents

ZUNYI = ROOT / "policy" / "zunyi"
XISHUI = NewSite("xishui", "习水县", "county")


def documents(texts: Mapping[str, str] | None = None) -> tuple[Document, ...]:
    """Give a plan's documents; the lab's unless said."""
    return tuple(Document(n, t.encode()) for n, t in (texts or lab_documents()).items())


def add(texts: Mapping[str, str] | None = None, **wanted: Any) -> SiteChange:  # noqa: ANN401 - fields
    """Add a county to the lab, with some fields as said."""
    fields = {"name": "xishui", "title": "习水县", "kind": "county", **wanted}
    return add_site(documents(texts), "plan", NewSite(**fields), TODAY)


def refusals(texts: Mapping[str, str] | None = None, **wanted: Any) -> set[str]:  # noqa: ANN401 - as above
    """Give the codes with which an addition is refused."""
    with pytest.raises(Refused) as refused:
        add(texts, **wanted)
    return {problem.code for problem in refused.value.problems}


def text_of(change: SiteChange) -> str:
    """Give the text of the changed document."""
    assert change.after is not None
    return change.after.content.decode()


def in_zunyi(**wanted: Any) -> SiteChange:  # noqa: ANN401 - as above
    """Add a site to the whole city."""
    return add_site(read_documents(ZUNYI), "policy/zunyi", NewSite(**wanted), TODAY)


def test_a_county_is_one_line_behind_all_that_stands_there() -> None:
    """Written as the other counties are; nothing else changes."""
    change = add()

    line = (
        "  - {name: xishui, title: 习水县, kind: county, hub: city, ipv4: 10.40.0.0/16, "
        'ipv6: "fd72:6a5e:3a::/48"}\n'
    )
    assert text_of(change) == lab_documents()["sites.yml"] + line
    assert change.new.sites["xishui"].hub == "city"
    assert {f.destination for f in change.difference.reachable} >= {"xishui.business"}
    assert change.touched == ("city",)


def test_an_expectation_that_lists_its_like_by_name_is_pointed_out() -> None:
    """It does not know the new one, and nothing else would say so; a list by kind does."""
    assert [f"{name} {where}" for name, where in add().unaware] == [
        "no_county_to_county plan/expectations.yml:26",
        "no_county_to_county plan/expectations.yml:27",
    ]
    assert add(kind="hall").unaware == ()


@pytest.mark.parametrize(
    ("name", "group"),
    [
        pytest.param("xishui-2", "xishui_2", id="no hyphen in a group"),
        pytest.param("2xishui", "site_2xishui", id="no digit first"),
        pytest.param("all", "site_all", id="never everybody"),
    ],
)
def test_the_playbook_is_limited_to_the_sites_own_group(name: str, group: str) -> None:
    """A site's name is not a group of the inventory as it stands."""
    assert add(name=name).group == group


def test_an_entry_of_many_lines_is_written_as_its_like_are() -> None:
    """A department of a county stands one field a line in the lab."""
    change = add(
        name="xishui-tax",
        title="县税务局",
        kind="county_department",
        hub="suiyang",
        counterpart="tax",
    )

    assert text_of(change).removeprefix(lab_documents()["sites.yml"]) == (
        "  - name: xishui-tax\n    title: 县税务局\n    kind: county_department\n"
        "    hub: suiyang\n    counterpart: tax\n    ipv4: 10.41.0.0/16\n"
        '    ipv6: "fd72:6a5e:3b::/48"\n'
    )


@pytest.mark.parametrize(
    ("wanted", "path", "prefixes"),
    [
        pytest.param(
            {"kind": "county"}, "counties", ("10.47.0.0/16", "fd5a:9c31:2f00::/40"), id="county"
        ),
        pytest.param(
            {"kind": "department"},
            "departments",
            ("10.17.224.0/20", "fd5a:9c31:11e0::/48"),
            id="IPv6 keeps the distance that the departments have",
        ),
        pytest.param(
            {"kind": "hall"}, "halls", ("10.18.80.0/20", "fd5a:9c31:1250::/48"), id="hall"
        ),
        pytest.param(
            {"kind": "leaders"},
            "city",
            ("10.16.64.0/20", "fd5a:9c31:1040::/48"),
            id="second of two",
        ),
        pytest.param(
            {"kind": "township", "hub": "xinpu"},
            "townships",
            ("10.46.144.0/24", "fd5a:9c31:2e90::/48"),
            id="a township inside its county's upper half",
        ),
        pytest.param(
            {"kind": "county_department", "hub": "huichuan", "counterpart": "fangguan"},
            "county-departments",
            ("10.33.64.0/20", "fd5a:9c31:2140::/48"),
            id="a department inside its county's lower half",
        ),
    ],
)
def test_the_whole_city_has_a_place_for_each_kind(
    wanted: dict[str, str], path: str, prefixes: tuple[str, str]
) -> None:
    """As policy/zunyi/README.md says, without being told."""
    change = in_zunyi(name="xinshe", title="新设", **wanted)

    assert change.path == f"sites/{path}.yml"
    assert (change.fields["ipv4"], change.fields["ipv6"]) == prefixes


def test_a_department_stands_with_those_of_its_county() -> None:
    """A document of one kind keeps together what has one hub."""
    wanted = {"kind": "county_department", "hub": "honghuagang", "counterpart": "fangguan"}
    lines = text_of(in_zunyi(name="honghuagang-fg", title="红花岗区房管局", **wanted)).splitlines()

    place = lines.index("  - name: honghuagang-fg")
    assert lines[place + 7] == "  # 汇川区"


def test_a_full_county_is_said() -> None:
    """The lower half of a county's /16 has room for seven departments."""
    plan = read_documents(ZUNYI)
    for number in range(4, 8):
        new = NewSite(f"x-{number}", f"第{number}局", "county_department", hub="xinpu")
        plan = plan_after(add_site(plan, "plan", new, TODAY), plan)

    with pytest.raises(Refused) as refused:
        add_site(plan, "plan", NewSite("x-8", "第8局", "county_department", hub="xinpu"), TODAY)

    assert [p.code for p in refused.value.problems] == ["ZG140"]
    assert "10.46.0.0/16" in str(refused.value)


def plan_after(change: SiteChange, before: tuple[Document, ...]) -> tuple[Document, ...]:
    """Give the documents with the change made."""
    kept = [document for document in before if document.path != change.path]
    return tuple(sorted([*kept, *([change.after] if change.after else [])], key=lambda d: d.path))


def test_prefixes_that_are_named_are_taken_as_they_are() -> None:
    """Written the short way, whatever way they were typed."""
    change = add(ipv4="10.77.0.0/16", ipv6="FD72:6A5E:0077:0::/48")

    assert (change.fields["ipv4"], change.fields["ipv6"]) == ("10.77.0.0/16", "fd72:6a5e:77::/48")


def test_no_two_sites_share_an_address_however_many_come() -> None:
    """One after the other, of each kind of the lab that can have another."""
    texts = lab_documents()
    plan = built(texts)
    kinds = ("county", "department", "township", "hall", "portal", "county_department")
    for number in range(12):
        kind = kinds[number % len(kinds)]
        hub = "suiyang" if kind in {"township", "county_department"} else None
        change = add(texts, name=f"n-{number}x", title=f"新{number}号", kind=kind, hub=hub)
        texts[change.path], plan = text_of(change), change.new

    for one, two in combinations(plan.zones.values(), 2):
        assert not any(a.overlaps(b) for a in one.ranges for b in two.ranges if type(a) is type(b))


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param({"name": "huichuan"}, "ZG136", id="a name that is there"),
        pytest.param({"name": "hu1chuan"}, "ZG101", id="a name that looks like another"),
        pytest.param({"name": "Xishui"}, "ZG025", id="a capital"),
        pytest.param({"name": "xishui\x1b[2J"}, "ZG019", id="a terminal's control in the name"),
        pytest.param({"name": "汉" * 21}, "ZG100", id="a name of more than 60 bytes"),
        pytest.param({"name": "\udcff"}, "ZG010", id="a name that is no text"),
        pytest.param({"title": "汇川区"}, "ZG137", id="a title that is there"),
        pytest.param({"title": " 汇川区 "}, "ZG137", id="a title that looks like another"),
        pytest.param({"title": "习水\u202e县"}, "ZG019", id="text that turns round"),
        pytest.param({"title": "习水县\n  - {name: x}"}, "ZG019", id="an entry in the title"),
        pytest.param({"title": ""}, "ZG026", id="no title"),
        pytest.param({"title": "县" * 81}, "ZG026", id="a title without end"),
        pytest.param({"kind": "county_"}, "ZG104", id="no such kind"),
        pytest.param({"hub": "tax"}, "ZG139", id="a hub that cannot be"),
        pytest.param({"hub": "nowhere"}, "ZG139", id="a hub that is not there"),
        pytest.param({"kind": "township"}, "ZG138", id="a hub that is not obvious"),
        pytest.param({"counterpart": "city"}, "ZG143", id="a counterpart that is no department"),
        pytest.param({"counterpart": "taxx"}, "ZG143", id="a counterpart that is not there"),
        pytest.param({"kind": "province"}, "ZG141", id="addresses that others give"),
        pytest.param({"kind": "province", "ipv4": "10.9.0.0/24"}, "ZG141", id="half of them"),
        pytest.param({"kind": "city_centre"}, "ZG146", id="a second centre, linked to nothing"),
        pytest.param({"ipv4": "10.32.5.0/24"}, "ZG142", id="inside another site"),
        pytest.param({"ipv4": "10.0.0.0/8"}, "ZG142", id="around every other site"),
        pytest.param({"ipv6": "fd72:6a5e:32::/56"}, "ZG142", id="inside another, in IPv6"),
        pytest.param({"ipv4": "10.40.0.1/16"}, "ZG110", id="host bits"),
        pytest.param({"ipv4": "10.40.0.0/33"}, "ZG110", id="longer than an address"),
        pytest.param({"ipv4": "fd00:1::/48"}, "ZG110", id="the other family"),
        pytest.param({"ipv6": "fd00:1::%\x1b[2J/48"}, "ZG110", id="an interface's name"),
        pytest.param({"ipv4": "x\x1b[2J"}, "ZG110", id="no addresses at all"),
        pytest.param({"ipv4": "10.40.0.0/24"}, "ZG112", id="too small for the kind"),
        pytest.param({"ipv4": "127.0.0.0/16"}, "ZG122", id="loopback"),
        pytest.param({"path": "../sites.yml"}, "ZG144", id="outside the plan"),
        pytest.param({"path": "/etc/sites.yml"}, "ZG144", id="somewhere else"),
        pytest.param({"path": "release/sites.yml"}, "ZG144", id="among the signatures"),
        pytest.param({"path": "kinds.yml"}, "ZG144", id="a document of another kind"),
        pytest.param({"path": "sites.txt"}, "ZG144", id="no document"),
    ],
)
def test_what_cannot_be_a_site_is_refused(wanted: dict[str, Any], code: str) -> None:
    """Before anything is shown or written."""
    assert code in refusals(**wanted)


def test_what_is_hostile_is_not_printed_as_it_is() -> None:
    """A terminal never gets the control characters that were typed."""
    with pytest.raises(Refused) as refused:
        add(ipv4="x\x1b[2J")

    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        pytest.param(
            changed("sites.yml", "kind: hall,", "kind: hal,"), "ZG104", id="it cannot be read"
        ),
        pytest.param(
            changed("grants.yml", "[file]", "[file], until: 2020-01-01"),
            "ZG219",
            id="it is not lawful",
        ),
    ],
)
def test_a_plan_with_errors_is_put_right_first(texts: dict[str, str], code: str) -> None:
    """What is wrong already is said, and that it comes first."""
    assert {"ZG135", code} <= refusals(texts)


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(lambda entries: "sites: [" + ", ".join(entries) + "]\n", id="one flow"),
        pytest.param(
            lambda entries: "sites:\n  -\n    " + "\n  -\n    ".join(entries) + "\n",
            id="lone dashes",
        ),
    ],
)
def test_a_layout_that_bears_no_new_entry_is_refused(layout: Any) -> None:  # noqa: ANN401 - a lambda
    """Rather than written in another."""
    texts = lab_documents()
    entries = [
        '{name: far, title: 远, kind: portal, ipv4: 10.99.0.0/16, ipv6: "fd72:6a5e:99::/48"}'
    ]
    texts["more.yml"] = "document: sites\n" + layout(entries)

    assert refusals(texts, path="more.yml") == {"ZG145"}


@pytest.mark.parametrize("ending", ["", "\n", "\n\n# end\n", "  # last\n", "\r\n"])
def test_comments_and_line_ends_stay(ending: str) -> None:
    """What stood there stands there still, before and behind the new entry."""
    texts = lab_documents()
    text = texts["sites.yml"].rstrip("\n") + ending.replace("\r", "")
    texts["sites.yml"] = text.replace("\n", "\r\n") if ending == "\r\n" else text

    after = text_of(add(texts))
    lines = [line for line in after.splitlines(keepends=True) if "xishui" not in line]

    assert "".join(lines).rstrip() == texts["sites.yml"].rstrip()
    assert (after.count("\r\n") == after.count("\n")) is (ending == "\r\n")


def test_a_new_document_begins_as_its_neighbours_do() -> None:
    """With the line by which an editor finds the schema."""
    text = text_of(add(path="more.yml"))

    assert text.startswith(
        "# yaml-language-server: $schema=../schema/sites.schema.json\ndocument: sites\n"
    )


@pytest.mark.parametrize(
    "title", ["是: 否", "a # b", '"引号"', "12", "yes", "a\\n", "{x}, [y]", "-"]
)
def test_a_title_is_read_back_as_it_was_given(title: str) -> None:
    """In braces too, where commas and brackets mean something."""
    assert add(title=title).new.sites["xishui"].title == title


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Lay the lab's documents in a folder, with something signed beside them."""
    folder = tmp_path / "lab"
    (folder / "release").mkdir(parents=True)
    (folder / "release" / "release.json").write_text("signed")
    for name, text in lab_documents().items():
        (folder / name).write_text(text, "utf-8")
    return folder


def command(plan: Path, *more: str) -> list[str]:
    """Give the words that add a county."""
    return ["site", "add", str(plan), "xishui", "--kind", "county", "--title", "习水县", *more]


def sites_of(plan: Path) -> str:
    """Give what the document of sites holds now."""
    return (plan / "sites.yml").read_text("utf-8")


def test_the_command_shows_and_writes_nothing(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The diff, the addresses, what becomes reachable, and what to do next."""
    status = main(command(plan, "--lang", "en"))

    said = capsys.readouterr().out
    assert status == ExitStatus.OK
    assert "+  - {name: xishui, title: 习水县" in said
    assert "xishui.office    10.40.1.0/24    fd72:6a5e:3a:1::/64   习水县办公区" in said
    assert "newly reachable (9):" in said
    assert "nothing was written; next:" in said
    assert said.rstrip().endswith("--kind county --title '习水县' --write")
    assert sites_of(plan) == lab_documents()["sites.yml"]


def test_the_command_writes_and_says_the_steps(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A review, two signatures and one playbook run; what was signed is left as it is."""
    (plan / "sites.yml").chmod(0o640)

    status = main(command(plan, "--write", "--lang", "en"))

    said = capsys.readouterr().out
    assert status == ExitStatus.OK
    assert "name: xishui" in sites_of(plan)
    assert (plan / "sites.yml").stat().st_mode & 0o777 == 0o640
    assert (plan / "release" / "release.json").read_text() == "signed"
    assert "the plan here is unsigned until both sign again" in said
    assert f"loushan policy diff OLD {plan}" in said
    assert "--as author --base OLD" in said
    assert "--as bureau --base OLD" in said
    assert said.endswith(
        "ansible-playbook playbooks/site.yml -i inventory/lab --limit xishui,city-gw\n"
    )
    assert sorted(p.name for p in plan.iterdir() if p.name.startswith(".")) == []


def test_json_holds_all_of_it(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a page or a script."""
    assert main(command(plan, "--json")) == ExitStatus.OK

    found = json.loads(capsys.readouterr().out)
    assert found["entry"]["ipv4"] == "10.40.0.0/16"
    assert found["written"] is False
    assert len(found["difference"]["reachable"]) == 9


def test_chinese_is_chinese(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Steps too."""
    main(command(plan, "--write", "--lang", "zh"))

    assert "按以下步骤生效:" in capsys.readouterr().out


def test_a_document_that_is_a_link_is_refused(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written through it."""
    outside = plan.parent / "outside.yml"
    (plan / "sites.yml").rename(outside)
    (plan / "sites.yml").symlink_to(outside)

    assert main(command(plan, "--write")) == ExitStatus.REFUSED
    assert "ZG004" in capsys.readouterr().err
    assert outside.read_text("utf-8") == lab_documents()["sites.yml"]


@pytest.mark.parametrize("name", ["sites.yml", "conduits.yml"])
def test_a_plan_that_changes_meanwhile_is_not_written(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Somebody else's work is not lost, and what was not judged is not built upon."""

    def somebody_else(*words: Any) -> SiteChange:  # noqa: ANN401 - the arguments of add_site
        change = add_site(*words)
        with (plan / name).open("a") as file:
            file.write("# mine\n")
        return change

    monkeypatch.setattr("gateway.cli.site_add.add_site", somebody_else)

    assert main(command(plan, "--write")) == ExitStatus.REFUSED
    assert f"{name}: ZG149" in capsys.readouterr().err
    assert (plan / name).read_text("utf-8") == lab_documents()[name] + "# mine\n"
    assert "xishui" not in sites_of(plan)


def test_a_disk_that_is_full_leaves_the_plan_as_it_was(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No half of a document, and no file beside it that would spoil the plan."""

    def full(_file: Path, _new: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    assert main(command(plan, "--write", "--lang", "en")) == ExitStatus.REFUSED
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(p.name for p in plan.iterdir()) == sorted([*lab_documents(), "release"])
    assert sites_of(plan) == lab_documents()["sites.yml"]


def test_the_lab_itself_was_not_touched() -> None:
    """These tests work on copies."""
    assert "xishui" not in sites_of(LAB)
