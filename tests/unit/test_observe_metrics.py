"""The metrics of a gateway are what its services say now, and nothing that one said once."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway.observe.metrics import METRICS, Shape
from gateway.observe.samples import Body, Sample, of_agent, of_gatherer, of_log
from gateway.policy.request_reasons import RequestReason, UnaskedReason
from tests.gateway_metrics import AGENT, Written

SOURCES = ("agent", "log", "gatherer")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Give a gateway that is well, and says so."""
    return Written(tmp_path).all()


def file_of(written: Written, source: str) -> Path:
    """Give the file that a source writes."""
    files = {"agent": "agent", "log": "log", "gatherer": "gathered"}
    file: Path = getattr(written.files, files[source])
    return file


def of_source(written: Written, source: str) -> set[str]:
    """Give the metrics of one source that are not told where it is silent."""
    body = json.loads(file_of(written, source).read_text("utf-8"))
    readers: dict[str, Callable[[Body], Iterable[Sample]]] = {
        "agent": of_agent,
        "log": of_log,
        "gatherer": lambda told: of_gatherer(told, "city"),
    }
    told = {sample.name for sample in readers[source](body)}
    return told - {"loushan_proven", "loushan_log_recording"}


def test_every_metric_is_given_where_all_is_well(written: Written) -> None:
    """And none that is not described."""
    assert {name for name, _ in written.values} == set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_named_by_the_conventions(name: str) -> None:
    """Base units, a counter is a total, an info is an info, and the help is a sentence."""
    metric = METRICS[name]

    assert re.fullmatch(r"loushan_[a-z_]+", name)
    assert name.endswith("_total") is (metric.shape is Shape.COUNTER)
    assert name.endswith("_info") is (metric.shape is Shape.INFO)
    assert not re.search(r"_(minutes|hours|days|kilobytes|milliseconds|percent)(_|$)", name)
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert metric.help.endswith(".")
    assert not {"subject", "document", "address", "path"} & set(metric.labels)


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        pytest.param("loushan_proven", {}, 1, id="proven"),
        pytest.param("loushan_proof_timestamp_seconds", {}, 1795651200, id="when it was proven"),
        pytest.param("loushan_policy_info", {"plan": "lab", "digest": "ab" * 32}, 1, id="policy"),
        pytest.param("loushan_policy_revision", {}, 7, id="revision"),
        pytest.param("loushan_policy_expiry_timestamp_seconds", {}, 1798761600, id="last day"),
        pytest.param("loushan_drifts_total", {}, 1, id="drift"),
        pytest.param("loushan_repairs_total", {}, 1, id="repair"),
        pytest.param("loushan_gates_open", {}, 1, id="gates"),
        pytest.param("loushan_log_recording", {}, 1, id="recording"),
        pytest.param("loushan_log_unsigned_records", {}, 0, id="all signed"),
        pytest.param("loushan_log_records_total", {}, 6, id="records, one of the file itself"),
        pytest.param(
            "loushan_decisions_total", {"verdict": "ACCEPT", "reason": "grant"}, 2, id="accepted"
        ),
        pytest.param(
            "loushan_decisions_total", {"verdict": "DROP", "reason": "revoked"}, 1, id="refused"
        ),
        pytest.param("loushan_log_unreadable_total", {"why": "not_json"}, 1, id="no decision"),
        pytest.param("loushan_refused_packets_total", {"reason": "no_conduit"}, 4, id="packets"),
        pytest.param("loushan_link_up", {"link": "city", "leads": "up"}, 1, id="to the hub"),
        pytest.param("loushan_link_up", {"link": "yangchuan", "leads": "down"}, 0, id="cut"),
        pytest.param("loushan_link_received_bytes_total", {"link": "city"}, 11, id="bytes"),
        pytest.param("loushan_pair_active", {}, 1, id="active"),
    ],
)
def test_a_value_is_what_was_said(
    written: Written, name: str, labels: dict[str, str], value: float
) -> None:
    """One of each kind."""
    assert written.value(name, **labels) == value


def test_a_reason_that_never_came_is_told_as_none(written: Written) -> None:
    """So that the first one is seen as a rise; and only reasons of the closed lists are told."""
    told = {
        name: {dict(labels)["reason"] for metric, labels in written.values if metric == name}
        for name in ("loushan_decisions_total", "loushan_unasked_total")
    }

    assert told["loushan_decisions_total"] == set(RequestReason)
    assert told["loushan_unasked_total"] == set(UnaskedReason)
    assert written.value("loushan_unasked_total", reason="no_certificate") == 0


def test_a_link_that_does_not_stand_has_no_bytes(written: Written) -> None:
    """Those of former associations are nobody's."""
    assert written.value("loushan_link_received_bytes_total", link="yangchuan") is None


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda w, f: w.older(f, 41), id="stale"),
        pytest.param(lambda w, f: w.older(f, -1), id="from before this boot"),
        pytest.param(lambda w, f: w.older(f, float("nan")), id="at no time"),
        pytest.param(lambda _, f: f.write_text(f.read_text()[:-20]), id="cut off"),
        pytest.param(lambda _, f: f.write_text("[]"), id="something else"),
        pytest.param(lambda _, f: f.write_bytes(b"\xff" * 9), id="no text"),
        pytest.param(lambda _, f: f.write_text("[" * 99_999), id="endless nesting"),
        pytest.param(lambda _, f: f.unlink(), id="missing"),
    ],
)
def test_what_is_not_said_now_is_not_told(
    written: Written, source: str, spoil: Callable[[Written, Path], object]
) -> None:
    """That it is silent is told instead, and the others are told as before."""
    before, of_this = written.values, of_source(written, source)
    spoil(written, file_of(written, source))

    assert written.value("loushan_source_up", source=source) == 0
    for other in SOURCES:
        if other != source:
            assert written.value("loushan_source_up", source=other) == 1
    assert {name for name, _ in before} - {name for name, _ in written.values} == of_this


def test_what_is_not_known_to_hold_does_not(written: Written) -> None:
    """Whose agent is silent is not proven, and whose log is silent records nothing."""
    written.older(written.files.agent, 41)
    written.older(written.files.log, 11)

    assert written.value("loushan_proven") == 0
    assert written.value("loushan_log_recording") == 0
    assert written.value("loushan_policy_revision") is None
    assert written.value("loushan_log_records_total") is None


@pytest.mark.parametrize(
    ("source", "change"),
    [
        pytest.param("agent", lambda b: b.update(proven="true"), id="a word for a flag"),
        pytest.param("agent", lambda b: b.update(proved_at="soon"), id="a word for a time"),
        pytest.param("agent", lambda b: b.pop("gates"), id="without the gates"),
        pytest.param("log", lambda b: b.update(decisions=[]), id="a list for counts"),
        pytest.param("log", lambda b: b.update(records="many"), id="a word for a number"),
        pytest.param("gatherer", lambda b: b["refused"].pop("no_policy"), id="a reason less"),
        pytest.param("gatherer", lambda b: b.update(links={"name": 1}), id="no list of links"),
    ],
)
def test_what_is_of_another_form_is_not_told_at_all(
    written: Written, source: str, change: Callable[[dict[str, Any]], object]
) -> None:
    """Not half of it either; nothing fails."""
    of_this = of_source(written, source)
    written.change(file_of(written, source), change)

    assert written.value("loushan_source_up", source=source) == 0
    assert not {name for name, _ in written.values} & of_this


def test_a_reason_that_nobody_knows_is_no_label(written: Written) -> None:
    """Whatever stands in the file, labels are those of the closed lists."""
    written.change(written.files.log, lambda b: b["decisions"]["DROP"].update(zhang=9))
    written.change(written.files.log, lambda b: b["unasked"].update({"10.1.1.1": 9}))

    assert written.value("loushan_source_up", source="log") == 1
    assert "zhang" not in written.text
    assert "10.1.1.1" not in written.text


def test_what_could_not_be_asked_is_told_as_unknown(written: Written) -> None:
    """StrongSwan or the kernel does not answer: no link is told up or down."""
    written.gatherer(links=None, refused=None, active=None)

    assert written.value("loushan_source_up", source="gatherer") == 1
    assert written.value("loushan_source_up", source="strongswan") == 0
    assert written.value("loushan_source_up", source="packet_filter") == 0
    assert "loushan_link_up" not in written.text
    assert "loushan_refused" not in written.text
    assert "loushan_pair_active" not in written.text


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        pytest.param(None, None, id="a host without gates"),
        pytest.param({"open": False, "problems": []}, None, id="a plan without gates here"),
        pytest.param({"open": False, "problems": [{"code": "ZG533"}]}, 0, id="closed, and why"),
        pytest.param({"open": True, "problems": []}, 1, id="open"),
    ],
)
def test_gates_are_told_where_there_are_any(
    written: Written, gates: dict[str, Any] | None, expected: float | None
) -> None:
    """Closed gates are those that something keeps closed."""
    written.agent(gates=gates)

    assert written.value("loushan_gates_open") == expected


def test_a_host_without_a_log_is_not_asked_for_one(written: Written) -> None:
    """Most gateways keep no gate."""
    written.files.log_settings.unlink()

    assert "log" not in {dict(labels).get("source") for _, labels in written.values}
    assert "loushan_log" not in written.text


def test_a_gateway_without_a_policy_is_unproven(written: Written) -> None:
    """It has no revision, and no last day."""
    written.agent(**{**AGENT, "in_force": None, "proven": False, "proved_at": None, "gates": None})

    assert written.value("loushan_source_up", source="agent") == 1
    assert written.value("loushan_proven") == 0
    assert "loushan_policy" not in written.text
