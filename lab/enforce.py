"""Load and prove gateways, each in a network namespace, by a few worker processes.

It brings loader and prover together, which may not know each other, and
decides nothing by itself.
"""

import ctypes
import multiprocessing
import os
import signal
import time
import zlib
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.artefacts import Ruleset
from gateway.errors import Problem, Refused, refuse_any
from gateway.load import nft
from gateway.load.inforce import Stamp
from gateway.load.loader import Candidate, Places, load
from gateway.policy.model import Plan
from gateway.policy.topology import GatewaySlice
from gateway.verify.kernel import Kernel, live_ruleset, read
from gateway.verify.proof import Proof, prove
from lab import namespace

WORKERS = 2

#: What a rehearsed policy calls itself; no release that anybody signs is meant.
REHEARSED_REVISION = 1

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Task:
    """What the workers share: the plan, its parts and rulesets, and where to keep state.

    `namespaces` holds each gateway's namespace, where the loader does all it
    does on a host.  A gateway that has none is put in one transaction into a
    new one that is thrown away, called by `prefix`.  `whole` tells that every
    wire of the plan stands, so that routing can be looked at as on a host.
    """

    plan: Plan
    parts: Mapping[str, GatewaySlice]
    rulesets: Mapping[str, Ruleset]
    namespaces: Mapping[str, str]
    prefix: str
    state: Path
    whole: bool


@dataclass(frozen=True, slots=True)
class Enforced:
    """One gateway: what its kernel holds, and what is wrong with it.

    `listing` is the kernel's ruleset as nft's JSON, compressed; empty where
    the load was refused before it could be read.
    """

    gateway: str
    entries: int
    seconds: float
    proof: Proof | None
    problems: tuple[Problem, ...]
    listing: bytes

    @property
    def is_proven(self) -> bool:
        """Tell whether the kernel took the ruleset and holds exactly what the plan says."""
        return self.proof is not None and not self.problems

    def kernel(self) -> Kernel | None:
        """Read what the kernel was found to hold."""
        return read(zlib.decompress(self.listing).decode()) if self.listing else None


def enforce(task: Task) -> Generator[Enforced, None, None]:
    """Load and prove every gateway of a task, and give each when it is done.

    The largest come first, so that no worker is left alone with one at the end.
    Close it, also after an error: then the workers have ended.
    """
    by_size = sorted(task.rulesets, key=lambda name: -task.rulesets[name].entries)
    # Forked, so that the plan need not be sent: a large one is slow to pack.
    pool = ProcessPoolExecutor(
        WORKERS, multiprocessing.get_context("fork"), _begin_worker, (task, os.getpid())
    )
    try:
        waiting = [pool.submit(_enforce_one, name) for name in by_size]
        for done in as_completed(waiting):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


_tasks: list[Task] = []


def _begin_worker(task: Task, parent: int) -> None:
    # The parent hears Ctrl-C and a polite kill, and ends us in order; if it is killed
    # outright, we end with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    _tasks.append(task)


def _enforce_one(gateway: str) -> Enforced:
    (task,) = _tasks
    with _namespace_for(task, gateway) as name:
        return namespace.inside(name, lambda: _load_and_prove(task, gateway))


def _load_and_prove(task: Task, gateway: str) -> Enforced:
    ruleset = task.rulesets[gateway]
    stamp = Stamp(task.plan.name, REHEARSED_REVISION, ruleset.digest)
    proofs: list[Proof] = []
    listing = ""

    def prove_it() -> None:
        nonlocal listing
        listing = live_ruleset()
        proof = prove(
            task.parts[gateway],
            task.plan,
            str(stamp),
            ruleset=listing,
            look_beside=task.whole,
        )
        proofs.append(proof)
        refuse_any(proof.findings)

    began = time.monotonic()
    problems: tuple[Problem, ...] = ()
    try:
        if gateway in task.namespaces:
            places = Places(task.state / gateway / "run", task.state / gateway / "state")
            load(Candidate(ruleset, stamp, task.plan), prove_it, places=places)
        else:
            # What the loader puts in step by step: a new namespace has nothing to lose.
            nft.run(ruleset.stamped(str(stamp)))
            prove_it()
    except Refused as refused:
        problems = refused.problems
    return Enforced(
        gateway=gateway,
        entries=ruleset.entries,
        seconds=time.monotonic() - began,
        proof=proofs[0] if proofs else None,
        problems=problems,
        listing=zlib.compress(listing.encode(), 1) if listing else b"",
    )


@contextmanager
def _namespace_for(task: Task, gateway: str) -> Iterator[str]:
    if gateway in task.namespaces:
        yield task.namespaces[gateway]
        return
    name = f"{task.prefix}worker{os.getpid()}"
    namespace.add([name])
    try:
        yield name
    finally:
        namespace.remove([name])
