"""Across all gateways of a path: what arrives where, and where a conduit ends."""

import pytest

from gateway.compile.ruleset import compile_plan
from gateway.errors import Problem
from gateway.verify.kernel import Kernel, read
from gateway.verify.path import prove_paths
from tests.cities import small_city
from tests.kernel.namespace import listed, stamped

pytestmark = pytest.mark.kernel

PLAN = small_city()


def kernels(**tampered: str) -> dict[str, Kernel]:
    """Give what each gateway of the small city holds, some after commands."""
    return {
        name: read(listed(stamped(ruleset), tampered.get(name, "")))
        for name, ruleset in compile_plan(PLAN).items()
    }


def element(map_name: str, key: str, verdict: str) -> str:
    """Give the command that adds an element."""
    return f"add element inet loushan {map_name} {{ {key} counter : {verdict} }}"


def told(problems: list[Problem]) -> set[tuple[str, str, str]]:
    """Give code, source and destination of each finding."""
    params = [(problem.code, dict(problem.params)) for problem in problems]
    return {(code, words.get("source", ""), words.get("destination", "")) for code, words in params}


def test_a_right_city_is_proven() -> None:
    """Every conduit arrives, and nothing else does."""
    assert prove_paths(PLAN, kernels()) == []


def test_one_open_gateway_on_a_guarded_path_lets_nothing_arrive() -> None:
    """What the next gateway still refuses does not arrive; the gateway's own proof names it."""
    wrong = element("a_from_red.office_4", "10.1.2.0/24 . tcp . 22", "goto a_exit_city")

    assert prove_paths(PLAN, kernels(red=wrong)) == []


def test_two_gateways_that_are_wrong_together_are_found() -> None:
    """Through both something arrives that no conduit carries."""
    first = element("a_from_red.office_4", "10.1.2.0/24 . tcp . 22", "goto a_exit_city")
    second = element("a_from_red.office_4", "10.1.2.0/24 . tcp . 20-30", "goto a_exit_monitor")

    problems = prove_paths(PLAN, kernels(red=first, city=second))

    assert told(problems) == {("ZG640", "red.office", "city.monitor")}
    assert "22/tcp" in dict(problems[0].params)["flow"]


def test_a_conduit_broken_in_the_middle_is_found_where_it_ends() -> None:
    """The gateway is named that does not let it on."""
    lost = "delete element inet loushan a_from_city.office_4 { 10.4.1.0/24 . tcp . 22 }"

    problems = prove_paths(PLAN, kernels(red=lost))

    assert told(problems) == {("ZG641", "city.office", "hill.gateway")}
    assert dict(problems[0].params)["gateway"] == "red"


def test_what_reaches_a_gateway_itself_is_found() -> None:
    """A gateway is a place too."""
    wrong = 'insert rule inet loushan input iifname "hall" tcp dport 22 accept'

    problems = prove_paths(PLAN, kernels(red=wrong))

    assert told(problems) == {("ZG640", "red.hall", "red.gateway")}


def test_a_sender_that_takes_another_address_is_found() -> None:
    """What a zone sends under an address that is not its own does not arrive."""
    wrong = element("a_sources_hall4", "10.2.0.0/24", "goto a_from_red.office")

    assert ("ZG640", "red.hall", "city.approval") in told(prove_paths(PLAN, kernels(red=wrong)))


def test_a_gateway_that_was_not_read_is_a_finding() -> None:
    """Of the paths through it nothing is said, of the others all."""
    some = kernels()
    del some["red"]

    assert [problem.code for problem in prove_paths(PLAN, some)] == ["ZG642"]


def test_two_open_gateways_in_a_circle_end() -> None:
    """Packets that two gateways send back and forth are followed once."""
    anything = "insert rule inet loushan forward accept"

    problems = prove_paths(PLAN, kernels(city=anything, red=anything, hill=anything))

    assert ("ZG640", "hill.office", "blue.office") not in told(problems)
    assert ("ZG640", "hill.office", "city.monitor") in told(problems)
