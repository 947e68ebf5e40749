"""A plan that must be signed: read once, checked in full, or refused.

It comes from a folder or, as bytes, from whoever delivers it; both are judged
alike, and what was judged is what is compiled and kept.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from gateway.errors import Problem, Refused, Where, problem, refuse_any
from gateway.load.inforce import Stamp
from gateway.policy.check import check_plan
from gateway.policy.difference import difference
from gateway.policy.documents import (
    LARGEST_DOCUMENT_BYTES,
    LARGEST_PLAN_BYTES,
    MOST_DOCUMENTS,
    RELEASE_FOLDER,
    Document,
    read_documents,
)
from gateway.policy.model import Plan
from gateway.policy.plan import build_plan
from gateway.policy.release import DIFFERENCE_FILE, RELEASE_FILE, read_release
from gateway.policy.signature import Release, Verified, check_release, parse_release
from gateway.policy.signers import Trust
from gateway.policy.topology import GatewaySlice, slices

#: How a delivered plan is called in what is said about it.
DELIVERED = "release"

_LONGEST_PATH_BYTES = 255
_SIGNED_FILES = tuple(f"{RELEASE_FOLDER}/{name}" for name in (RELEASE_FILE, DIFFERENCE_FILE))


@dataclass(frozen=True, slots=True)
class Delivered:
    """A plan's documents and what was signed about them; nothing of it is verified yet."""

    name: str
    documents: tuple[Document, ...]
    release: Release
    difference: bytes

    def files(self) -> dict[str, bytes]:
        """Give every file by its path in the plan's folder."""
        signed = dict(zip(_SIGNED_FILES, (self.release.content, self.difference), strict=True))
        return {**{d.path: d.content for d in self.documents}, **signed}


@dataclass(frozen=True, slots=True)
class SignedPlan:
    """A plan that two people signed, as it was when it was read; `judged_at` is when that held."""

    plan: Plan
    verified: Verified
    delivered: Delivered
    trust: Trust
    judged_at: datetime

    @property
    def stamp(self) -> Stamp:
        """The stamp that a host in force of this plan carries."""
        return Stamp(self.plan.name, self.verified.statement.revision, self.verified.digest)


def read_delivered(folder: Path) -> Delivered:
    """Read a plan's folder once.

    Raises:
        Refused: it is no plan's folder, or nothing in it is signed.
    """
    documents = read_documents(folder)
    return Delivered(str(folder), documents, *read_release(folder))


def delivered(files: dict[str, bytes]) -> Delivered:
    """Take a plan from files that somebody sent: what a folder could not hold is refused.

    Raises:
        Refused: as `read_delivered`.
    """
    rest = dict(files)
    for name, code in zip(_SIGNED_FILES, ("ZG301", "ZG315"), strict=True):
        if name not in rest:
            raise Refused(problem(code, Where(f"{DELIVERED}/{name}")))
    release, stored = (rest.pop(name) for name in _SIGNED_FILES)
    refuse_any(problem("ZG003", Where(f"{DELIVERED}/{n}")) for n in rest if not _is_document(n))
    if not rest:
        raise Refused(problem("ZG002", Where(DELIVERED)))
    if len(rest) > MOST_DOCUMENTS:
        raise Refused(problem("ZG005", Where(DELIVERED), limit=MOST_DOCUMENTS))
    sizes = [len(content) for content in rest.values()]
    # What is accepted is kept in a folder, and must be read from there again.
    largest = max(sum(sizes), len(stored))
    if largest > LARGEST_PLAN_BYTES or max(sizes) > LARGEST_DOCUMENT_BYTES:
        raise Refused(problem("ZG005", Where(DELIVERED), limit=LARGEST_PLAN_BYTES))
    documents = tuple(Document(name, rest[name]) for name in sorted(rest))
    parsed = parse_release(release, Where(f"{DELIVERED}/{_SIGNED_FILES[0]}"))
    return Delivered(DELIVERED, documents, parsed, stored)


def verified(what: Delivered, trust: Trust, at: datetime) -> SignedPlan:
    """Verify a plan's release against its documents, as of a time with a zone.

    Raises:
        Refused: with every reason; what is missing or stale is refused too.
    """
    plan = build_plan(what.documents, what.name)
    refuse_any(check_plan(plan, at.astimezone().date()))
    found = check_release(what.documents, what.release, what.difference, trust, at, plan=plan.name)
    if found.statement.base is None:
        refuse_any(difference_problems(None, plan, what.difference, what.release.where))
    return SignedPlan(plan, found, what, trust, at)


def difference_problems(
    base: Plan | None, plan: Plan, stored: bytes, where: Where
) -> list[Problem]:
    """Give a problem where the difference to be signed is not the one there is.

    A digest shows that it was not altered; only comparing anew shows that it is true.
    """
    if difference(base, plan).canonical() == stored:
        return []
    return [problem("ZG380", where)]


def slice_named(plan: Plan, gateway: str) -> GatewaySlice:
    """Give one gateway's slice.

    Raises:
        Refused: the plan has no such gateway of ours.
    """
    parts = slices(plan)
    if gateway not in parts:
        raise Refused(problem("ZG701", name=gateway, known=", ".join(list(parts)[:12])))
    return parts[gateway]


def _is_document(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        str(path) == name
        and not path.is_absolute()
        and path.suffix == ".yml"
        and len(name.encode()) <= _LONGEST_PATH_BYTES
        and name.isprintable()
        and not any(part in {".", ".."} for part in path.parts)
        and path.parts[0] != RELEASE_FOLDER
    )
