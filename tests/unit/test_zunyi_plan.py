"""The plan of the whole city: every place and system of 遵府办发〔2009〕72号 is in it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.compile.ruleset import compile_plan
from gateway.policy.check import check_plan
from gateway.policy.decide import decide
from gateway.policy.documents import Document, read_documents
from gateway.policy.model import Flow, Network, NetworkName, Plan, Protocol, Role, Tier, Zone
from gateway.policy.names import interface_name
from gateway.policy.plan import build_plan
from gateway.policy.reasons import Verdict

FOLDER = Path(__file__).resolve().parents[2] / "policy" / "zunyi"

CITY = ("市信息中心", "市政务服务中心", "市监察局", "市保密局", "市领导办公室", "贵州省")
DEPARTMENTS = (
    "市政府办",
    "市财政局",
    "市发改委",
    "市法制办",
    "市人事局",
    "市编委办",
    "市科技局",
    "市档案局",
    "市公安局",
    "市房管局",
    "市国税局",
    "市地税局",
    "市劳动和社会保障局",
    "市政府采购中心",
)
HALLS = ("国税", "地税", "房管", "劳动和社会保障", "交警支队车管所")
PILOTS = ("红花岗区", "汇川区", "绥阳县", "道真自治县", "习水县")
SECOND_PHASE = (
    "遵义县",
    "桐梓县",
    "正安县",
    "凤冈县",
    "湄潭县",
    "余庆县",
    "务川自治县",
    "赤水市",
    "仁怀市",
    "新蒲新区",
)
#: Each row of the table of networks and systems, and the zone in which a reader finds it.
SYSTEMS = {
    "公务员办公业务资源网": "xinxi.platform",
    "电子政务业务网": "xinxi.business",
    "门户网站群": "menhu.web",
    "审批网站": "menhu.approval-web",
    "监察网站": "menhu.supervise-web",
    "网上协同审批系统": "xinxi.approval",
    "行政电子监察系统": "xinxi.supervision",
    "视频监控": "zhengwu.video",
    "全市行政电子监控中心": "zhengwu.control-room",
    "展示厅": "zhengwu.exhibition",
    "领导办公室": "lingdao.mayor",
    "省级数据交换": "xinxi.exchange",
    "数据传输接口": "xinxi.delivery",
    "档案查询服务中心": "zhengwu.archives",
    "电子档案": "dangan.records",
    "保密审查": "baomi.review",
    "运维": "xinxi.operations",
    "日志": "xinxi.log",
}
#: All that is written for a new county.
NEW_COUNTY = (
    "{name: xinxian, title: 新县, kind: county, hub: xinxi, "
    'ipv4: 10.47.0.0/16, ipv6: "fd5a:9c31:2f00::/40"}'
)
DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def documents() -> tuple[Document, ...]:
    """Read the documents once."""
    return read_documents(FOLDER)


@pytest.fixture(scope="module")
def plan(documents: tuple[Document, ...]) -> Plan:
    """Resolve the plan once."""
    return build_plan(documents, str(FOLDER))


def titles(plan: Plan, kind: str) -> list[str]:
    """Give the titles of the sites of a kind."""
    return [site.title for site in plan.sites.values() if site.kind == kind]


def with_line(documents: tuple[Document, ...], path: str, line: str) -> list[Document]:
    """Give the documents with one entry added at the end of one of them."""
    return [
        replace(d, content=d.content + f"  - {line}\n".encode()) if d.path == path else d
        for d in documents
    ]


def accepted(plan: Plan, source: str, destination: str, port: int) -> bool:
    """Tell whether a host of one zone may open a tcp port of another, in both families."""
    verdicts = {
        decide(plan, Flow(one[1], two[1], Protocol.TCP, port)).verdict
        for one, two in zip(plan.zones[source].ranges, plan.zones[destination].ranges, strict=True)
    }
    assert len(verdicts) == 1
    return verdicts == {Verdict.ACCEPT}


def test_every_place_is_there(plan: Plan) -> None:
    """The city's own sites, the departments, and the counties of both phases, by name."""
    assert {site.title for site in plan.sites.values()} >= set(CITY)
    assert set(titles(plan, "department")) == {"市监察局", "市保密局", *DEPARTMENTS}
    assert titles(plan, "county") == [*PILOTS, *SECOND_PHASE]


@pytest.mark.parametrize("name", HALLS)
def test_every_hall_has_its_video(plan: Plan, name: str) -> None:
    """The five halls beside the government service hall are seen in the monitoring centre."""
    (hall,) = [s for s in plan.sites.values() if s.kind == "hall" and s.title.startswith(name)]

    assert accepted(plan, "zhengwu.control-room", f"{hall.name}.video", 554)
    assert not accepted(plan, f"{hall.name}.video", "zhengwu.control-room", 554)
    assert not accepted(plan, "zhengwu.control-room", f"{hall.name}.counter", 443)


@pytest.mark.parametrize(("name", "zone"), SYSTEMS.items())
def test_every_system_has_its_zone(plan: Plan, name: str, zone: str) -> None:
    """A reader of the 2009 plan finds each row by its own words."""
    assert name in plan.zones[zone].title


def test_the_number_of_gateways_is_known(plan: Plan) -> None:
    """325 gateways are ours; the province runs its own."""
    kinds = Counter(site.kind for site in plan.sites.values())

    assert kinds == {
        "city_centre": 1,
        "service_centre": 1,
        "department": 16,
        "hall": 5,
        "leaders": 1,
        "portal": 1,
        "province": 1,
        "county": 15,
        "county_department": 45,
        "township": 240,
    }
    assert len(plan.gateways) == 325
    assert [s.name for s in plan.sites.values() if not s.managed] == ["guizhou"]


def test_every_county_has_departments_with_a_counterpart_in_the_city(plan: Plan) -> None:
    """The second horizontal and the second vertical have both their ends."""
    for county in (s for s in plan.sites.values() if s.kind == "county"):
        below = [
            s for s in plan.sites.values() if s.hub == county.name and s.role is Role.DEPARTMENT
        ]

        assert {s.counterpart for s in below} == {"caizheng", "gongan", "laodong"}, county.name


def test_the_plan_is_in_order(plan: Plan) -> None:
    """Nothing that the law, the matrix or its own expectations forbid, and no waiver."""
    assert check_plan(plan, DAY) == []
    assert plan.waivers == ()


def test_every_gateway_compiles(plan: Plan) -> None:
    """Each has a ruleset, and no entry of any could never match."""
    assert set(compile_plan(plan)) == set(plan.gateways)


def test_portal_and_office_share_nothing(plan: Plan) -> None:
    """No hub, no conduit: what is published leaves by a one-way transfer."""
    portal = plan.sites["menhu"]
    joined = {
        frozenset({plan.zones[c.source].network, plan.zones[c.destination].network})
        for c in plan.conduits
    }

    assert portal.hub is None
    assert all(site.hub != portal.name for site in plan.sites.values())
    assert frozenset({NetworkName.PORTAL, NetworkName.OFFICE}) not in joined


def test_the_province_meets_one_zone_of_the_city(plan: Plan) -> None:
    """Counties exchange with it only through the city."""
    ends = {
        (c.source, c.destination) for c in plan.conduits if "guizhou" in c.source + c.destination
    }

    assert ends == {
        ("guizhou.exchange", "xinxi.exchange"),
        ("xinxi.exchange", "guizhou.exchange"),
    }


@pytest.mark.parametrize("office", ["mayor", "deputies", "secretary"])
def test_leaders_see_supervision_only(plan: Plan, office: str) -> None:
    """Of all zones of the city, one."""
    seen = {c.destination for c in plan.conduits if c.source == f"lingdao.{office}"}

    assert seen == {"xinxi.supervision"}


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param("xinxi.delivery", "caizheng.business", id="first horizontal"),
        pytest.param("honghuagang.business", "honghuagang-cz.business", id="second horizontal"),
        pytest.param("xinxi.delivery", "xinpu.business", id="first vertical, down"),
        pytest.param("xinpu.business", "xinxi.gateway", id="first vertical, up, to a gate"),
        pytest.param("caizheng.business", "xinpu-cz.business", id="second vertical"),
    ],
)
def test_the_two_horizontals_and_verticals_pass(plan: Plan, source: str, destination: str) -> None:
    """Data is exchanged along the matrix, in IPv4 and IPv6."""
    assert accepted(plan, source, destination, 8443)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param("honghuagang.business", "huichuan.business", id="county to county"),
        pytest.param(
            "honghuagang.business", "huichuan-cz.business", id="another county's department"
        ),
        pytest.param("caizheng.business", "gongan.business", id="department to department"),
        pytest.param("caizheng.business", "honghuagang-ga.business", id="not its counterpart"),
        pytest.param("xinpu-cz.business", "caizheng.business", id="counterpart upwards"),
        pytest.param("xinpu-cz.business", "xinpu-ga.business", id="within a county"),
        pytest.param("xinpu-t16.office", "xinpu-t15.office", id="township to township"),
        pytest.param("xinpu-t16.office", "xinxi.approval", id="township past its county"),
        pytest.param("xinpu-t16.office", "honghuagang.business", id="township to another county"),
        pytest.param("guizhou.exchange", "honghuagang.business", id="province to county"),
        pytest.param("menhu.web", "xinxi.publish", id="portal to office"),
        pytest.param("xinxi.publish", "menhu.intake", id="office to portal"),
    ],
)
def test_all_else_is_denied(plan: Plan, source: str, destination: str) -> None:
    """Neither by data exchange nor by web nor by remote access."""
    assert not any(accepted(plan, source, destination, port) for port in (8443, 443, 22))


#: What must not be, as if somebody had let it in, and the expectation that says so.
SLIPS = {
    "no_county_business_to_county": ("huichuan.business", "suiyang.business"),
    "no_pilot_to_other_county": ("xishui.office", "meitan.business"),
    "no_other_county_to_pilot": ("meitan.office", "xishui.business"),
    "no_county_department_to_county_department": ("xinpu-cz.business", "xinpu-ga.business"),
    "no_department_business_to_department": ("dishui.business", "guoshui.business"),
    "no_department_office_to_department": ("gongan.office", "baomi.review"),
    "no_department_to_others_counterpart": ("caizheng.business", "xinpu-ga.business"),
    "no_counterpart_upwards": ("yuqing-ls.business", "laodong.business"),
    "no_township_to_township": ("honghuagang-t01.office", "xinpu-t09.office"),
    "no_township_to_township_back": ("xinpu-t09.office", "honghuagang-t01.office"),
    "no_township_to_city": ("daozhen-t03.office", "xinxi.approval"),
    "no_province_below_the_city": ("guizhou.exchange", "suiyang.business"),
    "nothing_below_the_city_to_province": ("xishui.business", "guizhou.exchange"),
    "province_meets_exchange_only": ("guizhou.exchange", "xinxi.supervision"),
    "portal_is_apart": ("menhu.intake", "xinxi.publish"),
    "office_never_to_portal": ("xinxi.publish", "menhu.intake"),
    "leaders_see_nothing_else": ("lingdao.mayor", "xinxi.approval"),
    "video_asks_nothing": ("dishui-hall.video", "xinxi.supervision"),
    "nobody_else_manages_gateways": ("fagai.office", "honghuagang.gateway"),
}


@pytest.fixture(scope="module")
def failed(documents: tuple[Document, ...]) -> set[str]:
    """Give the expectations that fail when all the slips are made at once."""
    slipped: tuple[Document, ...] = documents
    for name, (source, destination) in SLIPS.items():
        slip = (
            f"{{name: slip-{name}, title: 失误, from: {source}, to: {destination}, "
            "services: [ssh], label: 公开}"
        )
        slipped = tuple(with_line(slipped, "conduits/verticals.yml", slip))
    plan = build_plan(slipped, str(FOLDER))
    return {dict(p.params)["expectation"] for p in check_plan(plan, DAY) if p.code == "ZG227"}


@pytest.mark.parametrize("expectation", SLIPS)
def test_a_slip_in_the_conduits_is_caught_by_an_expectation(
    failed: set[str], expectation: str
) -> None:
    """What must not be is said a second time, apart from the conduits."""
    assert expectation in failed


def test_a_new_county_is_one_line(documents: tuple[Document, ...], plan: Plan) -> None:
    """Its zones, conduits, subjects and management appear with no other change."""
    grown = build_plan(with_line(documents, "sites/counties.yml", NEW_COUNTY), str(FOLDER))

    def conduits_of(name: str) -> set[tuple[str, str, str]]:
        return {
            (
                c.name,
                c.source.replace(f"{name}.", "county."),
                c.destination.replace(f"{name}.", "county."),
            )
            for c in grown.conduits
            if {f"{name}.{z}" for z in ("business", "office", "gateway")}
            & {c.source, c.destination}
            and not any(
                grown.sites[grown.zones[z].site].hub == name for z in (c.source, c.destination)
            )
        }

    assert set(grown.zones) - set(plan.zones) == {
        "xinxian.business",
        "xinxian.office",
        "xinxian.gateway",
    }
    assert conduits_of("xinxian") == conduits_of("xinpu")
    assert len(conduits_of("xinxian")) == 12
    assert "xinxian.office" in grown.subjects["county_clerk"].zones
    assert "xinxian" in compile_plan(grown)
    assert check_plan(grown, DAY) == []


def test_a_new_county_changes_nothing_for_the_others(
    documents: tuple[Document, ...], plan: Plan
) -> None:
    """Every zone and conduit that was there is there as it was."""
    grown = build_plan(with_line(documents, "sites/counties.yml", NEW_COUNTY), str(FOLDER))

    assert {n: z for n, z in grown.zones.items() if n in plan.zones} == plan.zones
    assert [c for c in grown.conduits if "xinxian." not in c.source + c.destination] == list(
        plan.conduits
    )


def test_names_are_their_own_interfaces(plan: Plan) -> None:
    """Who stands before a gateway reads the neighbour's name, not a hash."""
    assert [name for name in plan.sites if interface_name(name) != name] == []
    assert [z.name for z in plan.zones.values() if not z.name.endswith(z.interface)] == []


def blocks(zone: Zone) -> Mapping[int, Network]:
    """Give a zone's one range of each family."""
    return {network.version: network for network in zone.ranges}


def test_an_ipv6_prefix_repeats_the_ipv4_prefix(plan: Plan) -> None:
    """10.A.B.0 is fd5a:9c31:AB, so that nobody has to look one up from the other."""
    for site in plan.sites.values():
        first = blocks(plan.zones[site.zones[0]])
        _, a, b, _ = first[4].network_address.packed

        assert first[6].network_address.packed[4:6] == bytes((a, b)), site.name
        assert first[6].subnet_of(ip_network("fd5a:9c31::/32")), site.name  # type: ignore[arg-type]  # the map gives IPv6 for 6


def test_every_tier_is_reached_by_its_own_hub(plan: Plan) -> None:
    """Townships and county departments hang on their county, everything else on the centre."""
    for site in plan.sites.values():
        below_county = site.tier is Tier.TOWNSHIP or site.kind == "county_department"
        if site.hub is not None:
            assert (plan.sites[site.hub].kind == "county") is below_county, site.name
