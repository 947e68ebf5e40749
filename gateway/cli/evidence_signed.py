"""What two people signed, as the desk has it: evidence is held to that, not to variables."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from gateway.agent.signed import SignedPlan
from gateway.cli.signed import read_signed_plan
from gateway.errors import Language, Refused
from gateway.evidence.evidence import SignedBy
from gateway.evidence.hosts_asked import AskedHost
from gateway.evidence.judge import SignedWaiver, Waivers
from gateway.policy.host_settings import HostKind, waived_at
from gateway.policy.model import Plan


def read_signed(hosts: Sequence[AskedHost]) -> tuple[SignedBy, SignedPlan | None]:
    """Verify the plan that the inventory is made of; where nobody signed it, say so."""
    places = {(host.plan, host.trust) for host in hosts if host.plan}
    if len(places) != 1 or not all(next(iter(places))):
        return SignedBy(problem="the inventory names no plan with signers"), None
    folder, trust = next(iter(places))
    try:
        plan = read_signed_plan(Path(folder), Path(trust))
    except Refused as refused:
        return SignedBy(problem=refused.problems[0].render(Language.ZH).splitlines()[0]), None
    stamp = plan.stamp
    by = SignedBy(stamp.plan, plan.plan.title, stamp.revision, stamp.digest, signers_of(plan))
    return by, plan


def signers_of(plan: SignedPlan) -> tuple[str, ...]:
    """Give who signed, the author first."""
    return (plan.verified.author.name, plan.verified.bureau.name)


def held_to(host: AskedHost, plan: Plan | None, digest: str, today: date) -> AskedHost:
    """Give a host with what is signed for it.

    A variable of somebody's inventory that says `waived` lets nobody off.
    """
    known = set(HostKind)
    waived: Mapping[str, str] = {}
    if plan is not None and host.kind in known:
        waived = waived_at(plan, host.site, HostKind(host.kind), today)
    return replace(host, signed=digest, waived=waived)


def waivers_of(plan: Plan, signers: tuple[str, ...]) -> Waivers:
    """Give who waives what, by setting, site and kind; the one that lasts longest counts."""
    found: dict[tuple[str, str, str], SignedWaiver] = {}
    for waiver in sorted(plan.setting_waivers, key=lambda each: each.until):
        signed = SignedWaiver(waiver.setting, waiver.reason, waiver.until, signers)
        where = ((site, str(kind)) for site in waiver.sites for kind in waiver.hosts)
        found |= {(waiver.setting, site, kind): signed for site, kind in where}
    return found
