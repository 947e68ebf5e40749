"""What the services of a gateway say, as values of metrics; pure.

What is not as it should be is not guessed at: a body of another form raises,
and then nothing of it is told.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from gateway.observe.capacity import Trouble
from gateway.observe.content import Unreadable
from gateway.policy.reasons import GATEWAY_REFUSALS, Verdict
from gateway.policy.request_reasons import RequestReason, UnaskedReason

#: What a body of another form makes of reading it.
WRONG_FORM = (KeyError, TypeError, ValueError, AttributeError)

Body = Mapping[str, Any]


class Sample(NamedTuple):
    """One value of one metric."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def of_agent(body: Body) -> Iterator[Sample]:
    """Give what the agent says."""
    yield Sample("loushan_proven", _flag(body["proven"]))
    yield from _time("loushan_proof_timestamp_seconds", body["proved_at"])
    yield Sample("loushan_proof_interval_seconds", float(body["prove_every_seconds"]))
    yield Sample("loushan_proof_duration_seconds", float(body["prove_seconds"]))
    yield Sample("loushan_findings", len(body["findings"]))
    yield Sample("loushan_drifts_total", float(body["drift"]["count"]))
    yield Sample("loushan_repairs_total", float(body["repairs"]))
    yield Sample("loushan_forwarding", _flag(body["forwarding"]))
    yield Sample("loushan_closed", _flag(body["closed"]))
    yield Sample("loushan_probation", float(body["probation"] is not None))
    gates, policy = body["gates"], body["in_force"]
    # Gates that nothing keeps closed are closed because the plan has none here.
    if gates is not None and (gates["open"] or gates["problems"]):
        yield Sample("loushan_gates_open", _flag(gates["open"]))
    if policy is not None:
        yield Sample("loushan_policy_info", 1.0, (str(policy["plan"]), str(policy["digest"])))
        yield Sample("loushan_policy_revision", float(policy["revision"]))
        yield from _time("loushan_policy_begin_timestamp_seconds", body["since"])
        yield from _time("loushan_policy_expiry_timestamp_seconds", body["until"])


def of_log(body: Body) -> Iterator[Sample]:
    """Give what the decision log says; each reason of the closed lists, also where none came."""
    yield Sample("loushan_log_recording", _flag(body["recording"]))
    yield Sample("loushan_log_damaged", float(bool(body["damaged"])))
    for why in Trouble:
        yield Sample("loushan_log_trouble", float(why in body["why"]), (why,))
    yield Sample("loushan_log_records_total", float(body["records"]))
    yield Sample("loushan_log_unsigned_records", float(body["records"] - body["signed"]))
    yield Sample("loushan_log_behind_bytes", float(body["behind_bytes"]))
    yield Sample("loushan_log_free_bytes", float(body["free_bytes"]))
    yield Sample("loushan_log_gaps_total", float(body["gaps"]))
    yield Sample("loushan_log_missed_decisions", float(body["missed"]))
    yield Sample("loushan_log_awaited_decisions", float(body["awaited"]))
    yield Sample("loushan_log_repeated_total", float(body["repeated"]))
    for kind in Unreadable:
        count = float(body["unreadable"].get(kind, 0))
        yield Sample("loushan_log_unreadable_total", count, (kind,))
    for reason in RequestReason:
        verdict = Verdict.ACCEPT if reason is RequestReason.GRANT else Verdict.DROP
        count = float(body["decisions"].get(verdict, {}).get(reason, 0))
        yield Sample("loushan_decisions_total", count, (verdict, reason))
    for unasked in UnaskedReason:
        count = float(body["unasked"].get(unasked, 0))
        yield Sample("loushan_unasked_total", count, (unasked,))


def of_gatherer(body: Body, hub: str) -> Iterator[Sample]:
    """Give what was gathered; `hub` is the site that this one is linked through.

    What could not be asked is None, and there is no value of it.
    """
    if body["refused"] is not None:
        for reason in GATEWAY_REFUSALS:
            packets, octets = body["refused"][reason]
            yield Sample("loushan_refused_packets_total", float(packets), (reason,))
            yield Sample("loushan_refused_bytes_total", float(octets), (reason,))
    if body["active"] is not None:
        yield Sample("loushan_pair_active", _flag(body["active"]))
    if body["forwarded"] is not None:
        yield Sample("loushan_journal_forwarded_timestamp_seconds", float(body["forwarded"]))
    checked, changed = body["files"] or (0.0, None)
    yield Sample("loushan_files_checked_timestamp_seconds", float(checked))
    if changed is not None:
        yield Sample("loushan_files_changed", float(changed))
    yield Sample("loushan_backup_timestamp_seconds", float(body["backup"]))
    for link in body["links"] or ():
        yield from _of_link(link, "up" if link["name"] == hub else "down")
    for each in body["certificates"]:
        name = (str(each["name"]),)
        begin, expiry = each["life"]
        yield Sample("loushan_certificate_begin_timestamp_seconds", float(begin), name)
        yield Sample("loushan_certificate_expiry_timestamp_seconds", float(expiry), name)
    for each in body["revocations"]:
        labels = (str(each["authority"]), str(each["of"]))
        begin, expiry = each["life"]
        yield Sample("loushan_revocations_begin_timestamp_seconds", float(begin), labels)
        yield Sample("loushan_revocations_expiry_timestamp_seconds", float(expiry), labels)


def of_lives(
    what: str, labels: tuple[str, ...], life: tuple[datetime, datetime] | None
) -> Iterator[Sample]:
    """Give from when until when a certificate or a list is good; 0 where it cannot be read."""
    begin, expiry = (0.0, 0.0) if life is None else (each.timestamp() for each in life)
    yield Sample(f"loushan_{what}_begin_timestamp_seconds", begin, labels)
    yield Sample(f"loushan_{what}_expiry_timestamp_seconds", expiry, labels)


def _of_link(link: Body, leads: str) -> Iterator[Sample]:
    name = str(link["name"])
    yield Sample("loushan_link_up", _flag(link["up"]), (name, leads))
    if link["up"]:
        since, came, went = float(link["since"]), float(link["in"]), float(link["out"])
        yield Sample("loushan_link_established_timestamp_seconds", since, (name,))
        yield Sample("loushan_link_received_bytes_total", came, (name,))
        yield Sample("loushan_link_sent_bytes_total", went, (name,))


def _flag(value: object) -> float:
    if not isinstance(value, bool):
        raise TypeError(value)
    return float(value)


def _time(name: str, text: str | None) -> Iterator[Sample]:
    if text is not None:
        yield Sample(name, datetime.fromisoformat(text).timestamp())
