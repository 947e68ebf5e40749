"""For plans nobody thought of: what is compiled is proven, and the proof is right packet by packet.

The reference decision, a walk through the live rules, and the two diagrams
that the prover compares must agree on every packet.
"""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.compile.ruleset import compile_slice
from gateway.policy.decide import decide_at
from gateway.policy.model import Plan
from gateway.policy.reasons import Verdict
from gateway.policy.topology import Hook, slices
from gateway.verify.boundary import boundary_packets
from gateway.verify.expected import Expected, interfaces
from gateway.verify.kernel import read
from gateway.verify.meaning import Meaning, interfaces_named
from gateway.verify.outcome import Outcome, accepted, refused
from gateway.verify.packets import Packets
from gateway.verify.path import prove_paths
from gateway.verify.proof import prove
from gateway.verify.trace import trace
from tests.kernel.namespace import STAMP, listed, stamped
from tests.strategies import plans

pytestmark = pytest.mark.kernel

#: Each example loads rulesets into the kernel.
SLOW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

PACKETS_EACH = 250


def wanted_outcome(plan: Plan, gateway: str, packet: object) -> Outcome:
    """Give what the reference decision says, in the prover's words."""
    decision = decide_at(plan, gateway, packet)  # type: ignore[arg-type] # a Packet
    if decision.verdict is Verdict.DROP:
        return refused(decision.reason)
    return accepted(decision.conduit or "")


@SLOW
@given(plan=plans(), data=st.data())
def test_what_is_compiled_is_proven(plan: Plan, data: st.DataObject) -> None:
    """Every ruleset that the compiler makes is exactly the policy."""
    assume(plan.gateways)
    gateway = data.draw(st.sampled_from(plan.gateways))
    part = slices(plan)[gateway]

    proof = prove(part, plan, STAMP, ruleset=listed(stamped(compile_slice(part))))

    assert proof.findings == ()


@SLOW
@given(plan=plans(), data=st.data())
def test_four_answers_agree(plan: Plan, data: st.DataObject) -> None:
    """Decision, walk through the rules, and both diagrams say the same of each packet."""
    assume(plan.gateways)
    gateway = data.draw(st.sampled_from(plan.gateways))
    part = slices(plan)[gateway]
    kernel = read(listed(stamped(compile_slice(part))))
    packets = Packets(interfaces_named(kernel) | interfaces(part))
    meaning, expected = Meaning(kernel, packets), Expected(part, packets)
    found = {hook: meaning.hook(hook) for hook in Hook}
    wanted = {hook: expected.hook(hook) for hook in Hook}
    every = list(boundary_packets(kernel))
    step = max(1, len(every) // PACKETS_EACH)

    for packet in islice(every, 0, None, step):
        numbers = packets.numbers(packet)
        answers = {
            wanted_outcome(plan, gateway, packet),
            trace(kernel, packets, packet).outcome,
            packets.space.value(found[packet.hook], numbers),
            packets.space.value(wanted[packet.hook], numbers),
        }
        assert len(answers) == 1, (packet, answers)


@SLOW
@given(plan=plans(), data=st.data())
def test_another_policy_is_not_proven(plan: Plan, data: st.DataObject) -> None:
    """A ruleset of a plan with one conduit more, or less, is found at each gateway it crosses."""
    assume(plan.conduits)
    lost = data.draw(st.sampled_from(plan.conduits))
    less = replace(plan, conduits=tuple(c for c in plan.conduits if c is not lost))
    crossed = [
        name
        for name, part in slices(plan).items()
        if any(c.conduit is lost for c in part.crossings)
    ]
    gateway = data.draw(st.sampled_from(crossed))

    for loaded, signed in ((plan, less), (less, plan)):
        ruleset = listed(stamped(compile_slice(slices(loaded)[gateway])))
        proof = prove(slices(signed)[gateway], signed, STAMP, ruleset=ruleset)

        assert not proof.holds


@SLOW
@given(plan=plans())
def test_what_is_compiled_carries_every_conduit_to_its_end(plan: Plan) -> None:
    """Across all gateways arrives exactly what the conduits carry."""
    kernels = {
        name: read(listed(stamped(compile_slice(part)))) for name, part in slices(plan).items()
    }

    assert prove_paths(plan, kernels) == []
