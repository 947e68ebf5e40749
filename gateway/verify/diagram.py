"""Sets of packets as interval decision diagrams.

A diagram is a function from packets to values: a verdict and its reason, or
True and False for a set.  Equal functions are the same node, so two rulesets
are equal exactly when two integers are, and where they differ the difference
can be walked and shown.

It does no I/O and knows no policy, address, ruleset or host: a variable is a
name and a range of integers, and whoever uses it numbers what is not a number.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

Node: TypeAlias = int
"""A diagram: a number that means something only inside its own `Space`."""

Interval: TypeAlias = tuple[int, int]
"""The lowest and the highest value, both included."""

Row: TypeAlias = tuple[Interval | None, ...]
"""A cube: one interval for each variable in order, None for its whole domain."""

Region: TypeAlias = dict[str, Interval]
"""A cube by name; a variable that is not named may have any value."""

_Piece: TypeAlias = tuple[Interval | None, int]
"""The interval of a row at one level, and the number of its piece at the next."""

_Settle: TypeAlias = Callable[[Node, Node], Node | None]
"""Gives the answer for two nodes, or None when their children must be asked."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A region where one diagram gives `left` and the other gives `right`."""

    region: Region
    left: Hashable
    right: Hashable


class _Pair(NamedTuple):
    """The two terminals of a place where two diagrams differ."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class _Division:
    """Rows cut into pieces; what several rows have in common is one piece.

    A piece of the last level goes on to its terminal.  `known` remembers, for
    each level, the node of the pieces that lie together there.
    """

    pieces: list[list[_Piece]]
    outside: Node
    known: list[dict[tuple[int, ...], Node]]


class Space:
    """Variables in a fixed order, and every diagram over them.

    Nodes live as long as their space, and a node of one space means nothing in
    another.  Terminal values are told apart by type and equality: True is not 1.
    """

    __slots__ = (
        "_bounds",
        "_children",
        "_depth",
        "_known",
        "_levels",
        "_supports",
        "_terminals",
        "_tops",
        "_values",
        "everything",
        "nothing",
        "variables",
    )

    def __init__(self, variables: Iterable[tuple[str, int]]) -> None:
        """Make a space from names and highest values, the first tested first.

        Raises ValueError when a name comes twice or a highest value is negative.
        """
        named = tuple(variables)
        self.variables = tuple(name for name, _ in named)
        self._tops = tuple(top for _, top in named)
        if len(set(self.variables)) != len(named) or min(self._tops, default=0) < 0:
            message = f"variables differ in name and reach from 0 upwards: {named}"
            raise ValueError(message)
        # A node is a place in these three lists: the level of its variable, the
        # highest value of each edge, the child at its end.  A terminal lies at
        # the level below the last variable and has no edges.
        self._depth = len(named)
        self._levels: list[int] = []
        self._bounds: list[tuple[int, ...]] = []
        self._children: list[tuple[Node, ...]] = []
        self._known: dict[tuple[int, tuple[int, ...], tuple[Node, ...]], Node] = {}
        self._terminals: dict[tuple[type, Hashable], Node] = {}
        self._values: dict[Node, Hashable] = {}
        self._supports: dict[Node, tuple[Node, ...]] = {}
        self.nothing: Node = self.terminal(value=False)
        self.everything: Node = self.terminal(value=True)

    # ---- Making diagrams

    def terminal(self, value: Hashable) -> Node:
        """Give the diagram that has this value everywhere."""
        key = (value.__class__, value)
        node = self._terminals.get(key)
        if node is None:
            node = self._terminals[key] = self._append(self._depth, (), ())
            self._values[node] = value
        return node

    def row(self, region: Mapping[str, Interval]) -> Row:
        """Give the row of a region.

        Raises ValueError for a name that is no variable.
        """
        if not region.keys() <= set(self.variables):
            message = f"the variables are {self.variables}, not {tuple(region)}"
            raise ValueError(message)
        return tuple(map(region.get, self.variables))

    def cubes(self, rows: Sequence[Row], inside: Iterable[Hashable], outside: Hashable) -> Node:
        """Give the diagram of many cubes at once.

        `inside` holds the value of each row, `outside` is that of every packet
        in no row.  Where rows overlap the first one wins; `overlaps` tells.
        Raises ValueError for a row that does not fit, or that has no value.
        """
        self._check(rows)
        values = [self.terminal(value) for value in inside]
        if len(values) != len(rows):
            message = f"{len(rows)} rows have {len(values)} values"
            raise ValueError(message)
        # From the last variable to the first, number the different pieces.
        pieces: list[list[_Piece]] = []
        numbers = values
        for level in reversed(range(self._depth)):
            column = [(row[level], number) for row, number in zip(rows, numbers, strict=True)]
            known = {piece: number for number, piece in enumerate(dict.fromkeys(column))}
            numbers = [known[piece] for piece in column]
            pieces.insert(0, list(known))
        division = _Division(pieces, self.terminal(outside), [{} for _ in pieces])
        if not rows:
            return division.outside
        return self._divide(division, 0, tuple(dict.fromkeys(numbers)))

    def cube(self, region: Mapping[str, Interval]) -> Node:
        """Give the set of the packets in one region.

        Raises ValueError for a region that does not fit.
        """
        return self.cubes([self.row(region)], [True], outside=False)

    def overlaps(self, rows: Sequence[Row]) -> tuple[int, int] | None:
        """Find the first row that overlaps an earlier one.

        Gives the index of the earliest row it overlaps, then its own; None when
        all rows are disjoint.  Raises ValueError for a row that does not fit.
        """
        self._check(rows)
        return self._first_overlap(rows, 0, tuple(range(len(rows))), None, set())

    # ---- Changing diagrams

    def combine(self, op: Callable[[Any, Any], Hashable], a: Node, b: Node) -> Node:
        """Give the diagram whose value is `op` of the values of two diagrams."""

        def settle(a: Node, b: Node) -> Node | None:
            if self._are_terminals(a, b):
                return self.terminal(op(self._values[a], self._values[b]))
            return None

        return self._combine(settle, a, b, {})

    def union(self, a: Node, b: Node) -> Node:
        """Give the packets in either set.

        Raises TypeError, like all set operations, for a diagram that has other
        values than True and False.
        """

        def settle(a: Node, b: Node) -> Node | None:
            if b in (a, self.nothing) or a == self.everything:
                return a
            return b if a == self.nothing or b == self.everything else None

        return self._combine_sets(settle, a, b)

    def intersect(self, a: Node, b: Node) -> Node:
        """Give the packets in both sets."""

        def settle(a: Node, b: Node) -> Node | None:
            if b in (a, self.everything) or a == self.nothing:
                return a
            return b if a == self.everything or b == self.nothing else None

        return self._combine_sets(settle, a, b)

    def minus(self, a: Node, b: Node) -> Node:
        """Give the packets in the first set that are not in the second."""

        def settle(a: Node, b: Node) -> Node | None:
            if a in (b, self.nothing) or b == self.everything:
                return self.nothing
            if b == self.nothing:
                return a
            return None

        return self._combine_sets(settle, a, b)

    def complement(self, a: Node) -> Node:
        """Give the packets that are not in the set."""
        return self.minus(self.everything, a)

    def restrict(self, node: Node, variable: str, value: int) -> Node:
        """Give the diagram of the packets whose variable has this value.

        Raises ValueError when there is no such variable or value.
        """
        self._check([self.row({variable: (value, value)})])
        return self._restrict(node, self.variables.index(variable), value, {})

    def choose(self, node: Node, targets: Mapping[Any, Node]) -> Node:
        """Replace each value of a diagram by another diagram.

        A value without a target stays.  Targets may test any variable; those
        that test only variables after the ones of `node` are the cheapest.
        `choose(condition, {True: a, False: b})` is a where condition holds and
        b elsewhere.
        """
        chosen = {self.terminal(value): target for value, target in targets.items()}
        family = tuple([chosen.get(old, old) for old in self._support(node)])
        return self._choose(node, family, {})

    def map_terminals(self, node: Node, f: Callable[[Any], Hashable]) -> Node:
        """Give the diagram whose value is `f` of the value of this one."""
        family = [self.terminal(f(self._values[old])) for old in self._support(node)]
        return self._choose(node, tuple(family), {})

    # ---- Reading diagrams

    def value(self, node: Node, packet: Mapping[str, int]) -> Hashable:
        """Give the value of a packet, which names a value of every variable."""
        while (level := self._levels[node]) < self._depth:
            place = bisect_left(self._bounds[node], packet[self.variables[level]])
            node = self._children[node][place]
        return self._values[node]

    def values(self, node: Node) -> list[Hashable]:
        """Give every value of a diagram once, in the order the space met them."""
        return [self._values[terminal] for terminal in self._support(node)]

    def size(self, node: Node) -> int:
        """Count the nodes of a diagram, its terminals among them."""
        seen = {node}
        waiting = [node]
        while waiting:
            fresh = set(self._children[waiting.pop()]) - seen
            seen |= fresh
            waiting.extend(fresh)
        return len(seen)

    def pick(self, node: Node, accept: Callable[[Any], bool] = bool) -> dict[str, int] | None:
        """Give one packet whose value is accepted, or None when there is none.

        Each variable has the lowest value of its interval, such as the first
        address of a prefix; a variable that does not matter has 0.
        """
        for region, _ in self.regions(node, accept):
            return {name: region.get(name, (0, 0))[0] for name in self.variables}
        return None

    def regions(
        self, node: Node, accept: Callable[[Any], bool] = bool
    ) -> Iterator[tuple[Region, Hashable]]:
        """Walk the disjoint regions whose value is accepted, and that value.

        They come lowest first.  There may be very many: take no more than needed.
        """
        accepted = {old for old in self._support(node) if accept(self._values[old])}
        for region, terminal in self._regions(node, accepted, {}):
            yield region, self._values[terminal]

    def differing(self, a: Node, b: Node, limit: int) -> Iterator[Difference]:
        """Walk at most `limit` disjoint regions where two diagrams differ.

        Neighbours that differ in the same way are one region.
        """
        pairs: dict[Node, _Pair] = {}

        def settle(a: Node, b: Node) -> Node | None:
            if a == b:
                return same
            if self._are_terminals(a, b):
                pair = _Pair(a, b)
                node = self.terminal(pair)
                pairs[node] = pair
                return node
            return None

        same = self.terminal(None)
        difference = self._combine(settle, a, b, {})
        found = self._regions(difference, pairs.keys(), {})
        for region, node in islice(found, limit):
            pair = pairs[node]
            yield Difference(region, self._values[pair.left], self._values[pair.right])

    # ---- How it is done

    def _append(self, level: int, bounds: tuple[int, ...], children: tuple[Node, ...]) -> Node:
        """Store a new node."""
        self._levels.append(level)
        self._bounds.append(bounds)
        self._children.append(children)
        return len(self._levels) - 1

    def _node(self, level: int, edges: Iterable[tuple[int, Node]]) -> Node:
        """Give the one node with these edges: highest values and children."""
        bounds: list[int] = []
        children: list[Node] = []
        previous = None
        for bound, child in edges:
            if child == previous:
                bounds[-1] = bound
            else:
                bounds.append(bound)
                children.append(child)
                previous = child
        if len(children) == 1:
            return children[0]
        key = (level, tuple(bounds), tuple(children))
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = self._append(*key)
        return node

    def _are_terminals(self, a: Node, b: Node) -> bool:
        return self._levels[a] == self._levels[b] == self._depth

    def _edges(self, node: Node, level: int) -> tuple[tuple[int, ...], tuple[Node, ...]]:
        """Give bounds and children at a level that the node may not test."""
        if self._levels[node] == level:
            return self._bounds[node], self._children[node]
        return (self._tops[level],), (node,)

    def _child(self, node: Node, level: int, value: int) -> Node:
        """Give what is left of a node once the variable of a level is known."""
        if self._levels[node] != level:
            return node
        return self._children[node][bisect_left(self._bounds[node], value)]

    def _check(self, rows: Sequence[Row]) -> None:
        """Raise ValueError when a row does not fit the space."""
        if not set(map(len, rows)) <= {self._depth}:
            message = f"a row has one interval for each of {self.variables}"
            raise ValueError(message)
        for level, top in enumerate(self._tops):
            for interval in {row[level] for row in rows}:
                if interval is not None and not 0 <= interval[0] <= interval[1] <= top:
                    message = f"{self.variables[level]} has no interval {interval}"
                    raise ValueError(message)

    def _divide(self, division: _Division, level: int, together: tuple[int, ...]) -> Node:
        """Give the diagram of the pieces that lie together, the first one first."""
        if level == self._depth:
            return together[0]
        known = division.known[level]
        if together in known:
            return known[together]
        pieces = [division.pieces[level][number] for number in together]
        edges = []
        for bound, places in _segments([interval for interval, _ in pieces], self._tops[level]):
            child = division.outside
            if places:
                nexts = tuple(dict.fromkeys([pieces[place][1] for place in places]))
                child = self._divide(division, level + 1, nexts)
            edges.append((bound, child))
        node = known[together] = self._node(level, edges)
        return node

    def _first_overlap(
        self,
        rows: Sequence[Row],
        level: int,
        together: tuple[int, ...],
        first: tuple[int, int] | None,
        seen: set[tuple[int, tuple[int, ...]]],
    ) -> tuple[int, int] | None:
        """Find an overlap before the first one known, among rows not yet kept apart."""
        if first is not None:
            # Only what comes before the pair already found can still matter.
            reach = bisect_left(together, first[1] + (together[0] < first[0]))
            together = together[:reach]
        if len(together) <= 1 or (level, together) in seen:
            return first
        if level == self._depth:
            return together[0], together[1]
        seen.add((level, together))
        intervals = [rows[index][level] for index in together]
        for _, places in _segments(intervals, self._tops[level]):
            if len(places) > 1:
                meeting = tuple([together[place] for place in places])
                first = self._first_overlap(rows, level + 1, meeting, first, seen)
        return first

    def _combine(
        self, settle: _Settle, a: Node, b: Node, known: dict[tuple[Node, Node], Node]
    ) -> Node:
        """Walk two diagrams in step as far as `settle` does not know the answer."""
        settled = settle(a, b)
        if settled is not None:
            return settled
        if (a, b) in known:
            return known[a, b]
        level = min(self._levels[a], self._levels[b])
        a_bounds, a_children = self._edges(a, level)
        b_bounds, b_children = self._edges(b, level)
        edges = []
        a_place = b_place = 0
        while a_place < len(a_bounds):
            a_bound, b_bound = a_bounds[a_place], b_bounds[b_place]
            child = self._combine(settle, a_children[a_place], b_children[b_place], known)
            edges.append((min(a_bound, b_bound), child))
            a_place += a_bound <= b_bound
            b_place += b_bound <= a_bound
        node = known[a, b] = self._node(level, edges)
        return node

    def _combine_sets(self, settle: _Settle, a: Node, b: Node) -> Node:
        for node in (a, b):
            if not {self.nothing, self.everything}.issuperset(self._support(node)):
                message = f"no set has the values {self.values(node)}"
                raise TypeError(message)
        return self._combine(settle, a, b, {})

    def _restrict(self, node: Node, level: int, value: int, known: dict[Node, Node]) -> Node:
        if self._levels[node] >= level:
            return self._child(node, level, value)
        if node not in known:
            children = [
                self._restrict(child, level, value, known) for child in self._children[node]
            ]
            edges = zip(self._bounds[node], children, strict=True)
            known[node] = self._node(self._levels[node], edges)
        return known[node]

    def _support(self, node: Node) -> tuple[Node, ...]:
        """Give the terminals below a node, in ascending order."""
        if self._levels[node] == self._depth:
            return (node,)
        support = self._supports.get(node)
        if support is None:
            below = map(self._support, set(self._children[node]))
            support = self._supports[node] = tuple(sorted(set().union(*below)))
        return support

    def _choose(
        self,
        node: Node,
        family: tuple[Node, ...],
        known: dict[tuple[Node, tuple[Node, ...]], Node],
    ) -> Node:
        """Put a family, one target for each terminal below a node, in its place."""
        support = self._support(node)
        if family == support:
            return node
        if family.count(family[0]) == len(family):
            return family[0]
        if (node, family) in known:
            return known[node, family]
        level = min(self._levels[node], *[self._levels[target] for target in family])
        targets = dict(zip(support, family, strict=True))
        edges = []
        low = 0
        for high, child in zip(*self._edges(node, level), strict=True):
            if child in targets and self._levels[targets[child]] > level:
                # A terminal whose target is not cut here: nothing is left to do.
                edges.append((high, targets[child]))
                low = high + 1
                continue
            # Only the targets that can be reached below this edge go on with it.
            relevant = [targets[terminal] for terminal in self._support(child)]
            for bound in self._cuts(relevant, level, low, high):
                fitted = tuple([self._child(target, level, bound) for target in relevant])
                edges.append((bound, self._choose(child, fitted, known)))
            low = high + 1
        result = known[node, family] = self._node(level, edges)
        return result

    def _cuts(self, nodes: Iterable[Node], level: int, low: int, high: int) -> list[int]:
        """Give the bounds from low to high at which any of the nodes is cut."""
        cuts = {high}
        for node in nodes:
            if self._levels[node] == level:
                bounds = self._bounds[node]
                cuts.update(bounds[bisect_left(bounds, low) : bisect_left(bounds, high)])
        return sorted(cuts)

    def _regions(
        self, node: Node, accepted: AbstractSet[Node], region: Region
    ) -> Iterator[tuple[Region, Node]]:
        """Walk the regions, inside the given one, that end in an accepted terminal."""
        if accepted.isdisjoint(self._support(node)):
            return
        level = self._levels[node]
        if level == self._depth:
            yield region, node
            return
        low = 0
        for high, child in zip(*self._edges(node, level), strict=True):
            inner = {**region, self.variables[level]: (low, high)}
            yield from self._regions(child, accepted, inner)
            low = high + 1


def _segments(intervals: Sequence[Interval | None], top: int) -> Iterator[tuple[int, list[int]]]:
    """Cut the domain wherever an interval begins or ends.

    Gives the highest value of each segment and the places of the intervals that
    cover it, in ascending order.  The list holds only until the next segment.
    """
    if len(intervals) == 1:
        # By far the most common case, worth a short way.
        low, high = intervals[0] or (0, top)
        if low > 0:
            yield low - 1, []
        yield high, [0]
        if high < top:
            yield top, []
        return
    # At each value, the places that begin there and, as ~place, those that ended.
    changes: dict[int, list[int]] = {}
    for place, interval in enumerate(intervals):
        low, high = interval or (0, top)
        changes.setdefault(low, []).append(place)
        changes.setdefault(high + 1, []).append(~place)
    covering: list[int] = []
    for start in sorted(changes):
        if start > 0:
            yield start - 1, covering
        if start > top:
            return
        for place in changes[start]:
            if place >= 0:
                insort(covering, place)
            else:
                covering.remove(~place)
    yield top, covering
