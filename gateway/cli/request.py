"""`loushan policy request`: may this subject do that at a gate, and by which grant?"""

import argparse
from datetime import datetime

from gateway.cli.asked import add_asked, asked_for, subject_named
from gateway.cli.explain import add_plan
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language
from gateway.policy.model import Plan
from gateway.policy.reasons import Verdict
from gateway.policy.request_reasons import REQUEST_REASON_WORDS
from gateway.policy.requests import (
    AUTHORITY,
    CHINA,
    Request,
    RequestDecision,
    decide_request,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_asked(parser)
    parser.add_argument(
        "--from",
        dest="zone",
        metavar="ZONE",
        help="where it asks from, each of its zones unless said | 从何处发起",
    )
    parser.add_argument(
        "--at",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="when, as in 2026-11-25T09:30, by the time of China; now unless said | 何时,北京时间",
    )
    add_plan(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the decision from each zone; 0 where all are accepted."""
    from gateway.cli.endpoints import host_of, zones_named
    from gateway.policy.plan import read_plan

    plan = read_plan(arguments.plan)
    subject = subject_named(plan, arguments.subject)
    asked = asked_for(plan, arguments.resource)
    at = arguments.at or datetime.now(CHINA)
    zones = (
        zones_named(plan, arguments.zone)
        if arguments.zone
        else [plan.zones[name] for name in subject.zones]
    )
    found = {
        zone.name: decide_request(
            plan,
            asked.site,
            Request(
                source=host_of(zone, 4),
                authority=AUTHORITY[subject.type],
                name=subject.certificate,
                server_name=asked.gate.host,
                host=asked.gate.host,
                port=asked.port,
                method=arguments.method,
                path=asked.path,
                at=at if at.tzinfo else at.replace(tzinfo=CHINA),
            ),
        )
        for zone in zones
    }
    if arguments.json:
        say_json([{"from": zone, **_as_json(decision)} for zone, decision in found.items()])
    else:
        for zone, decision in found.items():
            _say(arguments, plan, zone, decision)
    accepted = all(decision.verdict is Verdict.ACCEPT for decision in found.values())
    return ExitStatus.OK if accepted else ExitStatus.REFUSED


def _as_json(decision: RequestDecision) -> dict[str, object]:
    return {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "subject": decision.subject,
        "resource": decision.resource,
        "grant": decision.grant,
    }


def _say(arguments: argparse.Namespace, plan: Plan, zone: str, decision: RequestDecision) -> None:
    zh = arguments.language is Language.ZH
    accepted = decision.verdict is Verdict.ACCEPT
    verdict = words(arguments, decision.verdict.value, "准许" if accepted else "拒绝")
    place = plan.zones[zone].title if zh else zone
    what = plan.resources[decision.resource].title if decision.resource else arguments.resource
    say(f"{verdict}  {place}  {arguments.subject} {arguments.method} {what}")
    reason = REQUEST_REASON_WORDS[decision.reason][1 if zh else 0]
    say(f"  {words(arguments, 'reason', '理由')}: {decision.reason} — {reason}")
    if decision.grant is not None:
        grant = next(each for each in plan.grants if each.name == decision.grant)
        say(f"  {words(arguments, 'grant', '授权')}: {grant.name} ({grant.where})")
