"""The order of the questions: from the cable up to what the two ends agree, one link's first fault.

What is asked first is what all that comes after it stands on, and costs least.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.agent.links import LinkState, link_states
from gateway.diagnose import firewall
from gateway.diagnose.carried import carries_less
from gateway.diagnose.credentials import PRIVATE_KEY, Held, held, list_fault, moment, own_fault
from gateway.diagnose.knock import Answer, knock
from gateway.diagnose.talk import LIFE_SECONDS, Heard, hear
from gateway.diagnose.verdict import Evidence, Verdict
from gateway.diagnose.words import Reading, Sign, read, time_of
from gateway.errors import NOWHERE, Language, Problem, Refused, problem
from gateway.load.inforce import Stamp
from gateway.policy.lines import Line, lines_of
from gateway.policy.model import Plan
from gateway.policy.names import gateway_host, gateway_identity, identifier
from gateway.policy.reasons import REASON_WORDS
from gateway.vici import Section, Vici, ViciRefused

#: Lines that are knocked at at the same time.
_MOST_AT_ONCE: Final = 16

#: Of a long sentence of strongSwan's, what a person still reads.
_LONGEST_WORDS: Final = 120


@dataclass(frozen=True, slots=True)
class Gateway:
    """Whose links are tested: the site, the plan that it accepted, and where its strongSwan is."""

    site: str
    plan: Plan
    stamp: Stamp
    daemon: Path

    @property
    def identity(self) -> str:
        """Our name in our certificate."""
        return gateway_identity(self.plan.name, self.site)


@dataclass(slots=True)
class _Case:
    """One link while it is looked at."""

    line: Line
    evidence: list[Evidence] = field(default_factory=list)
    problem: Problem | None = None
    before: LinkState | None = None
    after: LinkState | None = None
    heard: Heard | None = None

    @property
    def peer(self) -> str:
        return self.line.neighbour

    @property
    def name(self) -> str:
        """How strongSwan calls it."""
        return identifier(self.line.neighbour)

    def note(self, what: str, found: object) -> None:
        self.evidence.append(Evidence(what, str(found)))

    def finds(self, code: str, **params: object) -> None:
        """Take a fault, unless there is one: the first is what the others come from."""
        self.problem = self.problem or problem(code, NOWHERE, peer=self.peer, **params)


def find(gateway: Gateway, wanted: Sequence[str] = ()) -> list[Verdict]:
    """Give a verdict for each link of a gateway, or for those to some neighbours.

    Raises:
        Refused: ZG900, there is no such neighbour; or the kernel cannot be asked.
    """
    cases = [_Case(line) for line in _chosen(gateway, wanted)]
    for case in cases:
        _look_at_port(case)
    # strongSwan that does not run makes the agent close the gateway, so it is asked before.
    known = _ask_strongswan(gateway, _open(cases))
    _look_at_filter(_open(cases))
    if known is not None:
        _look_at_ourselves(gateway, known, _open(cases))
        _knock(gateway, _open(cases))
        _talk(gateway, known, _open(cases))
    now = datetime.now(UTC)
    return [Verdict(c.peer, c.problem, tuple(c.evidence), now, c.after or c.before) for c in cases]


def _open(cases: Iterable[_Case]) -> list[_Case]:
    return [case for case in cases if case.problem is None]


def _chosen(gateway: Gateway, wanted: Sequence[str]) -> list[Line]:
    lines = {line.neighbour: line for line in lines_of(gateway.plan, gateway.site)}
    for name in wanted:
        if name not in lines:
            raise Refused(problem("ZG900", name=name, known=", ".join(lines) or "-"))
    return [lines[name] for name in wanted] if wanted else list(lines.values())


# --- the line -----------------------------------------------------------------------------------


def _look_at_port(case: _Case) -> None:
    from gateway.diagnose.line import line_end  # noqa: PLC0415 - pyroute2 is heavy

    found = line_end(case.line.interface, case.line.own)
    case.note(case.line.interface, found)
    if not found.is_there:
        case.finds("ZG901", interface=case.line.interface)
    elif not found.is_on:
        case.finds("ZG903", interface=case.line.interface)
    elif not found.has_carrier:
        case.finds("ZG902", interface=case.line.interface)
    elif not found.has_address:
        case.finds("ZG904", interface=case.line.interface, address=case.line.own)


# --- this gateway -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """What strongSwan said: its links, what each was asked to be, and what it has to show."""

    states: dict[str, LinkState]
    connections: dict[str, Section]
    held: Held


def _ask_strongswan(gateway: Gateway, cases: Sequence[_Case]) -> _Known | None:
    try:
        states = {state.name: state for state in link_states(gateway.daemon)}
        with Vici(gateway.daemon) as vici:
            connections = _by_name(vici.stream("list-conns", "list-conn"))
            known = _Known(states, connections, held(vici, gateway.identity))
    except (Refused, ViciRefused) as fault:
        error = fault.problems[0].params[0][1] if isinstance(fault, Refused) else fault
        for case in cases:
            case.note("strongSwan", error)
            case.finds("ZG930", error=error)
        return None
    for case in cases:
        case.before = known.states.get(case.name)
        case.note("strongSwan", _stands(case.before))
    return known


def _stands(state: LinkState | None) -> str:
    if state is None:
        return "no connection"
    return f"established {state.seconds} s" if state.is_up else "not established"


def _look_at_filter(cases: Sequence[_Case]) -> None:
    try:
        found = firewall.look()
    except Refused as fault:
        for case in cases:
            texts = [each.text(language) for each in fault.problems for language in Language]
            case.finds("ZG920", reason_en=texts[0], reason_zh=texts[1])
        return
    for case in cases:
        if found.closed:
            case.note("firewall", found.closed)
            case.finds("ZG920", **_both(found.closed))
        elif missing := found.refusal(case.line):
            case.note("firewall", missing)
            case.finds("ZG921", reason=missing)
        else:
            case.note("firewall", "lets the link's packets pass")


def _both(reason: str) -> dict[str, str]:
    """Give a reason in both languages; what the kernel says has only one."""
    known = {str(each): said for each, said in REASON_WORDS.items()}
    return dict(zip(("reason_en", "reason_zh"), known.get(reason, (reason, reason)), strict=True))


def _look_at_ourselves(gateway: Gateway, known: _Known, cases: Sequence[_Case]) -> None:
    """A link that stands is not asked by what it was made; the agent ends it when it must."""
    now, grace_hours = datetime.now(UTC), gateway.plan.links.grace_hours
    fault = own_fault(known.held, gateway.identity, gateway.site, now)
    fault = fault or list_fault(known.held, now, grace_hours)
    for case in cases:
        if case.name not in known.connections:
            case.finds("ZG931")
        elif case.before is None or not case.before.is_up:
            case.note("certificate", fault.code if fault else "in order")
            case.problem = fault


# --- the peer -----------------------------------------------------------------------------------


def _knock(gateway: Gateway, cases: Sequence[_Case]) -> None:
    before = firewall.refusals()
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        answers = list(pool.map(_knock_at, cases))
    for case, (answer, state) in zip(cases, answers, strict=True):
        case.note("IKE port", answer.value)
        if state:
            case.note("neighbour", state)
        _judge_answer(gateway, case, answer, state, before)


def _knock_at(case: _Case) -> tuple[Answer, str]:
    from gateway.diagnose.line import neighbour  # noqa: PLC0415 - pyroute2 is heavy

    try:
        answer = knock(case.line.own, case.line.far)
    except OSError:
        answer = Answer.SILENCE
    if answer not in {Answer.SILENCE, Answer.NOBODY}:
        return answer, ""
    return answer, neighbour(case.line.interface, case.line.own, case.line.far)


def _judge_answer(
    gateway: Gateway, case: _Case, answer: Answer, state: str, before: dict[str, int]
) -> None:
    from gateway.diagnose.line import is_answered  # noqa: PLC0415 - as above

    if answer is Answer.NO_PROGRAM:
        case.finds("ZG911")
    elif answer is Answer.NOT_LET_OUT or (answer is not Answer.IKE and _others()):
        counted = firewall.counted(before, firewall.refusals())
        reason = ", ".join(filter(None, (*_others(), counted))) or answer.value
        case.note("firewall", reason)
        case.finds("ZG921", reason=reason)
    elif answer is not Answer.IKE and not is_answered(state):
        case.finds("ZG910", state=state)
    elif answer is Answer.SILENCE and gateway.plan.sites[case.peer].managed:
        # Who is not ours may refuse our knock, and yet take a link.
        case.finds("ZG922", revision=gateway.stamp.revision)


def _others() -> tuple[str, ...]:
    """Give the tables of this host's packet filter that are not ours."""
    try:
        return firewall.look().foreign
    except Refused:
        return ()


# --- what the two agree -------------------------------------------------------------------------


def _talk(gateway: Gateway, known: _Known, cases: Sequence[_Case]) -> None:
    if not cases:
        return
    for case in cases:
        case.heard = Heard(case.name, case.line.far, case.line.is_up, case.before)
    try:
        hear(gateway.daemon, [case.heard for case in cases if case.heard is not None])
        states = {state.name: state for state in link_states(gateway.daemon)}
        with Vici(gateway.daemon) as vici:
            standing = _by_name(vici.stream("list-sas", "list-sa"))
    except (Refused, ViciRefused) as fault:
        for case in cases:
            case.finds("ZG930", error=fault)
        return
    for case in cases:
        case.after = states.get(case.name)
        if case.heard is not None:
            _judge_talk(gateway, known, case, case.heard, standing)


def _judge_talk(
    gateway: Gateway, known: _Known, case: _Case, heard: Heard, standing: dict[str, Section]
) -> None:
    reading = read(heard.lines)
    if reading is not None:
        case.note("strongSwan said", reading.said[:_LONGEST_WORDS])
    is_up = case.after is not None and case.after.is_up
    if is_up and heard.stood and not heard.is_alive:
        case.finds("ZG913", seconds=int(LIFE_SECONDS))
    elif is_up and carries_less(known.connections[case.name], standing.get(case.name, {})):
        case.finds("ZG942", revision=gateway.stamp.revision)
    elif is_up:
        case.note("link", "answers")
    else:
        case.problem = _fault_in(gateway, known, case, reading, heard)


def _fault_in(
    gateway: Gateway, known: _Known, case: _Case, reading: Reading | None, heard: Heard
) -> Problem:
    """Give the fault that strongSwan's words tell of."""
    last = heard.lines[-1] if heard.lines else "-"
    if reading is None:
        return problem("ZG970", peer=case.peer, said=last[:_LONGEST_WORDS])
    told = _Told(gateway, known, case.peer, reading, datetime.now(UTC))
    return _FAULTS[reading.sign](told)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a sentence about strongSwan's words is made of."""

    gateway: Gateway
    known: _Known
    peer: str
    reading: Reading
    now: datetime

    def problem(self, code: str, **params: object) -> Problem:
        found = {"peer": self.peer, "said": self.reading.said[:_LONGEST_WORDS]}
        return problem(
            code, NOWHERE, **{**found, "revision": self.gateway.stamp.revision, **params}
        )

    def of_a_list(self) -> Problem:
        """Name the list; what is wrong with it can be seen here."""
        return list_fault(self.known.held, self.now) or self.problem("ZG958")

    def refused(self) -> Problem:
        """Lists come to all gateways alike: where ours has run out, so has the peer's."""
        return list_fault(self.known.held, self.now) or self.problem("ZG957", own=self.gateway.site)

    def revoked(self) -> Problem:
        """Tell the peer's own certificate from that of an authority above it."""
        if self.reading.found.get("subject", "").endswith(f"CN={gateway_host(self.peer)}"):
            return self.problem("ZG955", since=self.time("since"))
        return self.problem("ZG958")

    def out_of_time(self) -> Problem:
        times = {"since": self.time("since"), "until": self.time("until")}
        host = gateway_host(self.peer)
        return self.problem("ZG956", now=moment(self.now), host=host, **times)

    def time(self, name: str) -> str:
        """Give a time that strongSwan told, as we write it; its own words where it is none."""
        text = self.reading.found.get(name, "?")
        at = time_of(text)
        return moment(at) if at else text


_FAULTS: Final[dict[Sign, Callable[[_Told], Problem]]] = {
    Sign.NO_KEY: lambda told: told.problem(
        "ZG950",
        **PRIVATE_KEY,
        identity=told.gateway.identity,
        host=gateway_host(told.gateway.site),
    ),
    Sign.REVOKED: _Told.revoked,
    Sign.LIST_AHEAD: _Told.of_a_list,
    Sign.LIST_ENDED: _Told.of_a_list,
    Sign.LIST_MISSING: _Told.of_a_list,
    Sign.OUT_OF_TIME: _Told.out_of_time,
    Sign.NOT_ITS_KEY: lambda told: told.problem("ZG958"),
    Sign.ANOTHER_NAME: lambda told: told.problem("ZG959"),
    Sign.NOT_TRUSTED: lambda told: told.problem("ZG958"),
    Sign.NO_SUCH_LINK: lambda told: told.problem("ZG931"),
    Sign.OTHER_ALGORITHMS: lambda told: told.problem("ZG940"),
    Sign.OTHER_ADDRESSES: lambda told: told.problem("ZG941"),
    Sign.CROWDED: lambda told: told.problem("ZG912"),
    Sign.REFUSED: lambda told: told.problem("ZG957", own=told.gateway.site),
    Sign.NO_ANSWER: lambda told: told.problem("ZG912"),
}


def _by_name(told: Iterable[Section]) -> dict[str, Section]:
    return dict(_named(told))


def _named(told: Iterable[Section]) -> Iterator[tuple[str, Section]]:
    for section in told:
        yield from ((n, each) for n, each in section.items() if isinstance(each, dict))
