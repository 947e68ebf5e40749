"""What asks a host brings back each answer as it was, and says where there is none."""

import sys
import time

from playbooks.plugins.modules.host_answers import asked

SECONDS, BYTES = 10, 1000


def test_an_answer_comes_with_its_status_its_complaint_and_the_time() -> None:
    """Both streams apart, in the order of the command's words."""
    answer = asked(["sh", "-c", "echo said; echo wrong >&2; exit 3"], SECONDS, BYTES)

    assert (answer["status"], answer["said"], answer["complained"]) == (3, "said\n", "wrong\n")
    assert answer["at"].endswith("+00:00")
    assert not answer["cut"]


def test_a_program_that_is_not_there_is_said_as_a_shell_says_it() -> None:
    """It is no reason for the other answers not to come."""
    answer = asked(["no-such-program"], SECONDS, BYTES)

    assert answer["status"] == 127
    assert "No such file" in answer["complained"]


def test_what_does_not_end_is_ended_with_all_that_it_started() -> None:
    """And has no status; nothing of it is waited for."""
    began = time.monotonic()

    answer = asked(["sh", "-c", "echo early; sleep 600 | sleep 600"], 1, BYTES)

    assert answer["status"] is None
    assert answer["said"] == "early\n"
    assert time.monotonic() - began < 60


def test_what_is_too_long_is_cut_and_says_so() -> None:
    """A host cannot fill the desk's disk."""
    answer = asked([sys.executable, "-c", "print('x' * 5000)"], SECONDS, BYTES)

    assert len(answer["said"]) == BYTES
    assert answer["cut"]


def test_what_is_no_text_is_brought_back_as_such() -> None:
    """With a mark where a byte was no letter."""
    answer = asked(["printf", r"a\377b"], SECONDS, BYTES)

    assert answer["said"] == "a\N{REPLACEMENT CHARACTER}b"


def test_nothing_is_read_from_whoever_asks() -> None:
    """A command that waits for somebody to type is at its end at once."""
    assert asked(["cat"], SECONDS, BYTES)["said"] == ""
