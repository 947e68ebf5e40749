"""A finding is a packet in a sentence, in both languages, with the object that causes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Language, Problem
from gateway.policy.topology import slices
from gateway.verify.compare import service_words
from gateway.verify.proof import prove
from tests.cities import small_city

LISTING = Path(__file__).parent / "listings" / "nft-1.0.6.json"
STAMP = "made revision 1 sha256 0123456789abcdef"

#: Of gateway `hill`: from its office to approval, and what may come in from city.
TO_APPROVAL, FROM_CITY = "a_from_hill.office_4", "a_in_city.office_4"


def findings(listing: list[dict[str, Any]]) -> tuple[Problem, ...]:
    """Give what is wrong with a listing of gateway `hill`."""
    plan = small_city()
    text = json.dumps({"nftables": listing})
    return prove(slices(plan)["hill"], plan, STAMP, ruleset=text).findings


@pytest.fixture
def listing() -> list[dict[str, Any]]:
    """Give a right listing, to be tampered with."""
    objects: list[dict[str, Any]] = json.loads(LISTING.read_text("utf-8"))["nftables"]
    return objects


def elements(listing: list[dict[str, Any]], name: str) -> list[Any]:
    """Give the elements of a map, to be changed in place."""
    found: list[Any] = next(
        item["map"]["elem"] for item in listing if item.get("map", {}).get("name") == name
    )
    return found


def test_what_reaches_although_it_must_not(listing: list[dict[str, Any]]) -> None:
    """One wrong element is one finding, with zones, service, way and object."""
    wrong = json.loads(json.dumps(elements(listing, TO_APPROVAL)[0]))
    wrong[0]["elem"]["val"]["concat"][2] = 5432
    elements(listing, TO_APPROVAL).append(wrong)

    (finding,) = findings(listing)

    assert finding.code == "ZG610"
    assert finding.text(Language.EN).startswith(
        "zone hill.office 10.4.0.1 reaches zone city.approval 10.1.1.1, 5432/tcp "
        "(interface office → red, new), which the signed policy drops: no conduit carries it; "
        "by map a_from_hill.office_4 { 10.1.1.0/24 . tcp . 5432 }, chain a_exit_red # handle "
    )
    assert finding.text(Language.ZH).startswith(
        "hilloffice 10.4.0.1 可达 cityapproval 10.1.1.1,5432/tcp(接口 office → red,新建),"
        "而签署的策略不允许:没有管道承载;由 map a_from_hill.office_4"
    )


def test_what_is_dropped_although_it_may_pass(listing: list[dict[str, Any]]) -> None:
    """A missing element is known by the conduit that needs it and the rule that refuses."""
    elements(listing, FROM_CITY).clear()

    (finding,) = findings(listing)

    assert finding.code == "ZG611"
    assert "conduit ssh_to_hill_gateway; by map a_visitors_red4 { 10.1.0.0/24 }" in finding.text(
        Language.EN
    )
    assert "被丢弃,而签署的策略允许:管道 ssh_to_hill_gateway" in finding.text(Language.ZH)
    assert "(接口 red → 网关本机,新建)" in finding.text(Language.ZH)


def test_what_is_recorded_as_something_else(listing: list[dict[str, Any]]) -> None:
    """A refusal under another reason is said with both reasons."""
    for item in listing:
        if item.get("rule", {}).get("chain") == "a_forward":
            item["rule"]["expr"] = json.loads(
                json.dumps(item["rule"]["expr"]).replace(
                    "refuse_unexpected_source", "refuse_untracked"
                )
            )

    (finding,) = findings(listing)

    assert finding.code == "ZG612"
    assert "recorded as `untracked`, not as `unexpected_source`" in finding.text(Language.EN)
    assert "记录为“untracked”,应为“unexpected_source”" in finding.text(Language.ZH)


def test_what_is_counted_under_another_conduit(listing: list[dict[str, Any]]) -> None:
    """Operations reads the counters; a wrong name is found."""
    elements(listing, TO_APPROVAL)[0][0]["elem"]["comment"] = "somebody_else"

    (finding,) = findings(listing)

    assert finding.code == "ZG613"
    assert "counted or logged as `somebody_else`, not as `approval_from_hill`" in finding.text(
        Language.EN
    )


def test_many_differences_behind_one_rule_are_one_finding(listing: list[dict[str, Any]]) -> None:
    """An exit that lets out anywhere is one finding, not one for each conduit."""
    for item in listing:
        rule = item.get("rule", {})
        if rule.get("chain") == "a_exit_office":
            rule["expr"] = [{"accept": None}]
        if rule.get("chain") == "a_exit_red":
            rule["expr"] = [{"accept": None}]

    # What stands below such a rule is met by no packet any more, and said too.
    found = [each for each in findings(listing) if each.code != "ZG605"]

    assert {f.code for f in found} == {"ZG610"}
    assert all("would leave by the wrong interface" in f.text(Language.EN) for f in found)
    assert len(found) <= 2 * 4


@pytest.mark.parametrize(
    ("protocol", "port", "words"),
    [
        (6, 443, "443/tcp"),
        (17, 53, "53/udp"),
        (1, 8, "ping"),
        (58, 128, "ping"),
        (1, 5, "icmp type 5"),
        (58, 137, "icmpv6 type 137"),
        (47, 0, "protocol 47"),
    ],
)
def test_services_have_names_that_people_know(protocol: int, port: int, words: str) -> None:
    """A number is shown only where there is no name."""
    assert service_words(protocol, port) == words


def test_every_sentence_has_its_words(listing: list[dict[str, Any]]) -> None:
    """No finding is left with a gap, in either language, with or without a zone."""
    for item in listing:
        if item.get("chain", {}).get("hook"):
            item["chain"]["policy"] = "accept"
        if "rule" in item and item["rule"]["chain"].startswith("refuse_"):
            item["rule"]["expr"] = []

    for finding in findings(listing):
        for language in Language:
            assert "{" not in finding.render(language).replace(" { ", " ")
