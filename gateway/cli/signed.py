"""A plan's folder that must be signed: read once, checked in full, or refused."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.agent.loader import TRUST_FOLDER
from gateway.agent.signed import SignedPlan, read_delivered, verified
from gateway.errors import Refused, refuse_any
from gateway.policy.documents import Document, read_documents
from gateway.policy.model import Plan
from gateway.policy.plan import build_plan
from gateway.policy.release import read_release
from gateway.policy.signature import Release, check_release
from gateway.policy.signers import load_trust

#: The code of a release whose time is over.
_RUN_OUT = "ZG317"


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
    return verified(read_delivered(folder), load_trust(trust), datetime.now(UTC))


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


def read_documents_and_plan(folder: Path) -> tuple[tuple[Document, ...], Plan]:
    """Read documents once, so that what is checked is what is signed."""
    documents = read_documents(folder)
    return documents, build_plan(documents, str(folder))
