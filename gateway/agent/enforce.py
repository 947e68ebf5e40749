"""Bring a signed plan into force on this host, and keep it there.

Everything that changes the host is done under the loader's lock, and begins by
settling what a loader that was killed left: what nobody accepted is taken back.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from gateway.agent.gates import Gates, GateState
from gateway.agent.kept import Kept
from gateway.agent.probation import Record
from gateway.agent.requests import problems_json
from gateway.agent.settings import LinkEngine
from gateway.agent.signed import SignedPlan, difference_problems, slice_named
from gateway.artefacts import LinkConfiguration
from gateway.compile.links import compile_links
from gateway.compile.ruleset import compile_slice
from gateway.errors import NOWHERE, Problem, Refused, problem, refuse_any
from gateway.load import forwarding, links
from gateway.load.accepted import Accepted
from gateway.load.events import Events, Silence, Step
from gateway.load.inforce import InForce, Stamp, read_host
from gateway.load.loader import (
    Candidate,
    Loaded,
    Places,
    close_alone,
    delete_foreign_tables,
    load_alone,
    recover_alone,
)
from gateway.load.lock import only_loader
from gateway.load.revocations import freshness_of
from gateway.policy.freshness import Freshness
from gateway.policy.model import Plan
from gateway.policy.succession import Accepted as Known
from gateway.policy.succession import check_may_follow
from gateway.verify.proof import Proof, prove

#: A proof holds the lock too, and is done sooner than this.
PATIENCE_SECONDS = 20

#: Called with the proof once the policy is in the kernel and proven; raises to take it back.
Confirmed = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class State:
    """What a host holds at the end of a piece of work.

    `stamp` is the accepted policy and None where there is none; `changed`
    tells whether the kernel was changed; `forwards` whether packets pass;
    `gates` how those of the host are, None where it has none or nobody looked;
    `until` is the accepted policy's last moment, None where it was not read.
    """

    stamp: Stamp | None
    changed: bool
    forwards: bool
    findings: tuple[Problem, ...] = ()
    loaded: Loaded | None = None
    gates: GateState | None = None
    until: datetime | None = None

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        stamp = self.stamp
        return {
            "in_force": str(stamp) if stamp else None,
            "stamp": stamp_json(stamp),
            "changed": self.changed,
            "forwarding": self.forwards,
            "proven": stamp is not None and not self.findings,
            "findings": problems_json(self.findings),
            "gates": self.gates.as_json() if self.gates else None,
            "until": self.until.isoformat() if self.until else None,
        }


def stamp_json(stamp: Stamp | None) -> dict[str, object] | None:
    """Give a stamp for a machine."""
    if stamp is None:
        return None
    return {"plan": stamp.plan, "revision": stamp.revision, "digest": stamp.digest}


@dataclass(frozen=True, slots=True)
class Enforcer:
    """One gateway's host: where its loader keeps things, what it is, who hears of the steps.

    `daemon` is strongSwan's socket, None on a host that has no links; `gates` are
    those of a host that has a proxy.
    """

    gateway: str
    places: Places = field(default_factory=Places)
    told: Events = field(default_factory=Silence)
    engine: LinkEngine = LinkEngine.KERNEL
    daemon: Path | None = None
    gates: Gates | None = None

    def enforce(self, signed: SignedPlan, confirmed: Confirmed | None = None) -> State:
        """Bring a signed plan into force, or leave the accepted one in force.

        `confirmed` is asked only where the plan takes another's place.

        Raises:
            Refused: the last good policy is still in force; the problems say why.
        """
        with self._locked():
            self._settle()
            self._check_base(signed)
            before = self.kept.accepted
            if before == signed.stamp and (state := self._holding(signed, self._keep_gates)):
                return state
            follows = before is not None and before != signed.stamp
            loaded = self._load(signed, confirmed if follows else None)
            is_on, until = forwarding.is_on(), _last_moment(signed)
            return State(signed.stamp, changed=True, forwards=is_on, loaded=loaded, until=until)

    def judge(self, signed: SignedPlan) -> State:
        """Say whether `enforce` would change anything; change nothing.

        Raises:
            Refused: it would not be accepted.
        """
        with self._locked():
            slice_named(signed.plan, self.gateway)
            self._check_base(signed)
            candidate = self._candidate(signed)
            host = read_host()
            in_kernel = [host.in_force.stamp] if host.in_force else []
            if (back := self.record.read()) is not None:
                in_kernel = [s for s in in_kernel if not s.same_content(back)]
            accepted = Accepted(self.places.state)
            accepted.check_not_older(signed.stamp, in_kernel, doubtful=host.stamps)
            candidate.may_follow([*accepted.read().values(), *in_kernel])
            is_accepted = self.kept.accepted == signed.stamp
            holds = is_accepted and self._holding(signed, self._look_at_gates) is not None
            return State(self.kept.accepted, changed=not holds, forwards=forwarding.is_on())

    def restore(self) -> State:
        """Have the accepted policy in force and proven, whatever was before; change no more.

        Raises:
            Refused: it cannot be had; then what is in force is not proven.
        """
        with self._locked():
            stamp = self.kept.accepted
            if stamp is None:
                self.record.end()
                return self._closed()
            if self.record.read() is None:
                self.kept.promote()
                if state := self._holding(self.kept.read(), self._keep_gates):
                    return state
            return self._bring_back()

    def repair(self) -> State:
        """Put the accepted policy back in place of whatever is there, and prove it anew.

        Raises:
            Refused: it cannot be had; then what is in force is not proven.
        """
        with self._locked():
            if self.kept.accepted is None:
                return self._closed()
            delete_foreign_tables(self.told)
            return self._bring_back()

    def prove(self) -> State:
        """Say whether the host holds what was accepted; change nothing in it but its links.

        Links that it holds and that do not stand are begun again.  Where the lists of
        revocations have run out, links are made by the plan's grace, and after it end.

        Raises:
            Refused: what was accepted cannot be read, or the kernel not be asked.
        """
        with self._locked():
            stamp = self.kept.accepted
            if (left := self.record.read()) is not None and left != stamp:
                return self._state(stamp, [problem("ZG817", stamp=left)])
            if stamp is None:
                return self._state(None, self._open_without_policy())
            signed = self.kept.read()
            standing = self._follow_the_lists(signed)
            findings = self._proof(signed, staged=False).findings
            gates, wrong = self._keep_gates(signed) if not findings else (None, [])
            # What is permitted has to pass as well, and both families alike.
            off = [problem("ZG821", setting=setting) for setting in forwarding.switched_off()]
            if self.daemon is not None and not findings and standing is not Freshness.ENDED:
                links.begin(self.daemon)
            return self._state(stamp, [*findings, *wrong, *off], gates, _last_moment(signed))

    def close(self) -> State:
        """Refuse everything and forward nothing.

        Raises:
            Refused: the kernel does not do it.
        """
        with self._locked():
            state = self._closed()
            self.record.end()
            return state

    def put_in_order(self) -> InForce | None:
        """Do what a host does at its start without loading: settle, clean, say what is in force.

        Raises:
            Refused: the lock is held, or the kernel refuses.
        """
        with self._locked():
            if self.gateway:
                self._settle()
            plan_of = self._plan_of if self.gateway else None
            return recover_alone(plan_of, gateway=self.gateway, told=self.told).in_force

    @property
    def kept(self) -> Kept:
        """The accepted release."""
        return Kept(self.places.state)

    @property
    def record(self) -> Record:
        """What may be on probation."""
        return Record(self.places.state)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with only_loader(self.places.run, PATIENCE_SECONDS):
            yield

    def _state(
        self,
        stamp: Stamp | None,
        findings: Iterable[Problem],
        gates: GateState | None = None,
        until: datetime | None = None,
    ) -> State:
        return State(
            stamp,
            changed=False,
            forwards=forwarding.is_on(),
            findings=tuple(findings),
            gates=gates,
            until=until,
        )

    def _closed(self) -> State:
        before = read_host().in_force
        was_on = forwarding.is_on()
        close_alone(self.told)
        if self.gates is not None:
            self.gates.close()
        self._set_links(None)
        changed = before is not None or was_on
        return State(None, changed=changed, forwards=forwarding.is_on())

    def _settle(self) -> None:
        """Take back what a loader that was killed left unconfirmed."""
        left = self.record.read()
        if left is None:
            return
        if left != self.kept.accepted:
            host = read_host()
            if any(stamp.same_content(left) for stamp in host.stamps):
                if self.kept.accepted is None:
                    self._closed()
                else:
                    self._bring_back()
            self.kept.discard()
        self.kept.promote()
        self.record.end()

    def _bring_back(self) -> State:
        """Load the accepted release again, in place of what nobody confirmed too."""
        left = self.record.read()
        self.kept.promote()
        signed = self.kept.read()
        back = left if left != signed.stamp else None

        def proven() -> None:
            self._set_links(signed)
            self._bring_gates(signed)
            self._prove_staged(signed)

        loaded = load_alone(
            self._candidate(signed, back),
            proven,
            self.told,
            self.places,
        )
        self.record.end()
        findings = self._proof(signed, staged=False).findings
        return State(
            signed.stamp,
            changed=True,
            forwards=forwarding.is_on(),
            findings=findings,
            loaded=loaded,
            until=_last_moment(signed),
        )

    def _load(self, signed: SignedPlan, confirmed: Confirmed | None) -> Loaded:
        self.kept.stage(signed)
        self.record.begin(signed.stamp)

        def proven() -> None:
            self._set_links(signed)
            self._bring_gates(signed)
            self._prove_staged(signed)

        def confirm() -> None:
            if confirmed is not None:
                confirmed(lambda: self._prove_staged(signed))

        try:
            return load_alone(
                self._candidate(signed), proven, self.told, self.places, confirm=confirm
            )
        finally:
            self._end_probation(signed.stamp)

    def _end_probation(self, stamp: Stamp) -> None:
        """Delete the record where the kernel holds what was accepted."""
        if self.kept.accepted == stamp:
            self.kept.promote()
        elif any(s.same_content(stamp) for s in read_host().stamps):
            return  # it could not be taken back: whoever comes next does
        else:
            before = self.kept.read() if self.kept.accepted else None
            self._set_links(before)
            # Why the new one is refused counts here; the next proof says what else is wrong.
            with suppress(Refused):
                self._bring_gates(before)
            self.kept.discard()
        self.record.end()

    def _set_links(self, signed: SignedPlan | None) -> None:
        """Have the links of a plan, and no others; all of them are cut where there is none."""
        if self.daemon is None:
            return
        self._links_record.write_text("", "ascii")
        configuration = None
        if signed is not None:
            links.wait(self.daemon)
            configuration = self._links_now(signed)
        self.told.step(Step.LINKED, str(links.bring_into_force(self.daemon, configuration)))
        if configuration is not None:
            self._links_record.write_text(configuration.digest, "ascii")

    def _bring_gates(self, signed: SignedPlan | None) -> None:
        """Have the gates of a plan, and no others; they are closed where there is none."""
        if self.gates is None:
            return
        if signed is None:
            self.gates.close()
        else:
            state = self.gates.bring(signed)
            self.told.step(Step.GATES_SET, "open" if state.is_open else "closed")

    def _keep_gates(self, signed: SignedPlan) -> tuple[GateState | None, list[Problem]]:
        """Prove the gates; a proxy that does not answer lets nothing pass, and is no drift."""
        if self.gates is None:
            return None, []
        try:
            return self.gates.keep(signed)
        except Refused as refused:
            return GateState(is_open=False, problems=refused.problems), []

    def _look_at_gates(self, signed: SignedPlan) -> tuple[GateState | None, list[Problem]]:
        """Prove the gates as they are, and change nothing.

        Where nothing is in force, or nobody can be asked, the next proof sees to it: that is no
        difference which the policy would make good.
        """
        found: list[Problem] = []
        if self.gates is not None:
            with suppress(Refused):
                found = self.gates.differences(signed)
        return None, [each for each in found if each.code != "ZG691"]

    def _follow_the_lists(self, signed: SignedPlan) -> Freshness:
        """Have links made as the age of the lists permits, and none where they have ended.

        strongSwan asks a list only while a link is made, and knows no grace.
        """
        if self.daemon is None:
            return Freshness.FRESH
        try:
            standing = self._freshness(signed)
        except Refused:
            return Freshness.ENDED  # that it does not answer is for the proof to say
        in_grace = standing is Freshness.GRACE
        record = self._links_record
        now_set = record.read_text("ascii") if record.exists() else ""
        is_wanted = now_set == self._links_of(signed, in_grace=in_grace).digest
        if not is_wanted and now_set == self._links_of(signed, in_grace=not in_grace).digest:
            self._set_links(signed)
        if standing is Freshness.ENDED:
            ended = links.end_all(self.daemon)
            if ended:
                self.told.step(Step.LISTS_ENDED, str(ended))
        return standing

    def _freshness(self, signed: SignedPlan) -> Freshness:
        if self.daemon is None:
            return Freshness.FRESH
        return freshness_of(self.daemon, signed.plan.links.grace_hours)

    def _links_now(self, signed: SignedPlan) -> LinkConfiguration:
        in_grace = self._freshness(signed) is Freshness.GRACE
        return self._links_of(signed, in_grace=in_grace)

    def _links_of(self, signed: SignedPlan, *, in_grace: bool) -> LinkConfiguration:
        plan = self.engine.seen_from_here(signed.plan)
        return compile_links(plan, self.gateway, in_grace=in_grace)

    def _are_links_set(self, signed: SignedPlan) -> bool:
        """Tell whether strongSwan was given these links: not all of a connection can be read back.

        So other programs of ours give it other ones, where the plan stayed as it is.
        """
        if self.daemon is None:
            return True
        record = self._links_record
        wanted = self._links_now(signed)
        return record.exists() and record.read_text("ascii") == wanted.digest

    @property
    def _links_record(self) -> Path:
        return self.places.run / "links"

    def _candidate(self, signed: SignedPlan, taking_back: Stamp | None = None) -> Candidate:
        def may_follow(known: Iterable[Stamp]) -> None:
            accepted = (Known(one.plan, one.revision, one.digest) for one in known)
            check_may_follow(signed.verified, accepted)

        plan = self.engine.seen_from_here(signed.plan)
        return Candidate(
            compile_slice(slice_named(plan, self.gateway)),
            signed.stamp,
            plan,
            may_follow,
            taking_back,
        )

    def _check_base(self, signed: SignedPlan) -> None:
        """See that the signed difference is the true one, where its base is at hand.

        A host that missed a revision does not have it.
        """
        base, accepted = signed.verified.statement.base, self.kept.accepted
        if base is None or accepted is None or base.digest != accepted.digest:
            return
        what = signed.delivered
        before = self.kept.read().plan
        refuse_any(difference_problems(before, signed.plan, what.difference, what.release.where))

    def _holding(
        self,
        signed: SignedPlan,
        of_gates: Callable[[SignedPlan], tuple[GateState | None, list[Problem]]],
    ) -> State | None:
        """Give the state of a host where nothing is left to do, None where something is.

        `of_gates` says how the gates are, as they are or kept open.
        """
        if self.record.read() is not None or forwarding.switched_off():
            return None
        try:
            if not self._are_links_set(signed):
                return None
            findings = [*self._proof(signed, staged=False).findings]
            gates, wrong = of_gates(signed) if not findings else (None, [])
        except Refused:
            return None
        if findings or wrong:
            return None
        return self._state(signed.stamp, (), gates, _last_moment(signed))

    def _prove_staged(self, signed: SignedPlan) -> None:
        refuse_any(self._proof(signed, staged=True).findings)

    def _proof(self, signed: SignedPlan, *, staged: bool) -> Proof:
        plan = self.engine.seen_from_here(signed.plan)
        part = slice_named(plan, self.gateway)
        return prove(
            part, plan, str(signed.stamp), staged=staged, look_beside=True, daemon=self.daemon
        )

    def _plan_of(self, stamp: Stamp) -> Plan | None:
        try:
            signed = self.kept.read()
        except Refused:
            return None
        plan = self.engine.seen_from_here(signed.plan)
        return plan if signed.stamp.same_content(stamp) else None

    def _open_without_policy(self) -> Iterator[Problem]:
        host = read_host()
        if host.in_force or host.disagree:
            stamp = host.in_force.stamp if host.in_force else "?"
            yield problem("ZG814", NOWHERE, stamp=stamp)
        if forwarding.is_on():
            yield problem("ZG637", NOWHERE, setting="net.ipv4.ip_forward")


def _last_moment(signed: SignedPlan) -> datetime:
    return signed.verified.statement.not_after
