"""Bringing a policy into force: whole, and changed a little, beside what others need for it.

Ours begins with the plan in memory; nothing is read from documents.  Theirs
begins with their documents, as their users run them.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.contestants import Contestant, Generator, NotMeasured
from benchmarks.cost import Cost, measured
from benchmarks.road import Road, roads
from benchmarks.synthetic import GATEWAY, ZONE_ENTRIES, entries, plan, source_zones, stamp
from gateway.artefacts import MARK, TABLE, Element, Generation, Ruleset, named
from gateway.compile.ruleset import compile_slice
from gateway.load.events import Step
from gateway.load.loader import Candidate, Loaded, Places, Way, load
from gateway.policy.model import Plan
from gateway.policy.topology import slices
from lab import namespace


@dataclass
class Loading:
    """What each round cost at one size, and the text that each contestant's gateway holds.

    `generate` is the compiling of each contestant, `load` its first coming
    into force, `bare` what `nft -f` of our own text costs.  `swap` and `delta`
    are whole changes of ours, compiled and loaded; the two `bare` ones next to
    them are nft alone with the same elements.  `absent` says why a contestant
    has no part in this.
    """

    generate: dict[Contestant, list[Cost]] = field(default_factory=dict)
    load: dict[Contestant, list[Cost]] = field(default_factory=dict)
    bare: list[Cost] = field(default_factory=list)
    swap: list[Cost] = field(default_factory=list)
    delta: list[Cost] = field(default_factory=list)
    bare_delta: list[Cost] = field(default_factory=list)
    texts: dict[Contestant, str] = field(default_factory=dict)
    absent: dict[Contestant, str] = field(default_factory=dict)


@dataclass
class CommitTime:
    """Hears when a policy came into force, by the clock that `time.monotonic` reads."""

    seconds: float = 0.0

    def step(self, step: Step, detail: str) -> None:  # noqa: ARG002 - what listeners are told
        """Note the time of a commit."""
        if step is Step.COMMITTED:
            self.seconds = time.monotonic()


class Gate:
    """A gateway of ours on a road, with the revision that comes next."""

    def __init__(self, road: Road, state: Path) -> None:
        """Begin with no policy; the loader keeps its files in `state`."""
        self.road = road
        self.committed = CommitTime()
        self._places = Places(run=state, state=state)
        self._revision = 0

    def bring(self, given: Plan) -> tuple[Loaded, Cost, Cost]:
        """Compile and load; tell how it went, and the costs of the two."""
        ruleset, compiling = measured(partial(compiled, given))
        self._revision += 1
        candidate = Candidate(ruleset, stamp(self._revision), given)
        work = partial(load, candidate, _no_proof, events=self.committed, places=self._places)
        loaded, cost = measured(lambda: namespace.inside(self.road.gateway, work))
        return loaded, compiling, cost


@contextmanager
def gates(count: int) -> Iterator[Gate]:
    """Put up one road with a gateway of ours, for plans of a size."""
    with roads({GATEWAY: source_zones(count)}) as made, tempfile.TemporaryDirectory() as state:
        yield Gate(made[GATEWAY], Path(state))


def compiled(given: Plan) -> Ruleset:
    """Compile the gateway's slice, down to its text."""
    ruleset = compile_slice(slices(given)[GATEWAY])
    _ = ruleset.text
    return ruleset


def measure(size: int, rounds: int, others: Mapping[Contestant, Generator]) -> Loading:
    """Measure one size, contestant after contestant, round by round."""
    found = Loading()
    given = plan(size)
    for _ in range(rounds):
        found.texts[Contestant.LOUSHAN] = _ours(found, size, given)
        _changes(found, size)
        for who in [who for who in others if who not in found.absent]:
            try:
                found.texts[who] = _theirs(found, size, who, others[who])
            except NotMeasured as why:
                found.absent[who] = str(why)
    return found


def _ours(found: Loading, size: int, given: Plan) -> str:
    with gates(size) as gate:
        loaded, compiling, loading = gate.bring(given)
        _expect(loaded, {Way.FIRST})
        found.generate.setdefault(Contestant.LOUSHAN, []).append(compiling)
        found.load.setdefault(Contestant.LOUSHAN, []).append(loading)
    text = compiled(given).text
    found.bare.append(_bare(size, [text])[0])
    return text


def _changes(found: Loading, size: int) -> None:
    """Swap to a policy and back, then take a few entries away and put them back."""
    whole, fewer = plan(size), plan(size, small_change=True)
    with gates(size) as gate:
        gate.bring(plan(size, large_change=True))
        found.swap.append(_change(gate, whole, {Way.SWAP}))
        # In a policy so small a new generation may be the quicker way.
        ways = {Way.DELTA, Way.SWAP} if size <= ZONE_ENTRIES else {Way.DELTA}
        found.delta += [_change(gate, fewer, ways), _change(gate, whole, ways)]
    before, after = compiled(whole), compiled(fewer)
    changes = [_delta("delete", before, after), _delta("add", before, after)]
    found.bare_delta += _bare(size, [before.text, *changes])[1:]


def _change(gate: Gate, given: Plan, ways: set[Way]) -> Cost:
    loaded, compiling, loading = gate.bring(given)
    _expect(loaded, ways)
    return Cost(
        compiling.cpu_seconds + loading.cpu_seconds,
        compiling.wall_seconds + loading.wall_seconds,
    )


def _theirs(found: Loading, size: int, who: Contestant, generator: Generator) -> str:
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        generator.write(documents, list(entries(size)))
        text, generating = measured(lambda: generator.generate(documents))
    found.generate.setdefault(who, []).append(generating)
    found.load.setdefault(who, []).append(_bare(size, [text])[0])
    return text


def _bare(size: int, texts: Sequence[str]) -> list[Cost]:
    """Give what `nft -f` costs for one text after the other."""
    with roads({GATEWAY: source_zones(size)}) as made:
        return [_cost_of(partial(made[GATEWAY].load, text)) for text in texts]


def _cost_of(work: Callable[[], None]) -> Cost:
    return measured(work)[1]


def _delta(verb: str, before: Ruleset, after: Ruleset) -> str:
    """Give the few elements that only the first ruleset has, to be added or deleted."""
    kept = {verdict_map.name: set(verdict_map.elements) for verdict_map in after.maps}
    lines = []
    for verdict_map in before.maps:
        elements = [e for e in verdict_map.elements if e not in kept[verdict_map.name]]
        if elements:
            listed = ", ".join(_element(e, verb) for e in elements)
            lines.append(f"{verb} element inet {TABLE} {MARK}{verdict_map.name} {{ {listed} }}\n")
    return named("".join(lines), Generation.A)


def _element(element: Element, verb: str) -> str:
    if verb == "delete":
        return element.key
    return f'{element.key} counter comment "{element.origin}" : {element.verdict}'


def _expect(loaded: Loaded, ways: set[Way]) -> None:
    if loaded.way not in ways:
        message = f"this was to be a {' or '.join(sorted(ways))} and was a {loaded.way}"
        raise RuntimeError(message)


def _no_proof() -> None:
    """Prove nothing: the proof is measured by itself."""
