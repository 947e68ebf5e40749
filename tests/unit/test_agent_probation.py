"""A policy on probation: what ends it, and what is left of it after a kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.agent.probation import CONFIRM, PROVE, ROLLBACK, Record, Word, wait
from gateway.errors import Refused, problem
from gateway.load.inforce import Stamp

STAMP = Stamp("lab", 7, "0123456789abcdef" * 4)


class Room:
    """Somebody says words at certain seconds; nobody else moves the clock."""

    def __init__(self, *said: tuple[float, Word | None]) -> None:
        """Say what is said when; None is that everybody left."""
        self.said = list(said)
        self.now = 1000.0
        self.began = self.now

    def clock(self) -> float:
        """Give the time."""
        return self.now

    def words(self, seconds: float) -> Iterator[Word] | None:
        """Wait for the next word, or so long."""
        if self.said and self.began + self.said[0][0] <= self.now + seconds:
            at, word = self.said.pop(0)
            self.now = max(self.now, self.began + at)
            return None if word is None else iter([word])
        self.now += seconds
        return iter(())

    def wait(self, proofs: list[bool] | None = None) -> None:
        """Wait for a confirmation for a minute; `proofs` say how each proof ends."""
        ends = iter(proofs or [True] * 10)

        def prove() -> None:
            if not next(ends):
                raise Refused(problem("ZG602", table="evil", contents="-"))

        wait(STAMP, 60, self.words, prove, self.clock)


def codes(room: Room, proofs: list[bool] | None = None) -> set[str]:
    """Give why a probation ended badly."""
    with pytest.raises(Refused) as refused:
        room.wait(proofs)
    return {each.code for each in refused.value.problems}


def test_a_confirmation_in_time_ends_it() -> None:
    """Also one that says which revision it means."""
    Room((59, Word(CONFIRM))).wait()
    Room((1, Word(CONFIRM, 7))).wait()


def test_without_a_confirmation_it_is_taken_back() -> None:
    """One that comes late, or means another revision, is none."""
    assert codes(Room()) == {"ZG803"}
    assert codes(Room((61, Word(CONFIRM)))) == {"ZG803"}
    assert codes(Room((1, Word(CONFIRM, 6)))) == {"ZG803"}


def test_words_do_not_make_it_longer() -> None:
    """The deadline is one time, not so long after the last word."""
    room = Room(*((second, Word(PROVE)) for second in range(10, 60, 10)))

    assert codes(room) == {"ZG803"}
    assert room.now == room.began + 60


def test_it_is_taken_back_when_told_to() -> None:
    """Or when nobody is left who could confirm it."""
    assert codes(Room((5, Word(ROLLBACK)), (6, Word(CONFIRM)))) == {"ZG804"}
    assert codes(Room((5, None), (6, Word(CONFIRM)))) == {"ZG805"}


def test_what_was_tampered_with_meanwhile_is_not_confirmed() -> None:
    """Neither when a change is heard of, nor with the confirmation itself."""
    assert codes(Room((5, Word(PROVE)), (6, Word(CONFIRM))), [False]) == {"ZG602"}
    assert codes(Room((6, Word(CONFIRM))), [False]) == {"ZG602"}


def test_the_record_outlives_its_writer(tmp_path: Path) -> None:
    """Whoever comes next knows what nobody confirmed."""
    record = Record(tmp_path)
    assert record.read() is None

    record.begin(STAMP)

    assert Record(tmp_path).read() == STAMP
    record.end()
    record.end()
    assert record.read() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"plan": "lab", "revision": 0, "digest": ""}'])
def test_a_record_that_is_not_understood_is_not_taken_for_none(tmp_path: Path, text: str) -> None:
    """What is in force may be unconfirmed, and nobody could tell."""
    record = Record(tmp_path)
    record.path.write_text(text)

    with pytest.raises(Refused):
        record.read()


def test_a_record_that_cannot_be_written_stops_the_load(tmp_path: Path) -> None:
    """Before the kernel is touched."""
    with pytest.raises(Refused) as refused:
        Record(tmp_path / "missing").begin(STAMP)

    assert [each.code for each in refused.value.problems] == ["ZG816"]
