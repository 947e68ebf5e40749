"""Have people at their desks ask for everything at the gates of a booted city, and look.

What each is answered is held against the reference decision.  Then one who was
let pass is revoked while the connection stands, and asks again.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from gateway.errors import Problem, Refused, problem
from gateway.policy.gates import Gate, gates_at
from gateway.policy.model import Plan, Resource, Subject
from gateway.policy.passages import gateway_zone
from gateway.policy.reasons import Verdict
from gateway.policy.request_reasons import RequestReason
from gateway.policy.requests import AUTHORITY, Request, RequestDecision, decide_request
from lab.hosts.blueprint import gateways_of, host_name
from lab.hosts.city import until
from lab.hosts.desk import Answer, Desk, give_card
from lab.hosts.machine import entering
from lab.hosts.places import Places
from lab.hosts.provision import environment
from lab.hosts.signing import say
from lab.layout import Layout, home

#: How long the gates may take to open, and a decision to be on the record.
_PATIENCE_SECONDS = 60
#: More often, the asking itself keeps a small machine from what is waited for.
_LOOK_SECONDS = 0.25

_OK = 200

Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: who asked for what from where, what must come of it, what came and by what."""

    subject: str
    title: str
    zone: str
    resource: str
    expected: str
    reason: str
    status: int
    decision: str
    seconds: float

    @property
    def is_right(self) -> bool:
        """Tell whether it was decided as the plan says."""
        return self.expected == self.reason


@dataclass(frozen=True, slots=True)
class Asking:
    """All of it.  `looked_up` is a refusal as the administrator reads it.

    `revoked_status` is what the revoked one was answered on the standing connection,
    `revoked_seconds` after the command was given.
    """

    asked: tuple[Asked, ...]
    looked_up: dict[str, object]
    revoked: str
    revoked_status: int
    revoked_reason: str
    revoked_decision: str
    revoked_seconds: float

    @property
    def problems(self) -> list[Problem]:
        """Give what was not as it must be."""
        found = [
            problem(
                "ZG658",
                subject=each.subject,
                resource=each.resource,
                zone=each.zone,
                found=each.reason,
                wanted=each.expected,
            )
            for each in self.asked
            if not each.is_right
        ]
        if self.revoked_reason != RequestReason.REVOKED:
            found.append(problem("ZG657", subject=self.revoked, found=self.revoked_reason))
        return found

    def as_json(self) -> dict[str, object]:
        """Give the same for a machine."""
        return asdict(self)


def has_gates(layout: Layout) -> bool:
    """Tell whether there is a gate in a city, and somebody to ask at it."""
    return bool(_seats(layout)) and bool(_gates(layout))


def ask_everything(places: Places, layout: Layout, tell: Tell) -> Asking:
    """Have everybody ask for everything; then revoke one who is let pass.

    Raises:
        Refused: a certificate is not issued, or a gate does not answer.
    """
    plan, seats = layout.plan, _seats(layout)
    tell("certifying people", "为人员签发证书")
    for subject, zone in seats:
        seat(places, subject, host_name(plan, zone))
    until(lambda: all(_is_open(places, host) for host in _keepers(layout)), _PATIENCE_SECONDS)
    asked = []
    for subject, zone in seats:
        for gate, resource in _gates(layout):
            tell(f"{subject.name} asks for {resource.name}", f"{subject.title}请求{resource.title}")
            asked.append(_ask(places, layout, (subject, zone), (gate, resource)))
    refused = next(each for each in asked if each.decision and each.status != _OK)
    tell("revoking one of them", "吊销其中一人的证书")
    who = next(each for each in asked if each.status == _OK and _is_person(plan, each.subject))
    return Asking(
        tuple(asked),
        _looked_up(places, refused.decision),
        who.subject,
        *_revoke(places, layout, who),
    )


def seat(places: Places, subject: Subject, host: str) -> None:
    """Have a subject's card at a host, by the authority that certifies such subjects.

    Raises:
        Refused: ZG676, the authority does not certify; ZG659, the host cannot be told.
    """
    profile = "person" if AUTHORITY[subject.type] == "people" else "service"
    give_card(places, host, subject.certificate, profile)


def _is_person(plan: Plan, subject: str) -> bool:
    return AUTHORITY[plan.subjects[subject].type] == "people"


def _seats(layout: Layout) -> list[tuple[Subject, str]]:
    """Give everybody who may ask from a zone that is there, each with one such zone."""
    here = {zone.name for zone in layout.zones}
    found = (
        (s, next((z for z in s.zones if z in here), "")) for s in layout.plan.subjects.values()
    )
    return [(subject, zone) for subject, zone in found if zone]


def _gates(layout: Layout) -> list[tuple[Gate, Resource]]:
    """Give each resource that lies behind a gate of the city, with its gate."""
    sites = [site for site in layout.plan.gateways if site in layout.nodes]
    return [
        (g, each) for site in sites for g in gates_at(layout.plan, site) for each in g.resources
    ]


def _keepers(layout: Layout) -> Iterator[str]:
    """Give the hosts that keep gates."""
    for site in {layout.plan.zones[gate.zone].site for gate, _ in _gates(layout)}:
        yield from gateways_of(layout.plan, site)


def _is_open(places: Places, host: str) -> bool:
    command = entering(places, host, ["loushan", "agent", "status", "--json"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return bool((json.loads(done.stdout)["gates"] or {}).get("open"))
    except (ValueError, KeyError):
        return False


def _desk(places: Places, layout: Layout, subject: Subject, zone: str, gate: Gate) -> Desk:
    plan = layout.plan
    address = layout.nodes[plan.zones[gate.zone].site].addresses[0]
    return Desk(places, host_name(plan, zone), subject.certificate, address, gate)


def _ask(
    places: Places, layout: Layout, seat: tuple[Subject, str], what: tuple[Gate, Resource]
) -> Asked:
    (subject, zone), (gate, resource) = seat, what
    expected = _expected(layout, subject, zone, gate, resource)
    try:
        answer = _desk(places, layout, subject, zone, gate).ask("GET", resource.path)
    except Refused:
        answer = Answer(0, "", "no_conduit", "", 0.0)
    reason = answer.reason or (RequestReason.GRANT if answer.status == _OK else str(answer.status))
    return Asked(
        subject.name,
        subject.title,
        zone,
        resource.name,
        expected,
        reason,
        answer.status,
        answer.decision,
        answer.seconds,
    )


def _expected(layout: Layout, subject: Subject, zone: str, gate: Gate, resource: Resource) -> str:
    """Give why it passes or not, by the reference; without a conduit nobody comes to the gate."""
    plan = layout.plan
    site = plan.zones[gate.zone].site
    before = gateway_zone(plan, site).name
    leads = any(
        (way.source, way.destination) == (zone, before)
        and any(service.name == gate.service for service in way.services)
        for way in plan.passages
    )
    if not leads:
        return "no_conduit"
    decision: RequestDecision = decide_request(
        plan,
        site,
        Request(
            source=layout.nodes[home(plan.zones[zone])].addresses[0],
            authority=AUTHORITY[subject.type],
            name=subject.certificate,
            server_name=gate.host,
            host=gate.host,
            port=gate.port,
            method="GET",
            path=resource.path,
            at=datetime.now(UTC),
        ),
    )
    return RequestReason.GRANT if decision.verdict is Verdict.ACCEPT else decision.reason


def _looked_up(places: Places, decision: str) -> dict[str, object]:
    """Have a gateway say a decision, as an administrator does who is called."""
    command = entering(
        places, decision.partition(".")[0], ["loushan", "decision", decision, "--json"]
    )

    def look() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, check=False)

    until(lambda: look().returncode == 0, _PATIENCE_SECONDS)
    said = look()
    return dict(json.loads(said.stdout)) if said.returncode == 0 else {}


def _revoke(places: Places, layout: Layout, who: Asked) -> tuple[int, str, str, float]:
    """Revoke somebody whose connection stands, and give what he is answered then."""
    plan = layout.plan
    subject = plan.subjects[who.subject]
    gate, resource = next(each for each in _gates(layout) if each[1].name == who.resource)
    words = ("pki", "revoke", str(places.authorities), subject.certificate)
    desk = _desk(places, layout, subject, who.zone, gate)
    with desk.connected() as sitting, ThreadPoolExecutor() as beside:
        answer = sitting.ask("GET", resource.path)
        began = time.monotonic()
        command = beside.submit(
            say, *words, "--deliver", "inventory/lab", environment=environment(places)
        )
        while answer.status == _OK and time.monotonic() < began + _PATIENCE_SECONDS:
            time.sleep(_LOOK_SECONDS)
            try:
                answer = sitting.ask("GET", resource.path)
            except Refused:
                # What is under way in that very moment is cut; who comes again is told why.
                answer = desk.ask("GET", resource.path)
        seconds = time.monotonic() - began
        command.result()
    return answer.status, answer.reason, answer.decision, round(seconds, 1)
