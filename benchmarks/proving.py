"""The proof of one gateway, in a process of its own whose memory is its own.

Run as a program, it proves the gateway of the namespace it is in and says
what that cost, as JSON.
"""

import json
import sys
from dataclasses import asdict, dataclass

from benchmarks.cost import measured, peak_bytes
from benchmarks.loading import gates
from benchmarks.synthetic import GATEWAY, plan
from gateway.errors import Language
from gateway.policy.topology import slices
from gateway.verify.proof import prove
from lab import namespace


@dataclass(frozen=True, slots=True)
class Proving:
    """What one proof cost: processor seconds, nft's included, and the most memory in bytes."""

    cpu_seconds: float
    wall_seconds: float
    memory_bytes: int


def measure(size: int, rounds: int) -> list[Proving]:
    """Load a plan of a size and prove it, each time in a new process.

    Raises:
        Refused: it could not be proven.
    """
    with gates(size) as gate:
        gate.bring(plan(size))
        command = [sys.executable, "-m", "benchmarks.proving", str(size)]
        answers = [namespace.run(gate.road.gateway, command) for _ in range(rounds)]
    return [Proving(**json.loads(answer)) for answer in answers]


def _prove_here(size: int) -> Proving:
    given = plan(size)
    part = slices(given)[GATEWAY]
    proof, cost = measured(lambda: prove(part, given, None))
    if not proof.holds:
        raise SystemExit("\n".join(finding.text(Language.EN) for finding in proof.findings))
    return Proving(cost.cpu_seconds, cost.wall_seconds, peak_bytes())


if __name__ == "__main__":
    done = _prove_here(int(sys.argv[1]))
    sys.stdout.write(json.dumps(asdict(done)))
