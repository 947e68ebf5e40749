"""What a diagram promises to whoever proves with it, by examples."""

from ipaddress import IPv4Network, IPv6Network

import pytest

from gateway.verify.diagram import Difference, Interval, Row, Space

TCP = (6, 6)
HTTPS = (443, 443)


def prefix(text: str) -> Interval:
    """Give the interval of an IPv4 prefix."""
    network = IPv4Network(text)
    return int(network.network_address), int(network.broadcast_address)


HALL, TAX, TAX_HALF = prefix("10.1.1.0/24"), prefix("10.2.0.0/24"), prefix("10.2.0.0/25")


@pytest.fixture
def space() -> Space:
    """Give the space of IPv4 packets at one gateway."""
    return Space(
        [
            ("entry", 9),
            ("source", 2**32 - 1),
            ("destination", 2**32 - 1),
            ("protocol", 255),
            ("port", 65535),
        ]
    )


def test_rows_in_another_order_make_the_same_node(space: Space) -> None:
    """Equality of two rulesets is equality of two integers."""
    rows = [space.row({"destination": (low, low)}) for low in range(0, 100, 2)]
    values = [f"conduit {place % 3}" for place in range(50)]

    node = space.cubes(rows, values, "drop")

    assert space.cubes(rows[::-1], values[::-1], "drop") == node
    assert space.cubes(rows[::-1], values, "drop") != node
    assert space.cubes(rows[1:], values[1:], "drop") != node


def test_adjacent_prefixes_are_one_region(space: Space) -> None:
    """Two halves of a prefix are the prefix."""
    halves = [space.row({"source": prefix(text)}) for text in ("10.2.0.0/25", "10.2.0.128/25")]

    node = space.cubes(halves, ["tax", "tax"], None)

    assert node == space.cubes([space.row({"source": TAX})], ["tax"], None)
    assert list(space.regions(node)) == [({"source": TAX}, "tax")]
    assert space.size(node) == 3


def test_a_variable_that_does_not_matter_is_not_tested(space: Space) -> None:
    """A row that names its whole domain is the row that does not name it."""
    named = {"source": HALL, "protocol": (0, 255)}

    node = space.cube(named)

    assert node == space.cube({"source": HALL})
    assert space.cube({"protocol": (0, 255)}) == space.everything


def test_no_row_is_outside(space: Space) -> None:
    """An empty ruleset carries nothing."""
    node = space.cubes([], [], "drop")

    assert node == space.terminal("drop")
    assert space.overlaps([]) is None


def test_a_space_without_variables_has_terminals_only() -> None:
    """The empty product has one packet."""
    space = Space([])

    assert space.cubes([()], ["in"], "out") == space.terminal("in")
    assert space.cubes([], [], "out") == space.terminal("out")


def test_ipv6_addresses_are_exact_to_the_last_bit() -> None:
    """128 bits are plain integers; nothing is rounded."""
    space = Space([("destination", 2**128 - 1)])
    network = IPv6Network("fd00:2::/64")
    low, high = int(network.network_address), int(network.broadcast_address)

    node = space.cube({"destination": (low, high)})

    assert space.value(node, {"destination": high}) is True
    assert space.value(node, {"destination": high + 1}) is False
    assert space.value(node, {"destination": low - 1}) is False
    assert space.pick(node) == {"destination": low}


def test_true_is_not_one(space: Space) -> None:
    """Values that Python finds equal stay apart when their types differ."""
    assert space.terminal(1) != space.everything
    assert space.terminal(0) != space.nothing
    assert space.values(space.terminal(1)) == [1]


def test_a_later_row_only_fills_what_is_left(space: Space) -> None:
    """A refused half of a prefix stays refused when the whole is allowed after it."""
    rows = [space.row({"destination": TAX_HALF}), space.row({"destination": TAX})]

    node = space.cubes(rows, ["drop", "accept"], "nothing")

    regions = list(space.regions(node, lambda value: value != "nothing"))
    assert regions == [
        ({"destination": TAX_HALF}, "drop"),
        ({"destination": (TAX_HALF[1] + 1, TAX[1])}, "accept"),
    ]
    assert space.overlaps(rows) == (0, 1)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param({"source": TAX_HALF, "port": HTTPS}, (0, 2), id="inside in every variable"),
        pytest.param({"source": TAX_HALF}, (0, 2), id="a variable that is not named"),
        pytest.param({"source": TAX, "port": (444, 999)}, None, id="apart in the last variable"),
        pytest.param({"source": HALL, "port": HTTPS}, (1, 2), id="the second row it meets"),
    ],
)
def test_overlapping_rows_are_told(
    space: Space, second: dict[str, Interval], expected: tuple[int, int] | None
) -> None:
    """Rows overlap when no variable keeps them apart."""
    rows = [{"source": TAX, "port": HTTPS}, {"source": HALL, "port": HTTPS}, second]

    assert space.overlaps([space.row(row) for row in rows]) == expected


@pytest.mark.parametrize(
    "row",
    [
        pytest.param((None, None, None, None, (5, 4)), id="an empty interval"),
        pytest.param((None, None, None, (6, 256), None), id="above the domain"),
        pytest.param(((-1, 3), None, None, None, None), id="below the domain"),
        pytest.param((None, None, None, TCP), id="a variable too few"),
        pytest.param((None, None, None, TCP, None, None), id="a variable too many"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(space: Space, row: Row) -> None:
    """What would be misread is not read."""
    fits = space.row({"port": HTTPS})

    with pytest.raises(ValueError, match=r"has no interval|one interval for each"):
        space.cubes([fits, row], [True, True], outside=False)
    with pytest.raises(ValueError, match=r"has no interval|one interval for each"):
        space.overlaps([fits, row])


def test_an_unknown_variable_is_refused(space: Space) -> None:
    """A misspelt name would otherwise mean every value."""
    with pytest.raises(ValueError, match="the variables are"):
        space.row({"sorce": TAX})
    with pytest.raises(ValueError, match="the variables are"):
        space.restrict(space.everything, "sorce", 1)


def test_a_value_outside_the_domain_is_refused(space: Space) -> None:
    """There is no such packet to restrict to."""
    with pytest.raises(ValueError, match="protocol has no interval"):
        space.restrict(space.everything, "protocol", 256)
    with pytest.raises(ValueError, match="protocol has no interval"):
        space.restrict(space.everything, "protocol", -1)


def test_each_row_has_one_value(space: Space) -> None:
    """Rows and values that do not pair up are refused."""
    rows = [space.row({"port": HTTPS}), space.row({"port": (80, 80)})]

    with pytest.raises(ValueError, match="2 rows have 1 values"):
        space.cubes(rows, ["accept"], "drop")
    with pytest.raises(ValueError, match="2 rows have 3 values"):
        space.cubes(rows, ["accept"] * 3, "drop")


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param([("port", 65535), ("port", 65535)], id="one name twice"),
        pytest.param([("port", -1)], id="an empty domain"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(variables: list[tuple[str, int]]) -> None:
    """Each variable has its own name and at least one value."""
    with pytest.raises(ValueError, match="variables differ in name"):
        Space(variables)


def test_verdicts_are_not_sets(space: Space) -> None:
    """A set operation on verdicts is a mistake, not an answer."""
    verdicts = space.cubes([space.row({"port": HTTPS})], ["accept"], "drop")
    https = space.cube({"port": (400, 500)})

    with pytest.raises(TypeError, match="no set has the values"):
        space.union(verdicts, https)
    with pytest.raises(TypeError, match="no set has the values"):
        space.intersect(https, verdicts)
    with pytest.raises(TypeError, match="no set has the values"):
        space.complement(verdicts)


def test_goto_is_followed_to_the_chain_it_names(space: Space) -> None:
    """A dispatch map and the chains it leads to become one diagram."""
    dispatch = space.cubes(
        [
            space.row({"entry": (1, 1), "source": HALL}),
            space.row({"entry": (2, 2), "source": TAX}),
        ],
        ["goto from_hall", "goto from_tax"],
        "unexpected_source",
    )
    from_hall = space.cubes(
        [space.row({"destination": TAX, "protocol": TCP, "port": HTTPS})],
        ["accept"],
        "no_conduit",
    )

    forward = space.choose(
        dispatch, {"goto from_hall": from_hall, "goto from_tax": space.terminal("no_conduit")}
    )

    accepted = list(space.regions(forward, lambda value: value == "accept"))
    assert accepted == [
        (
            {
                "entry": (1, 1),
                "source": HALL,
                "destination": TAX,
                "protocol": TCP,
                "port": HTTPS,
            },
            "accept",
        )
    ]
    assert set(space.values(forward)) == {"accept", "no_conduit", "unexpected_source"}


def test_a_chain_may_test_again_what_led_to_it(space: Space) -> None:
    """A target that tests an earlier variable is put in its place in the order."""
    by_port = space.cubes([space.row({"port": HTTPS})], ["goto exit"], "drop")
    by_entry = space.cubes([space.row({"entry": (1, 1)})], ["accept"], "wrong_exit")

    node = space.choose(by_port, {"goto exit": by_entry})

    rows = [space.row({"entry": (1, 1), "port": HTTPS}), space.row({"port": HTTPS})]
    assert node == space.cubes(rows, ["accept", "wrong_exit"], "drop")


def test_a_value_without_a_target_stays(space: Space) -> None:
    """Choosing nothing changes nothing."""
    node = space.cubes([space.row({"port": HTTPS})], ["accept"], "drop")

    assert space.choose(node, {}) == node
    assert space.choose(node, {"goto nowhere": space.nothing}) == node


def test_a_picked_packet_is_readable(space: Space) -> None:
    """The first address of the prefix is picked, and 0 for what does not matter."""
    node = space.cube({"source": HALL, "port": HTTPS})

    packet = space.pick(node)

    assert packet == {"entry": 0, "source": HALL[0], "destination": 0, "protocol": 0, "port": 443}


def test_nothing_is_picked_from_nothing(space: Space) -> None:
    """No packet has a value that is not there."""
    node = space.cube({"source": HALL})

    assert space.pick(space.nothing) is None
    assert space.pick(node, lambda value: value == "accept") is None


def test_equal_diagrams_do_not_differ(space: Space) -> None:
    """What was signed and what is loaded are the same: no finding."""
    node = space.cube({"source": HALL, "port": HTTPS})

    assert list(space.differing(node, node, limit=5)) == []
    assert list(space.differing(space.nothing, node, limit=5)) != []


def test_a_difference_names_its_region_and_both_values(space: Space) -> None:
    """Two neighbouring ports that were opened are one difference."""
    row = space.row({"source": HALL, "destination": TAX, "port": HTTPS})
    signed = space.cubes([row], ["accept"], "drop")
    opened = space.row({"source": HALL, "destination": TAX, "port": (443, 445)})
    loaded = space.cubes([opened], ["accept"], "drop")

    differences = list(space.differing(signed, loaded, limit=5))

    region = {"source": HALL, "destination": TAX, "port": (444, 445)}
    assert differences == [Difference(region, "drop", "accept")]


def test_a_difference_is_as_wide_as_it_can_be(space: Space) -> None:
    """Neighbours that differ alike are one region though the rest of them does not match."""
    common = [space.row({"source": TAX_HALF, "port": HTTPS})]
    both = space.cubes([*common, space.row({"source": TAX, "port": (22, 22)})], ["a", "b"], "drop")
    one = space.cubes(common, ["a"], "drop")

    differences = list(space.differing(both, one, limit=5))

    assert differences == [Difference({"source": TAX, "port": (22, 22)}, "b", "drop")]


def test_no_more_differences_are_given_than_asked_for(space: Space) -> None:
    """A finding shows a few counterexamples, not every one."""
    rows = [space.row({"port": (low, low)}) for low in range(0, 1000, 2)]
    node = space.cubes(rows, [True] * 500, outside=False)

    differences = list(space.differing(space.nothing, node, limit=3))

    assert [difference.region["port"] for difference in differences] == [(0, 0), (2, 2), (4, 4)]


def test_a_thousand_targets_cost_what_they_hold(space: Space) -> None:
    """Beneath a dispatch map each target is joined only where it is reached."""
    dispatch = space.cubes(
        [space.row({"source": (zone, zone)}) for zone in range(1000)], range(1000), "refuse"
    )
    targets = {
        zone: space.cube({"destination": (zone, zone), "port": (zone, zone)})
        for zone in range(1000)
    }

    node = space.choose(dispatch, targets)

    assert space.size(node) == 1 + 1000 * 2 + 3
