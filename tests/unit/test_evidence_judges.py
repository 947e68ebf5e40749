"""Each row of evidence passes by what shows its control, and by nothing less."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.evidence.hosts_asked import Answer, AskedHost
from gateway.evidence.judge import Judged, Outcome, judge
from gateway.evidence.rows import ROWS
from tests.evidence_answers import BY_NAME, GOOD, HOST, SHORT, answered, changed

_EACH = sorted(BY_NAME)
_STEPS = [
    pytest.param(name, *step, id=f"{name}: {step[1][:30]!r} is {step[2][:30]!r}")
    for name, steps in sorted(SHORT.items())
    for step in steps
]


def judged(name: str, host: AskedHost) -> Judged:
    """Judge one row for a host without waivers."""
    return judge(BY_NAME[name], host, {})


def test_no_row_is_left_untried() -> None:
    """A new one comes with an answer that shows it, and two at least that do not."""
    assert len(BY_NAME) == len(ROWS)
    assert BY_NAME.keys() == GOOD.keys() == SHORT.keys()
    assert [name for name, steps in SHORT.items() if len(steps) < 2] == []


@pytest.mark.parametrize("name", _EACH)
def test_a_control_that_is_shown_passes(name: str) -> None:
    """And the row says on which part of the answers that rests."""
    found = judged(name, answered(BY_NAME[name], GOOD[name]))

    assert (found.outcome, found.why.en) == (Outcome.PASS, "")
    assert found.rests
    assert found.at


@pytest.mark.parametrize(("name", "place", "old", "new"), _STEPS)
def test_what_is_one_step_short_fails(name: str, place: int, old: str, new: str) -> None:
    """And says why, in both languages."""
    found = judged(name, answered(BY_NAME[name], changed(GOOD[name], place, old, new)))

    assert found.outcome is Outcome.FAIL
    assert found.why.en
    assert found.why.zh


SPOILT: dict[str, Callable[[Answer], Answer]] = {
    "empty": lambda answer: replace(answer, said=" \n"),
    "cut": lambda answer: replace(answer, cut=True),
    "no text": lambda answer: replace(answer, said=f"{answer.said}\N{REPLACEMENT CHARACTER}"),
    "too late": lambda answer: replace(answer, status=None),
    "ended by a signal": lambda answer: replace(answer, status=-9),
    "no such program": lambda answer: replace(answer, status=127, said=""),
    "another language": lambda answer: replace(answer, said="系统找不到指定的文件。"),
}


@pytest.mark.parametrize(
    ("name", "how"),
    [
        (name, how)
        for name in _EACH
        for how in SPOILT
        # A warning before a login is in whichever language.
        if (name, how) != ("banner", "another language")
    ],
)
def test_an_answer_that_is_none_never_passes(name: str, how: str) -> None:
    """Each answer of a row by itself, the others being right."""
    host = answered(BY_NAME[name], GOOD[name])

    outcomes = {
        judged(name, replace(host, answers={**host.answers, c: SPOILT[how](a)})).outcome
        for c, a in host.answers.items()
    }

    assert Outcome.PASS not in outcomes


@pytest.mark.parametrize("name", _EACH)
def test_an_answer_that_was_not_brought_back_never_passes(name: str) -> None:
    """Each of a row by itself."""
    host = answered(BY_NAME[name], GOOD[name])

    outcomes = {
        judged(
            name, replace(host, answers={k: v for k, v in host.answers.items() if k != c})
        ).outcome
        for c in host.answers
    }

    assert outcomes == {Outcome.FAIL}


@pytest.mark.parametrize("name", _EACH)
def test_nothing_at_all_never_passes(name: str) -> None:
    """A host that is not reached fails every row, and is not left out."""
    host = replace(HOST, trouble="connection timed out")

    found = judged(name, host)

    assert found.outcome is Outcome.FAIL
    assert "connection timed out" in found.why.en


@pytest.mark.parametrize(
    "name", [pytest.param(row.name, id=row.name) for row in ROWS if row.kernel is not None]
)
def test_what_a_container_cannot_show_is_not_tried_and_counts_as_no_pass(name: str) -> None:
    """Though the machine's kernel may say what is wanted; and what it would set is judged."""
    host = replace(HOST, own_kernel=False)
    row = BY_NAME[name]

    well = judged(name, answered(row, GOOD[name], host))
    worse = judged(name, answered(row, ["x = y\n", *GOOD[name][1:]], host))

    assert well.outcome is Outcome.NOT_TRIED
    assert worse.outcome is Outcome.FAIL


def test_who_makes_hosts_by_playbooks_may_be_who_asks() -> None:
    """Whoever asks by ssh is root for it; another with every right is not let off."""
    line = "operator ALL=(ALL:ALL) NOPASSWD: ALL\n"
    row, texts = BY_NAME["nobody_all"], [GOOD["nobody_all"][0] + line]

    asks = judged(row.name, answered(row, texts, replace(HOST, asker="operator")))
    other = judged(row.name, answered(row, texts, replace(HOST, asker="somebody")))

    assert (asks.outcome, other.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert "operator" in asks.rests


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_a_duty_that_nobody_has_fails(duty: str) -> None:
    """Three duties that nobody has are not kept apart."""
    host = replace(HOST, operators=())
    row = BY_NAME[f"duty_{duty}"]

    assert judged(row.name, answered(row, ["loushan:x:990:\n"], host)).outcome is Outcome.FAIL


def test_updates_without_a_mirror_fail() -> None:
    """Nothing is fetched then, and nothing is patched."""
    host = answered(BY_NAME["updates"], GOOD["updates"], replace(HOST, mirrors=()))

    assert judged("updates", host).outcome is Outcome.FAIL
