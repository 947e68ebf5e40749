"""Two plans are compared by what passes, not by their words."""

import random
from ipaddress import ip_network

import pytest

from gateway.errors import Language
from gateway.policy.decide import decide
from gateway.policy.difference import FlowChange, difference
from gateway.policy.model import Flow, Plan
from gateway.policy.reasons import Verdict
from tests.plans import added, built, changed, lab_documents
from tests.rights import DELEGATION, SECRETARY, lab_with_rights


def test_order_and_names_change_nothing() -> None:
    """A reordered, renamed plan is the same plan."""
    documents = lab_documents()
    renames = {
        "tax_clerk": "shuiwu",
        "hall_to_approval": "shouli",
        "name: hall,": "name: dating,",
        "hall.counter": "dating.counter",
        "市税务局": "税务局",
    }
    for old, new in renames.items():
        documents = {name: text.replace(old, new) for name, text in documents.items()}
    body, head = documents["conduits.yml"].rsplit("  # 运行维护", 1)
    documents["conduits.yml"] = body.replace("  # 第一横", head + "\n  # 第一横", 1)
    renamed = built(documents)

    assert difference(built(lab_documents()), renamed).is_empty


def test_a_conduit_taken_away_is_said_as_what_no_longer_passes() -> None:
    """In a sentence with places and ports, in both languages."""
    old = built(lab_documents())
    new = built(changed("conduits.yml", "services: [exchange, https]", "services: [exchange]"))

    found = difference(old, new)

    assert not found.reachable
    assert {(c.source, c.destination) for c in found.unreachable} == {
        (f"{county}.{zone}", "city.business")
        for county in ("huichuan", "suiyang")
        for zone in ("business", "office")
    }
    change = next(c for c in found.unreachable if c.source == "huichuan.office")
    assert change.sentence(Language.ZH) == (
        "汇川区办公区(10.32.1.0/24, fd72:6a5e:32:1::/64)→ "
        "市信息中心业务区(10.1.0.0/24, fd72:6a5e:1::/64):443/tcp"
    )
    assert change.sentence(Language.EN).endswith(": 443/tcp")


def test_moved_addresses_are_a_change_for_both() -> None:
    """The old address no longer passes; the new one does."""
    found = difference(
        built(lab_documents()), built(changed("sites.yml", "10.11.0.0/16", "10.13.0.0/16"))
    )

    gone = {r for c in found.unreachable for r in c.source_ranges if c.source == "tax.office"}
    come = {r for c in found.reachable for r in c.source_ranges if c.source == "tax.office"}
    assert (gone, come) == ({"10.11.1.0/24"}, {"10.13.1.0/24"})


def test_a_range_that_grows_is_only_what_is_new() -> None:
    """Ports that passed before are not said again."""
    found = difference(
        built(lab_documents()), built(changed("services.yml", "6970-6999", "6960-6999"))
    )

    assert [str(p) for c in found.reachable for p in c.ports] == ["6960-6969/udp"]
    assert not found.unreachable


def test_a_grant_is_a_change_too() -> None:
    """Who may do what is effective access."""
    grant = "  - {name: more, subject: leader, resource: cases, actions: [decide]}\n"
    found = difference(built(lab_documents()), built(added("grants.yml", grant)))

    assert [change.action for change in found.granted] == ["decide"]
    assert not found.withdrawn


HOURS = """\
document: hours
hours:
  - {name: office_hours, title: 办公时间, days: [1, 5], times: ["08:30-12:00"]}
"""


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        pytest.param("grants.yml", "actions: [file]", "actions: [file], hours: office_hours",
                     "within 15 08:30-12:00", id="hours"),
        pytest.param("grants.yml", "actions: [file]", 'actions: [file], until: "2027-01-31"',
                     "until 2027-01-31", id="an end"),
        pytest.param("resources.yml", "path: /cases/,",
                     "path: /cases/, methods: {decide: [PATCH]},", "by PATCH", id="another method"),
        pytest.param("subjects.yml", "type: system", "type: post",
                     "(certificate huichuan-business)", id="another authority"),
    ],
)  # fmt: skip
def test_when_and_how_somebody_may_is_part_of_the_right(
    name: str, old: str, new: str, said: str
) -> None:
    """The old right is withdrawn, the new one granted, and its sentence says what is not usual."""
    before = {**lab_documents(), "hours.yml": HOURS}
    after = {**changed(name, old, new), "hours.yml": HOURS}

    found = difference(built(before), built(after))

    (granted,), (withdrawn,) = found.granted, found.withdrawn
    assert said in granted.sentence(Language.EN)
    assert granted.action == withdrawn.action
    assert "office_hours" not in granted.sentence(Language.EN), "hours as they hold, not a name"


def test_a_resource_below_anothers_path_is_part_of_the_right() -> None:
    """The longest path counts, so that who may read all but it may read it too when it is gone."""
    sealed = (
        "  - {name: sealed, title: 不公开办件, zone: city.applications, service: approval, "
        "path: /cases/sealed/, label: 内部 个人信息}\n"
    )
    apart, whole = built(added("resources.yml", sealed)), built(lab_documents())

    found = difference(apart, whole)

    assert {change.apart for change in found.granted} == {()}
    assert {change.apart for change in found.withdrawn} == {("/cases/sealed/",)}
    sentence = "税务局经办岗(证书 tax-clerk)对 审批办件:read,/cases/sealed/ 除外"
    assert sentence in {change.sentence(Language.ZH) for change in found.withdrawn}
    assert "apart" not in str(difference(None, whole).as_json())


def test_the_order_of_methods_is_no_change() -> None:
    """As everywhere."""
    written = "path: /cases/, label: 内部, methods: {read: [HEAD, GET]}"
    other = built(changed("resources.yml", "path: /cases/, label: 内部", written))

    assert difference(built(lab_documents()), other).is_empty


@pytest.mark.parametrize(
    ("name", "old", "new", "before", "after"),
    [
        pytest.param("resources.yml", "path: /cases/", "path: /files/", " /cases/ ", " /files/ ",
                     id="a path"),
        pytest.param("subjects.yml", "zones: tax.office", "zones: {site: tax, zone: '*'}",
                     "10.11.1.0/24 fd72", "10.11.0.0/24 10.11.1.0/24", id="wider zones"),
        pytest.param("subjects.yml", "type: system", "type: post", "services/", "people/",
                     id="another authority"),
        pytest.param("services.yml", "tcp: 8443", "tcp: 8445", "8443/tcp", "8445/tcp", id="port"),
        pytest.param("subjects.yml", "clearance: 内部", "clearance: 内部 个人信息",
                     "clerk 内部 10", "clerk 内部 个人信息 10", id="a clearance"),
    ],
)  # fmt: skip
def test_no_sentence_stands_for_what_is_new_and_for_what_is_gone(
    name: str, old: str, new: str, before: str, after: str
) -> None:
    """A reviewer who reads both sees in what they differ, and so does who signs their digest."""
    found = difference(built(lab_documents()), built(changed(name, old, new)))

    for language in Language:
        granted, withdrawn = (
            {change.sentence(language) for change in changes}
            for changes in (found.granted, found.withdrawn)
        )
        assert granted
        assert not granted & withdrawn
        assert all(after in sentence for sentence in granted)
        assert all(before in sentence for sentence in withdrawn)
    assert after in found.canonical().decode()


@pytest.mark.parametrize(
    ("zones", "is_said"),
    [
        pytest.param("city.office", True, id="from another zone"),
        pytest.param("{site: city, zone: [office, leaders]}", True, id="from one more"),
        pytest.param("city.leaders", False, id="from the same"),
    ],
)
def test_a_delegation_that_holds_from_elsewhere_says_so(zones: str, is_said: bool) -> None:  # noqa: FBT001 - a table's column
    """The leader's grant is for the leaders' terminals; the secretary has it from another place."""
    documents = lab_documents()
    documents["subjects.yml"] += SECRETARY.replace("zones: city.office", f"zones: {zones}")
    plan = built({**documents, "delegations.yml": DELEGATION})

    found = difference(built(documents), plan)

    sentences = {change.sentence(Language.ZH) for change in found.granted}
    assert len(sentences) == 2
    assert all(("经委托,从 " in said and "而非" in said) is is_said for said in sentences)
    assert ("instead" in found.canonical().decode()) is is_said


def test_a_right_to_connect_is_said() -> None:
    """As any other; the method by which it is judged need not be."""
    found = difference(built(lab_documents()), built(lab_with_rights()))

    connecting = [change for change in found.granted if change.action == "connect"]
    assert [change.sentence(Language.EN) for change in connecting] == [
        "汇川区报送系统 (certificate huichuan-business) may connect 数据库复制, until 2026-12-31"
    ]


def test_hours_that_change_under_their_name_are_a_change() -> None:
    """The reviewer sees what changes for people, also where no grant was touched."""
    documents = changed("grants.yml", "actions: [file]", "actions: [file], hours: office_hours")
    before = {**documents, "hours.yml": HOURS}
    after = {**documents, "hours.yml": HOURS.replace("12:00", "18:00")}

    found = difference(built(before), built(after))

    assert [change.hours for change in found.granted] == ["15 08:30-18:00"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        pytest.param("kinds.yml", "role: hall\n", "role: hall\n    managed: false\n", id="gateway"),
        pytest.param("kinds.yml", "窗口, ceiling: 内部", "窗口, ceiling: 公开", id="ceiling"),
        pytest.param("plan.yml", "ceiling: 内部", "ceiling: 公开", id="plan's ceiling"),
        pytest.param("plan.yml", "ceiling: 内部", "ceiling: 内部\ncommissioning_approval: 样例-1",
                     id="approval"),
        pytest.param("kinds.yml", "tier: province\n    role: centre\n    network: province",
                     "tier: province\n    role: centre\n    network: office", id="network"),
        pytest.param("resources.yml", "label: 内部", "label: 公开", id="resource's label"),
        pytest.param("resources.yml", "service: approval", "service: log", id="its service"),
        pytest.param("conduits.yml", "label: 内部", "label: 公开", id="conduit's label"),
        pytest.param("expectations.yml", 'zone: "*"}\n    to: {site: housing',
                     "zone: office}\n    to: {site: housing", id="expectation"),
        pytest.param("sites.yml", "kind: hall, hub: city", "kind: hall, hub: tax", id="hub"),
    ],
)  # fmt: skip
def test_what_protects_is_not_taken_away_in_silence(name: str, old: str, new: str) -> None:
    """Where the same flows pass and less stands behind them, that is said."""
    found = difference(built(lab_documents()), built(changed(name, old, new)))

    assert not found.is_empty


def test_zones_that_become_one_are_said() -> None:
    """What passed no gateway's judgement is new, though no conduit says so."""
    separate = "      - {name: video, title: 视频监控, ceiling: 内部, part: 1}\n"
    documents = changed("kinds.yml", separate, "")
    documents["kinds.yml"] = documents["kinds.yml"].replace(
        "窗口, ceiling: 内部, part: 0", "窗口, ceiling: 内部, part: 0, ipv4: [10.21.1.0/24]"
    )
    documents["conduits.yml"] = documents["conduits.yml"].replace("zone: video", "zone: counter")

    assert difference(built(lab_documents()), built(documents)).settings_new


def test_the_first_plan_is_all_new() -> None:
    """Compared with nothing, everything is newly reachable; two conduits may be one way."""
    plan = built(lab_documents())

    found = {(each.source, each.destination) for each in difference(None, plan).reachable}
    assert found == {(each.source, each.destination) for each in plan.conduits}


def test_the_same_difference_has_the_same_digest() -> None:
    """What is signed is a value; another difference has another digest."""
    old = built(lab_documents())
    one = built(changed("services.yml", "6970-6999", "6960-6999"))
    two = built(changed("services.yml", "6970-6999", "6961-6999"))

    assert difference(old, one).digest == difference(old, one).digest
    assert difference(old, one).digest != difference(old, two).digest


def test_the_difference_agrees_with_the_reference_decision() -> None:
    """For flows drawn at random, changed means changed, and nothing else does."""
    old = built(lab_documents())
    documents = changed("conduits.yml", "services: [exchange, https]", "services: [exchange]")
    documents["services.yml"] = documents["services.yml"].replace("6970-6999", "6980-7010")
    new = built(documents)
    found = difference(old, new)
    draw = random.Random(20261123)  # noqa: S311 - repeatable, not secret

    for _ in range(1_500):
        flow = _some_flow(draw, old)
        before, after = (decide(plan, flow).verdict is Verdict.ACCEPT for plan in (old, new))
        assert _says(found.reachable, flow) is (after and not before)
        assert _says(found.unreachable, flow) is (before and not after)


def _some_flow(draw: random.Random, plan: Plan) -> Flow:
    source, destination = draw.choices(list(plan.zones.values()), k=2)
    conduits = [c for c in plan.conduits if draw.random() < 0.5] or list(plan.conduits)
    conduit = draw.choice(conduits)
    if draw.random() < 0.8:
        source, destination = plan.zones[conduit.source], plan.zones[conduit.destination]
    version = draw.choice((0, 1))
    ports = draw.choice(conduit.ports)
    port = 0 if ports.low == 0 else draw.randint(ports.low - 20, ports.high + 20)
    return Flow(
        source.ranges[version].network_address + draw.randint(1, 50),
        destination.ranges[version].network_address + draw.randint(1, 50),
        ports.protocol,
        port,
    )


def _says(changes: tuple[FlowChange, ...], flow: Flow) -> bool:
    return any(
        any(flow.source in ip_network(r) for r in change.source_ranges)
        and any(flow.destination in ip_network(r) for r in change.destination_ranges)
        and any(p.protocol is flow.protocol and p.low <= flow.port <= p.high for p in change.ports)
        for change in changes
    )
