"""Diagrams are held to tables: the value of every packet of a small space, one by one."""

from collections import Counter
from collections.abc import Hashable
from itertools import product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.verify.diagram import Interval, Node, Region, Row, Space

NAMES = ("first", "second", "third")
TOP = 7
POINTS = tuple(product(range(TOP + 1), repeat=len(NAMES)))
WHOLE: Interval = (0, TOP)

Table = tuple[Hashable, ...]

# The machine may be busy; what these tests hold is not a speed.
held = settings(deadline=None, max_examples=60)


def new_space() -> Space:
    """Give three variables of eight values each."""
    return Space((name, TOP) for name in NAMES)


def holds(row: Row, point: tuple[int, ...]) -> bool:
    """Say whether a point lies in a row, in the slowest and plainest way."""
    pairs = zip(row, point, strict=True)
    return all(
        interval is None or value in range(interval[0], interval[1] + 1)
        for interval, value in pairs
    )


def first_wins(rows: list[Row], inside: list[str], outside: str) -> Table:
    """Give the table of some rows."""
    return tuple(
        next(
            (value for row, value in zip(rows, inside, strict=True) if holds(row, point)),
            outside,
        )
        for point in POINTS
    )


def table_of(space: Space, node: Node) -> Table:
    """Ask a diagram about every packet there is."""
    return tuple(space.value(node, dict(zip(NAMES, point, strict=True))) for point in POINTS)


def points_of(space: Space, region: Region) -> list[tuple[int, ...]]:
    """Give the points of a region."""
    row = space.row(region)
    return [point for point in POINTS if holds(row, point)]


intervals = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(
    lambda ends: (min(ends), max(ends))
)
rows_of_any_shape = st.tuples(*[st.none() | intervals for _ in NAMES])
narrow_rows = st.tuples(
    *[st.integers(0, TOP).map(lambda low: (low, low)) | intervals for _ in NAMES]
)
colours = st.sampled_from(["red", "green", "blue", "black"])
coloured = st.lists(st.tuples(rows_of_any_shape, colours), max_size=7)


def build(space: Space, drawn: list[tuple[Row, str]]) -> Node:
    """Make a diagram of drawn rows; what is in none of them is black."""
    return space.cubes([row for row, _ in drawn], [colour for _, colour in drawn], "black")


@held
@given(coloured)
def test_the_first_row_wins(drawn: list[tuple[Row, str]]) -> None:
    """A packet has the value of the first row that holds it."""
    space = new_space()

    node = build(space, drawn)

    rows, inside = [row for row, _ in drawn], [colour for _, colour in drawn]
    assert table_of(space, node) == first_wins(rows, inside, "black")


@held
@given(coloured, st.randoms(use_true_random=False))
def test_the_same_function_is_the_same_node(drawn: list[tuple[Row, str]], random: Random) -> None:
    """However a function is made, its node is one: from rows, points, regions or choices."""
    space = new_space()
    node = build(space, drawn)

    points = [tuple((value, value) for value in point) for point in POINTS]
    from_points = space.cubes(points, table_of(space, node), "never")
    regions = list(space.regions(node, lambda _: True))
    random.shuffle(regions)
    from_regions = space.cubes(
        [space.row(region) for region, _ in regions], [value for _, value in regions], "never"
    )
    one_by_one = space.terminal("black")
    for row, colour in reversed(drawn):
        here = space.cubes([row], [True], outside=False)
        one_by_one = space.choose(here, {True: space.terminal(colour), False: one_by_one})

    assert node == from_points == from_regions == one_by_one


@held
@given(coloured, coloured)
def test_different_functions_are_different_nodes(
    left: list[tuple[Row, str]], right: list[tuple[Row, str]]
) -> None:
    """Two nodes are equal exactly when their tables are."""
    space = new_space()

    a, b = build(space, left), build(space, right)

    assert (a == b) == (table_of(space, a) == table_of(space, b))


@held
@given(st.lists(narrow_rows, max_size=9) | st.lists(rows_of_any_shape, max_size=4))
def test_the_first_overlap_is_found(rows: list[Row]) -> None:
    """The pair has the lowest later row, and with it the lowest earlier one."""
    expected = next(
        (
            (earlier, later)
            for later in range(len(rows))
            for earlier in range(later)
            if any(holds(rows[earlier], point) and holds(rows[later], point) for point in POINTS)
        ),
        None,
    )

    assert new_space().overlaps(rows) == expected


@held
@given(coloured, coloured)
def test_combine_asks_the_operation_everywhere(
    left: list[tuple[Row, str]], right: list[tuple[Row, str]]
) -> None:
    """The combined value of a packet is the operation of its two values."""
    space = new_space()
    a, b = build(space, left), build(space, right)

    node = space.combine(lambda x, y: (x, y), a, b)

    assert table_of(space, node) == tuple(zip(table_of(space, a), table_of(space, b), strict=True))


@held
@given(st.lists(rows_of_any_shape, max_size=4), st.lists(rows_of_any_shape, max_size=4))
def test_sets_are_sets(left: list[Row], right: list[Row]) -> None:
    """Union, intersection, difference and complement are those of the points."""
    space = new_space()
    a = space.cubes(left, [True] * len(left), outside=False)
    b = space.cubes(right, [True] * len(right), outside=False)
    in_a = [any(holds(row, point) for row in left) for point in POINTS]
    in_b = [any(holds(row, point) for row in right) for point in POINTS]
    pairs = list(zip(in_a, in_b, strict=True))

    assert table_of(space, space.union(a, b)) == tuple(x or y for x, y in pairs)
    assert table_of(space, space.intersect(a, b)) == tuple(x and y for x, y in pairs)
    assert table_of(space, space.minus(a, b)) == tuple(x and not y for x, y in pairs)
    assert table_of(space, space.complement(a)) == tuple(not x for x in in_a)
    assert space.complement(space.complement(a)) == a
    assert space.intersect(a, b) == space.complement(
        space.union(space.complement(a), space.complement(b))
    )


@held
@given(coloured, st.sampled_from(NAMES), st.integers(0, TOP))
def test_a_restricted_diagram_has_forgotten_the_variable(
    drawn: list[tuple[Row, str]], name: str, value: int
) -> None:
    """Each packet has the value it would have if the variable were fixed."""
    space = new_space()
    node = build(space, drawn)

    restricted = space.restrict(node, name, value)

    assert table_of(space, restricted) == tuple(
        space.value(node, {**dict(zip(NAMES, point, strict=True)), name: value}) for point in POINTS
    )


@held
@given(coloured, st.dictionaries(colours, coloured, max_size=4))
def test_chosen_diagrams_take_the_place_of_values(
    drawn: list[tuple[Row, str]], targets: dict[str, list[tuple[Row, str]]]
) -> None:
    """A target may test the variables above, below and those of the node itself."""
    space = new_space()
    node = build(space, drawn)
    built = {colour: build(space, target) for colour, target in targets.items()}

    chosen = space.choose(node, built)

    tables = {colour: table_of(space, target) for colour, target in built.items()}
    assert table_of(space, chosen) == tuple(
        tables[colour][place] if colour in tables else colour
        for place, colour in enumerate(table_of(space, node))
    )


@held
@given(coloured)
def test_mapped_values_are_mapped_everywhere(drawn: list[tuple[Row, str]]) -> None:
    """Each packet has the image of its value."""
    space = new_space()
    node = build(space, drawn)

    mapped = space.map_terminals(node, len)

    assert table_of(space, mapped) == tuple(len(str(x)) for x in table_of(space, node))


@held
@given(coloured, colours)
def test_a_packet_is_picked_when_there_is_one(drawn: list[tuple[Row, str]], wanted: str) -> None:
    """The packet has an accepted value; there is none only when no packet has one."""
    space = new_space()
    node = build(space, drawn)

    packet = space.pick(node, lambda colour: colour == wanted)

    if packet is None:
        assert wanted not in table_of(space, node)
    else:
        assert tuple(packet) == NAMES
        assert space.value(node, packet) == wanted


@held
@given(coloured, st.sets(colours))
def test_regions_are_disjoint_and_complete(drawn: list[tuple[Row, str]], wanted: set[str]) -> None:
    """Each accepted packet is in exactly one region, with its value; no other is in any."""
    space = new_space()
    node = build(space, drawn)

    regions = list(space.regions(node, wanted.__contains__))

    found = [(p, value) for region, value in regions for p in points_of(space, region)]
    table = zip(POINTS, table_of(space, node), strict=True)
    assert Counter(found) == Counter(entry for entry in table if entry[1] in wanted)


@held
@given(coloured, coloured)
def test_differences_are_disjoint_and_complete(
    left: list[tuple[Row, str]], right: list[tuple[Row, str]]
) -> None:
    """Each packet on which two diagrams differ is in exactly one region, with both values."""
    space = new_space()
    a, b = build(space, left), build(space, right)

    differences = list(space.differing(a, b, limit=len(POINTS)))

    found = [
        (point, difference.left, difference.right)
        for difference in differences
        for point in points_of(space, difference.region)
    ]
    tables = zip(POINTS, table_of(space, a), table_of(space, b), strict=True)
    assert Counter(found) == Counter(entry for entry in tables if entry[1] != entry[2])
