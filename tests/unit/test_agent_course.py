"""What the agent does next: soon, but not a thousand times."""

import pytest

from gateway.agent.course import (
    LATEST_SECONDS,
    LONGEST_PAUSE_SECONDS,
    QUIET_SECONDS,
    Course,
    Outcome,
)
from gateway.agent.requests import Ask
from gateway.agent.settings import OnDrift

EVERY = 60.0


def at_work(on_drift: OnDrift = OnDrift.REPAIR, now: float = 0.0) -> Course:
    """Give the course of a host whose policy was restored and holds."""
    course = Course(on_drift, EVERY, at=now)
    course.begins(Ask.RESTORE, now)
    course.ended(Ask.RESTORE, Outcome.HOLDS, now, 0.1)
    return course


def does(course: Course, ask: Ask, outcome: Outcome, now: float, lasted: float = 0.5) -> float:
    """Have a piece of work done that is due at a time; give when it ended."""
    assert course.due(now) is ask
    course.begins(ask, now)
    course.ended(ask, outcome, now + lasted, lasted)
    return now + lasted


def test_it_begins_with_what_was_accepted() -> None:
    """Whatever a restart left, the accepted policy comes first."""
    course = Course(OnDrift.REPAIR, EVERY, at=5.0)

    assert course.due(4.9) is None
    assert course.due(5.0) is Ask.RESTORE


def test_it_proves_on_schedule() -> None:
    """Nothing changed is no reason not to look."""
    course = at_work()

    assert course.due(EVERY - 1) is None
    assert course.due(EVERY) is Ask.PROVE


def test_a_change_is_proven_when_it_is_over() -> None:
    """A load is a hundred events and one proof."""
    course = at_work()
    for hundredth in range(100):
        course.changed(10 + hundredth / 100)

    assert course.due(10.99) is None
    assert course.due(10.99 + QUIET_SECONDS) is Ask.PROVE


def test_changes_without_end_do_not_put_off_the_proof() -> None:
    """Who changes something every tenth of a second is found too."""
    course = at_work()
    now = 10.0
    while course.due(now) is None:
        course.changed(now)
        now += 0.1

    assert now <= 10 + LATEST_SECONDS + 0.11


def test_proofs_never_take_more_than_their_part() -> None:
    """Changes without end cost at most a quarter of one processor."""
    course = at_work()
    now, proofs = 10.0, 0
    while now < 110:
        course.changed(now)
        if course.due(now):
            now = does(course, Ask.PROVE, Outcome.HOLDS, now, lasted=1.0)
            proofs += 1
        now += 0.05

    assert 20 <= proofs <= 26


def test_what_changes_during_a_proof_is_proven_again() -> None:
    """A change that a proof may not have seen is not forgotten."""
    course = at_work()
    course.begins(Ask.PROVE, 60.0)
    course.changed(60.2)
    course.ended(Ask.PROVE, Outcome.HOLDS, 60.5, 0.5)

    assert course.due(63.0) is Ask.PROVE


def test_drift_is_repaired_at_once() -> None:
    """And then all is as before."""
    course = at_work()
    now = does(course, Ask.PROVE, Outcome.DRIFT, 60.0)
    now = does(course, Ask.REPAIR, Outcome.HOLDS, now)

    assert course.due(now + 1) is None


def test_what_cannot_be_repaired_is_closed_and_tried_again() -> None:
    """Nothing passes meanwhile; a repair that proves opens it."""
    course = at_work()
    now = does(course, Ask.PROVE, Outcome.DRIFT, 60.0)
    now = does(course, Ask.REPAIR, Outcome.DRIFT, now)
    now = does(course, Ask.CLOSE, Outcome.EMPTY, now)
    course.changed(now)  # its own doing

    assert course.closed
    assert course.due(now + 20) is None
    now = does(course, Ask.REPAIR, Outcome.HOLDS, now + 30)
    assert not course.closed


def test_where_drift_is_refused_only_an_operator_opens() -> None:
    """No clock and no change does."""
    course = at_work(OnDrift.REFUSE)
    now = does(course, Ask.PROVE, Outcome.DRIFT, 60.0)
    now = does(course, Ask.CLOSE, Outcome.EMPTY, now)
    course.changed(now)

    assert course.latched
    assert course.due(now + EVERY) is Ask.CLOSE
    course.begins(Ask.LOAD, now)
    course.ended(Ask.LOAD, Outcome.REFUSED, now, 1)
    assert course.closed
    course.ended(Ask.LOAD, Outcome.HOLDS, now, 1)
    assert not course.latched
    assert not course.closed


def test_where_drift_is_refused_a_failed_restart_stays_closed_too() -> None:
    """A policy that does not prove at the start is drift as well."""
    course = Course(OnDrift.REFUSE, EVERY)
    now = does(course, Ask.RESTORE, Outcome.DRIFT, 0.0)
    does(course, Ask.CLOSE, Outcome.EMPTY, now)

    assert course.latched


def test_a_flapping_host_is_repaired_ever_more_slowly() -> None:
    """Who tampers without end gets no spinning machine."""
    course = at_work()
    now, repairs = 10.0, 0
    while now < 310:
        course.changed(now)
        ask = course.due(now)
        if ask is Ask.PROVE:
            now = does(course, ask, Outcome.DRIFT, now)
        elif ask is Ask.REPAIR:
            now = does(course, ask, Outcome.HOLDS, now)
            repairs += 1
        now += 0.05

    assert repairs <= 90
    assert repairs >= 300 / (LONGEST_PAUSE_SECONDS + 5)


@pytest.mark.parametrize("ask", [Ask.LOAD, Ask.REPAIR, Ask.RESTORE])
def test_a_loader_that_died_is_followed_by_the_accepted_policy(ask: Ask) -> None:
    """It may have left anything."""
    course = at_work()
    course.begins(ask, 10.0)
    course.ended(ask, Outcome.LOST, 11.0, 1.0)

    assert course.due(12.0) is Ask.RESTORE


def test_what_does_not_work_is_tried_ever_more_slowly() -> None:
    """A loader that cannot start is no reason to spin."""
    course = Course(OnDrift.REPAIR, EVERY)
    now, tries = 0.0, 0
    while now < 300:
        if course.due(now):
            now = does(course, Ask.RESTORE, Outcome.LOST, now, lasted=0.01)
            tries += 1
        now += 0.05

    assert 10 <= tries <= 20


def test_a_refused_load_is_followed_by_a_proof() -> None:
    """That it went back is seen, not believed."""
    course = at_work()
    course.begins(Ask.LOAD, 10.0)
    course.ended(Ask.LOAD, Outcome.REFUSED, 11.0, 1.0)

    assert course.due(12.0) is Ask.PROVE


@pytest.mark.parametrize("ask", [Ask.LOAD, Ask.PROVE])
@pytest.mark.parametrize(
    ("on_drift", "wanted"), [(OnDrift.REPAIR, Ask.REPAIR), (OnDrift.REFUSE, Ask.CLOSE)]
)
def test_what_operators_ask_does_not_undo_what_is_to_be_done(
    on_drift: OnDrift, wanted: Ask, ask: Ask
) -> None:
    """Drift was found; a delivery that is refused in between, or another proof, forgets it not."""
    course = at_work(on_drift)
    now = does(course, Ask.PROVE, Outcome.DRIFT, 60.0)

    course.begins(ask, now)
    course.ended(ask, Outcome.REFUSED, now + 0.1, 0.1)

    assert course.due(now + 0.1) is wanted


def test_a_proof_that_comes_before_the_policy_is_restored_finds_no_drift() -> None:
    """Else a host that closes on drift would stay closed after a boot."""
    course = Course(OnDrift.REFUSE, EVERY)
    now = does(course, Ask.RESTORE, Outcome.LOST, 0.0)

    course.begins(Ask.PROVE, now)
    course.ended(Ask.PROVE, Outcome.DRIFT, now + 0.1, 0.1)

    assert course.due(now + 1) is Ask.RESTORE
    assert not course.latched


def test_loads_that_are_refused_do_not_put_off_a_proof() -> None:
    """Who delivers what nobody signed, again and again, hides nothing by it."""
    course = at_work()
    course.changed(10.0)
    now = 10.0
    while course.due(now) is None and now < 100:
        course.begins(Ask.LOAD, now)
        course.ended(Ask.LOAD, Outcome.REFUSED, now + 0.2, 0.2)
        now += 0.2

    assert now <= 10 + LATEST_SECONDS + 0.3


def test_a_long_probation_is_no_work_to_rest_from() -> None:
    """What was changed while an operator thought is proven as soon as ever."""
    course = at_work()
    course.begins(Ask.LOAD, 10.0)
    course.changed(129.0)
    course.ended(Ask.LOAD, Outcome.HOLDS, 130.0, 120.0)

    assert course.due(131.0) is Ask.PROVE
