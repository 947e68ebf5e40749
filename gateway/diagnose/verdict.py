"""What a test of a link comes to: it stands, or one thing is wrong at one end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from gateway.agent.links import LinkState
from gateway.errors import Language, Problem


class Cause(StrEnum):
    """Which of the things that a link needs is wrong."""

    LINE = "line"
    FIREWALL = "firewall"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    POLICY = "policy"
    PEER = "peer"
    STRONGSWAN = "strongswan"
    UNKNOWN = "unknown"


class End(StrEnum):
    """At which end it has to be put right."""

    HERE = "here"
    THERE = "there"
    BETWEEN = "between"


#: What each code of the catalogue is about.
CAUSES: Mapping[str, tuple[Cause, End]] = {
    "ZG901": (Cause.LINE, End.HERE),
    "ZG902": (Cause.LINE, End.BETWEEN),
    "ZG903": (Cause.LINE, End.HERE),
    "ZG904": (Cause.LINE, End.HERE),
    "ZG910": (Cause.PEER, End.THERE),
    "ZG911": (Cause.PEER, End.THERE),
    "ZG912": (Cause.PEER, End.THERE),
    "ZG913": (Cause.PEER, End.THERE),
    "ZG920": (Cause.FIREWALL, End.HERE),
    "ZG921": (Cause.FIREWALL, End.HERE),
    "ZG922": (Cause.FIREWALL, End.THERE),
    "ZG930": (Cause.STRONGSWAN, End.HERE),
    "ZG931": (Cause.STRONGSWAN, End.HERE),
    "ZG940": (Cause.POLICY, End.BETWEEN),
    "ZG941": (Cause.POLICY, End.BETWEEN),
    "ZG942": (Cause.POLICY, End.BETWEEN),
    "ZG950": (Cause.CERTIFICATE, End.HERE),
    "ZG951": (Cause.CERTIFICATE, End.HERE),
    "ZG952": (Cause.CERTIFICATE, End.HERE),
    "ZG953": (Cause.CERTIFICATE, End.HERE),
    "ZG954": (Cause.CERTIFICATE, End.HERE),
    "ZG955": (Cause.CERTIFICATE, End.THERE),
    "ZG956": (Cause.CERTIFICATE, End.THERE),
    "ZG957": (Cause.CERTIFICATE, End.THERE),
    "ZG958": (Cause.CERTIFICATE, End.THERE),
    "ZG959": (Cause.CERTIFICATE, End.THERE),
    "ZG960": (Cause.CLOCK, End.HERE),
    "ZG961": (Cause.CLOCK, End.HERE),
    "ZG970": (Cause.UNKNOWN, End.BETWEEN),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was looked at, and what was found, in the words of who was asked."""

    what: str
    found: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One link, what is wrong with it or nothing, and what that was seen by.

    `state` is strongSwan's word of the link; None where it could not be asked.
    """

    link: str
    problem: Problem | None
    evidence: tuple[Evidence, ...]
    at: datetime
    state: LinkState | None = None

    @property
    def cause(self) -> Cause | None:
        """Which thing is wrong."""
        return CAUSES[self.problem.code][0] if self.problem else None

    @property
    def end(self) -> End | None:
        """At which end."""
        return CAUSES[self.problem.code][1] if self.problem else None

    @property
    def since(self) -> datetime | None:
        """Since when the link stands, where it does."""
        if self.state is None or not self.state.is_up:
            return None
        return self.at - timedelta(seconds=self.state.seconds)

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine, in both languages."""
        found, state = self.problem, self.state
        return {
            "link": self.link,
            "passes": found is None,
            "cause": self.cause,
            "end": self.end,
            "problem": found.as_json() if found else None,
            "next": {each: found.advice(each) for each in Language} if found else None,
            "since": self.since.astimezone(UTC).isoformat(timespec="seconds")
            if self.since
            else None,
            "packets_in": state.packets_in if state else 0,
            "packets_out": state.packets_out if state else 0,
            "evidence": [{"what": each.what, "found": each.found} for each in self.evidence],
        }
