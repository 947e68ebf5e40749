"""How many records of each kind there are: what metrics and alerts are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.observe.content import Kind


@dataclass(slots=True)
class Counts:
    """Decisions by verdict and reason, who was refused before one, and everything else."""

    decisions: dict[str, dict[str, int]] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    unasked: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    gaps: int = 0
    sources: int = 0

    def take(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Count one record."""
        if kind is Kind.DECISION:
            of_verdict = self.decisions.setdefault(body["verdict"], {})
            of_verdict[body["reason"]] = of_verdict.get(body["reason"], 0) + 1
        elif kind is Kind.UNREADABLE:
            self.unreadable[body["why"]] = self.unreadable.get(body["why"], 0) + 1
        elif kind is Kind.UNASKED:
            self.unasked[body["reason"]] = self.unasked.get(body["reason"], 0) + 1
        elif kind is Kind.REPEATED:
            self.repeated += 1
        elif kind is Kind.GAP:
            self.gaps += 1
        else:
            self.sources += 1

    def as_json(self) -> dict[str, Any]:
        """Give them for a machine, and to be read again."""
        return {
            "decisions": self.decisions,
            "unreadable": self.unreadable,
            "unasked": self.unasked,
            "repeated": self.repeated,
            "gaps": self.gaps,
            "sources": self.sources,
        }
