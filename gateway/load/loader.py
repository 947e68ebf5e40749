"""Stage, kernel check, one atomic commit, prove, confirm - or revert to the last good.

After every step the host is whole: it enforces the old policy or the new one
and says which.  What a host enforces is read from its kernel each time, so
that a loader that is killed leaves nothing half true.  Only the elements of
its maps may be remembered; what was planned so and failed is tried once more
without.
"""

from collections.abc import Callable, Iterable
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
from gateway.load.listing import LiveGeneration, Outline, read_generation
from gateway.load.lock import only_loader
from gateway.load.remembered import Remembered
from gateway.load.sessions import (
    Permitted,
    cut_forbidden,
    cut_later_than,
    permitted,
)
from gateway.load.tables import Table
from gateway.policy.model import Plan


class Way(StrEnum):
    """How a policy comes into force."""

    FIRST = "first"
    SWAP = "swap"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the loader keeps what it must: the lock; what was ever accepted, and put in last."""

    run: Path = Path("/run/loushan")
    state: Path = Path("/var/lib/loushan")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy that is to come into force at one gateway.

    `plan` is what the ruleset was compiled from: live connections are judged by it.
    `may_follow` is asked, while no other loader is at work, about what the host
    has accepted and what its kernel holds; it raises `Refused`.
    `taking_back` is what the kernel may hold and nobody ever accepted: it has
    no say in what may follow.
    """

    ruleset: Ruleset
    stamp: Stamp
    plan: Plan
    may_follow: Callable[[Iterable[Stamp]], None] = lambda _known: None
    taking_back: Stamp | None = None


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
    """One policy on its way into the kernel, beside the one that it takes over from.

    `outline` is what the kernel held when this was planned.  The commit names
    the handles in it, so it fails whole where others put rules there since.
    """

    way: Way
    ruleset: Ruleset
    outline: Outline
    old: InForce | None
    new: InForce
    staging: str = ""
    delta: Delta = field(default=Delta(()))
    remembered: bool = False


@dataclass(slots=True)
class _Attempt:
    """What bringing a change into force needs beside the change.

    `before` are the connections that there were when the load began; `proven`
    tells whether the host held the policy once.
    """

    stamp: Stamp
    prove: Callable[[], None]
    confirm: Callable[[], None]
    allowed: Permitted
    before: frozenset[bytes]
    accepted: Accepted
    told: Events
    proven: bool = False

    def bring(self, change: _Change) -> int:
        """Commit, prove and accept, or go back; give how many connections were cut."""
        try:
            nft.run(_staged(change, self.told))
            self.told.step(Step.COMMITTED, str(self.stamp))
            cut = cut_forbidden(self.allowed)
            self.told.step(Step.SESSIONS_CUT, str(cut))
            self.prove()
            self.proven = True
            self.told.step(Step.PROVED, "")
            self.confirm()
            self.accepted.record(self.stamp)
            self.told.step(Step.ACCEPTED, str(self.stamp))
        except BaseException as fault:
            _revert(change, self.before, fault, self.told)
            raise
        return cut


def load(
    candidate: Candidate,
    prove: Callable[[], None],
    *,
    events: Events | None = None,
    places: Places | None = None,
) -> Loaded:
    """Bring a policy into force in this network namespace, or leave the old one in force.

    `prove` raises `Refused` when the host does not hold the policy: until it
    returns the policy is not accepted.

    Raises:
        Refused: anything went wrong; the policy in force is the one before.
            ZG510 says that it may not be.  ZG511 means that the new policy
            is in force and proven, and the host cannot forward.
    """
    told, where = events or Silence(), places or Places()
    with only_loader(where.run):
        told.step(Step.LOCKED, str(candidate.stamp))
        return load_alone(candidate, prove, told, where)


def load_alone(
    candidate: Candidate,
    prove: Callable[[], None],
    told: Events,
    where: Places,
    *,
    confirm: Callable[[], None] = lambda: None,
) -> Loaded:
    """Do what `load` does for a caller that holds the lock already.

    `confirm` is asked once, when the policy is proven; it raises `Refused`
    when nobody confirms it, and until it returns the policy is not accepted.

    Raises:
        Refused: as `load`.
    """
    ruleset, stamp = candidate.ruleset, candidate.stamp
    accepted, remembered = Accepted(where.state), Remembered(where.state)
    host = read_host()
    in_kernel = _counting(candidate, host)
    accepted.check_not_older(stamp, in_kernel, doubtful=host.stamps)
    candidate.may_follow([*accepted.read().values(), *in_kernel])
    host = _put_up(ruleset.scaffold, host, told)
    change = _plan_change(ruleset, stamp, host, remembered)
    allowed = permitted(candidate.plan, ruleset.gateway)
    attempt = _Attempt(stamp, prove, confirm, allowed, marks(), accepted, told)
    remembered.forget()
    try:
        cut = attempt.bring(change)
    except Refused:
        host = read_host()
        # What was proven was not refused for what others changed, but by who was to confirm it.
        if attempt.proven or not change.remembered or host.in_force != change.old:
            raise
        live = read_generation(change.new.generation, host.outline)
        change = _generation(ruleset, stamp, host, live)
        cut = attempt.bring(change)
    loaded = _confirm(change, allowed, cut, told)
    remembered.keep(ruleset, change.new)
    told.step(Step.CONFIRMED, str(change.new.stamp))
    return loaded


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
        return recover_alone(plan_of, gateway=gateway, told=told)


def recover_alone(
    plan_of: Callable[[Stamp], Plan | None] | None, *, gateway: str, told: Events
) -> Recovered:
    """Do what `recover` does for a caller that holds the lock already.

    Raises:
        Refused: the kernel refuses.
    """
    host = read_host()
    removed = host.leftovers
    host = _put_up(bare_scaffold(), host, told)
    if host.in_force is None and forwarding.is_on():
        forwarding.switch(on=False)
    plan = plan_of(host.in_force.stamp) if plan_of and host.in_force else None
    cut = cut_forbidden(permitted(plan, gateway)) if plan else None
    return Recovered(host.in_force, removed, cut, forwarding.is_on())


def close_alone(told: Events) -> int:
    """Refuse everything and forward nothing, for a caller that holds the lock.

    Gives how many live connections ended.  What is closed already stays as it is.

    Raises:
        Refused: ZG511, forwarding cannot be switched off; ZG501, the kernel refuses.
    """
    if forwarding.is_on():
        forwarding.switch(on=False)
    host = read_host()
    if host.in_force or not transaction.is_closed(bare_scaffold(), host.outline):
        if host.outline.exists:
            _begin_anew(bare_scaffold(), host, told)
        else:
            nft.run(transaction.mend(bare_scaffold(), host.outline, None))
            told.step(Step.SCAFFOLDED, "")
    return cut_later_than(frozenset())


def delete_foreign_tables(told: Events) -> tuple[Table, ...]:
    """Delete every table that is not ours; give them.

    Only whoever knows that the host is a gateway and nothing else may do so.

    Raises:
        Refused: ZG501, one of them cannot be deleted.
    """
    found = read_host().foreign_tables
    if found:
        # At once: nft asks the kernel about every table each time it is called.
        nft.run("".join(f"delete table {t.family} handle {t.handle}\n" for t in found))
    for table in found:
        told.step(Step.CLEANED, str(table))
    return found


def _counting(candidate: Candidate, host: Host) -> list[Stamp]:
    """Give what the kernel holds that counts as known."""
    if host.in_force is None:
        return []
    stamp, back = host.in_force.stamp, candidate.taking_back
    unconfirmed = (
        back is not None
        and (stamp.plan, stamp.revision) == (back.plan, back.revision)
        and stamp.same_content(back)
    )
    return [] if unconfirmed else [stamp]


def _put_up(scaffold: str, host: Host, told: Events) -> Host:
    """Have the scaffold stand as it should, with nothing beside it but the generation in force.

    Gives the host as it then is.  Where nobody knows which policy is in force,
    or what does not belong here is so entangled that it cannot be deleted, the
    table begins anew: every hook leads to the refusal of everything.
    """
    if host.disagree:
        _begin_anew(scaffold, host, told)
        host = read_host()
    elif not transaction.is_intact(scaffold, host.outline.chains):
        nft.run(transaction.mend(scaffold, host.outline, host.in_force))
        told.step(Step.SCAFFOLDED, "")
        host = read_host()
    keep = host.in_force.generation if host.in_force else None
    rest = transaction.clean(scaffold, host.outline, keep)
    if not rest:
        return host
    try:
        nft.run(rest)
    except Refused:
        _begin_anew(scaffold, host, told)
    told.step(Step.CLEANED, " ".join(host.leftovers))
    return read_host()


def _begin_anew(scaffold: str, host: Host, told: Events) -> None:
    nft.run(transaction.begin_anew(scaffold))
    told.step(Step.SCAFFOLDED, said(host.outline.last_rules))


def _plan_change(ruleset: Ruleset, stamp: Stamp, host: Host, remembered: Remembered) -> _Change:
    """Choose the way: a delta where it is safe and quicker, otherwise a new generation."""
    old, outline = host.in_force, host.outline
    if old is None:
        return _generation(ruleset, stamp, host, None)
    new = _in_force(stamp, old.generation)
    # The same policy again is to mend what others changed, so the kernel itself is read.
    if new != old and (delta := remembered.delta_to(ruleset, old, outline)) is not None:
        return _Change(Way.DELTA, ruleset, outline, old, new, delta=delta, remembered=True)
    live = read_generation(old.generation, outline)
    delta = difference(ruleset, live, old.generation) if live else None
    if delta is None:
        return _generation(ruleset, stamp, host, live)
    return _Change(Way.DELTA, ruleset, outline, old, new, delta=delta)


def _generation(ruleset: Ruleset, stamp: Stamp, host: Host, live: LiveGeneration | None) -> _Change:
    """Build everything anew beside what there is, which goes on counting in it."""
    old = host.in_force
    way, letter = (Way.SWAP, old.generation.other) if old else (Way.FIRST, Generation.A)
    counts = transaction.counts(ruleset, live, old.generation) if live and old else {}
    staging = render(ruleset, letter, counts)
    return _Change(way, ruleset, host.outline, old, _in_force(stamp, letter), staging)


def _staged(change: _Change, told: Events) -> str:
    """Put in what changes no verdict yet; give the commit, which the kernel has judged."""
    if change.staging:
        nft.run(change.staging)
        told.step(Step.STAGED, f"{change.new.generation} {change.ruleset.entries}")
    elements = transaction.apply_delta(change.delta, change.new.generation)
    commit = elements + transaction.lead(change.outline, change.new)
    nft.check(commit)
    told.step(Step.CHECKED, change.way)
    return commit


def _confirm(change: _Change, allowed: Permitted, cut: int, told: Events) -> Loaded:
    """Delete the old generation, which a delta does not have, and then forward."""
    # A packet that the old rules had just let by may have entered its connection late.
    cut += cut_forbidden(allowed)
    if change.staging:
        scaffold, keep = change.ruleset.scaffold, change.new.generation
        if rest := transaction.clean(scaffold, read_host().outline, keep):
            nft.run(rest)
            told.step(Step.CLEANED, change.old.generation if change.old else "")
    forwarding.switch(on=True)
    told.step(Step.FORWARDING, "")
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
