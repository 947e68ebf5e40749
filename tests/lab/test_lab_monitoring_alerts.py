"""Every alert arrives: what it is of is caused on a real host of the booted city.

Much of it at once, on different gateways; each must arrive at a receiver as exactly its alert.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.lab import faults, faults_beside
from tests.lab.pair import FIRST, SECOND, settle
from tests.lab.receiver import HOST, Receiver, now, receiving
from tests.lab.town import Town, until
from tests.lab.watching import query
from tests.monitoring.promtool import alerts

pytestmark = pytest.mark.lab

OPERATIONS = faults_beside.OPERATIONS

#: What is told by who misses the monitoring host, and has a test of its own.
WATCHDOG = "Watchdog"

Cause = Callable[[Town], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to a host, and the alert of it; `of` are labels by which it is known.

    `lasts` is what goes on being told for minutes after it is mended.
    """

    name: str
    alert: str
    site: str
    cause: Cause
    of: dict[str, str] = field(default_factory=dict)
    lasts: bool = False

    @property
    def labels(self) -> dict[str, str]:
        """By what it is known where it arrives."""
        return {"alertname": self.alert, "site": self.site, **self.of}


def _at(cause: Callable[..., AbstractContextManager[None]], *hosts: str) -> Cause:
    return lambda town: cause(town, *hosts)


#: All at once, for as long as it takes until each is told; first what takes longest.
LASTING = (
    Fault(
        "much is refused",
        "RefusalsMany",
        "suiyang",
        _at(faults_beside.flooded, "suiyang.office", "city.business"),
        {"reason": "no_conduit"},
        lasts=True,
    ),
    Fault("the log host is away", "LogHostUnreachable", "log_host", faults_beside.log_host_away),
    Fault("a server hangs", "ServiceSilent", "city", faults_beside.enrolment_frozen),
    Fault("IPv6 gets lost", "WayLost", "huichuan", _at(faults_beside.way_lost, "huichuan-gw")),
    Fault("a backup is old", "BackupOld", "suiyang", _at(faults.backup_old, "suiyang-gw")),
    Fault(
        "a journal does not arrive",
        "LogForwardingBehind",
        "housing",
        _at(faults.journal_behind, "housing-gw"),
    ),
    Fault(
        "a machine's exporter ends",
        "GatewayUnwatched",
        "huichuan-tax",
        _at(faults.machine_unknown, "huichuan-tax-gw"),
    ),
    Fault(
        "a clock is said to be fast", "ClockSkewed", "suiyang", _at(faults.clock_fast, "suiyang-gw")
    ),
    Fault(
        "a disk is nearly full",
        "DiskNearlyFull",
        "yangchuan",
        _at(faults.disk_full, "yangchuan-gw"),
        {"mountpoint": "/srv", "severity": "urgent"},
    ),
    Fault(
        "a policy ends in days",
        "PolicyExpiring",
        "yangchuan",
        _at(faults.policy_ending, "yangchuan-gw"),
        {"severity": "urgent"},
    ),
    Fault(
        "a program was changed",
        "FilesChanged",
        "yangchuan",
        _at(faults.program_changed, "yangchuan-gw"),
    ),
    Fault("nobody proves", "PolicyUnproven", "suiyang", _at(faults.loader_gone, "suiyang-gw")),
    Fault(
        "a line is cut",
        "LinkDown",
        "city",
        _at(faults.cable_pulled, "tax-gw", "city-gw"),
        {"link": "tax"},
    ),
    Fault(
        "a gateway is off", "LinkDown", "city", _at(faults.powerless, "hall-gw"), {"link": "hall"}
    ),
    Fault(
        "one of a pair does not answer",
        "GatewayDown",
        "city",
        _at(faults.exporter_stopped, SECOND),
        {"instance": SECOND},
    ),
    Fault(
        "a gateway's exporter ends",
        "GatewaySilent",
        "suiyang-housing",
        _at(faults.exporter_stopped, "suiyang-housing-gw"),
    ),
    Fault(
        "a ruleset is tampered with",
        "DriftRepaired",
        "huichuan-tax",
        _at(faults.tampered, "huichuan-tax-gw"),
        lasts=True,
    ),
    Fault("an agent ends", "AgentSilent", "huichuan", _at(faults.agent_stopped, "huichuan-gw")),
    Fault(
        "a certificate ends in days",
        "CertificateExpiring",
        "housing",
        _at(faults.certificate_ending, "housing-gw"),
        {"certificate": "metrics", "severity": "urgent"},
    ),
    Fault(
        "a list has run out",
        "CrlStale",
        "housing",
        _at(faults.list_ended, "housing-gw"),
        {"authority": "links", "severity": "urgent"},
    ),
)

#: One after the other beside those, each until it is told, and where it does not last, until it is
#: told to be over: what comes next may inhibit it, and then nobody is told that.
PASSING = (
    Fault(
        "the monitoring host's exporter ends",
        "MonitoringFaulty",
        "city",
        faults_beside.part_stopped,
        {"part": "machine"},
    ),
    Fault("the proxy ends", "GatesClosed", "city", _at(faults_beside.proxy_stopped, FIRST)),
    Fault(
        "decisions are not recorded",
        "DecisionLogStopped",
        "city",
        _at(faults_beside.log_stopped, FIRST),
    ),
    Fault(
        "a decision was taken away",
        "DecisionLogDamaged",
        "city",
        _at(faults_beside.log_cut, FIRST),
        lasts=True,
    ),
    Fault(
        "nobody hears what is told",
        "AlertsUndelivered",
        "city",
        faults_beside.watchdog_deaf,
        lasts=True,
    ),
)

FAULTS = (*LASTING, *PASSING)


@dataclass
class Course:
    """How it went: when each fault was caused and mended, by its name."""

    receiver: Receiver
    begun: float
    caused: dict[str, float] = field(default_factory=dict)
    mended: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, tuple[float, float | None]] = field(default_factory=dict)

    def is_told(self, fault: Fault) -> bool:
        """Tell whether a fault has arrived."""
        return self.receiver.hears(self.begun, fault.labels) is not None

    def all_told(self, *these: Fault) -> None:
        """Wait until faults have arrived.

        Raises:
            AssertionError: some have not; with what has.
        """
        if not until(lambda: all(map(self.is_told, these)), 90):
            missing = [each.name for each in these if not self.is_told(each)]
            raise AssertionError(missing, self.receiver.told(self.begun))


@pytest.fixture(scope="module")
def course(town: Town) -> Iterator[Course]:
    """Cause every fault, wait until each is told, and mend all."""
    settle(town)
    with receiving(town) as receiver:
        went = Course(receiver, now())
        with ExitStack() as stack:
            for fault in LASTING:
                stack.enter_context(_caused(town, fault, went))
            for fault in PASSING:
                with _caused(town, fault, went):
                    went.all_told(fault)
                if not fault.lasts:
                    receiver.waits(went.begun, 90, fault.labels, is_over=True)
            went.all_told(*LASTING)
        yield went


@contextmanager
def _caused(town: Town, fault: Fault, went: Course) -> Iterator[None]:
    """Cause a fault, and note when that was, and when it was mended."""
    went.caused[fault.name] = now()
    with fault.cause(town):
        yield
    went.mended[fault.name] = now()


def test_every_alert_has_its_fault() -> None:
    """None is believed to arrive that was never seen to."""
    assert {fault.alert for fault in FAULTS} | {WATCHDOG} == {each["alert"] for each in alerts()}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.name))
def test_a_fault_is_told_and_is_over_when_it_is_mended(course: Course, fault: Fault) -> None:
    """At the receiver, by its labels; that a warning is over is told after five minutes."""
    told = course.receiver.waits(course.begun, 1, fault.labels)
    is_urgent, over = told.labels["severity"] == "urgent", None
    if is_urgent and not fault.lasts:
        over = course.receiver.waits(course.begun, 60, fault.labels, is_over=True)

    after = None if over is None else over.at - course.mended[fault.name]
    course.seconds[fault.name] = (told.at - course.caused[fault.name], after)
    assert fault.lasts or until(lambda: not _fires(course, fault), 60)
    assert told.labels["severity"] in {"urgent", "warning"}


def _fires(course: Course, fault: Fault) -> bool:
    """Tell whether Prometheus still says so, be it told or not."""
    inside = ",".join(f'{name}="{value}"' for name, value in fault.labels.items())
    return bool(query(course.receiver.town, f'ALERTS{{alertstate="firing",{inside}}}'))


def test_nothing_else_is_told(course: Course) -> None:
    """One fault is one alert: what follows from it is not told, and nor is anything of others."""
    wanted = {(fault.alert, fault.site, fault.of.get("link", "")) for fault in FAULTS}

    came = (each.labels for each in course.receiver.told(course.begun))
    told = {(of["alertname"], of["site"], of.get("link", "")) for of in came}

    assert told == wanted


@pytest.mark.parametrize("words", ["【告警】LinkDown", "[alert] LinkDown", "【解除】LinkDown"])
def test_it_is_in_the_journal_of_the_monitoring_host(course: Course, words: str) -> None:
    """In words, in both languages, also that it is over."""
    told = course.receiver.town.journal(HOST, "--unit=loushan-notify.service")

    assert words in told


def test_who_is_silenced_is_missed_elsewhere(course: Course) -> None:
    """Prometheus ends: nobody could say so but another host, which does; and that it is back."""
    town, unit = course.receiver.town, "loushan-watchdog.service"
    cursor, stopped = town.cursor(OPERATIONS), now()
    town.must(HOST, "systemctl", "stop", "loushan-prometheus.service")
    try:
        assert until(lambda: "【告警】Watchdog" in town.since(OPERATIONS, cursor, unit), 60)
        silent = now() - stopped
    finally:
        town.must(HOST, "systemctl", "start", "loushan-prometheus.service")
    begun = now()
    assert until(lambda: "【解除】Watchdog" in town.since(OPERATIONS, cursor, unit), 60)
    course.seconds["Prometheus ends (dead man's switch)"] = (silent, now() - begun)


def test_the_seconds_are_said(
    course: Course, record_property: Callable[[str, object], None]
) -> None:
    """At the end of the run."""
    lines = [
        f"{name:40} told after {told:5.1f} s"
        + ("" if over is None else f", said to be over {over:5.1f} s after it was mended")
        for name, (told, over) in course.seconds.items()
    ]
    record_property("faults of the lab, from their cause to a receiver", "\n".join(lines))

    assert all(re.search(r"after +\d", line) for line in lines)
