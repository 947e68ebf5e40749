"""A plan's folder that must be signed: read once, checked in full, or refused."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import Problem, Refused, Where, problem, refuse_any
from gateway.load.inforce import Stamp
from gateway.policy.check import check_plan
from gateway.policy.difference import difference
from gateway.policy.documents import Document, read_documents
from gateway.policy.model import Plan
from gateway.policy.plan import build_plan
from gateway.policy.release import read_release
from gateway.policy.signature import Release, Verified, check_release
from gateway.policy.signers import load_trust
from gateway.policy.topology import GatewaySlice, slices

#: Where a host keeps the signers' authority and its list of revocations.
TRUST_FOLDER = Path("/etc/loushan/trust")

#: The code of a release whose time is over.
_RUN_OUT = "ZG317"


@dataclass(frozen=True, slots=True)
class SignedPlan:
    """A plan that two people signed, as it was when it was read."""

    plan: Plan
    verified: Verified


@dataclass(frozen=True, slots=True)
class Compared:
    """The release that another is compared with, and its plan."""

    plan: Plan
    release: Release


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Ask whose signers count."""
    parser.add_argument(
        "--trust",
        type=Path,
        default=TRUST_FOLDER,
        metavar="DIR",
        help=f"authority.pem and crl.pem of the signers, {TRUST_FOLDER} unless said"
        " | 签署人信任目录",
    )


def read_signed_plan(folder: Path, trust: Path) -> SignedPlan:
    """Read a plan's folder and verify its release against its documents.

    Raises:
        Refused: with every reason; what is missing or stale is refused too.
    """
    now = datetime.now(UTC)
    documents = read_documents(folder)
    release, stored = read_release(folder)
    plan = build_plan(documents, str(folder))
    refuse_any(check_plan(plan, now.astimezone().date()))
    verified = check_release(documents, release, stored, load_trust(trust), now, plan=plan.name)
    if verified.statement.base is None:
        refuse_any(difference_problems(None, plan, stored, release.where))
    return SignedPlan(plan, verified)


def read_compared(folder: Path, trust: Path) -> Compared:
    """Read the release that another is compared with; only it may have run out meanwhile.

    What two people did not sign was never in force: compared with it, a
    change that is already in it would not be seen.

    Raises:
        Refused: it has no release, or would have been refused when it was valid.
    """
    documents = read_documents(folder)
    release, stored = read_release(folder)
    plan = build_plan(documents, str(folder))
    try:
        now = datetime.now(UTC)
        check_release(documents, release, stored, load_trust(trust), now, plan=plan.name)
    except Refused as refused:
        refuse_any(p for p in refused.problems if p.code != _RUN_OUT)
    return Compared(plan, release)


def difference_problems(
    base: Plan | None, plan: Plan, stored: bytes, where: Where
) -> list[Problem]:
    """Give a problem where the difference to be signed is not the one there is.

    A digest shows that it was not altered; only comparing anew shows that it is true.
    """
    if difference(base, plan).canonical() == stored:
        return []
    return [problem("ZG380", where)]


def stamp_of(signed: SignedPlan) -> Stamp:
    """Give the stamp that a host in force of this plan carries."""
    return Stamp(signed.plan.name, signed.verified.statement.revision, signed.verified.digest)


def slice_named(plan: Plan, gateway: str) -> GatewaySlice:
    """Give one gateway's slice.

    Raises:
        Refused: the plan has no such gateway of ours.
    """
    parts = slices(plan)
    if gateway not in parts:
        raise Refused(problem("ZG701", name=gateway, known=", ".join(list(parts)[:12])))
    return parts[gateway]


def read_documents_and_plan(folder: Path) -> tuple[tuple[Document, ...], Plan]:
    """Read documents once, so that what is checked is what is signed."""
    documents = read_documents(folder)
    return documents, build_plan(documents, str(folder))
