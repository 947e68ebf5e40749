"""Take a site out of a plan, when nothing hangs on it and nothing names it.

It knows documents, and writes nothing.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from difflib import get_close_matches
from typing import Any

from gateway.errors import NOWHERE, Problem, Refused, Where, problem, refuse_any
from gateway.policy.documents import Document, parse
from gateway.policy.entries import Entry
from gateway.policy.entry_text import spans, without_entry
from gateway.policy.site_change import Given, SiteChange, judged, read_given

#: The fields of each kind of document that choose zones.
_CHOICES = {
    "conduits": ("from", "to"),
    "expectations": ("from", "to"),
    "subjects": ("zones",),
    "resources": ("zone",),
}
#: The fields of a grant, and the documents they point into.
_GRANTED = {"subject": "subjects", "resource": "resources"}


def remove_site(documents: Iterable[Document], folder: str, name: str, today: date) -> SiteChange:
    """Give the plan with one site less; a document it stood in alone goes with it.

    Raises:
        Refused: the plan has errors already, has no such site, something hangs on it or
            names it, or the plan without it would not pass its check.
    """
    given = read_given(documents, folder, today)
    entry = given.entries["sites"].get(name)
    if entry is None:
        known = list(given.entries["sites"])
        near = ", ".join(get_close_matches(name, known, n=3) or known[:6])
        params = {"owner": folder, "name": ascii(name)[1:-1] if not name.isprintable() else name}
        raise Refused(problem("ZG103", NOWHERE, **params, near=near))
    refuse_any([*_hanging(given, name), *_naming(given, name)])
    before = given.document_of(entry)
    after = _without(given, before, entry)
    content = after.content.decode() if after else None
    new = judged(given.with_document(before.path, content), folder, today, "ZG146")
    site, fields = given.plan.sites[name], dict(entry.fields)
    return SiteChange(site, fields, before.path, before, after, given.plan, new)


def _hanging(given: Given, name: str) -> Iterator[Problem]:
    for site in given.entries["sites"].values():
        for field in ("hub", "counterpart"):
            if site.get(field) == name and site["name"] != name:
                where = site.where(field)
                yield problem("ZG147", where, owner=site["name"], name=name, field=field)


def _naming(given: Given, name: str) -> Iterator[Problem]:
    """Find what names the site itself; what chooses it by its kind does without it."""
    naming: set[tuple[str, str]] = set()
    for kind, fields in _CHOICES.items():
        for entry in given.entries[kind].values():
            for field in fields:
                if _names(entry.get(field), name):
                    naming.add((kind, entry["name"]))
                    yield _named(entry, field, kind, name)
    for grant in given.entries["grants"].values():
        for field, kind in _GRANTED.items():
            if (kind, grant[field]) in naming:
                yield _named(grant, field, "grants", name)


def _names(choice: Any, name: str) -> bool:  # noqa: ANN401 - a selector as a document has it
    if isinstance(choice, dict):
        sites = choice.get("site", [])
        return name in ([sites] if isinstance(sites, str) else sites)
    return isinstance(choice, str) and choice.split(".", 1)[0] == name


def _named(entry: Entry, field: str, kind: str, name: str) -> Problem:
    return problem("ZG148", entry.where(field), owner=entry["name"], document=kind, name=name)


def _without(given: Given, before: Document, entry: Entry) -> Document | None:
    """Take the lines of an entry out, and see that all the rest reads as it did."""
    where = Where(given.file(before.path))
    stand = parse(before, where.file).data["sites"]
    if len(stand) == 1:
        return None
    index = int(entry.path[-1])
    text = before.content.decode()
    content = without_entry(text, spans(text, "sites", where)[index])
    after = Document(before.path, content.encode())
    try:
        left = parse(after, where.file).data
    except Refused as refused:
        raise Refused(problem("ZG145", where)) from refused
    if left != {"document": "sites", "sites": [*stand[:index], *stand[index + 1 :]]}:
        raise Refused(problem("ZG145", where))
    return after
