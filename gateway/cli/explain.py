"""`loushan policy explain`: may this reach that, why, and by which gateways?"""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language, Refused, problem
from gateway.policy.decide import Decision, decide
from gateway.policy.gates import Gate, gates_at, ways_to
from gateway.policy.model import Flow, Plan, Ports, Protocol, Zone
from gateway.policy.reasons import REASON_WORDS, Verdict
from gateway.policy.topology import Hop


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    place = "a zone (site.zone), its title, or an address | 安全域、称谓或地址"
    parser.add_argument("source", metavar="FROM", help=place)
    parser.add_argument("destination", metavar="TO", help=place)
    parser.add_argument(
        "service",
        metavar="SERVICE",
        help="a service's name, 443/tcp or ping | 服务名称、端口或 ping",
    )
    add_plan(parser)
    add_json(parser)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Ask which plan is meant."""
    parser.add_argument(
        "--plan",
        type=Path,
        default=Path("policy/lab"),
        metavar="PLAN",
        help="folder of the plan, policy/lab unless said | 规划文件夹",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the decision for each part of the service; 0 where all are accepted."""
    from gateway.cli.endpoints import service_named, zones_named
    from gateway.policy.plan import read_plan

    plan = read_plan(arguments.plan)
    answers = [
        _answer(arguments, plan, source, destination, part)
        for source in zones_named(plan, arguments.source)
        for destination in zones_named(plan, arguments.destination)
        for ports in service_named(plan, arguments.service)
        for part in _parts(plan, source, destination, ports)
    ]
    if arguments.json:
        say_json([answer.as_json() for answer in answers])
    else:
        for answer in answers:
            _say(arguments, plan, answer)
    accepted = all(answer.decision.verdict is Verdict.ACCEPT for answer in answers)
    return ExitStatus.OK if accepted else ExitStatus.REFUSED


@dataclass(frozen=True, slots=True)
class _Answer:
    """The decision for some ports between two zones."""

    source: Zone
    destination: Zone
    ports: Ports
    decision: Decision

    def as_json(self) -> dict[str, Any]:
        """Give it for a machine."""
        return {
            "source": self.source.name,
            "destination": self.destination.name,
            "ports": str(self.ports),
            "verdict": self.decision.verdict,
            "reason": self.decision.reason,
            "conduit": self.decision.conduit,
            "path": [
                {
                    "gateway": hop.gateway,
                    "hook": hop.hook,
                    "arrival": hop.arrival,
                    "departure": hop.departure,
                }
                for hop in self.decision.path
            ],
        }


def _parts(plan: Plan, source: Zone, destination: Zone, ports: Ports) -> list[Ports]:
    """Cut a range of ports where a conduit begins or ends, so that each part has one answer."""
    between = [
        carried
        for conduit in plan.passages
        if (conduit.source, conduit.destination) == (source.name, destination.name)
        for carried in conduit.ports
        if carried.overlaps(ports)
    ]
    cuts = {ports.low, ports.high + 1}
    for carried in between:
        cuts |= {max(carried.low, ports.low), min(carried.high, ports.high) + 1}
    return [Ports(ports.protocol, low, high - 1) for low, high in pairwise(sorted(cuts))]


def _answer(
    arguments: argparse.Namespace, plan: Plan, source: Zone, destination: Zone, ports: Ports
) -> _Answer:
    """Decide for the addresses the user gave, else for the first hosts; the families are alike."""
    from gateway.cli.endpoints import as_address, host_of

    given = as_address(arguments.source), as_address(arguments.destination)
    versions = {address.version for address in given if address is not None}
    if len(versions) > 1:
        raise Refused(problem("ZG713", one=arguments.source, two=arguments.destination))
    version = next(iter(versions), 4)
    one, two = given[0] or host_of(source, version), given[1] or host_of(destination, version)
    decision = decide(plan, Flow(one, two, ports.protocol, ports.low))
    return _Answer(source, destination, ports, decision)


def _say(arguments: argparse.Namespace, plan: Plan, answer: _Answer) -> None:
    zh = arguments.language is Language.ZH
    decision = answer.decision
    accepted = decision.verdict is Verdict.ACCEPT
    verdict = words(arguments, decision.verdict.value, "准许" if accepted else "拒绝")
    ends = [zone.title if zh else zone.name for zone in (answer.source, answer.destination)]
    say(f"{verdict}  {ends[0]} → {ends[1]}  {answer.ports}")
    reason = REASON_WORDS[decision.reason][1 if zh else 0]
    say(f"  {words(arguments, 'reason', '理由')}: {decision.reason} — {reason}")
    if decision.conduit is not None:
        conduit = next(c for c in plan.passages if c.name == decision.conduit)
        label = words(arguments, "conduit", "管道")
        say(f"  {label}: {conduit.name} {conduit.title} ({conduit.where})")
    if not accepted and (gate := _gate_before(plan, answer)) is not None:
        label = words(arguments, "gate", "闸口")
        asked = words(arguments, "requests are judged at", "请求逐一判定于")
        say(f"  {label}: {asked} https://{gate.host}:{gate.port}/ — loushan policy request")
    if decision.path:
        label = words(arguments, "gateways", "途经网关")
        say(f"  {label}: {' → '.join(map(_hop, decision.path))}")


def _gate_before(plan: Plan, answer: _Answer) -> Gate | None:
    """Give the gate that stands before what was asked for; None where there is none."""
    if answer.ports.protocol is not Protocol.TCP:
        return None
    before = (
        gate
        for gate in gates_at(plan, answer.destination.site)
        if gate.zone == answer.destination.name
        and answer.source.name in ways_to(plan, gate)
        and answer.ports.low <= gate.port <= answer.ports.high
    )
    return next(before, None)


def _hop(hop: Hop) -> str:
    """Write a gateway with the interfaces a packet comes and goes by; a dot is itself."""
    return f"{hop.gateway} [{hop.arrival or '·'} > {hop.departure or '·'}]"
