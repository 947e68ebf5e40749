"""Follows one packet through a ruleset, rule by rule, and says which objects decided.

It goes forward as the kernel does and shares no step with `meaning`, which goes
backward over all packets at once; so each can be held to the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.policy.decide import Packet
from gateway.policy.topology import Hook
from gateway.verify.diagram import Interval
from gateway.verify.kernel import Chain, Kernel, Rule
from gateway.verify.outcome import Outcome
from gateway.verify.packets import Packets
from gateway.verify.words import (
    Element,
    Key,
    Lookup,
    Match,
    Record,
    Statement,
    Value,
    Verdict,
    element_text,
)

_NOTHING = Rule("", 0, (), "")


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of a packet, the last element it was found at, and the rule that decided."""

    outcome: Outcome
    element: str
    rule: str


@dataclass
class _Walk:
    """One packet on its way; gathers what is written down about it."""

    kernel: Kernel
    numbers: Mapping[str, int]
    packet: Packet
    records: list[str] = field(default_factory=list)
    counted: str = ""
    element: str = ""
    rule: Rule = _NOTHING

    def chain(self, name: str) -> bool | None:
        """Go through a chain; None when its end, or a return, is reached."""
        for rule in self.kernel.chains.get(name, Chain(name)).rules:
            found = self._rule(rule)
            if found is None or found.kind == "continue":
                continue
            if found.kind == "return":
                return None
            self.rule = rule
            if not found.target:
                return found.kind == "accept"
            ended = self.chain(found.target)
            if ended is not None or found.kind == "goto":
                return ended
        return None

    def _rule(self, rule: Rule) -> Verdict | None:
        """Give the verdict of a rule, or None when the packet goes on below it."""
        for statement in rule.statements:
            verdict = self._statement(statement, rule)
            if verdict is not None:
                return verdict
            if not self._goes_on(statement):
                return None
        return None

    def _goes_on(self, statement: Statement) -> bool:
        match statement:
            case Match(key, values, negated):
                return self._applies(key) and self._is_any(key, values) is not negated
            case Record():
                return True
            case _:
                return False

    def _statement(self, statement: Statement, rule: Rule) -> Verdict | None:
        match statement:
            case Verdict():
                return statement
            case Record(text):
                self.records.append(text)
            case Lookup():
                return self._look_up(statement, rule)
            case _:
                pass
        return None

    def _look_up(self, lookup: Lookup, rule: Rule) -> Verdict | None:
        if not all(map(self._applies, lookup.keys)):
            return None
        for element in lookup.elements:
            if self._is_at(lookup, element):
                place = f"map {lookup.map_name}" if lookup.map_name else rule.name
                self.element = f"{place} {{ {element_text(lookup.keys, element.key)} }}"
                self.counted = element.counted or self.counted
                return element.verdict
        return None

    def _is_at(self, lookup: Lookup, element: Element) -> bool:
        return all(
            self._is_any(key, (value,))
            for key, value in zip(lookup.keys, element.values, strict=True)
        )

    def _applies(self, key: Key) -> bool:
        """Tell whether the packet has what the key looks at."""
        numbers = self.numbers
        return key.family in (None, numbers["family"]) and key.protocol in (
            None,
            numbers["protocol"],
        )

    def _is_any(self, key: Key, values: tuple[Value, ...]) -> bool:
        if key.variable == "arrival":
            return self.packet.arrival in values
        if key.variable == "departure":
            return self.packet.departure in values
        number = self.numbers[key.variable]
        return any(_is_in(number, value) for value in values)


def trace(kernel: Kernel, packets: Packets, packet: Packet) -> Trace:
    """Follow a packet from its hook to its verdict."""
    base = kernel.base(Hook(packet.hook))
    if base is None:
        return Trace(Outcome(accepted=True), "", f"hook {packet.hook}")
    walk = _Walk(kernel, packets.numbers(packet), packet)
    ended = walk.chain(base.name)
    if ended is None:
        rule = f"chain {base.name} policy {base.policy}"
        ended = base.policy != "drop"
    else:
        rule = walk.rule.name
    counted = walk.counted if ended else ""
    return Trace(Outcome(ended, tuple(walk.records), counted), walk.element, rule)


def _is_in(number: int, value: Value) -> bool:
    low, high = value if isinstance(value, tuple) else _none()
    return low <= number <= high


def _none() -> Interval:
    return 1, 0
