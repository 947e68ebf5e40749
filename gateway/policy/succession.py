"""Whether a verified release may follow what a host has accepted.

An older release was truly signed, so its signatures do not stop it; what the
host remembers does.  That the revision does not go down is the loader's own
rule; here it is asked whether the people who signed had this host in mind.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.errors import Problem, problem, refuse_any
from gateway.policy.signature import Verified


@dataclass(frozen=True, slots=True)
class Accepted:
    """The highest revision of a plan that was ever accepted, and its statement's digest.

    From the kernel only the first digits of the digest are known.
    """

    plan: str
    revision: int
    digest: str


def check_may_follow(verified: Verified, accepted: Iterable[Accepted]) -> None:
    """Return when a verified release may take the place of what was accepted.

    It is of the same plan, and the difference that was reviewed did not begin
    before what is in force: people who compared with revision 5 have not seen
    what 6 changed.  A host that missed a revision may take the next one.

    Raises:
        Refused: it may not.
    """
    refuse_any(found for one in accepted for found in _may_not_follow(verified, one))


def _may_not_follow(verified: Verified, accepted: Accepted) -> Iterator[Problem]:
    statement, base = verified.statement, verified.statement.base
    if statement.plan != accepted.plan:
        yield problem("ZG363", plan=statement.plan, accepted=accepted.plan)
    elif statement.revision > accepted.revision:
        seen = base.revision if base else 0
        other = base is not None and not base.digest.startswith(accepted.digest)
        if seen < accepted.revision or (seen == accepted.revision and other):
            yield problem("ZG362", base=seen or "-", accepted=accepted.revision)
