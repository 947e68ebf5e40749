"""What a ruleset does, as a diagram for each hook.

Chains are followed from the last rule to the first: each statement is a choice
between what comes after it and what happens when it does not fit.  Nothing
here knows the policy or the names that a gateway's chains have.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Problem, problem
from gateway.policy.reasons import GATEWAY_REFUSALS
from gateway.policy.topology import Hook
from gateway.verify.diagram import Interval, Node, Row
from gateway.verify.kernel import Chain, Kernel, Rule
from gateway.verify.outcome import Outcome, refused
from gateway.verify.packets import Packets, complement, plainly_disjoint
from gateway.verify.words import (
    Key,
    Lookup,
    Match,
    Record,
    Statement,
    Value,
    Verdict,
    element_text,
)

_TOPS: Final = {"family": 1, "state": 4, "hop_limit": 255, "protocol": 255, "port": 65535}
_TOP_ADDRESS: Final = (1 << 128) - 1

#: After these no rule of the same chain is met.
_FINAL: Final = frozenset({"accept", "drop", "goto", "return"})


@dataclass
class Meaning:
    """The diagrams of one kernel's hooks, and what was found on the way."""

    kernel: Kernel
    packets: Packets
    findings: list[Problem] = field(default_factory=list)
    _chains: dict[tuple[str, Node], Node] = field(default_factory=dict)

    def hook(self, hook: Hook) -> Node:
        """Give the outcome of every packet at a hook; without a chain of ours all pass."""
        chain = self.kernel.base(hook)
        if chain is None:
            return self._terminal(Outcome(accepted=True))
        return self._chain(chain.name, self._terminal(Outcome(chain.policy != "drop")))

    def only_refuses(self, chain: str) -> bool:
        """Tell whether a chain refuses every packet for one of our reasons."""
        node = self._chain(chain, self._terminal(Outcome(accepted=True)))
        return node in {self._terminal(refused(reason)) for reason in GATEWAY_REFUSALS}

    def _terminal(self, outcome: Outcome) -> Node:
        return self.packets.space.terminal(outcome)

    def _chain(self, name: str, after: Node) -> Node:
        """Give the diagram of a chain that is followed by `after` at its end."""
        known = self._chains.get((name, after))
        if known is None:
            known = after
            for rule in reversed(self.kernel.chains.get(name, Chain(name)).rules):
                known = self._rule(rule, known, after)
            self._chains[name, after] = known
        return known

    def _rule(self, rule: Rule, rest: Node, after: Node) -> Node:
        node = rest
        for statement in reversed(rule.statements):
            node = self._statement(statement, node, rest, after)
        return node

    def _statement(self, statement: Statement, then: Node, rest: Node, after: Node) -> Node:
        """Give the diagram from one statement on.

        `then` is what follows in the rule, `rest` the rules below, `after`
        what follows the chain.
        """
        match statement:
            case Verdict():
                return self._verdict(statement, rest, after)
            case Match():
                return self._match(statement, then, rest)
            case Lookup():
                return self._lookup(statement, rest, after)
            case Record():
                return self._recorded(statement.text, then)

    def _verdict(self, verdict: Verdict, rest: Node, after: Node) -> Node:
        match verdict.kind:
            case "accept" | "drop":
                return self._terminal(Outcome(verdict.kind == "accept"))
            case "return":
                return after
            case "jump":
                return self._chain(verdict.target, rest)
            case "goto":
                return self._chain(verdict.target, after)
            case _:
                return rest

    def _match(self, match: Match, then: Node, rest: Node) -> Node:
        space = self.packets.space
        intervals = [self._interval(value) for value in match.values]
        if match.negated:
            top = _TOPS.get(match.key.variable, _TOP_ADDRESS)
            if match.key.variable in ("arrival", "departure"):
                top = len(self.packets.interfaces) - 1
            intervals = complement(intervals, top)
        rows = [self._row([(match.key, interval)]) for interval in intervals]
        return space.choose(
            space.cubes(rows, [True] * len(rows), outside=False), {True: then, False: rest}
        )

    def _lookup(self, lookup: Lookup, rest: Node, after: Node) -> Node:
        targets: dict[tuple[Verdict, str], Node] = {}
        rows: list[Row] = []
        inside: list[Node] = []
        for element in lookup.elements:
            pairs = zip(lookup.keys, map(self._interval, element.values), strict=True)
            rows.append(self._row(pairs))
            what = (element.verdict, element.counted)
            if what not in targets:
                verdict = self._verdict(element.verdict, rest, after)
                targets[what] = self._counted(element.counted, verdict)
            inside.append(targets[what])
        node = self.packets.divide(rows, inside, rest)
        if self._are_disjoint(lookup, rows):
            self.packets.keep(rows, inside, rest, node)
        return node

    def _are_disjoint(self, lookup: Lookup, rows: list[Row]) -> bool:
        """Note two elements for one packet: the kernel lets the first win, without a word."""
        if plainly_disjoint(rows):
            return True
        pair = self.packets.space.overlaps(rows)
        if pair is None:
            return True
        first, second = (element_text(lookup.keys, lookup.elements[i].key) for i in pair)
        name = lookup.map_name or "vmap"
        self.findings.append(problem("ZG607", map=name, first=first, second=second))
        return False

    def _counted(self, name: str, node: Node) -> Node:
        """Count what is accepted under a name, unless an element further in has counted it."""

        def count(outcome: Outcome) -> Outcome:
            if outcome.accepted and not outcome.counted:
                return outcome._replace(counted=name)
            return outcome

        return self.packets.space.map_terminals(node, count)

    def _recorded(self, text: str, node: Node) -> Node:
        """Write something down about each packet that comes by."""

        def record(outcome: Outcome) -> Outcome:
            return outcome._replace(records=(text, *outcome.records))

        return self.packets.space.map_terminals(node, record)

    def _interval(self, value: Value) -> Interval:
        return self.packets.interface(value) if isinstance(value, str) else value

    def _row(self, pairs: Iterable[tuple[Key, Interval]]) -> Row:
        """Give the packets that have these values and what the keys need to be looked at."""
        region: dict[str, Interval] = {}
        for key, interval in pairs:
            region[key.variable] = interval
            if key.family is not None:
                region["family"] = (key.family, key.family)
            if key.protocol is not None:
                region["protocol"] = (key.protocol, key.protocol)
        return self.packets.space.row(region)


def interfaces_named(kernel: Kernel) -> set[str]:
    """Give every interface that some rule or element names."""
    named: set[str] = set()
    for chain in kernel.chains.values():
        for rule in chain.rules:
            for statement in rule.statements:
                if isinstance(statement, Match):
                    named.update(v for v in statement.values if isinstance(v, str))
                elif isinstance(statement, Lookup):
                    for element in statement.elements:
                        named.update(v for v in element.values if isinstance(v, str))
    return named


def unused(meaning: Meaning) -> list[Problem]:
    """Give a finding for each chain and map that no hook leads to, and each rule no packet meets.

    A chain that only refuses, as we refuse, may wait for its use.
    """
    kernel = meaning.kernel
    dead = [rule.name for chain in kernel.chains.values() for rule in _never_met(chain)]
    waiting = [chain.name for chain in kernel.chains.values() if chain.hook]
    chains, maps = set(waiting), set[str]()
    while waiting:
        for rule in kernel.chains.get(waiting.pop(), Chain("")).rules:
            for statement in rule.statements:
                if isinstance(statement, Lookup):
                    maps.add(statement.map_name)
                fresh = _targets(statement) - chains
                chains |= fresh
                waiting += fresh
    chains |= {name for name in kernel.chains if meaning.only_refuses(name)}
    unmet = [
        f"{kind} {name}"
        for kind, names, used in (("chain", kernel.chains, chains), ("map", kernel.maps, maps))
        for name in names
        if name not in used
    ]
    return [problem("ZG605", object=name) for name in (*unmet, *dead)]


def _never_met(chain: Chain) -> Iterator[Rule]:
    """Give the rules of a chain that stand below one which every packet leaves it by."""
    is_left = False
    for rule in chain.rules:
        if is_left:
            yield rule
        *before, last = rule.statements or (Record(""),)
        is_final = isinstance(last, Verdict) and last.kind in _FINAL
        is_left = is_left or (is_final and all(isinstance(each, Record) for each in before))


def _targets(statement: Statement) -> set[str]:
    match statement:
        case Verdict():
            return {statement.target} - {""}
        case Lookup():
            return {element.verdict.target for element in statement.elements} - {""}
        case _:
            return set()
