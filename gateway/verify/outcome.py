"""What becomes of a packet, in the words that both sides are compared in."""

from typing import Final, NamedTuple

from gateway.policy.reasons import Reason

#: The netlink group on which refusals are logged.
LOG_GROUP: Final = 5


class Outcome(NamedTuple):
    """Accepted or dropped, and what is written down about it.

    `records` are the named counters and the logs, in order; `counted` is the
    conduit that the acceptance is counted under, empty where none is.
    """

    accepted: bool
    records: tuple[str, ...] = ()
    counted: str = ""


def accepted(conduit: str = "") -> Outcome:
    """Give what happens to a packet that may pass."""
    return Outcome(accepted=True, counted=conduit)


def refused(reason: Reason) -> Outcome:
    """Give what happens to a packet that is dropped: it is counted and logged."""
    log = f"log prefix loushan:{reason} group {LOG_GROUP}"
    return Outcome(accepted=False, records=(f"counter refused_{reason}", log))


def reason_of(outcome: Outcome) -> Reason | None:
    """Give the reason that a refusal is recorded with, or None for none of ours."""
    return next((reason for reason in Reason if outcome == refused(reason)), None)
