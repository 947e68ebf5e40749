"""Every metric of a gateway: its name by Prometheus's conventions, what it says, its labels.

A label has few values, of closed lists or of the plan's own names: no subject,
document, address or path is ever one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How a value moves."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; the help is what a person reads beside it."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    shape: Shape = Shape.GAUGE


_COUNTER = Shape.COUNTER

_OF_SOURCES = (
    Metric(
        "loushan_source_up",
        "1 where a part of the gateway says how it is; 0 where it is silent, stale or damaged.",
        ("source",),
    ),
    Metric("loushan_source_age_seconds", "How long ago a part wrote how it is.", ("source",)),
)

_OF_THE_AGENT = (
    Metric("loushan_proven", "1 where the gateway is known now to do what was signed."),
    Metric("loushan_proof_timestamp_seconds", "When the gateway was proven last."),
    Metric("loushan_proof_interval_seconds", "How often it is proven where nothing changes."),
    Metric("loushan_proof_duration_seconds", "How long the last proof took."),
    Metric("loushan_findings", "In how many flows and objects it differs from the policy."),
    Metric("loushan_drifts_total", "How often it did not hold its policy.", shape=_COUNTER),
    Metric("loushan_repairs_total", "How often its policy was put back.", shape=_COUNTER),
    Metric("loushan_forwarding", "1 where packets are forwarded."),
    Metric("loushan_closed", "1 where everything is refused, since nothing is to be trusted."),
    Metric("loushan_probation", "1 while a policy waits to be confirmed."),
    Metric("loushan_gates_open", "1 where requests pass at the gates; only where there are any."),
    Metric("loushan_policy_info", "The policy in force.", ("plan", "digest"), Shape.INFO),
    Metric("loushan_policy_revision", "The revision of the policy in force."),
    Metric("loushan_policy_begin_timestamp_seconds", "Since when it is in force."),
    Metric("loushan_policy_expiry_timestamp_seconds", "When it ceases to be valid."),
)

_OF_THE_LOG = (
    Metric("loushan_log_recording", "1 where decisions are known to be recorded now."),
    Metric("loushan_log_damaged", "1 where the log is not what was written."),
    Metric("loushan_log_trouble", "1 where this keeps decisions from being recorded.", ("why",)),
    Metric("loushan_log_records_total", "Records in the log.", shape=_COUNTER),
    Metric("loushan_log_unsigned_records", "Records since the last checkpoint."),
    Metric("loushan_log_behind_bytes", "What the proxy wrote and the log does not have yet."),
    Metric("loushan_log_free_bytes", "Room for the log."),
    Metric("loushan_log_gaps_total", "Gaps in the numbers of decisions.", shape=_COUNTER),
    Metric("loushan_log_missed_decisions", "Decisions that were made and never recorded."),
    Metric("loushan_log_awaited_decisions", "Decisions that may still be recorded."),
    Metric("loushan_log_repeated_total", "Decisions that came twice.", shape=_COUNTER),
    Metric("loushan_log_unreadable_total", "Lines that are no decision.", ("why",), _COUNTER),
    Metric("loushan_decisions_total", "Requests judged.", ("verdict", "reason"), _COUNTER),
    Metric(
        "loushan_unasked_total",
        "Those refused before there was a request.",
        ("reason",),
        _COUNTER,
    ),
)

_OF_THE_GATHERER = (
    Metric("loushan_refused_packets_total", "Packets refused.", ("reason",), _COUNTER),
    Metric("loushan_refused_bytes_total", "Bytes of packets refused.", ("reason",), _COUNTER),
    Metric(
        "loushan_journal_forwarded_timestamp_seconds",
        "When the log host had all of the journal last; 0 where it never had.",
    ),
    Metric("loushan_files_changed", "How many files that must not change have changed."),
    Metric(
        "loushan_files_checked_timestamp_seconds",
        "When what must not change was compared last; 0 where it never was.",
    ),
    Metric(
        "loushan_backup_timestamp_seconds",
        "When what would be lost with it was kept last; before that, when it was installed.",
    ),
    Metric("loushan_pair_active", "1 on the active gateway of a pair, 0 on the other one."),
    Metric(
        "loushan_link_up",
        "1 where traffic can pass on a link; it leads up to the hub, or down.",
        ("link", "leads"),
    ),
    Metric("loushan_link_established_timestamp_seconds", "Since when a link stands.", ("link",)),
    Metric(
        "loushan_link_received_bytes_total",
        "Bytes that came by a link; they begin anew with its keys.",
        ("link",),
        _COUNTER,
    ),
    Metric(
        "loushan_link_sent_bytes_total",
        "Bytes that went by a link; they begin anew with its keys.",
        ("link",),
        _COUNTER,
    ),
    Metric(
        "loushan_certificate_begin_timestamp_seconds",
        "From when a certificate is good; 0 where it cannot be read.",
        ("certificate",),
    ),
    Metric(
        "loushan_certificate_expiry_timestamp_seconds",
        "Until when a certificate is good; 0 where it cannot be read.",
        ("certificate",),
    ),
    Metric(
        "loushan_revocations_begin_timestamp_seconds",
        "When a list of revocations was made; 0 where it cannot be read.",
        ("authority", "of"),
    ),
    Metric(
        "loushan_revocations_expiry_timestamp_seconds",
        "When the next list of revocations is due at the latest; 0 where it cannot be read.",
        ("authority", "of"),
    ),
)

METRICS = {
    each.name: each for each in (*_OF_SOURCES, *_OF_THE_AGENT, *_OF_THE_LOG, *_OF_THE_GATHERER)
}
