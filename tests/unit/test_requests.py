"""The reference decision about requests: by a grant, or not at all."""

from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address

import pytest

from gateway.policy.gates import gates_at
from gateway.policy.model import Plan
from gateway.policy.reasons import Verdict
from gateway.policy.request_reasons import (
    REQUEST_REASON_WORDS,
    UNASKED_REASON_WORDS,
    RequestReason,
    UnaskedReason,
)
from gateway.policy.requests import CHINA, Request, connection, decide_request, is_canonical
from tests.plans import added, built, changed, lab_documents
from tests.rights import DELEGATION, OFFICE_HOURS, SECRETARY, lab_with_rights

HOST = "applications-city.svc.lab.internal"

#: A system of the county's.
COUNTY = "10.32.0.9"

#: A Wednesday.
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=CHINA)

CLERK = Request(
    source=ip_address("10.11.1.9"),
    authority="people",
    name="tax-clerk",
    server_name=HOST,
    host=HOST,
    port=8443,
    method="GET",
    path="/cases/2026-17",
    at=NOON,
)


@pytest.fixture(name="lab", scope="module")
def _lab() -> Plan:
    return built(lab_documents())


def reason(plan: Plan, request: Request) -> RequestReason:
    """Give why; the verdict agrees with it."""
    decision = decide_request(plan, "city", request)
    passes = decision.verdict is Verdict.ACCEPT
    assert passes is (decision.reason is RequestReason.GRANT)
    assert (decision.grant is not None) or not passes
    return decision.reason


def test_what_a_grant_permits_passes(lab: Plan) -> None:
    """From either family; the grant is named, and whom and what it is about."""
    for source in ("10.11.1.9", "fd72:6a5e:11:1::9"):
        decision = decide_request(lab, "city", replace(CLERK, source=ip_address(source)))

        assert decision.verdict is Verdict.ACCEPT
        assert (decision.subject, decision.resource, decision.grant) == (
            "tax_clerk",
            "cases",
            "tax_decides_cases",
        )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"method": "POST"}, RequestReason.NO_GRANT, id="another action"),
        pytest.param({"method": "DELETE"}, RequestReason.NO_GRANT, id="what is no action"),
        pytest.param({"method": "get"}, RequestReason.NO_GRANT, id="a method in small letters"),
        pytest.param(
            {"path": "/supervision/"}, RequestReason.UNKNOWN_RESOURCE, id="another gate's resource"
        ),
        pytest.param({"path": "/"}, RequestReason.UNKNOWN_RESOURCE, id="no resource"),
        pytest.param({"path": "/cases"}, RequestReason.UNKNOWN_RESOURCE, id="less than its path"),
        pytest.param({"path": "/casesx/1"}, RequestReason.UNKNOWN_RESOURCE, id="more than a step"),
        pytest.param({"path": "/Cases/1"}, RequestReason.NOT_CANONICAL, id="capitals"),
        pytest.param({"name": "leader"}, RequestReason.WRONG_ZONE, id="a leader at a clerk's desk"),
        pytest.param({"name": "Tax-clerk"}, RequestReason.UNKNOWN_SUBJECT, id="another name"),
        pytest.param({"authority": "services"}, RequestReason.UNKNOWN_SUBJECT, id="authority"),
        pytest.param({"authority": "links"}, RequestReason.UNKNOWN_SUBJECT, id="a gateway's"),
        pytest.param({"host": "city"}, RequestReason.UNKNOWN_HOST, id="another host"),
        pytest.param({"server_name": "city"}, RequestReason.UNKNOWN_HOST, id="another in TLS"),
        pytest.param({"server_name": ""}, RequestReason.UNKNOWN_HOST, id="none in TLS"),
        pytest.param({"port": 8444}, RequestReason.UNKNOWN_RESOURCE, id="another service"),
        pytest.param({"port": 80}, RequestReason.UNKNOWN_HOST, id="another port"),
        pytest.param({"source": ip_address("10.12.1.9")}, RequestReason.WRONG_ZONE, id="zone"),
        pytest.param({"source": ip_address("10.11.0.9")}, RequestReason.WRONG_ZONE, id="business"),
        pytest.param({"source": ip_address("192.0.2.1")}, RequestReason.WRONG_ZONE, id="nowhere"),
    ],
)
def test_what_no_grant_permits_is_refused(
    lab: Plan, change: dict[str, object], expected: RequestReason
) -> None:
    """Each with its reason."""
    assert reason(lab, replace(CLERK, **change)) is expected  # type: ignore[arg-type]  # by name


def test_another_gateway_keeps_no_gate_of_these(lab: Plan) -> None:
    """What is asked of the tax office's gateway is nothing to it."""
    assert decide_request(lab, "tax", CLERK).reason is RequestReason.UNKNOWN_HOST


def test_a_subject_needs_a_conduit_too() -> None:
    """What the packet filter does not carry, no grant does."""
    written = "from: {kind: department, zone: office}\n    to: city.applications"
    documents = changed(
        "conduits.yml", written, written.replace("kind: department", "site: housing")
    )

    assert reason(built(documents), CLERK) is RequestReason.WRONG_ZONE


def test_a_longer_path_is_another_resource() -> None:
    """Who may read all cases may not read those that stand apart."""
    apart = (
        "  - {name: sealed, title: 不公开办件, zone: city.applications, service: approval, "
        "path: /cases/sealed/, label: 内部}\n"
    )
    plan = built(added("resources.yml", apart))

    assert reason(plan, replace(CLERK, path="/cases/sealed/1")) is RequestReason.NO_GRANT
    assert reason(plan, replace(CLERK, path="/cases/sealed")) is RequestReason.GRANT


@pytest.mark.parametrize(
    "path",
    [
        "/cases/../supervision/",
        "/cases/./1",
        "/cases/..",
        "/cases/.",
        "//cases/1",
        "/cases//1",
        "/cases/%2e%2e/supervision/",
        "/cases/%2f/1",
        "/cases/%41",
        "/cases/%00",
        "/cases/%c3%a4",
        "/cases/%E4%B8%A",
        "/cases/1;x=2",
        "/cases/\\..\\supervision",
        "/CASES/1",
        "/cases/\u00e4",
        "/cases/1\n",
        "/cases/1 2",
        "cases/1",
        "*",
        "",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(lab: Plan, path: str) -> None:
    """Whatever an application would make of it."""
    assert reason(lab, replace(CLERK, path=path)) is RequestReason.NOT_CANONICAL


@pytest.mark.parametrize("path", ["/", "/cases/", "/cases/1.pdf", "/cases/%E5%8A%9E%E4%BB%B6/1"])
def test_what_can_be_read_in_one_way_is_not(path: str) -> None:
    """Chinese too, as a browser writes it."""
    assert is_canonical(path)


# --- when -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-11-25T08:30", RequestReason.GRANT, id="its first minute"),
        pytest.param("2026-11-25T08:29:59", RequestReason.OUTSIDE_HOURS, id="before"),
        pytest.param("2026-11-25T11:59:59", RequestReason.GRANT, id="its last second"),
        pytest.param("2026-11-25T12:00", RequestReason.OUTSIDE_HOURS, id="noon"),
        pytest.param("2026-11-25T14:30", RequestReason.GRANT, id="the second span"),
        pytest.param("2026-11-28T09:00", RequestReason.OUTSIDE_HOURS, id="a Saturday"),
        pytest.param("2026-11-25T01:00+00:00", RequestReason.GRANT, id="by another clock"),
        pytest.param("2026-11-25T09:00+00:00", RequestReason.GRANT, id="the same, later"),
        pytest.param("2026-11-25T11:00+00:00", RequestReason.OUTSIDE_HOURS, id="too late"),
    ],
)
def test_a_grant_with_hours_holds_within_them(at: str, expected: RequestReason) -> None:
    """By the time of China, whatever clock the host has."""
    documents = changed("grants.yml", "actions: [read, decide]", "actions: [read, decide], "
                        "hours: office_hours")  # fmt: skip
    moment = datetime.fromisoformat(at)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=CHINA)

    plan = built({**documents, "hours.yml": OFFICE_HOURS})

    assert reason(plan, replace(CLERK, at=moment)) is expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-11-24T23:59:59", RequestReason.NOT_NOW, id="the day before"),
        pytest.param("2026-11-25T00:00", RequestReason.GRANT, id="its first day"),
        pytest.param("2026-12-02T23:59:59", RequestReason.GRANT, id="its last day"),
        pytest.param("2026-12-03T00:00", RequestReason.NOT_NOW, id="the day after"),
    ],
)
def test_a_delegation_holds_for_its_days(at: str, expected: RequestReason) -> None:
    """The secretary looks at what the leader may, from the secretary's own desk."""
    documents = added("subjects.yml", SECRETARY)
    plan = built({**documents, "delegations.yml": DELEGATION})
    look = replace(
        CLERK,
        name="secretary",
        source=ip_address("10.1.1.9"),
        port=8444,
        path="/supervision/",
        at=datetime.fromisoformat(at).replace(tzinfo=CHINA),
    )

    decision = decide_request(plan, "city", look)

    assert decision.reason is expected
    assert decision.grant == "while_away/leader_supervises"


def test_a_delegation_ends_with_the_grant_it_is_of() -> None:
    """Nobody has for longer what was delegated than who delegated it."""
    documents = added("subjects.yml", SECRETARY)
    documents["grants.yml"] = documents["grants.yml"].replace(
        "actions: [read, supervise]", 'actions: [read, supervise], until: "2026-11-26"'
    )
    plan = built({**documents, "delegations.yml": DELEGATION})

    ends = {grant.name: str(grant.until) for grant in plan.grants}
    assert ends["while_away/leader_supervises"] == "2026-11-26"


def test_a_grant_may_be_for_some_zones_alone() -> None:
    """Of those that its subject may ask from."""
    documents = changed("subjects.yml", "zones: tax.office", "zones: {site: tax, zone: '*'}")
    documents["grants.yml"] = documents["grants.yml"].replace(
        "actions: [read, decide]", "actions: [read, decide], zones: tax.business"
    )

    assert reason(built(documents), CLERK) is RequestReason.NO_GRANT


def test_a_resource_may_have_other_methods() -> None:
    """Where its application does an action by another one."""
    documents = changed("resources.yml", "path: /cases/, label: 内部",
                        "path: /cases/, label: 内部, methods: {decide: [DELETE]}")  # fmt: skip
    plan = built(documents)

    assert reason(plan, replace(CLERK, method="DELETE")) is RequestReason.GRANT
    assert reason(plan, replace(CLERK, method="PUT")) is RequestReason.NO_GRANT


# --- what is no HTTP ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "server_name", "port", "expected"),
    [
        pytest.param(COUNTY, "huichuan-business", HOST, 5432, RequestReason.GRANT, id="granted"),
        pytest.param(COUNTY, "huichuan-business", HOST, 8443, RequestReason.UNKNOWN_RESOURCE,
                     id="where requests are asked"),
        pytest.param(COUNTY, "huichuan-business", "city", 5432, RequestReason.UNKNOWN_HOST,
                     id="by another name"),
        pytest.param("10.1.0.9", "huichuan-business", HOST, 5432, RequestReason.WRONG_ZONE,
                     id="from elsewhere"),
        pytest.param(COUNTY, "tax-business", HOST, 5432, RequestReason.UNKNOWN_SUBJECT,
                     id="somebody else"),
    ],
)  # fmt: skip
def test_a_connection_is_judged_once_as_a_request_is(
    source: str, name: str, server_name: str, port: int, expected: RequestReason
) -> None:
    """By who asks, from where, and by a grant to connect."""
    plan = built(lab_with_rights())
    asked = connection(ip_address(source), ("services", name), server_name, port, NOON)

    assert reason(plan, asked) is expected


@pytest.mark.parametrize("method", ["GET", "PUT", ""])
def test_a_stream_is_asked_for_nothing(method: str) -> None:
    """Who may connect may not therefore send requests, nor the other way round."""
    plan = built(lab_with_rights())
    asked = connection(ip_address(COUNTY), ("services", "huichuan-business"), HOST, 5432, NOON)

    assert reason(plan, replace(asked, method=method)) is RequestReason.NO_GRANT
    assert reason(plan, replace(CLERK, method="CONNECT")) is RequestReason.NO_GRANT


# --- the whole ------------------------------------------------------------------------------------


def test_gates_are_where_resources_are(lab: Plan) -> None:
    """One for each service of a zone, and none at a gateway that is not ours."""
    assert [(g.zone, g.service, g.host, g.port) for g in gates_at(lab, "city")] == [
        ("city.applications", "approval", HOST, 8443),
        ("city.applications", "supervision", HOST, 8444),
    ]
    documents = changed("resources.yml", "zone: city.applications, service: supervision",
                        "zone: province.exchange, service: supervision")  # fmt: skip
    assert gates_at(built(documents), "province") == ()


def test_every_reason_has_words() -> None:
    """In both languages, and no two say the same."""
    assert set(REQUEST_REASON_WORDS) == set(RequestReason)
    assert set(UNASKED_REASON_WORDS) == set(UnaskedReason)
    assert not {*map(str, RequestReason)} & {*map(str, UnaskedReason)}
    for language in (0, 1):
        tables = (REQUEST_REASON_WORDS, UNASKED_REASON_WORDS)
        said = [words[language] for table in tables for words in table.values()]
        assert len(said) == len(set(said))
