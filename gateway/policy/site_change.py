"""A plan with one site more or less: judged as a whole before anybody sees or writes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gateway.errors import Problem, Refused, Where, problem
from gateway.policy.check import check_plan
from gateway.policy.difference import Difference, difference
from gateway.policy.documents import Document
from gateway.policy.entries import Entry, gather
from gateway.policy.model import Plan, Site
from gateway.policy.names import site_group
from gateway.policy.plan import build_plan
from gateway.policy.schema import parse_all
from gateway.policy.topology import slices

Entries = Mapping[str, Mapping[str, Entry]]


@dataclass(frozen=True, slots=True)
class SiteChange:
    """One site that comes or goes, and the plans without and with the change.

    `before` and `after` are the one document that changes; nothing stands for
    a document that is not there.  `unaware` are expectations that list sites
    of its kind by name, and not this one.
    """

    site: Site
    fields: Mapping[str, str]
    path: str
    before: Document | None
    after: Document | None
    old: Plan
    new: Plan
    unaware: tuple[tuple[str, Where], ...] = ()

    @property
    def difference(self) -> Difference:
        """What the change lets pass, and what no longer passes."""
        return difference(self.old, self.new)

    @property
    def touched(self) -> tuple[str, ...]:
        """The other gateways of ours that have something else to enforce afterwards."""
        before, after = slices(self.old), slices(self.new)
        return tuple(
            name
            for name in before.keys() & after.keys()
            if before[name] != after[name] and name != self.site.name
        )

    @property
    def group(self) -> str:
        """What the inventory calls the site's gateway and all below it."""
        return site_group(self.site.name)


@dataclass(frozen=True, slots=True)
class Given:
    """The documents of a plan that is in order, and what they hold."""

    documents: tuple[Document, ...]
    folder: str
    today: date
    plan: Plan
    entries: Entries

    def document_of(self, entry: Entry) -> Document:
        """Give the document in which an entry stands."""
        return next(d for d in self.documents if self.file(d.path) == entry.tree.file)

    def file(self, path: str) -> str:
        """Name a document as the user would."""
        return f"{self.folder.rstrip('/')}/{path}"

    def with_document(self, path: str, content: str | None) -> tuple[Document, ...]:
        """Give the documents with one of them changed, new or gone; in order of path."""
        kept = [document for document in self.documents if document.path != path]
        if content is not None:
            kept.append(Document(path, content.encode()))
        return tuple(sorted(kept, key=lambda document: document.path))


def read_given(documents: Iterable[Document], folder: str, today: date) -> Given:
    """Take a plan that is in order; what is wrong already would hide what a change breaks.

    Raises:
        Refused: with everything that is wrong with it, and that it comes first.
    """
    given = tuple(documents)
    plan = judged(given, folder, today, "ZG135")
    entries, _ = gather(parse_all(given, folder))
    return Given(given, folder, today, plan, entries)


def judged(documents: Iterable[Document], folder: str, today: date, code: str) -> Plan:
    """Give the plan of documents that pass every check.

    Raises:
        Refused: with everything that is wrong, under a first problem of that code.
    """
    try:
        plan = build_plan(documents, folder)
        problems: tuple[Problem, ...] = tuple(check_plan(plan, today))
    except Refused as refused:
        raise _under(code, folder, refused.problems) from refused
    if problems:
        raise _under(code, folder, problems)
    return plan


def _under(code: str, folder: str, problems: tuple[Problem, ...]) -> Refused:
    return Refused(problem(code, Where(folder), plan=folder, count=len(problems)), *problems)
