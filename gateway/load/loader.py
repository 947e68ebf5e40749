"""Stage, kernel check, one atomic commit, prove, confirm - or revert to the last good.

After every step the host is whole: it enforces the old policy or the new one
and says which.  What is known of a host is read from its kernel each time and
never remembered, so that a loader that is killed leaves nothing half true.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.artefacts import TABLE, Generation, Ruleset, render
from gateway.compile.scaffold import scaffold as bare_scaffold
from gateway.errors import Problem, Refused, problem
from gateway.load import forwarding, nft, transaction
from gateway.load.accepted import Accepted
from gateway.load.conntrack import marks
from gateway.load.difference import Delta, difference
from gateway.load.events import Events, Silence, Step
from gateway.load.inforce import DIGEST_DIGITS, Host, InForce, Stamp, read_host, said
from gateway.load.listing import LiveGeneration, read_generation
from gateway.load.lock import only_loader
from gateway.load.sessions import (
    Permitted,
    cut_forbidden,
    cut_later_than,
    permitted,
)
from gateway.policy.model import Plan


class Way(StrEnum):
    """How a policy comes into force."""

    FIRST = "first"
    SWAP = "swap"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the loader keeps what it must: the lock, and what was ever accepted."""

    run: Path = Path("/run/loushan")
    state: Path = Path("/var/lib/loushan")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that is to come into force at one gateway.

    `plan` is what the ruleset was compiled from: live connections are judged by it.
    """

    ruleset: Ruleset
    stamp: Stamp
    plan: Plan


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did; `changed` elements of a delta, `cut` live connections."""

    in_force: InForce
    way: Way
    changed: int
    cut: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a host enforces after it was put in order, and what that took.

    `cut` is None where nobody gave the plan in force to judge the live
    connections by; they have then to be judged by a load.
    """

    in_force: InForce | None
    removed: tuple[Generation, ...]
    cut: int | None
    forwarding: bool


@dataclass(frozen=True, slots=True)
class _Change:
    """One policy on its way into the kernel, beside the one that it takes over from."""

    way: Way
    ruleset: Ruleset
    old: InForce | None
    new: InForce
    staging: str
    delta: Delta = field(default=Delta(()))


def load(
    candidate: Candidate,
    prove: Callable[[], None],
    *,
    events: Events | None = None,
    places: Places | None = None,
) -> Loaded:
    """Bring a policy into force in this network namespace, or leave the old one in force.

    `prove` raises `Refused` when the host does not hold the policy.

    Raises:
        Refused: anything went wrong; the policy in force is the one before.
            ZG510 says that it may not be.  ZG511 means that the new policy
            is in force and proven, and the host cannot forward.
    """
    ruleset, stamp = candidate.ruleset, candidate.stamp
    told, where = events or Silence(), places or Places()
    with only_loader(where.run):
        told.step(Step.LOCKED, str(stamp))
        accepted = Accepted(where.state)
        host = read_host()
        in_kernel = [host.in_force.stamp] if host.in_force else []
        accepted.check_not_older(stamp, in_kernel, doubtful=host.stamps)
        _put_up(ruleset.scaffold, host, told)
        change = _plan_change(ruleset, stamp)
        allowed = permitted(candidate.plan, ruleset.gateway)
        before = marks()
        try:
            nft.run(_staged(change, told))
            told.step(Step.COMMITTED, str(stamp))
            cut = cut_forbidden(allowed)
            told.step(Step.SESSIONS_CUT, str(cut))
            prove()
            told.step(Step.PROVED, "")
            accepted.record(stamp)
            told.step(Step.ACCEPTED, str(stamp))
        except BaseException as fault:
            _revert(change, before, fault, told)
            raise
        return _confirm(change, allowed, cut, told)


def recover(
    plan_of: Callable[[Stamp], Plan | None] | None = None,
    *,
    gateway: str = "",
    events: Events | None = None,
    places: Places | None = None,
) -> Recovered:
    """Put in order what a loader that was killed left, and say what is in force.

    On a host without a policy this is also what first closes it: everything
    is refused and nothing forwarded.  `plan_of` finds the plan of a stamp, to
    judge `gateway`'s live connections by.

    Raises:
        Refused: the lock is held, or the kernel refuses.
    """
    told, where = events or Silence(), places or Places()
    with only_loader(where.run):
        told.step(Step.LOCKED, "")
        host = read_host()
        removed = host.leftovers
        _put_up(bare_scaffold(), host, told)
        host = read_host()
        if host.in_force is None and forwarding.is_on():
            forwarding.switch(on=False)
        plan = plan_of(host.in_force.stamp) if plan_of and host.in_force else None
        cut = cut_forbidden(permitted(plan, gateway)) if plan else None
        return Recovered(host.in_force, removed, cut, forwarding.is_on())


def _put_up(scaffold: str, host: Host, told: Events) -> None:
    """Have the scaffold stand as it should, with nothing beside it but the generation in force.

    Where nobody knows which policy is in force, or what does not belong here
    is so entangled that it cannot be deleted, the table begins anew: every
    hook leads to the refusal of everything.
    """
    if host.disagree:
        _begin_anew(scaffold, host, told)
    elif not transaction.is_intact(scaffold, host.outline.chains):
        nft.run(transaction.mend(scaffold, host.outline, host.in_force))
        told.step(Step.SCAFFOLDED, "")
    keep = host.in_force.generation if host.in_force else None
    if rest := transaction.clean(scaffold, read_host().outline, keep):
        try:
            nft.run(rest)
        except Refused:
            _begin_anew(scaffold, host, told)
        told.step(Step.CLEANED, " ".join(host.leftovers))


def _begin_anew(scaffold: str, host: Host, told: Events) -> None:
    nft.run(transaction.begin_anew(scaffold))
    told.step(Step.SCAFFOLDED, said(host.outline.last_rules))


def _plan_change(ruleset: Ruleset, stamp: Stamp) -> _Change:
    """Choose the way: a delta where it is safe and quicker, otherwise a new generation."""
    host = read_host()
    old = host.in_force
    if old is None:
        return _generation(Way.FIRST, ruleset, stamp, None, None)
    live = read_generation(old.generation, host.outline)
    delta = difference(ruleset, live, old.generation) if live else None
    if delta is None:
        return _generation(Way.SWAP, ruleset, stamp, old, live)
    return _Change(Way.DELTA, ruleset, old, _in_force(stamp, old.generation), "", delta)


def _generation(
    way: Way, ruleset: Ruleset, stamp: Stamp, old: InForce | None, live: LiveGeneration | None
) -> _Change:
    letter = old.generation.other if old else Generation.A
    counts = transaction.counts(ruleset, live, old.generation) if live and old else {}
    staging = render(ruleset, letter, counts)
    return _Change(way, ruleset, old, _in_force(stamp, letter), staging)


def _staged(change: _Change, told: Events) -> str:
    """Put in what changes no verdict yet; give the commit, which the kernel has judged."""
    if change.staging:
        nft.run(change.staging)
        told.step(Step.STAGED, f"{change.new.generation} {change.ruleset.entries}")
    elements = transaction.apply_delta(change.delta, change.new.generation)
    commit = elements + transaction.lead(read_host().outline, change.new)
    nft.check(commit)
    told.step(Step.CHECKED, change.way)
    return commit


def _confirm(change: _Change, allowed: Permitted, cut: int, told: Events) -> Loaded:
    """Delete the old generation and, last of all, forward."""
    # A packet that the old rules had just let by may have entered its connection late.
    cut += cut_forbidden(allowed)
    rest = transaction.clean(change.ruleset.scaffold, read_host().outline, change.new.generation)
    if rest:
        nft.run(rest)
        told.step(Step.CLEANED, change.old.generation if change.old else "")
    forwarding.switch(on=True)
    told.step(Step.FORWARDING, "")
    told.step(Step.CONFIRMED, str(change.new.stamp))
    return Loaded(change.new, change.way, change.delta.size, cut)


def _revert(change: _Change, before: frozenset[bytes], fault: BaseException, told: Events) -> None:
    """Go back to the old policy; a `Refused` then says so too.

    Connections that only the new policy opened end; who opened one that the
    old policy permits as well is judged anew with the next packet.
    """
    try:
        host = read_host()
        if host.in_force == change.new:
            undo = transaction.undo_delta(change.delta, change.new.generation)
            nft.run(undo + transaction.lead(host.outline, change.old))
            cut_later_than(before)
        keep = change.old.generation if change.old else None
        if rest := transaction.clean(change.ruleset.scaffold, read_host().outline, keep):
            nft.run(rest)
    except Refused as worse:
        first = fault.problems if isinstance(fault, Refused) else ()
        stuck = problem("ZG510", table=TABLE, stamp=change.new.stamp)
        raise Refused(*first, *worse.problems, stuck) from fault
    told.step(Step.REVERTED, str(change.old.stamp) if change.old else "")
    if isinstance(fault, Refused):
        raise Refused(*fault.problems, _back(change.old)) from fault


def _back(old: InForce | None) -> Problem:
    return problem("ZG512", stamp=old.stamp) if old else problem("ZG515")


def _in_force(stamp: Stamp, generation: Generation) -> InForce:
    return InForce(stamp.plan, stamp.revision, stamp.digest[:DIGEST_DIGITS], generation)
