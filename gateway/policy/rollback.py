"""No way back: a revision below the highest ever accepted is never taken again.

An old release was truly signed, so its signatures do not stop it; the memory
of what was accepted does.  That memory is kept elsewhere and handed in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import Problem, problem, refuse_any
from gateway.policy.signature import Verified


@dataclass(frozen=True, slots=True)
class Accepted:
    """The highest revision of a plan that was ever accepted, and its statement's digest."""

    plan: str
    revision: int
    digest: str


def check_not_rolled_back(revision: int, digest: str, accepted: Accepted | None) -> None:
    """Return when the revision is new, or is the very one that was accepted.

    Args:
        revision: of the release at hand.
        digest: of its statement.
        accepted: the highest ever accepted; None where there was none.

    Raises:
        Refused: it is older, or has the same number and other content.
    """
    refuse_any(_rolled_back(revision, digest, accepted))


def check_may_follow(verified: Verified, accepted: Accepted | None) -> None:
    """Return when a verified release may take the place of the accepted one.

    Beside the revision this asks that it is the same plan, and that the
    difference which was reviewed did not begin before what is in force:
    people who compared with revision 5 have not seen what 6 changed.  A host
    that missed a revision may take the next one.

    Raises:
        Refused: it may not.
    """
    refuse_any(_may_not_follow(verified, accepted))


def _rolled_back(revision: int, digest: str, accepted: Accepted | None) -> Iterator[Problem]:
    if accepted is None:
        return
    if revision < accepted.revision:
        yield problem("ZG360", revision=revision, accepted=accepted.revision)
    elif revision == accepted.revision and digest != accepted.digest:
        yield problem("ZG361", revision=revision)


def _may_not_follow(verified: Verified, accepted: Accepted | None) -> Iterator[Problem]:
    if accepted is None:
        return
    statement, base = verified.statement, verified.statement.base
    if statement.plan != accepted.plan:
        yield problem("ZG363", plan=statement.plan, accepted=accepted.plan)
        return
    yield from _rolled_back(statement.revision, verified.digest, accepted)
    if statement.revision > accepted.revision:
        seen = base.revision if base else 0
        other = base is not None and base.digest != accepted.digest
        if seen < accepted.revision or (seen == accepted.revision and other):
            yield problem("ZG362", base=seen or "-", accepted=accepted.revision)
