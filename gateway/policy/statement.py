"""What is signed about a plan: which documents, which revision, when, and what it changes.

A statement names every document by its digest, so that an altered, added or
missing one no longer fits.  It knows nothing of keys, people or hosts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.errors import NOWHERE, Problem, Refused, Where, problem, refuse_any
from gateway.policy.canonical import (
    LARGEST_NUMBER,
    canonical_bytes,
    digest_field,
    fields,
    is_plain,
    number_field,
    text_field,
    time_field,
    time_text,
)
from gateway.policy.documents import Document

#: The form of what is signed.  Another form gets another number, never another meaning.
FORMAT = 1

#: A plan is reviewed every year; the rest is the time that a review takes.
LONGEST_WINDOW = timedelta(days=400)

#: Goes before the canonical JSON, so that a digest of a statement is of nothing else.
_DOMAIN = b"loushan release statement 1\n"

_FIELDS = (
    "base",
    "difference",
    "documents",
    "format",
    "not_after",
    "not_before",
    "plan",
    "revision",
)


@dataclass(frozen=True, slots=True)
class Base:
    """The release that a plan was compared with."""

    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What both people sign.  Times are UTC in whole seconds, digests are SHA-256 in hex.

    `difference` is the digest of the reviewed difference in effective access;
    `base` is None where there was no earlier release to compare with.
    """

    plan: str
    revision: int
    not_before: datetime
    not_after: datetime
    documents: tuple[tuple[str, str], ...]
    base: Base | None
    difference: str

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hex: what two people compare aloud."""
        return sha256(self.canonical).hexdigest()

    @property
    def canonical(self) -> bytes:
        """The one form of this statement in bytes."""
        return _DOMAIN + canonical_bytes(self.as_json())

    def as_json(self) -> dict[str, object]:
        """Give the statement as it is written."""
        return {
            "format": FORMAT,
            "plan": self.plan,
            "revision": self.revision,
            "not_before": time_text(self.not_before),
            "not_after": time_text(self.not_after),
            "documents": dict(self.documents),
            "base": self.base and {"revision": self.base.revision, "digest": self.base.digest},
            "difference": self.difference,
        }

    def as_base(self) -> Base:
        """Give what the next statement says of this one."""
        return Base(self.revision, self.digest)


def prepare_statement(  # noqa: PLR0913 - each is one thing that is signed
    *,
    plan: str,
    revision: int,
    not_before: datetime,
    not_after: datetime,
    documents: Iterable[Document],
    difference: bytes,
    base: Base | None,
) -> Statement:
    """Make the statement that is then signed.

    Args:
        plan: the plan's name.
        revision: from 1; higher than every one before.
        not_before: with a time zone, whole seconds.
        not_after: likewise; at most LONGEST_WINDOW later.
        documents: every document of the plan.
        difference: the reviewed difference, as it will stand beside the release.
        base: what the difference was made against; None for a first release.

    Raises:
        Refused: the window, the revision or the name of a document cannot be signed.
    """
    statement = Statement(
        plan=plan,
        revision=revision,
        not_before=not_before,
        not_after=not_after,
        documents=tuple(sorted((d.path, d.digest) for d in documents)),
        base=base,
        difference=sha256(difference).hexdigest(),
    )
    refuse_any(form_problems(statement, NOWHERE))
    return statement


def parse_statement(data: object, where: Where) -> Statement:
    """Read a statement from strict JSON.

    Raises:
        Refused: a field is missing, unknown or of the wrong form.
    """
    if isinstance(data, dict) and type(data.get("format")) is int and data["format"] != FORMAT:
        raise Refused(problem("ZG307", where, found=data["format"], known=FORMAT))
    given = fields(data, "statement", _FIELDS, where)
    number_field(given, "format", where)
    return Statement(
        plan=text_field(given, "plan", where),
        revision=number_field(given, "revision", where),
        not_before=time_field(given, "not_before", where),
        not_after=time_field(given, "not_after", where),
        documents=_documents(given["documents"], where),
        base=_base(given["base"], where),
        difference=digest_field(given, "difference", where),
    )


def form_problems(statement: Statement, where: Where) -> Iterator[Problem]:
    """Find what no statement may say, whatever the documents and the time are."""
    if not 1 <= statement.revision <= LARGEST_NUMBER:
        yield problem("ZG305", where, field="revision", wanted=f"1 ... {LARGEST_NUMBER}")
    if statement.base and statement.base.revision >= statement.revision:
        yield problem("ZG320", where, revision=statement.revision, base=statement.base.revision)
    if statement.not_after <= statement.not_before:
        yield problem("ZG318", where, **_window(statement))
    elif statement.not_after - statement.not_before > LONGEST_WINDOW:
        yield problem("ZG319", where, **_window(statement), limit=LONGEST_WINDOW.days)
    if not statement.documents:
        yield problem("ZG305", where, field="documents", wanted="path: SHA-256")
    for path in (statement.plan, *(path for path, _ in statement.documents)):
        if not path or not is_plain(path):
            yield problem("ZG321", where, path=ascii(path))


def window_problems(statement: Statement, now: datetime, where: Where) -> Iterator[Problem]:
    """Find whether the statement is not yet, or no longer, valid."""
    if now < statement.not_before:
        yield problem("ZG316", where, **_window(statement), now=_shown(now))
    if now > statement.not_after:
        yield problem("ZG317", where, **_window(statement), now=_shown(now))


def content_problems(
    statement: Statement, documents: Iterable[Document], difference: bytes, where: Where
) -> Iterator[Problem]:
    """Find every document, and the difference, that is not what was signed."""
    signed = dict(statement.documents)
    for document in documents:
        digest = signed.pop(document.path, None)
        if digest is None:
            yield problem("ZG312", where, path=ascii_if_hidden(document.path))
        elif digest != document.digest:
            yield problem("ZG311", where, path=document.path)
    for path in signed:
        yield problem("ZG313", where, path=path)
    if sha256(difference).hexdigest() != statement.difference:
        yield problem("ZG314", where)


def ascii_if_hidden(text: str) -> str:
    """Give the text, or its escapes where a terminal would not show all of it."""
    return text if is_plain(text) else ascii(text)


def _documents(data: object, where: Where) -> tuple[tuple[str, str], ...]:
    if not isinstance(data, dict):
        raise Refused(problem("ZG305", where, field="documents", wanted="path: SHA-256"))
    for path in data:
        if not is_plain(path):
            raise Refused(problem("ZG321", where, path=ascii(path)))
    return tuple(sorted((path, digest_field(data, path, where)) for path in data))


def _base(data: object, where: Where) -> Base | None:
    if data is None:
        return None
    given = fields(data, "base", ("digest", "revision"), where)
    return Base(number_field(given, "revision", where), digest_field(given, "digest", where))


def _window(statement: Statement) -> Mapping[str, str]:
    return {"begin": time_text(statement.not_before), "end": time_text(statement.not_after)}


def _shown(now: datetime) -> str:
    return time_text(now.replace(microsecond=0))
