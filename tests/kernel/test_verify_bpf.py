"""BPF programs before our rules are found, on a kernel that lists them for every namespace."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from gateway.errors import Language, Problem
from gateway.policy.topology import slices
from gateway.verify.beside import find_beside
from tests.cities import small_city
from tests.kernel import bpf_programs
from tests.kernel.city import City

pytestmark = [pytest.mark.kernel, pytest.mark.machine_wide]


def found(city: City) -> tuple[Problem, ...]:
    """Give what is beside nftables on the gateway."""
    plan = small_city()
    part = slices(plan)["city"]
    return city.gateway.run(lambda: tuple(find_beside(part, plan, in_force=True)))


@contextlib.contextmanager
def kept(
    context: Callable[[], contextlib.AbstractContextManager[None]], city: City
) -> Iterator[None]:
    """Enter a context in the gateway's namespace."""
    entered = city.gateway.run(context)
    city.gateway.run(entered.__enter__)
    try:
        yield
    finally:
        entered.__exit__(None, None, None)


def test_an_xdp_program_is_found(small_network: City) -> None:
    """It sees packets before every rule."""
    with kept(lambda: bpf_programs.xdp(socket.if_nametoindex("office")), small_network):
        problems = found(small_network)

    assert [problem.code for problem in problems] == ["ZG632"]


def test_a_program_at_a_hook_is_found(small_network: City) -> None:
    """A netfilter program can drop or accept before ours."""
    with kept(bpf_programs.netfilter_forward, small_network):
        problems = found(small_network)

    assert [problem.code for problem in problems] == ["ZG633"]
    assert "netfilter forward priority -500" in problems[0].text(Language.EN)
