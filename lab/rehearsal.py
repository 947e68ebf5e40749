"""One rehearsal from the plan to its results; it prints nothing.

With packets it builds the city; without, each gateway is loaded into a
namespace that is then thrown away, which does for a plan of any size.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from gateway.compile.ruleset import compile_slice
from gateway.errors import Problem
from gateway.policy.model import Plan
from gateway.policy.topology import slices
from gateway.verify.path import prove_paths
from lab import namespace
from lab.agreement import Judged, judge
from lab.cells import Cell, cells
from lab.city import KEPT, PREFIX, City, city
from lab.enforce import Enforced, Task, enforce
from lab.flows import choose
from lab.layout import Layout, lay_out
from lab.probe import probe

#: Says that a gateway was not looked at, which is no fault of a rehearsal of some sites.
_NOT_LOOKED_AT = "ZG642"

#: How many refusals are shown.
_SHOWN = 3

#: A table of more zones than this is read by nobody, and takes seconds to fill.
_LARGEST_TABLE = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to rehearse; `sites` empty means all."""

    plan: Plan
    sites: tuple[str, ...] = ()
    probes: bool = True
    keep: bool = False
    seed: int = 1
    sample: int = 1000


class Step(StrEnum):
    """The parts of a rehearsal."""

    BUILD = "build"
    ENFORCE = "enforce"
    PATHS = "paths"
    PROBE = "probe"


class Listener(Protocol):
    """Who is told how far a rehearsal is; must be quick."""

    def begin(self, step: Step, total: int) -> None:
        """Hear that a step begins, and of how many parts it is."""

    def advance(self, count: int = 1) -> None:
        """Hear that parts of it are done."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it.  `namespaces` says where a kept city stands, node by node."""

    layout: Layout
    enforced: Sequence[Enforced]
    path_findings: Sequence[Problem]
    judged: Sequence[Judged]
    cells: Sequence[Cell]
    namespaces: Mapping[str, str]

    @property
    def problems(self) -> list[Problem]:
        """Everything on which plan, proof and packets differ."""
        gateways = [p for e in self.enforced for p in e.problems]
        packets = [p for judged in self.judged for p in judged.problems]
        return [*gateways, *self.path_findings, *packets]

    def refusals(self) -> list[Judged]:
        """Give a few refused probes, of as many reasons and purposes as there are."""
        first: dict[tuple[str, str], Judged] = {}
        for judged in self.judged:
            result = judged.result
            if result.refusals and not result.delivered:
                first.setdefault((result.refusals[0].reason, result.probe.purpose), judged)
        by_reason: dict[str, list[Judged]] = {}
        for (reason, _), judged in first.items():
            by_reason.setdefault(reason, []).append(judged)
        turns = max(map(len, by_reason.values()), default=0)
        mixed = [of[turn] for turn in range(turns) for of in by_reason.values() if turn < len(of)]
        return mixed[:_SHOWN]


def rehearse(wanted: Wanted, listener: Listener) -> Rehearsal:
    """Load, prove and try a plan.

    Raises:
        Refused: it could not be done at all, for a reason that is no finding.
    """
    layout = lay_out(wanted.plan, wanted.sites)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as state:
        stage = _Stage(wanted, layout, Path(state), listener)
        return stage.with_packets() if wanted.probes else stage.without_packets()


@dataclass
class _Stage:
    """One rehearsal under way."""

    wanted: Wanted
    layout: Layout
    state: Path
    listener: Listener

    def with_packets(self) -> Rehearsal:
        # A kept city stands until the next rehearsal.
        namespace.sweep(KEPT)
        prefix = KEPT if self.wanted.keep else _prefix()
        self.listener.begin(Step.BUILD, 1)
        with city(self.layout, prefix, keep=self.wanted.keep) as made:
            self.listener.advance()
            namespaces = {node: made.namespace(node) for node in self.layout.nodes}
            enforced = self._enforce(prefix, namespaces)
            findings = self._prove_paths(enforced)
            judged = self._probe(made)
        return Rehearsal(
            layout=self.layout,
            enforced=enforced,
            path_findings=findings,
            judged=judged,
            cells=cells(self.layout, proven(enforced), findings, judged),
            namespaces=namespaces if self.wanted.keep else {},
        )

    def without_packets(self) -> Rehearsal:
        prefix = _prefix()
        try:
            enforced = self._enforce(prefix, {})
        finally:
            namespace.sweep(prefix)
        findings = self._prove_paths(enforced)
        small = len(self.layout.zones) <= _LARGEST_TABLE
        return Rehearsal(
            layout=self.layout,
            enforced=enforced,
            path_findings=findings,
            judged=(),
            cells=cells(self.layout, proven(enforced), findings, ()) if small else (),
            namespaces={},
        )

    def _enforce(self, prefix: str, namespaces: Mapping[str, str]) -> list[Enforced]:
        plan, gateways = self.layout.plan, self.layout.gateways
        parts = slices(plan)
        task = Task(
            plan=plan,
            parts=parts,
            rulesets={name: compile_slice(parts[name]) for name in gateways},
            namespaces={name: namespaces[name] for name in gateways if namespaces},
            prefix=prefix,
            state=self.state,
            whole=bool(namespaces) and not self.wanted.sites,
        )
        self.listener.begin(Step.ENFORCE, len(gateways))
        done = []
        with closing(enforce(task)) as running:
            for enforced in running:
                done.append(enforced)
                self.listener.advance()
        return sorted(done, key=lambda e: gateways.index(e.gateway))

    def _prove_paths(self, enforced: Sequence[Enforced]) -> list[Problem]:
        self.listener.begin(Step.PATHS, 1)
        findings = path_findings(self.layout, enforced)
        self.listener.advance()
        return findings

    def _probe(self, made: City) -> list[Judged]:
        probes = choose(self.layout, self.wanted.seed, self.wanted.sample)
        self.listener.begin(Step.PROBE, len(probes))
        results = probe(made, probes)
        self.listener.advance(len(probes))
        return judge(self.layout, results)


def path_findings(layout: Layout, enforced: Sequence[Enforced]) -> list[Problem]:
    """Prove all gateways of a city together; those that are not in it are no finding."""
    kernels = {e.gateway: kernel for e in enforced if (kernel := e.kernel())}
    here = set(layout.gateways)
    return [
        finding
        for finding in prove_paths(layout.plan, kernels)
        if finding.code != _NOT_LOOKED_AT or dict(finding.params)["gateway"] in here
    ]


def proven(enforced: Sequence[Enforced]) -> set[str]:
    """Give the gateways that hold exactly their part of the plan."""
    return {e.gateway for e in enforced if e.is_proven}


def _prefix() -> str:
    return f"{PREFIX}{os.getpid()}-"
