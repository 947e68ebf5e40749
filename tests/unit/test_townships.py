"""Townships are laid out by a command: evenly, repeatably, and over nobody's work."""

import re
from collections import Counter
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from gateway.errors import ExitStatus, Refused
from gateway.policy.documents import Document, parse, read_documents
from gateway.policy.townships import TOWNSHIPS_PATH, townships_document

ZUNYI = Path(__file__).resolve().parents[2] / "policy" / "zunyi"

KINDS = """\
document: kinds
kinds:
  - name: county
    title: 县中心
    tier: county
    role: centre
    zones: [{name: business, title: 业务区, ceiling: 内部, part: 0}]
  - name: township
    title: 乡镇
    tier: township
    role: centre
    size: 26
    zones: [{name: office, title: 办公区, ceiling: 内部, part: 0}]
"""
RED = '{name: red, title: 红县, kind: county, ipv4: 10.1.0.0/21, ipv6: "fd00:1:800::/45"}'
BLUE = '{name: blue, title: 蓝县, kind: county, ipv4: 10.2.0.0/16, ipv6: "fd00:2:1000::/40"}'


def sites(*entries: str) -> str:
    """Write a document of sites."""
    return "document: sites\nsites:\n" + "".join(f"  - {entry}\n" for entry in entries)


def city(counties: str, townships: str | None = None, kinds: str = KINDS) -> list[Document]:
    """Give the documents of a small city, in memory."""
    texts = {"kinds.yml": kinds, "sites/counties.yml": counties, TOWNSHIPS_PATH: townships}
    return [Document(path, text.encode()) for path, text in texts.items() if text is not None]


def laid_out(documents: list[Document], count: int) -> list[dict[str, Any]]:
    """Give the entries of the document that the command would write."""
    entries: list[dict[str, Any]] = parse(
        townships_document(documents, "plan", count), TOWNSHIPS_PATH
    ).data["sites"]
    return entries


def refusals(documents: list[Document], count: int) -> set[str]:
    """Give the codes with which a layout is refused."""
    with pytest.raises(Refused) as refused:
        townships_document(documents, "plan", count)
    return {problem.code for problem in refused.value.problems}


def test_townships_are_spread_evenly_and_named_after_their_county() -> None:
    """The odd one goes to the county that comes first."""
    entries = laid_out(city(sites(RED, BLUE)), 3)

    assert [(e["name"], e["title"], e["hub"]) for e in entries] == [
        ("red-t01", "红县第1乡镇(街道)", "red"),
        ("red-t02", "红县第2乡镇(街道)", "red"),
        ("blue-t01", "蓝县第1乡镇(街道)", "blue"),
    ]


def test_addresses_are_the_next_free_ones_of_the_countys_upper_half() -> None:
    """The lower half stays with the county's own zones and departments."""
    other = '{name: other, title: 他, kind: township, ipv4: 10.1.4.0/23, ipv6: "fd00:9::/48"}'
    entries = laid_out(city(sites(RED, other)), 3)

    assert [e["ipv4"] for e in entries] == ["10.1.6.0/24", "10.1.7.0/24"]
    assert [e["ipv6"] for e in entries] == ["fd00:1:804::/48", "fd00:1:805::/48"]


def test_a_zone_written_out_keeps_its_addresses() -> None:
    """A range outside every site's prefix is taken all the same."""
    odd = (
        '{name: odd, title: 他, kind: township, ipv4: 10.9.0.0/24, ipv6: "fd00:9::/48", zones: '
        '[{name: x, title: 他, ceiling: 内部, ipv4: [10.1.4.9/32], ipv6: ["fd00:1:804:7::/64"]}]}'
    )
    entries = laid_out(city(sites(RED, odd)), 2)

    assert [(e["ipv4"], e["ipv6"]) for e in entries] == [("10.1.5.0/24", "fd00:1:805::/48")]


def test_the_same_plan_gives_the_same_bytes_and_a_second_run_changes_nothing() -> None:
    """Who runs it again, on any machine, has nothing to review."""
    first = townships_document(city(sites(RED, BLUE)), "plan", 6)
    again = townships_document(city(sites(RED, BLUE)), "plan", 6)
    by_hand = first.content.decode().rstrip("\n")
    second = townships_document(city(sites(RED, BLUE), by_hand), "somewhere/else/", 6)

    assert first == again
    assert second.content.decode() == by_hand


def test_what_somebody_wrote_is_kept_to_the_letter() -> None:
    """A title, a name, an address or a comment put in by hand outlives every run."""
    made = townships_document(city(sites(RED, BLUE)), "plan", 4).content.decode()
    by_hand = made.replace("红县第1乡镇(街道)", "长征镇  # 2027 年更名").replace(
        "blue-t01", "lanzhen"
    )

    more = townships_document(city(sites(RED, BLUE), by_hand), "plan", 6).content.decode()

    assert more.startswith(by_hand)
    assert re.findall("name: (.*)", more.removeprefix(by_hand)) == ["red-t03", "blue-t01"]
    assert more.count("长征镇") == 1


def test_a_real_list_that_is_uneven_is_filled_where_fewest_are() -> None:
    """Townships that are there already count for their county, whatever they are called."""
    real = [
        f"{{name: z{n}, title: 镇, kind: township, hub: red, ipv4: 10.1.{n}.0/24, "
        f'ipv6: "fd00:1:80{n}::/48"}}'
        for n in (4, 5, 6)
    ]
    entries = laid_out(city(sites(RED, BLUE), sites(*real)), 7)

    assert Counter(e["hub"] for e in entries) == {"red": 4, "blue": 3}


@pytest.mark.parametrize("title", ["true", "是: 否", "a # b", '"引号"', "12", "a\\n"])
def test_a_title_that_yaml_would_misread_is_quoted(title: str) -> None:
    """A county's title comes back as it was written."""
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    county = f'{{name: red, title: "{quoted}", kind: county, ipv4: 10.1.0.0/16, ipv6: "fd00::/40"}}'

    assert laid_out(city(sites(county)), 1)[0]["title"] == f"{title}第1乡镇(街道)"


@pytest.mark.parametrize(
    ("documents", "count", "code"),
    [
        pytest.param(city(sites(RED)), 5, "ZG130", id="a county's block is full"),
        pytest.param(
            city(sites(RED.replace("/45", "/48"))), 1, "ZG130", id="no IPv6 for any township"
        ),
        pytest.param(
            city(
                sites(
                    '{name: red, title: 红, kind: township, ipv4: 10.1.0.0/24, ipv6: "fd00::/48"}'
                )
            ),
            3,
            "ZG131",
            id="no county",
        ),
        pytest.param(
            city(sites(RED), kinds=KINDS.replace("tier: township", "tier: county")),
            1,
            "ZG131",
            id="no kind for townships",
        ),
        pytest.param(
            city(
                sites(
                    RED,
                    '{name: z, title: 镇, kind: township, ipv4: 10.9.0.0/24, ipv6: "fd00:9::/48"}',
                )
            ),
            0,
            "ZG132",
            id="fewer than there are",
        ),
        pytest.param(
            city(sites(RED), f"document: sites\nsites: [{BLUE}]\n"),
            1,
            "ZG133",
            id="a document that nothing can be added to",
        ),
        pytest.param(
            city(
                sites(RED), "document: services\nservices: [{name: web, title: 网页, tcp: 443}]\n"
            ),
            1,
            "ZG133",
            id="another document in its place",
        ),
        pytest.param(city("document: sites\n"), 1, "ZG021", id="a document against its schema"),
        pytest.param(city("sites: [\n"), 1, "ZG011", id="a document that is no YAML"),
        pytest.param(
            city(sites(RED, RED.replace("name: red", "name: red2"))),
            1,
            "ZG111",
            id="places that are wrong already",
        ),
        pytest.param(city(sites(RED, RED)), 1, "ZG108", id="a county twice"),
    ],
)
def test_what_cannot_be_laid_out_is_refused(
    documents: list[Document], count: int, code: str
) -> None:
    """Nothing is left out or overwritten in silence."""
    assert code in refusals(documents, count)


def test_a_huge_block_is_not_counted_through() -> None:
    """A block of 2^30 townships answers at once."""
    county = '{name: red, title: 红, kind: county, ipv4: 10.0.0.0/8, ipv6: "fc00::/7"}'

    assert len(laid_out(city(sites(county)), 2)) == 2


def test_the_citys_townships_are_what_the_command_makes() -> None:
    """The 240 of policy/zunyi were made by it, not by hand; all lie inside their county."""
    documents = read_documents(ZUNYI)
    without = [document for document in documents if document.path != TOWNSHIPS_PATH]
    blocks = {
        county["name"]: county
        for county in parse(
            next(d for d in documents if d.path == "sites/counties.yml"), "counties.yml"
        ).data["sites"]
    }

    entries = laid_out(without, 240)

    names = [e["name"] for e in laid_out(list(documents), 240)]
    assert [e["name"] for e in entries] == names
    assert Counter(e["hub"] for e in entries) == dict.fromkeys(blocks, 16)
    for entry in entries:
        for family in ("ipv4", "ipv6"):
            inside, block = ip_network(entry[family]), ip_network(blocks[entry["hub"]][family])
            assert int(block[0]) < int(inside[0]) < int(inside[-1]) <= int(block[-1])


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Lay a small city's documents in a folder."""
    for document in city(sites(RED, BLUE)):
        file = tmp_path / document.path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(document.content)
    return tmp_path


def test_the_command_prints_and_leaves_the_plan_alone(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --write nothing is written."""
    status = main(["policy", "townships", str(plan), "--count", "2"])

    assert status == ExitStatus.OK
    assert "name: blue-t01" in capsys.readouterr().out
    assert not (plan / TOWNSHIPS_PATH).exists()


def test_the_command_writes_once(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second --write says that nothing is missing and leaves the file as it is."""
    words = ["policy", "townships", str(plan), "--count", "4", "--write", "--lang", "zh"]

    assert main(words) == ExitStatus.OK
    written = (plan / TOWNSHIPS_PATH).stat().st_ino
    assert main(words) == ExitStatus.OK

    assert (plan / TOWNSHIPS_PATH).stat().st_ino == written
    assert "已写入" in (said := capsys.readouterr().out)
    assert said.endswith(":无需补充\n")


def test_a_refusal_writes_nothing(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A county that is full is said with its line, and no half of a list is left behind."""
    status = main(["policy", "townships", str(plan), "--count", "40", "--write"])

    assert status == ExitStatus.REFUSED
    assert "counties.yml:3: ZG130" in capsys.readouterr().err
    assert not (plan / TOWNSHIPS_PATH).exists()


def test_a_file_that_cannot_be_written_is_said(
    plan: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reader learns which file and why, and nothing half-written stays."""

    def full(_file: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    status = main(["policy", "townships", str(plan), "--count", "2", "--write", "--lang", "en"])

    assert status == ExitStatus.REFUSED
    assert "No space left on device" in capsys.readouterr().err
    assert sorted(p.name for p in (plan / "sites").iterdir()) == ["counties.yml"]


@pytest.mark.parametrize("count", ["0", "-1", "1000000", "many"])
def test_a_number_that_makes_no_sense_is_refused(plan: Path, count: str) -> None:
    """A count is from 1 to what one document can hold."""
    with pytest.raises(SystemExit) as stopped:
        main(["policy", "townships", str(plan), f"--count={count}"])

    assert stopped.value.code == ExitStatus.USAGE
