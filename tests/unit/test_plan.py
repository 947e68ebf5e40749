"""What a plan must be before it can be asked anything: its schema, names and addresses."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Language
from gateway.policy.schema import KINDS, SCHEMA_FOLDER
from tests.plans import LAB, added, built, changed, codes, lab_documents, places, problems


def test_the_lab_plan_is_in_order() -> None:
    """The example that users start from has nothing wrong with it."""
    assert problems(lab_documents()) == []


def test_a_new_county_is_a_few_lines() -> None:
    """Zones and conduits come with the kind; no code, no other document."""
    county = """
  - {name: tongzi, title: 桐梓县, kind: county, hub: city, ipv4: 10.40.0.0/16, ipv6: "fd72:40::/48"}
"""
    before, after = built(lab_documents()), built(added("sites.yml", county))

    assert set(after.zones) - set(before.zones) == {
        "tongzi.business",
        "tongzi.office",
        "tongzi.gateway",
    }
    assert ("counties_to_city", "tongzi.office") in {(c.name, c.source) for c in after.conduits}


def test_a_plan_may_be_written_in_chinese() -> None:
    """Names are the writer's own."""
    site = """
  - {name: 桐梓县, title: 桐梓县, kind: county, hub: city, ipv4: 10.40.0.0/16, ipv6: "fd72:40::/48"}
"""
    plan = built(added("sites.yml", site))

    assert plan.zones["桐梓县.office"].interface == "office"


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        pytest.param("plan.yml", "name: lab", "nam: lab", "ZG022 plan/plan.yml:4", id="unknown"),
        pytest.param("plan.yml", "name: lab", "nam: lab", "ZG021 plan/plan.yml:3", id="missing"),
        pytest.param("plan.yml", "name: lab", "name: 7", "ZG023 plan/plan.yml:4", id="wrong type"),
        pytest.param("plan.yml", "内部", "秘而不宣", "ZG025 plan/plan.yml:6", id="not a label"),
        pytest.param("plan.yml", "document: plan", "document: plans", "ZG020", id="unknown kind"),
        pytest.param("kinds.yml", "tier: city", "tier: town", "ZG024", id="not one of a list"),
        pytest.param("sites.yml", "name: tax,", 'name: "t\\u0430x",', "ZG025", id="Cyrillic a"),
        pytest.param("sites.yml", "name: tax,", 'name: "tax\\u200b",', "ZG019", id="zero width"),
        pytest.param("sites.yml", "name: tax,", 'name: "t\\x07ax",', "ZG019", id="control"),
        pytest.param("sites.yml", "name: tax,", "name: TAX,", "ZG025", id="upper case"),
        pytest.param("sites.yml", "name: tax,", 'name: "tax",', "", id="quoted is the same"),
        pytest.param("sites.yml", "name: hall,", "name: ta×,", "ZG025", id="a sign as a letter"),
        pytest.param("sites.yml", "name: hall,", "name: c1ty,", "ZG101", id="looks like another"),
        pytest.param("sites.yml", "name: housing,", "name: tax,", "ZG107", id="defined twice"),
        pytest.param("sites.yml", "kind: hall", "kind: hal", "ZG104", id="unknown kind of site"),
        pytest.param("sites.yml", "hub: huichuan\n", "hub: hui\n", "ZG103", id="unknown hub"),
        pytest.param("sites.yml", "kind: county, hub: city", "kind: county, hub: huichuan",
                     "ZG114", id="its own hub"),
        pytest.param("sites.yml", "10.12.0.0/16", "10.11.0.0/16", "ZG111", id="same range"),
        pytest.param("sites.yml", "10.12.0.0/16", "10.11.1.128/25", "ZG112", id="no such part"),
        pytest.param("sites.yml", "fd72:6a5e:12::/48", "fd72:6a5e:11::/48", "ZG111", id="v6 too"),
        pytest.param("sites.yml", "fd72:6a5e:12::/48", "fd5f:5d51:4787::/48", "ZG150", id="lines"),
        pytest.param("sites.yml", "10.12.0.0/16", "10.12.0.1/16", "ZG110", id="host bits"),
        pytest.param("sites.yml", "10.12.0.0/16", "10.12.0.0/33", "ZG110", id="no such length"),
        pytest.param("sites.yml", "10.12.0.0/16", "fd99::/48", "ZG110", id="other family"),
        pytest.param("sites.yml", "10.12.0.0/16", "127.0.0.0/8", "ZG122", id="loopback"),
        pytest.param("sites.yml", "10.12.0.0/16", "224.0.0.0/8", "ZG122", id="multicast"),
        pytest.param("sites.yml", "10.12.0.0/16", "0.0.0.0/0", "ZG122", id="everything"),
        pytest.param("sites.yml", ', ipv6: "fd72:6a5e:12::/48"', "", "ZG113", id="no IPv6"),
        pytest.param("services.yml", "tcp: 22", "tcp: 70000", "ZG026", id="no such port"),
        pytest.param("services.yml", "6970-6999", "6999-6970", "ZG118", id="a range backwards"),
        pytest.param("services.yml", "[9100, 9633]", "[9100, 9000-9200]", "ZG119", id="overlap"),
        pytest.param("services.yml", ", tcp: 22", "", "ZG026", id="a service of nothing"),
        pytest.param("conduits.yml", "to: city.business", "to: city.busines", "ZG102", id="zone"),
        pytest.param("conduits.yml", "[https]", "[htps]", "ZG105", id="unknown service"),
        pytest.param("conduits.yml", "[https]", "[https, https]", "ZG108", id="service twice"),
        pytest.param("conduits.yml", "kind: department, zone: office",
                     "kind: portal, zone: office", "ZG109", id="chooses nothing"),
        pytest.param("conduits.yml", "[business, office]", "[business, offcie]", "ZG102",
                     id="a zone's name in a list"),
        pytest.param("kinds.yml", "name: counter,", 'name: "counter\\n",', "ZG019",
                     id="a line's end in a name"),
        pytest.param("plan.yml", "title: 样例城市", 'title: "样例\\e[2K城市"', "ZG019",
                     id="an escape in a title"),
        pytest.param("plan.yml", "title: 样例城市", 'title: "样例\\u202e城市"', "ZG019",
                     id="a turn of direction in a title"),
        pytest.param("kinds.yml", "title: 窗口, ceiling: 内部", "title: 窗口, ceiling: 内部 绝密",
                     "ZG025", id="a level as a category"),
        pytest.param("conduits.yml", "to: city.business\n", "to: city.leaders\n", "ZG116",
                     id="joins a zone with itself"),
        pytest.param("grants.yml", "subject: leader,", "subject: leder,", "ZG106", id="subject"),
        pytest.param("grants.yml", "resource: cases,", "resource: rep,", "ZG124", id="resource"),
        pytest.param("grants.yml", "actions: [file]", "actions: [file], until: 2027-02-30",
                     "ZG125", id="no such day"),
        pytest.param("grants.yml", "actions: [file]", "actions: [file], hours: night",
                     "ZG127", id="hours"),
        pytest.param("grants.yml", "actions: [file]", "actions: [file], zones: city.office",
                     "ZG128", id="a zone that is not the subject's"),
        pytest.param("resources.yml", "path: /cases/", "path: /Cases/", "ZG025", id="capitals"),
        pytest.param("resources.yml", "path: /cases/,", "path: /cases/, methods: {read: [TRACE]},",
                     "ZG024", id="a method that nobody may use"),
    ],
)  # fmt: skip
def test_a_slip_is_found_and_said_with_its_place(
    name: str, old: str, new: str, expected: str
) -> None:
    """One slip in one place gives the code that explains it, on its line."""
    found = places(changed(name, old, new))

    assert any(place.startswith(expected) for place in found) if expected else not found


HOURS = """\
document: hours
hours:
  - {name: office_hours, title: 办公时间, days: [1, 5], times: ["08:30-12:00"]}
"""

DELEGATION = """\
document: delegations
delegations:
  - {name: away, title: 出差, grants: [leader_supervises], to: hall_counter, until: "2027-01-31"}
"""


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "expected"),
    [
        pytest.param("hours.yml", HOURS, "12:00", "08:30", "ZG126", id="hours of no length"),
        pytest.param("hours.yml", HOURS, "12:00", "12:10", "ZG025", id="between quarters"),
        pytest.param("hours.yml", HOURS, "12:00", "24:15", "ZG025", id="past midnight"),
        pytest.param("hours.yml", HOURS, "[1, 5]", "[0]", "ZG024", id="a day that is none"),
        pytest.param("delegations.yml", DELEGATION, "leader_sup", "lead_sup", "ZG129", id="grant"),
        pytest.param("delegations.yml", DELEGATION, "hall_counter", "hall", "ZG106", id="to whom"),
        pytest.param("delegations.yml", DELEGATION, ', until: "2027-01-31"', "", "ZG021",
                     id="without an end"),
        pytest.param("delegations.yml", DELEGATION, "until", 'from: "2027-02-01", until', "ZG153",
                     id="ends before it begins"),
    ],
)  # fmt: skip
def test_a_slip_about_a_time_is_found(
    name: str, text: str, old: str, new: str, expected: str
) -> None:
    """One slip in hours or in a delegation, on its line."""
    assert old in text

    found = places({**lab_documents(), name: text.replace(old, new)})

    assert any(place.startswith(expected) for place in found)


@pytest.mark.parametrize("name", ["tax clerk", "tax-clerk ", " tax-clerk"])
def test_a_certificates_name_has_no_blank(name: str) -> None:
    """A proxy's map ends its key there: the certificate would be nobody's, or another's."""
    assert codes(changed("subjects.yml", "tax-clerk", f'"{name}"'))
    assert not codes(changed("subjects.yml", "tax-clerk", "税务局-张三"))


def test_what_was_delegated_is_not_delegated_on() -> None:
    """A delegation names grants; a delegated one has no name to be named by."""
    on = DELEGATION.replace("away", "on").replace("leader_supervises", "away/leader_supervises")

    assert places({**lab_documents(), "delegations.yml": DELEGATION, "on.yml": on})


def test_all_slips_are_said_at_once() -> None:
    """A writer mends a plan in one go, not in ten."""
    documents = lab_documents()
    documents["sites.yml"] = documents["sites.yml"].replace("kind: hall", "kind: hal")
    documents["conduits.yml"] = documents["conduits.yml"].replace("[video]", "[vidio]")
    documents["grants.yml"] = documents["grants.yml"].replace("leader,", "leder,")

    assert {"ZG104", "ZG105", "ZG106"} <= codes(documents)


def test_half_a_plan_is_refused() -> None:
    """A plan without its head, or without its sites, is not a smaller plan."""
    without_head = lab_documents()
    del without_head["plan.yml"]
    without_sites = lab_documents()
    del without_sites["sites.yml"]

    assert "ZG123" in codes(without_head)
    assert {"ZG109", "ZG102"} <= codes(without_sites)


def test_a_second_head_is_refused() -> None:
    """A plan has one name and one ceiling."""
    head = "document: plan\nname: other\ntitle: 另一个\nceiling: 内部\n"

    assert "ZG121" in codes(added("zz.yml", head))


def test_a_second_gateway_zone_is_refused() -> None:
    """A site has one gateway."""
    zone = "- {name: gateway, title: 网关, ceiling: 内部, part: 3, gateway: true}"
    second = zone + "\n      - {name: gate, title: 另一网关, ceiling: 内部, part: 2, gateway: true}"

    assert "ZG120" in codes(changed("kinds.yml", zone, second))


_ALONE = "{name: tax, title: 市税务局, kind: department, "
_OWN = "{name: gateway, title: 网关, ceiling: 内部, part: 255, gateway: true}"


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        pytest.param(
            "sites.yml", _ALONE, f"{_ALONE}gateways: 2, ", "ZG151", id="a site with a hub above"
        ),
        pytest.param(
            "sites.yml",
            "kind: province, hub: city, ",
            "kind: province, gateways: 2, ",
            "ZG151",
            id="a site that others run",
        ),
        pytest.param("kinds.yml", f"      - {_OWN}\n", "", "ZG152", id="no zone for the gateways"),
        pytest.param(
            "kinds.yml",
            _OWN,
            _OWN.replace("part: 255", 'ipv4: [10.1.255.0/30], ipv6: ["fd72:6a5e:1:ff::/64"]'),
            "ZG152",
            id="no room for a third address",
        ),
        pytest.param("sites.yml", "gateways: 2", "gateways: 3", "ZG024", id="three gateways"),
    ],
)
def test_a_pair_stands_where_it_can(name: str, old: str, new: str, code: str) -> None:
    """Above all others, with an address for each of the two."""
    assert code in codes(changed(name, old, new))


def test_a_zone_and_a_link_never_share_an_interface() -> None:
    """A zone that is called as a neighbouring site is refused."""
    county = """
  - {name: office, title: 办公县, kind: county, hub: city, ipv4: 10.40.0.0/16, ipv6: "fd72:40::/48"}
"""
    assert "ZG117" in codes(added("sites.yml", county))


def test_a_problem_reads_the_same_in_both_languages() -> None:
    """Both say the place, the code and what to do."""
    (found,) = [
        p
        for p in problems(changed("grants.yml", "subject: leader,", "subject: leder,"))
        if p.code == "ZG106"
    ]

    assert found.render(Language.EN).splitlines() == [
        "plan/grants.yml:6: ZG106 grant `leader_supervises`: no subject is called `leder`",
        "  help: the subjects are tax_clerk, hall_counter, leader, huichuan_system",
    ]
    assert found.render(Language.ZH).splitlines() == [
        "plan/grants.yml:6: ZG106 授权“leader_supervises”:没有名为“leder”的主体",
        "  办法: 主体有:tax_clerk, hall_counter, leader, huichuan_system",
    ]


@pytest.mark.parametrize("kind", [*KINDS, "common"])
def test_every_kind_of_document_has_a_schema_for_editors(kind: str) -> None:
    """An editor can complete and check; each field is described."""
    schema = json.loads((SCHEMA_FOLDER / f"{kind}.schema.json").read_text("utf-8"))

    assert schema["$id"] == f"{kind}.schema.json"


@pytest.mark.parametrize("kind", [*KINDS, "common"])
def test_a_reference_in_a_schema_stands_alone(kind: str) -> None:
    """What it refers to is put in its place, so that it is not looked up for each value."""
    parts: list[Any] = [json.loads((SCHEMA_FOLDER / f"{kind}.schema.json").read_text("utf-8"))]
    for part in parts:
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()

    beside = [{*part} - {"$ref"} for part in parts if isinstance(part, dict) and "$ref" in part]
    assert [each for each in beside if not each <= {"description", "title"}] == []


@pytest.mark.parametrize("file", sorted(LAB.glob("*.yml")), ids=lambda path: path.name)
def test_every_document_names_its_schema_to_the_editor(file: Path) -> None:
    """The first line leads an editor to the schema."""
    first = file.read_text("utf-8").splitlines()[0]
    schema = file.parent / first.removeprefix("# yaml-language-server: $schema=")

    assert schema.resolve().is_file()
