"""The numbers of a process: what is missing is awaited, then a gap."""

import pytest

from gateway.observe.content import DecisionId
from gateway.observe.numbers import Missing, Numbers, Process
from tests.decision_logs import START


def taken(*numbers: int) -> Numbers:
    """Take these, one a second."""
    found = Numbers()
    for now, number in enumerate(numbers):
        found.take(DecisionId("city-gw", START, number), float(now))
    return found


@pytest.mark.parametrize(
    ("numbers", "awaited"),
    [
        pytest.param((1, 2, 3), [], id="all in order"),
        pytest.param((3, 1, 2), [], id="all out of order"),
        pytest.param((1, 3), [(2, 2)], id="one is missing"),
        pytest.param((4,), [(1, 3)], id="the first ones are missing"),
        pytest.param((1, 9, 5), [(2, 4), (6, 8)], id="missing on both sides"),
        pytest.param((1, 9, 2, 8), [(3, 7)], id="the ends have come"),
    ],
)
def test_what_is_missing_is_awaited(
    numbers: tuple[int, ...], awaited: list[tuple[int, int]]
) -> None:
    """A request that takes long is written after a short one that began later."""
    process = taken(*numbers).processes[f"city-gw.{START}"]

    assert [(m.first, m.last) for m in process.awaited] == awaited


def test_what_is_awaited_too_long_is_overdue() -> None:
    """And what has been missed for less than that is not, yet."""
    found = taken(2, 4)

    assert [m.first for _, m in found.overdue(0.0)] == [1]
    assert [m.first for _, m in found.overdue(1.0)] == [1, 3]


def test_a_number_comes_once() -> None:
    """Also from before a gap; two processes count apart."""
    found = taken(1, 2, 5)
    found.processes[f"city-gw.{START}"].give_up(3, 4)

    assert not found.take(DecisionId("city-gw", START, 2), 9.0)
    assert found.take(DecisionId("city-gw", START, 3), 9.0)
    assert not found.take(DecisionId("city-gw", START, 3), 9.0)
    assert found.take(DecisionId("city-gw", START + 1, 2), 9.0)
    assert found.missed_count == 1


def test_only_what_is_awaited_can_be_given_up() -> None:
    """A gap that nobody missed is no gap."""
    with pytest.raises(ValueError, match=r"1 \.\. 2"):
        Process(3).give_up(1, 2)


def test_it_is_read_as_it_was_written() -> None:
    """With what is awaited and what never came."""
    found = taken(2, 9)
    found.processes[f"city-gw.{START}"].give_up(1, 1)

    assert Numbers.from_json(found.as_json()) == found
    assert len(Missing(3, 8)) == found.awaited_count
