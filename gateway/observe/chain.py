"""What the log has come to: its tree, its last record, its counts and numbers; in memory.

Every record goes through `take`, whether it is made now or read again, so a
follower that was killed knows the same as one that was not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.observe.content import OF_LINES, Content, DecisionId, Kind
from gateway.observe.counts import Counts
from gateway.observe.merkle import Tree, leaf_hash
from gateway.observe.numbers import Numbers
from gateway.observe.records import NOTHING_BEFORE, Record

_MILLISECONDS = 1000


@dataclass(slots=True)
class Chain:
    """Where the log is; `position` is the byte of the raw file to go on from."""

    tree: Tree = field(default_factory=Tree)
    before: str = NOTHING_BEFORE
    position: int = 0
    last: Content | None = None
    counts: Counts = field(default_factory=Counts)
    numbers: Numbers = field(default_factory=Numbers)

    def append(self, content: Content, now: float) -> bytes:
        """Make the next record; give its line without an end."""
        kind = content.kind
        if kind is Kind.DECISION and not self._is_new(content.body, now):
            kind = Kind.REPEATED
        time = int(now * _MILLISECONDS)
        record = Record(self.tree.size, self.before, kind, content.body, content.raw, time)
        line = record.line()
        self._took(record, line)
        return line

    def take(self, record: Record, line: bytes) -> None:
        """Take a record that was made before.

        Raises:
            ValueError: it does not follow from what there is.
        """
        if (record.number, record.before) != (self.tree.size, self.before):
            message = f"record {record.number} does not follow"
            raise ValueError(message)
        is_new = record.kind is not Kind.DECISION or self._is_new(
            record.body, record.time / _MILLISECONDS
        )
        if not is_new:
            message = f"record {record.number} has the number of another"
            raise ValueError(message)
        self._took(record, line)

    def gaps_since(self, until: float) -> Iterator[Content]:
        """Give what has been awaited since before a moment, as records will say it."""
        for process, missing in list(self.numbers.overdue(until)):
            body = {"process": process, "first": missing.first, "last": missing.last}
            yield Content(Kind.GAP, body, (self.position, self.position))

    def _is_new(self, body: Mapping[str, Any], now: float) -> bool:
        return self.numbers.take(DecisionId.read(body["id"]), now)

    def _took(self, record: Record, line: bytes) -> None:
        leaf = leaf_hash(line)
        self.tree.add(leaf)
        self.before = leaf.hex()
        self.position = record.raw[1]
        self.counts.take(record.kind, record.body)
        if record.kind is Kind.GAP:
            process = self.numbers.processes[record.body["process"]]
            process.give_up(record.body["first"], record.body["last"])
        if record.kind in OF_LINES:
            self.last = Content(record.kind, record.body, record.raw)
        elif record.kind is Kind.SOURCE:
            self.last = None

    def as_json(self) -> dict[str, Any]:
        """Give it all, to be read again."""
        last = self.last
        return {
            "size": self.tree.size,
            "peaks": [peak.hex() for peak in self.tree.peaks],
            "before": self.before,
            "position": self.position,
            "last": [last.kind, last.body, last.raw] if last else None,
            "counts": self.counts.as_json(),
            "numbers": self.numbers.as_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Chain":
        """Read it again.

        Raises:
            ValueError, TypeError, KeyError: it is damaged.
        """
        last = data["last"]
        return cls(
            Tree(int(data["size"]), [bytes.fromhex(peak) for peak in data["peaks"]]),
            data["before"],
            int(data["position"]),
            Content(Kind(last[0]), last[1], (last[2][0], last[2][1])) if last else None,
            Counts(**data["counts"]),
            Numbers.from_json(data["numbers"]),
        )
