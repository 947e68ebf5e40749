"""What the picture says of a city: what is not said now is unknown, and never good."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.errors import Language, Refused
from gateway.observe.city.answers import Series
from gateway.observe.city.hall import hall_view
from gateway.observe.city.judging import judge_city, unknown_city
from gateway.observe.city.questions import Question
from gateway.observe.city.sites import CitySites, read_sites, sites_from
from gateway.observe.city.standing import Standing, needs_somebody, worst
from gateway.observe.city.state import CityState, SiteState
from gateway.observe.city.words import FACTS, fact_text
from tests.repo.tree import ROOT
from tests.watched_city import DAY, WatchedCity, alert, watched_city

SITES = read_sites(ROOT / "policy" / "lab")


@pytest.fixture
def city(tmp_path: Path) -> WatchedCity:
    """Give the lab's city, all of whose gateways are well."""
    return watched_city(SITES, tmp_path)


def site(state: CityState, name: str) -> SiteState:
    """Give one site of the picture."""
    return next(s for group in state.groups for s in group.sites if s.name == name)


def keys(state: SiteState) -> set[str]:
    """Give what is said of a site and of its gateways."""
    facts = [*state.facts, *(fact for gateway in state.gateways for fact in gateway.facts)]
    return {fact.key for fact in facts}


def in_days(days: float) -> str:
    """Give a moment as an agent writes it."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def lives(**changed: list[float]) -> dict[str, object]:
    """Give a certificate and a list, one of them with another life, in days from now."""
    now = datetime.now(UTC).timestamp()
    days = {"certificate": [-10.0, 50.0], "list": [-1.0, 6.0], **changed}
    life = {name: [now + day * DAY for day in both] for name, both in days.items()}
    of = {"authority": "links", "of": "links"}
    return {
        "certificates": [{"name": "gateway", "life": life["certificate"]}],
        "revocations": [{**of, "life": life["list"]}],
    }


def test_a_city_that_is_well_is_good(city: WatchedCity) -> None:
    """Every gateway, every link, every site; and what the plan keeps apart is no part of it."""
    state = judge_city(SITES, city.answers())

    assert state.standing is Standing.GOOD
    assert state.counts.proofs == {"good": 10}
    assert state.counts.links == {"good": 9}
    assert state.counts.sites == {"apart": 1, "good": 10}
    assert site(state, "portal").standing is Standing.APART
    assert state.is_alerted
    assert not state.facts


def test_counties_have_what_is_below_them(city: WatchedCity) -> None:
    """The city's own first, then each county."""
    state = judge_city(SITES, city.answers())

    assert [(group.name, [s.name for s in group.sites]) for group in state.groups] == [
        ("", ["city", "tax", "housing", "hall", "portal", "province"]),
        ("huichuan", ["huichuan", "huichuan-tax"]),
        ("suiyang", ["suiyang", "suiyang-housing", "yangchuan"]),
    ]


Change = Callable[[WatchedCity], object]


@pytest.mark.parametrize(
    ("change", "standing", "key"),
    [
        pytest.param(
            lambda c: setattr(c["tax-gw"], "is_silent", True),
            "unknown",
            "silent",
            id="it is silent",
        ),
        pytest.param(lambda c: c.gateways.pop("tax-gw"), "unknown", "unwatched", id="nobody asks"),
        pytest.param(
            lambda c: c["tax-gw"].dead.add("agent"), "unknown", "proof_unknown", id="agent dead"
        ),
        pytest.param(
            lambda c: c["tax-gw"].dead.add("gathered"), "unknown", "part_silent", id="gatherer dead"
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(links=None),
            "unknown",
            "part_silent",
            id="strongswan",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(proven=False), "urgent", "unproven", id="unproven"
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(proved_at=in_days(-0.01)),
            "urgent",
            "proof_old",
            id="a proof of long ago",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(proved_at=None),
            "unknown",
            "proof_unknown",
            id="no time",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(closed=True), "urgent", "closed", id="closed"
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(
                in_force={"plan": "lab", "revision": 6, "digest": "a"}
            ),
            "warning",
            "older_policy",
            id="an older policy",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(until=in_days(29)),
            "warning",
            "policy_ending",
            id="29 d",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(until=in_days(2)),
            "urgent",
            "policy_ending",
            id="2 d",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(until=in_days(-1)),
            "urgent",
            "policy_ended",
            id="over",
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(drift_count=2), "warning", "drifted", id="a drift"
        ),
        pytest.param(
            lambda c: c["tax-gw"].agent.update(gates={"open": False, "problems": [1]}),
            "urgent",
            "gates_closed",
            id="gates closed",
        ),
        pytest.param(
            lambda c: setattr(c["tax-gw"], "log", {"recording": False}),
            "urgent",
            "log_stopped",
            id="log",
        ),
        pytest.param(
            lambda c: setattr(c["tax-gw"], "log", {"damaged": [1]}),
            "urgent",
            "log_damaged",
            id="damage",
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(lives(certificate=[-58, 2])),
            "urgent",
            "certificate_ending",
            id="a certificate ends",
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(lives(certificate=[-41, 19])),
            "warning",
            "certificate_late",
            id="a certificate is late",
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(
                certificates=[{"name": "gateway", "life": [0.0, 0.0]}]
            ),
            "urgent",
            "certificate_missing",
            id="a certificate is missing",
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(lives(list=[-5, 2])),
            "warning",
            "revocations_late",
            id="a list is late",
        ),
        pytest.param(
            lambda c: c["tax-gw"].gathered.update(lives(list=[-8, -1])),
            "urgent",
            "revocations_ending",
            id="a list ran out",
        ),
    ],
)
def test_what_is_wrong_with_a_gateway_is_seen(
    city: WatchedCity, change: Change, standing: str, key: str
) -> None:
    """By its own site, by the city, and by nobody else."""
    change(city)
    state = judge_city(SITES, city.answers())

    assert site(state, "tax").standing == standing
    assert key in keys(site(state, "tax"))
    assert state.standing == standing
    assert state.counts.sites["good"] == 9


def test_a_cut_line_is_one_urgent_site_and_unknown_ones_behind_it(city: WatchedCity) -> None:
    """Whoever is behind it is not good, and no reason to call anybody."""
    city.cut("suiyang")
    told = alert("LinkDown", "urgent", "city", "x", "x", link="suiyang", cut_off="suiyang")
    city.alerts.append(told)
    state = judge_city(SITES, city.answers())

    assert site(state, "suiyang").standing is Standing.URGENT
    assert "link_down" in keys(site(state, "suiyang"))
    assert [each.alert for each in site(state, "suiyang").alerts] == ["LinkDown"]
    assert site(state, "yangchuan").standing is Standing.UNKNOWN
    assert {"link_unknown", "silent"} <= keys(site(state, "yangchuan"))
    assert site(state, "city").standing is Standing.GOOD
    assert state.counts.links == {"good": 6, "unknown": 2, "urgent": 1}


def test_who_stands_by_cannot_tell_of_links_where_the_active_one_is_silent(
    city: WatchedCity,
) -> None:
    """It has none itself; the lower end tells, which can be asked."""
    for link in city["city-gw-2"].gathered["links"]:
        link["up"] = False
    city["city-gw-2"].gathered["active"] = False
    city["city-gw"].is_silent = city["tax-gw"].is_silent = True

    state = judge_city(SITES, city.answers())

    assert "link_unknown" in keys(site(state, "tax"))
    assert "link_down" not in keys(site(state, "tax"))
    assert not {"link_unknown", "link_down"} & keys(site(state, "housing"))


def test_the_active_one_tells_of_links_where_the_other_is_silent(city: WatchedCity) -> None:
    """Nobody else could have the link."""
    city["city-gw"].gathered["active"] = True
    city["city-gw-2"].is_silent = True
    city.cut("tax")

    assert "link_down" in keys(site(judge_city(SITES, city.answers()), "tax"))


def test_the_province_is_judged_by_its_link_alone(city: WatchedCity) -> None:
    """Its gateway is not ours to ask."""
    link = next(each for each in city["city-gw"].gathered["links"] if each["name"] == "province")
    assert site(judge_city(SITES, city.answers()), "province").standing is Standing.GOOD
    link["up"] = False

    assert site(judge_city(SITES, city.answers()), "province").standing is Standing.URGENT


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        pytest.param(True, True, "both_active", id="both"),
        pytest.param(False, False, "none_active", id="none"),
        pytest.param(False, True, None, id="the other one"),
    ],
)
def test_of_a_pair_one_is_active(
    city: WatchedCity, *, first: bool, second: bool, key: str | None
) -> None:
    """And it does not matter which."""
    city["city-gw"].gathered["active"] = first
    city["city-gw-2"].gathered["active"] = second
    found = keys(site(judge_city(SITES, city.answers()), "city"))

    assert found == ({key} if key else set())


def test_what_was_asked_long_ago_is_unknown(city: WatchedCity) -> None:
    """Prometheus tells the last value for minutes, where it asks no more."""
    answers = city.answers()
    old = [Series(each.labels, each.value - 40) for each in answers.series[Question.SCRAPED]]
    state = judge_city(SITES, replace(answers, series={**answers.series, Question.SCRAPED: old}))

    assert state.counts.proofs == {"unknown": 10}
    assert state.counts.links == {"unknown": 9}
    assert needs_somebody(state.standing)


@pytest.mark.parametrize("question", [Question.STATE, Question.SCRAPED])
def test_an_answer_that_is_missing_makes_nothing_good(
    city: WatchedCity, question: Question
) -> None:
    """Whichever one it is."""
    answers = city.answers()
    rest = {q: rows for q, rows in answers.series.items() if q is not question}
    state = judge_city(SITES, replace(answers, series=rest))

    assert state.counts.proofs == {"unknown": 10}
    assert state.counts.sites["unknown"] == 10


def test_where_nothing_is_answered_everything_is_unknown() -> None:
    """And it is said who did not."""
    state = unknown_city(SITES, 0.0, {"prometheus": "refused"})

    assert state.standing is Standing.UNKNOWN
    assert state.counts.sites == {"apart": 1, "unknown": 10}
    assert [fact.key for fact in state.facts] == ["prometheus_missing", "watchdog_missing"]
    assert state.counts.alerts == {"unknown": 1}


def test_without_the_watchdog_no_alert_is_not_good(city: WatchedCity) -> None:
    """The rules are not evaluated, or nobody carries alerts on."""
    answers = city.answers()
    state = judge_city(SITES, replace(answers, alerts=()))

    assert not state.is_alerted
    assert [fact.key for fact in state.facts] == ["watchdog_missing"]
    assert state.standing is Standing.UNKNOWN


def test_who_is_asked_and_not_in_the_plan_is_a_stranger(city: WatchedCity) -> None:
    """It is told, and does not count for a gateway of the plan."""
    up = {"__name__": "up", "job": "loushan", "instance": "intruder-gw", "site": "tax"}
    answers = city.answers()
    rows = [*answers.series[Question.STATE], Series(up, 1.0)]
    state = judge_city(SITES, replace(answers, series={**answers.series, Question.STATE: rows}))

    assert [(f.key, f.params) for f in state.facts] == [("stranger", {"name": "intruder-gw"})]
    assert state.counts.proofs == {"good": 10}


@pytest.mark.parametrize(
    ("severity", "standing"),
    [("urgent", "urgent"), ("warning", "warning"), ("odd", "warning"), ("", "warning")],
)
def test_an_alert_is_its_sites(city: WatchedCity, severity: str, standing: str) -> None:
    """By how urgent it is; one of an unknown severity is not taken lightly."""
    city.alerts.append(alert("Something", severity, "tax", "x", "x"))
    state = judge_city(SITES, city.answers())

    assert site(state, "tax").standing == standing
    assert state.standing == standing


def test_what_follows_from_another_alert_makes_nobody_urgent(city: WatchedCity) -> None:
    """It is shown as such."""
    left_out = alert("GatewaySilent", "urgent", "tax", "x", "x")
    left_out["status"]["inhibitedBy"] = ["x"]
    city.alerts.append(left_out)
    state = judge_city(SITES, city.answers())

    assert state.standing is Standing.GOOD
    assert [each.is_told for each in site(state, "tax").alerts] == [False]


def test_an_alert_of_no_site_is_the_citys(city: WatchedCity) -> None:
    """It is in no site, and the city is urgent all the same."""
    city.alerts.append(alert("GatewaySilent", "urgent", "all", "x", "x"))
    state = judge_city(SITES, city.answers())

    assert state.standing is Standing.URGENT
    assert state.counts.sites == {"apart": 1, "good": 10}


def test_refusals_are_added_up_by_reason(city: WatchedCity) -> None:
    """Packets and requests apart, the most first."""
    city["tax-gw"].gathered["refused"].update(no_conduit=[7, 1])
    city["hall-gw"].gathered["refused"].update(no_conduit=[4, 1], wrong_exit=[2, 1])
    counts = judge_city(SITES, city.answers()).counts

    assert list(counts.packets.items()) == [("no_conduit", 11.0), ("wrong_exit", 2.0)]
    assert counts.requests == {"no_grant": 21.0, "no_certificate": 7.0, "unknown_subject": 3.0}
    assert counts.accepted == 640


def test_the_worst_counts() -> None:
    """What is unknown is worse than what needs attention, and better than what is known urgent."""
    assert worst(Standing) is Standing.URGENT
    assert worst([Standing.GOOD, Standing.WARNING, Standing.UNKNOWN]) is Standing.UNKNOWN
    assert worst([]) is Standing.UNKNOWN


def test_every_fact_is_said_in_both_languages(city: WatchedCity) -> None:
    """With what fills it, also after it was written to a file."""
    city.cut("suiyang")
    city["tax-gw"].agent.update(in_force={"plan": "lab", "revision": 6, "digest": "a"})
    city["housing-gw"].gathered.update(lives(certificate=[-41, 19], list=[-5, 2]))
    facts = json.loads(json.dumps(judge_city(SITES, city.answers()).as_json()))
    for group in facts["groups"]:
        for each in group["sites"]:
            for fact in [*each["facts"], *(f for g in each["gateways"] for f in g["facts"])]:
                assert "{" not in fact_text(fact["key"], fact["params"], Language.ZH)
                assert fact_text(fact["key"], fact["params"], Language.EN) != fact["key"]

    assert all(en and zh for en, zh in FACTS.values())


# --- what the exhibition hall may know ------------------------------------------------------------


def test_the_hall_learns_counts_and_nothing_else(city: WatchedCity) -> None:
    """No name of a site, a host, a reason or an alert; however bad it is, it says attention."""
    city.cut("suiyang")
    city["tax-gw"].agent.update(proven=False)
    city.alerts.append(alert("LinkDown", "urgent", "city", "secret words", "x", cut_off="suiyang"))
    view = hall_view(judge_city(SITES, city.answers()))
    text = json.dumps(view, ensure_ascii=False)

    assert view["standing"] == "warning"
    assert view["proofs"] == {"good": 6, "warning": 1, "unknown": 3}
    names = [each for s in SITES.sites for each in (s.name, s.title, *s.hosts)]
    words = [*names, "secret", "LinkDown", "no_grant", "urgent", "10."]
    assert [word for word in words if f'"{word}' in text or f"{word}-gw" in text] == []
    shown = {"title", "at", "exercise_only", "standing", "alerts", "refused", "accepted"}
    assert view.keys() == shown | {"sites", "proofs", "links"}
    leaves = [v for v in view.values() if not isinstance(v, dict)]
    assert {type(leaf) for leaf in leaves} == {str, int, bool}


def test_to_the_hall_what_is_unknown_is_unknown() -> None:
    """Never good."""
    view = hall_view(unknown_city(SITES, 0.0, {"prometheus": "x"}))

    assert view["standing"] == "unknown"
    assert view["sites"] == {"good": 0, "warning": 0, "unknown": 10}


# --- what is known of a plan ----------------------------------------------------------------------


def test_of_the_plan_only_sites_are_taken_along() -> None:
    """No address, zone, conduit or subject; and it reads back as it was."""
    text = json.dumps(SITES.as_json(), ensure_ascii=False)

    assert sites_from(json.loads(text)) == SITES
    assert not any(word in text for word in ("10.", "fd72", "conduit", "clerk", "office", "443"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda d: d.pop("sites"), id="no sites"),
        pytest.param(lambda d: d["sites"].append(d["sites"][0]), id="a site twice"),
        pytest.param(lambda d: d["sites"][1].update(hub="nowhere"), id="a hub that is not there"),
        pytest.param(lambda d: d["sites"][1].update(address="10.1.2.3"), id="another word"),
        pytest.param(lambda d: d["sites"][1].update(hosts=7), id="another form"),
    ],
)
def test_a_file_of_sites_that_is_none_is_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], object]
) -> None:
    """With what to do."""
    data = json.loads(json.dumps(SITES.as_json()))
    change(data)
    (tmp_path / "sites.json").write_text(json.dumps(data), "utf-8")

    with pytest.raises(Refused, match="ZG971"):
        read_sites(tmp_path / "sites.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is not a city without sites."""
    with pytest.raises(Refused, match="ZG971"):
        read_sites(tmp_path / "none.json")


def test_the_whole_city_has_all_its_counties() -> None:
    """Fifteen of them, each with its departments and townships."""
    zunyi: CitySites = read_sites(ROOT / "policy" / "zunyi")
    groups = unknown_city(zunyi, 0.0, {}).groups

    assert len(groups) == 16
    assert sum(len(group.sites) for group in groups) == len(zunyi.sites) == 326
