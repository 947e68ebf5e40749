"""`loushan policy reach`: what may this reach, and who may reach it?"""

import argparse
from collections.abc import Iterable

from gateway.cli.explain import add_plan
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language
from gateway.policy.model import Conduit, Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "place",
        metavar="X",
        help="a zone (site.zone), a site, a title or an address | 安全域、站点、称谓或地址",
    )
    add_plan(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print both directions."""
    from gateway.cli.endpoints import zones_named
    from gateway.policy.plan import read_plan

    plan = read_plan(arguments.plan)
    zones = {zone.name for zone in zones_named(plan, arguments.place)}
    outward = [c for c in plan.conduits if c.source in zones]
    inward = [c for c in plan.conduits if c.destination in zones]
    if arguments.json:
        say_json(
            {"reaches": list(map(_as_json, outward)), "reached_by": list(map(_as_json, inward))}
        )
        return ExitStatus.OK
    _say(arguments, plan, words(arguments, "may reach", "可达"), outward)
    _say(arguments, plan, words(arguments, "may be reached by", "可被以下到达"), inward)
    return ExitStatus.OK


def _say(
    arguments: argparse.Namespace, plan: Plan, heading: str, conduits: Iterable[Conduit]
) -> None:
    rows = sorted(conduits, key=lambda c: (c.source, c.destination, c.name))
    say(f"{arguments.place} {heading} ({len(rows)}):")
    if not rows:
        say(f"  {words(arguments, 'nothing', '无')}")
    for conduit in rows:
        one, two = plan.zones[conduit.source], plan.zones[conduit.destination]
        zh = arguments.language is Language.ZH
        ends = (one.title, two.title) if zh else (one.name, two.name)
        ports = ", ".join(map(str, conduit.ports))
        say(f"  {ends[0]} → {ends[1]}  {ports}  ({conduit.name})")


def _as_json(conduit: Conduit) -> dict[str, object]:
    return {
        "source": conduit.source,
        "destination": conduit.destination,
        "ports": [str(ports) for ports in conduit.ports],
        "conduit": conduit.name,
        "label": str(conduit.label),
    }
