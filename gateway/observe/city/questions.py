"""What Prometheus is asked: a handful of questions for the whole city, however large it is."""

from enum import StrEnum

#: What each gateway says of itself that the picture shows or judges.
SHOWN = (
    "loushan_source_up",
    "loushan_proven",
    "loushan_proof_timestamp_seconds",
    "loushan_proof_interval_seconds",
    "loushan_closed",
    "loushan_probation",
    "loushan_gates_open",
    "loushan_policy_revision",
    "loushan_policy_expiry_timestamp_seconds",
    "loushan_log_recording",
    "loushan_log_damaged",
    "loushan_pair_active",
    "loushan_link_up",
    "loushan_link_established_timestamp_seconds",
    "loushan_certificate_begin_timestamp_seconds",
    "loushan_certificate_expiry_timestamp_seconds",
    "loushan_revocations_begin_timestamp_seconds",
    "loushan_revocations_expiry_timestamp_seconds",
)


class Question(StrEnum):
    """One question; its answer is a list of values with labels."""

    STATE = "state"
    SCRAPED = "scraped"
    PACKETS = "packets"
    DECISIONS = "decisions"
    UNASKED = "unasked"
    DRIFTS = "drifts"


_OURS = '{job="loushan"}'

QUESTIONS = {
    Question.STATE: f'{{job="loushan",__name__=~"up|{"|".join(SHOWN)}"}}',
    Question.SCRAPED: f"timestamp(up{_OURS})",
    Question.PACKETS: (
        f"sum by (instance, reason) (increase(loushan_refused_packets_total{_OURS}[1h]))"
    ),
    Question.DECISIONS: (
        f"sum by (instance, verdict, reason) (increase(loushan_decisions_total{_OURS}[1h]))"
    ),
    Question.UNASKED: f"sum by (instance, reason) (increase(loushan_unasked_total{_OURS}[1h]))",
    Question.DRIFTS: f"sum by (instance) (increase(loushan_drifts_total{_OURS}[1d]))",
}
