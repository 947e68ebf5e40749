"""The evidence as a whole: the plan, the hosts, and every row; what is printed and kept."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.evidence.clauses import Clause, catalogue, clause_of
from gateway.evidence.hosts_asked import AskedHost
from gateway.evidence.judge import Judged, Outcome

#: What is assessed against, in the words of who assesses.
STANDARD = "GB/T 22239-2019 第三级"


@dataclass(frozen=True, slots=True)
class SignedBy:
    """The plan that two people signed, as the desk from which one asks has it.

    `problem` says why there is none that counts; then the rest is empty.
    """

    plan: str = ""
    title: str = ""
    revision: int = 0
    digest: str = ""
    signers: tuple[str, ...] = ()
    problem: str = ""

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return {
            "plan": self.plan,
            "title": self.title,
            "revision": self.revision,
            "digest": self.digest,
            "signers": list(self.signers),
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Section:
    """One clause, the rows that are printed under it, and those that serve it elsewhere."""

    clause: Clause | None
    judged: tuple[Judged, ...]
    elsewhere: tuple[Judged, ...] = ()

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Count what every row says that serves the clause, wherever it is printed."""
        return Counter(each.outcome for each in (*self.judged, *self.elsewhere))

    @property
    def also(self) -> tuple[str, ...]:
        """Name the rows that are printed elsewhere."""
        return _unique(each.row.name for each in self.elsewhere)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was asked and judged; `taken_at` is the desk's clock, in UTC."""

    version: str
    taken_at: str
    signed: SignedBy
    hosts: tuple[AskedHost, ...]
    judged: tuple[Judged, ...]

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """Count what the rows say."""
        return Counter(each.outcome for each in self.judged)

    @property
    def holds(self) -> bool:
        """Tell whether no row fails."""
        return not self.counts[Outcome.FAIL]

    def sections(self) -> Iterator[Section]:
        """Give the clauses in the standard's order; last, rows that serve none of its."""
        for number, clause in catalogue().items():
            yield Section(
                clause,
                tuple(each for each in self.judged if number in _first(each)),
                tuple(
                    each
                    for each in self.judged
                    if number not in _first(each)
                    and number in {clause_of(item) for item in each.row.clauses}
                ),
            )
        if rest := tuple(each for each in self.judged if not each.row.clauses):
            yield Section(None, rest)

    def as_json(self) -> dict[str, object]:
        """Give all of it for a machine, with each raw answer."""
        return {
            "standard": STANDARD,
            "version": self.version,
            "taken_at": self.taken_at,
            "plan": self.signed.as_json(),
            "counts": {str(outcome): self.counts[outcome] for outcome in Outcome},
            "clauses": [_section_json(section) for section in self.sections()],
            "rows": [each.as_json() for each in self.judged],
            "hosts": [_host_json(host) for host in self.hosts],
        }


def _first(judged: Judged) -> Sequence[str]:
    return [clause_of(item) for item in judged.row.clauses[:1]]


def _unique(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _section_json(section: Section) -> dict[str, object]:
    clause = section.clause
    about: dict[str, object] = {"clause": ""}
    if clause is not None:
        about = {
            "clause": clause.number,
            "heading": clause.heading._asdict(),
            "where": str(clause.where),
            "asks": clause.asks._asdict(),
            "does": clause.does._asdict(),
            "left": clause.left._asdict(),
        }
    rows = _unique(each.row.name for each in section.judged)
    counts = {str(outcome): section.counts[outcome] for outcome in Outcome}
    return {**about, "rows": list(rows), "also": list(section.also), "counts": counts}


def _host_json(host: AskedHost) -> dict[str, object]:
    return {
        "host": host.name,
        "kind": host.kind,
        "title": host.title,
        "own_kernel": host.own_kernel,
        "trouble": host.trouble,
        "answers": [answer.as_json() for answer in host.answers.values()],
    }
