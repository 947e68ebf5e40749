"""What the law, the lattice, the matrix or the plan itself forbids is refused."""

from datetime import date

import pytest

from gateway.errors import Language
from tests.plans import TODAY, added, changed, codes, lab_documents, problems


def _conduit(source: str, destination: str, *, label: str = "内部", where: str = "") -> str:
    relation = f"    where: {where}\n" if where else ""
    return (
        f"  - name: added\n    title: 添加\n    from: {source}\n    to: {destination}\n{relation}"
        f"    services: [https]\n    label: {label}\n"
    )


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        pytest.param("tax.office", "portal.web", "ZG201", id="office to portal"),
        pytest.param("portal.web", "city.business", "ZG201", id="portal to office"),
        pytest.param("province.exchange", "portal.web", "ZG201", id="province to portal"),
        pytest.param("city.operations", "portal.gateway", "ZG201", id="even its gateway"),
        pytest.param("huichuan.office", "suiyang.business", "ZG202", id="county to county"),
        pytest.param("yangchuan.office", "huichuan.business", "ZG202", id="township elsewhere"),
        pytest.param("huichuan-tax.office", "suiyang-housing.office", "ZG202", id="departments"),
        pytest.param("huichuan.business", "province.exchange", "ZG203", id="county to province"),
        pytest.param("province.exchange", "tax.business", "ZG203", id="province to department"),
        pytest.param("tax.office", "housing.business", "ZG204", id="another's cases"),
        pytest.param("tax.business", "suiyang-housing.business", "ZG204", id="no counterpart"),
        pytest.param("tax.office", "suiyang.business", "ZG205", id="department to county"),
        pytest.param("hall.counter", "huichuan.business", "ZG205", id="hall to county"),
        pytest.param("tax.office", "huichuan.gateway", "ZG205", id="who does not run gateways"),
    ],
)
def test_the_matrix_refuses(source: str, destination: str, expected: str) -> None:
    """What 两横两纵 does not join is not joined."""
    found = problems(added("conduits.yml", _conduit(source, destination)))

    assert expected in {problem.code for problem in found}
    refused = next(problem for problem in found if problem.code == expected)
    assert "added" in refused.text(Language.ZH)
    assert "72号" in refused.advice(Language.ZH) or "第三十一条" in refused.advice(Language.ZH)


@pytest.mark.parametrize(
    ("source", "destination"),
    [
        pytest.param("city.business", "tax.office", id="first horizontal"),
        pytest.param("suiyang.business", "suiyang-housing.office", id="second horizontal"),
        pytest.param("city.office", "suiyang.office", id="first vertical"),
        pytest.param("tax.office", "huichuan-tax.office", id="second vertical"),
        pytest.param("yangchuan.office", "city.business", id="township through its county"),
        pytest.param("huichuan.gateway", "city.operations", id="a gateway answers operations"),
    ],
)
def test_the_matrix_joins(source: str, destination: str) -> None:
    """What it does join may be written."""
    assert codes(added("conduits.yml", _conduit(source, destination))) == set()


def test_a_ceiling_above_internal_needs_an_approval() -> None:
    """保密法 article 31: a network that is not accredited carries no state secrets."""
    raised = changed("plan.yml", "ceiling: 内部", "ceiling: 机密")
    approved = dict(raised)
    approved["plan.yml"] += "commissioning_approval: 样例-2026-1\n"

    assert "ZG210" in codes(raised)
    assert "ZG210" not in codes(approved)


def test_a_zone_is_not_above_its_plan() -> None:
    """The plan's ceiling is the highest there is."""
    assert "ZG211" in codes(
        changed("kinds.yml", "title: 办公区, ceiling: 内部", "title: 办公区, ceiling: 秘密")
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "title: 业务区, ceiling: 内部", "title: 业务区, ceiling: 公开", "ZG212", id="in"
        ),
        pytest.param(
            "title: 办公区, ceiling: 内部", "title: 办公区, ceiling: 公开", "ZG213", id="out"
        ),
        pytest.param(
            "title: 应用区, ceiling: 内部", "title: 应用区, ceiling: 公开", "ZG218", id="at rest"
        ),
    ],
)
def test_the_lattice_refuses_what_a_zone_may_not_hold(old: str, new: str, expected: str) -> None:
    """A label is dominated by the ceiling under which it stands, goes out and comes in."""
    assert expected in codes(changed("kinds.yml", old, new))


def test_a_category_that_the_zone_does_not_have_is_refused() -> None:
    """Dominating means the categories too, not the level alone."""
    labelled = "    label: 内部 个人信息\n\n  # 第一纵"

    assert {"ZG212", "ZG213"} <= codes(
        changed("conduits.yml", "    label: 内部\n\n  # 第一纵", labelled)
    )


def test_a_city_originates_nothing_top_secret() -> None:
    """保密法 article 17, whatever was approved."""
    documents = changed("conduits.yml", "label: 内部", "label: 绝密")
    documents["plan.yml"] = (
        documents["plan.yml"].replace("内部", "绝密") + "commissioning_approval: 样例-2026-1\n"
    )

    assert "ZG215" in codes(documents)


def test_a_clearance_is_not_above_the_plan() -> None:
    """Nobody is cleared here for what is not carried here."""
    assert "ZG214" in codes(changed("subjects.yml", "clearance: 内部", "clearance: 机密"))


def test_a_grant_needs_the_clearance() -> None:
    """A subject is not granted what it may not know."""
    assert "ZG216" in codes(changed("subjects.yml", "clearance: 内部", "clearance: 公开"))


def test_a_grant_needs_a_way() -> None:
    """A grant that no conduit serves is a slip."""
    written = "subject: hall_counter, resource: "
    documents = changed("grants.yml", f"{written}cases", f"{written}supervision_view")

    assert "ZG217" in codes(documents)


def test_a_grant_that_has_ended_is_refused() -> None:
    """On its last day it still holds; on the next it is stale."""
    documents = changed("grants.yml", "actions: [file]", "actions: [file], until: 2026-11-23")

    assert codes(documents) == set()
    assert codes(documents, date(2026, 11, 24)) == {"ZG219"}


def _grant(**fields: str) -> str:
    said = ", ".join(f"{name}: {value}" for name, value in fields.items())
    return f"  - {{name: more, {said}}}\n"


@pytest.mark.parametrize(
    ("grant", "is_refused"),
    [
        pytest.param(_grant(subject="tax_clerk", resource="cases", actions="[read]"), True,
                     id="said twice"),
        pytest.param(_grant(subject="tax_clerk", resource="cases", actions="[export]",
                            until='"2027-01-31"'), True, id="by the same method, with an end"),
        pytest.param(_grant(subject="tax_clerk", resource="cases", actions="[amend]"), False,
                     id="another action"),
        pytest.param(_grant(subject="hall_counter", resource="cases", actions="[decide]"), False,
                     id="another subject"),
    ],
)  # fmt: skip
def test_a_request_passes_by_one_grant(grant: str, is_refused: bool) -> None:  # noqa: FBT001 - a table's column
    """With two it would be unclear whose end and hours count."""
    assert ("ZG230" in codes(added("grants.yml", grant))) is is_refused


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        pytest.param("subjects.yml", "certificate: leader", "certificate: hall-counter", "ZG229",
                     id="two subjects with one certificate"),
        pytest.param("resources.yml", "service: supervision, path: /supervision/",
                     "service: approval, path: /cases/", "ZG232",
                     id="two resources with one path"),
        pytest.param("services.yml", "tcp: 8443", "tcp: [8443, 8445]", "ZG228",
                     id="a service of two ports"),
        pytest.param("services.yml", "tcp: 8443", "tcp: 8443, udp: 8443", "ZG228", id="of udp too"),
        pytest.param("resources.yml", "path: /cases/,", "path: /cases/, methods: {decide: [POST]},",
                     "ZG231", id="who may file could decide"),
        pytest.param("services.yml", "tcp: 8444", "tcp: 22", "ZG238",
                     id="a port of the gateway's own"),
    ],
)  # fmt: skip
def test_what_would_be_unclear_at_a_gate_is_refused(
    name: str, old: str, new: str, expected: str
) -> None:
    """Who asks, what for and by which right is never a matter of chance."""
    assert expected in codes(changed(name, old, new))


def test_one_certificate_may_be_a_posts_and_a_systems() -> None:
    """They are certified by different authorities, which say so."""
    documents = changed("subjects.yml", "certificate: huichuan-business", "certificate: leader")

    assert codes(documents) == set()


def test_reading_may_have_several_names() -> None:
    """To read, to supervise and to export change nothing, and may be one request."""
    documents = changed("resources.yml", "path: /cases/,",
                        "path: /cases/, methods: {export: [GET]},")  # fmt: skip

    assert codes(documents) == set()


TWO_SITES = """\
  - name: x
    title: 样例一
    kind: department
    hub: city
    ipv4: 10.13.0.0/16
    ipv6: "fd72:6a5e:13::/48"
    zones:
      - {name: business-city, title: 业务二区, ceiling: 内部, part: 2}
  - name: city-x
    title: 样例二
    kind: department
    hub: city
    ipv4: 10.14.0.0/16
    ipv6: "fd72:6a5e:14::/48"
"""

RESOURCE = "  - {{name: {name}, title: 样例, zone: {zone}, service: https, path: /, label: 内部}}\n"


def test_two_gates_are_not_called_alike() -> None:
    """A name leads to one of them."""
    documents = added("sites.yml", TWO_SITES)
    documents["resources.yml"] += RESOURCE.format(name="one", zone="x.business-city")
    alone = codes(documents)
    documents["resources.yml"] += RESOURCE.format(name="two", zone="city-x.business")

    assert "ZG233" in codes(documents) - alone


def test_a_conduit_that_others_carry_is_redundant() -> None:
    """Said twice in one way: the second is named."""
    found = problems(added("conduits.yml", _conduit("tax.office", "city.business")))

    (redundant,) = [problem for problem in found if problem.code == "ZG220"]
    assert dict(redundant.params)["conduit"] == "departments_to_approval"


def test_a_conduit_that_two_others_cover_together_is_redundant() -> None:
    """Shadowed in parts, nothing left."""
    documents = changed(
        "services.yml",
        "  - {name: ping",
        "  - {name: low, title: 低, tcp: 1000-1500}\n  - {name: high, title: 高, tcp: 1501-2000}\n"
        "  - {name: both, title: 全, tcp: 1200-1800}\n  - {name: ping",
    )
    for name in ("low", "high", "both"):
        documents["conduits.yml"] += (
            _conduit("tax.office", "city.business")
            .replace("added", f"zz_{name}")
            .replace("https", name)
        )

    found = [p for p in problems(documents) if p.code == "ZG220"]
    assert [dict(p.params)["conduit"] for p in found] == ["zz_both"]


def test_a_conduit_without_links_is_refused() -> None:
    """A site without a hub is reached by nothing."""
    assert "ZG226" in codes(changed("sites.yml", "kind: hall, hub: city", "kind: hall"))


def test_an_expectation_that_fails_is_named_with_its_pair() -> None:
    """What must pass and does not; what must not and does."""
    township = "to: {kind: county, zone: business}\n    where: above\n    services: [%s]"
    missing = lab_documents()
    missing["conduits.yml"] = missing["conduits.yml"].replace(township % "https", township % "ssh")
    open_door = added("conduits.yml", _conduit("tax.office", "housing.business"))

    assert "ZG221" in codes(missing)
    assert "ZG227" in codes(open_door)


def test_two_expectations_that_disagree_are_refused() -> None:
    """Both cannot hold."""
    against = """
  - name: against
    title: 相反
    must: deny
    from: tax.office
    to: city.business
    services: [https]
"""
    assert {"ZG222", "ZG227"} <= codes(added("expectations.yml", against))


def _waiver(check: str, of: str, until: str) -> str:
    return (
        "document: waivers\nwaivers:\n"
        f"  - {{name: w, check: {check}, of: {of}, reason: 临时, until: {until}}}\n"
    )


def test_a_waiver_lifts_what_it_names_until_its_day() -> None:
    """Dated, for one thing, and not a day longer."""
    documents = added("conduits.yml", _conduit("tax.office", "suiyang.business"))
    documents["waivers.yml"] = _waiver("ZG205", "added", "2026-11-23")

    assert codes(documents) == set()
    assert codes(documents, date(2026, 11, 24)) == {"ZG205", "ZG223"}


@pytest.mark.parametrize(
    ("check", "of", "expected"),
    [
        pytest.param("ZG205", "departments_to_approval", {"ZG205", "ZG224"}, id="another's"),
        pytest.param("ZG204", "added", {"ZG205", "ZG224"}, id="another check"),
        pytest.param("ZG201", "added", {"ZG205", "ZG225"}, id="a law"),
        pytest.param("ZG205", '"1"', {"ZG205", "ZG224"}, id="a number in the problem"),
    ],
)
def test_a_waiver_lifts_nothing_else(check: str, of: str, expected: set[str]) -> None:
    """What the law says cannot be waived; what is not complained of need not be."""
    documents = added("conduits.yml", _conduit("tax.office", "suiyang.business"))
    documents["waivers.yml"] = _waiver(check, of, "2027-01-01")

    assert codes(documents) == expected


def test_nothing_is_wrong_with_the_lab() -> None:
    """The other side of every refusal above."""
    assert problems(lab_documents(), TODAY) == []


def test_halls_of_two_counties_do_not_meet() -> None:
    """County to county is denied, whatever the sites are for."""
    documents = added(
        "kinds.yml",
        """
  - name: county_hall
    title: 县大厅
    tier: county
    role: hall
    zones: [{name: counter, title: 窗口, ceiling: 内部, part: 0}]
""",
    )
    documents["sites.yml"] += """
  - {name: hc-hall, title: 汇川大厅, kind: county_hall, hub: huichuan, ipv4: 10.41.0.0/16,
     ipv6: "fd72:41::/48"}
  - {name: sy-hall, title: 绥阳大厅, kind: county_hall, hub: suiyang, ipv4: 10.42.0.0/16,
     ipv6: "fd72:42::/48"}
"""
    documents["conduits.yml"] += _conduit("hc-hall.counter", "sy-hall.counter")

    assert "ZG202" in codes(documents)


def test_a_county_department_that_hangs_elsewhere_is_of_no_county() -> None:
    """A hub that is no county centre does not turn the law into something waivable."""
    documents = changed("sites.yml", "hub: huichuan\n    counterpart", "hub: city\n    counterpart")
    documents["conduits.yml"] += _conduit("huichuan-tax.office", "suiyang-housing.office")

    assert "ZG202" in codes(documents)


@pytest.mark.parametrize("name", ["plan.yml", "kinds.yml", "subjects.yml"])
def test_nothing_in_a_city_is_top_secret(name: str) -> None:
    """Neither a ceiling nor a clearance: 保密法 article 17."""
    documents = changed(name, "内部", "绝密")
    documents["plan.yml"] += "commissioning_approval: 样例-2026-1\n"

    assert "ZG215" in codes(documents)


def test_an_approval_of_blanks_is_none() -> None:
    """A number is a number."""
    documents = changed("plan.yml", "ceiling: 内部", "ceiling: 秘密")
    documents["plan.yml"] += 'commissioning_approval: "  "\n'

    assert "ZG025" in codes(documents)


@pytest.mark.parametrize(("letters", "is_refused"), [(49, False), (50, True)])
def test_a_gates_name_is_one_that_a_host_can_have(letters: int, is_refused: bool) -> None:  # noqa: FBT001 - a table's column
    """Its zone's and its site's names are one part of it: 63 letters at most (RFC 1035)."""
    site = "y" * letters
    documents = added("sites.yml", TWO_SITES.replace("  - name: x\n", f"  - name: {site}\n"))
    documents["resources.yml"] += RESOURCE.format(name="one", zone=f"{site}.business-city")

    assert ("ZG234" in codes(documents)) is is_refused


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [
        ("/cases/../x/", True),
        ("/../", True),
        ("/./", True),
        ("/cases/./", True),
        ("/.well-known/", False),
        ("/cases/..x/", False),
        ("/v1.2/", False),
    ],
)
def test_a_resources_path_is_one_that_can_be_asked_for(path: str, is_refused: bool) -> None:  # noqa: FBT001 - a table's column
    """What a request may not have as a step, no resource has."""
    documents = changed("resources.yml", "path: /supervision/", f"path: {path}")

    assert ("ZG025" in codes(documents)) is is_refused


STREAM = "  - {name: copies, title: 复制, zone: city.business, service: replication, label: 内部"
REPLICATION = "  - {name: replication, title: 数据库复制, tcp: 5432}\n"


def with_stream(more: str = "stream: true", resources: str = "", grants: str = "") -> set[str]:
    """Give what is wrong with a plan that has a stream."""
    documents = added("resources.yml", f"{STREAM}, {more}}}\n{resources}")
    documents["services.yml"] += REPLICATION
    documents["grants.yml"] += grants
    return codes(documents)


def test_a_stream_is_a_resource() -> None:
    """It has no path; what has none is a stream, or is not read."""
    assert with_stream() == set()
    assert with_stream("stream: true, path: /") == {"ZG154"}
    assert with_stream("stream: true, methods: {read: [GET]}") == {"ZG154"}
    assert with_stream("stream: false, path: /") == {"ZG024"}
    assert "ZG021" in with_stream("methods: {read: [GET]}")


@pytest.mark.parametrize(
    ("resource", "action", "is_refused"),
    [
        ("copies", "connect", False),
        ("copies", "read", True),
        ("copies", "export", True),
        ("cases", "connect", True),
    ],
)
def test_a_stream_is_connected_to_and_nothing_else_is(
    resource: str,
    action: str,
    is_refused: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Nobody can say what would pass by such a grant."""
    grant = _grant(subject="huichuan_system", resource=resource, actions=f"[{action}]")

    assert ("ZG155" in with_stream(grants=grant)) is is_refused


@pytest.mark.parametrize(
    ("beside", "is_refused"),
    [
        pytest.param("zone: city.business, service: replication, path: /x/", True,
                     id="requests to the same service"),
        pytest.param("zone: city.office, service: replication, path: /x/", True,
                     id="requests by the same port elsewhere"),
        pytest.param("zone: city.office, service: replication, stream: true", False,
                     id="another zone's stream"),
        pytest.param("zone: city.business, service: https, path: /x/", False, id="another port"),
    ],
)  # fmt: skip
def test_a_stream_has_a_port_of_its_own(beside: str, is_refused: bool) -> None:  # noqa: FBT001 - a table's column
    """What comes there is judged once; requests would be judged by nobody."""
    other = f"  - {{name: beside, title: 样例, {beside}, label: 内部}}\n"

    assert ("ZG235" in with_stream(resources=other)) is is_refused
