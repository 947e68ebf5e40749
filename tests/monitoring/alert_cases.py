"""When each alert fires, and when it does not, as promtool reads it: a value every five seconds.

`-360+5x40` is what is always 360 before the time, so that a case can stand on a bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured, and which alerts fire of it at a moment; none, where it is quiet."""

    alert: str
    says: str
    series: Labels
    firing: tuple[Labels, ...] = ()
    at: str = "1m"

    @property
    def is_quiet(self) -> bool:
        """Whether the alert that it is about does not fire."""
        return all(each["alertname"] != self.alert for each in self.firing)

    @property
    def name(self) -> str:
        """How it is called."""
        return f"{self.alert} {'is quiet' if self.is_quiet else 'fires'}: {self.says}"


TAX = {"instance": "tax-gw", "site": "tax", "branch": "tax"}
CITY = {"instance": "city-gw", "site": "city", "pair": "yes"}
CITY_2 = {**CITY, "instance": "city-gw-2"}
SUIYANG = {"instance": "suiyang-gw", "site": "suiyang", "branch": "suiyang"}
TOWNSHIP = {"instance": "yangchuan-gw", "site": "yangchuan", "branch": "suiyang"}

_OURS, _NODE = {"job": "loushan"}, {"job": "node"}
_DAY = 86_400


def _of(name: str, *labels: Labels) -> str:
    merged = {key: value for each in labels for key, value in each.items()}
    inside = ",".join(f'{key}="{value}"' for key, value in merged.items())
    return f"{name}{{{inside}}}"


def _fires(alert: str, severity: str, *labels: Labels) -> Labels:
    merged = {key: value for each in labels for key, value in each.items()}
    return {"alertname": alert, "severity": severity, **merged}


def _silent(site: str, branch: str) -> Labels:
    """Give the alert of a site of which no gateway answers."""
    of = {"site": site, "cut_off": site, "trunk": "no" if branch else "yes"}
    return _fires("GatewaySilent", "urgent", of, {"branch": branch} if branch else {})


def _cut(site: str, link: str, branch: str, trunk: str) -> Labels:
    """Give the alert of a link that is down."""
    of = {"site": site, "link": link, "branch": branch, "cut_off": link, "trunk": trunk}
    return _fires("LinkDown", "urgent", of)


# --- the policy -----------------------------------------------------------------------------------


def _proof(proven: str, before: int) -> dict[str, str]:
    """Give what a gateway says of its proof, which is always so many seconds old."""
    return {
        _of("up", _OURS, TAX): "1x40",
        _of("loushan_proven", _OURS, TAX): proven,
        _of("loushan_proof_timestamp_seconds", _OURS, TAX): f"{-before}+5x40",
        _of("loushan_proof_interval_seconds", _OURS, TAX): "60x40",
    }


def _counted(name: str, values: str, *labels: Labels) -> dict[str, str]:
    return {_of(name, TAX, *labels): values}


_UNPROVEN = (_fires("PolicyUnproven", "urgent", _OURS, TAX),)
_AGENT = {"source": "agent"}
_ENDS = "loushan_policy_expiry_timestamp_seconds"
_ENDING = _fires("PolicyExpiring", "warning", TAX)

_OF_THE_POLICY = (
    Case("PolicyUnproven", "proven, and not too long ago", _proof("1x40", 359)),
    Case("PolicyUnproven", "a repair takes a moment", _proof("1x9 0x5 1x30", 0), at="75s"),
    Case(
        "PolicyUnproven",
        "who does not answer is another alert's matter",
        {_of("up", _OURS, TAX): "0x40"},
        (_silent("tax", "tax"),),
    ),
    Case("PolicyUnproven", "it says so", _proof("0x40", 0), _UNPROVEN),
    Case("PolicyUnproven", "three proofs have not come", _proof("1x40", 360), _UNPROVEN),
    Case("PolicyUnproven", "nothing is said of it", {_of("up", _OURS, TAX): "1x40"}, _UNPROVEN),
    Case(
        "PolicyUnproven",
        "the agent is back, and proves",
        _proof("0x14 1x40", 0) | _counted("loushan_source_up", "0x10 1x40", _AGENT),
        at="75s",
    ),
    Case(
        "PolicyUnproven",
        "the agent speaks, and does not prove",
        _proof("0x40", 0) | _counted("loushan_source_up", "1x40", _AGENT),
        _UNPROVEN,
    ),
    Case("AgentSilent", "it speaks", _counted("loushan_source_up", "1x40", _AGENT)),
    Case(
        "AgentSilent",
        "the log is another alert's matter",
        _counted("loushan_source_up", "0x40", {"source": "log"}),
    ),
    Case(
        "AgentSilent",
        "what it wrote is stale",
        _counted("loushan_source_up", "1x4 0x40", _AGENT),
        (_fires("AgentSilent", "urgent", _AGENT, TAX),),
    ),
    Case("DriftRepaired", "it was long ago", _counted("loushan_drifts_total", "3x40")),
    Case("DriftRepaired", "it booted", _counted("loushan_drifts_total", "3x5 0x40")),
    Case(
        "DriftRepaired",
        "it has drifted",
        _counted("loushan_drifts_total", "3x5 4x40"),
        (_fires("DriftRepaired", "urgent", TAX),),
    ),
    Case("PolicyExpiring", "thirty days are left", _counted(_ENDS, f"{30 * _DAY}+5x40")),
    Case("PolicyExpiring", "less", _counted(_ENDS, f"{30 * _DAY - 1}+5x40"), (_ENDING,)),
    Case("PolicyExpiring", "three days are left", _counted(_ENDS, f"{3 * _DAY}+5x40"), (_ENDING,)),
    Case(
        "PolicyExpiring",
        "it has ended",
        _counted(_ENDS, f"{-_DAY}+5x40"),
        (_ENDING, _fires("PolicyExpiring", "urgent", TAX)),
    ),
)

# --- hosts ----------------------------------------------------------------------------------------

_FULL = {"mountpoint": "/"}
_ROOM, _SIZE = "node_filesystem_avail_bytes", "node_filesystem_size_bytes"


def _pair(first: str, second: str) -> dict[str, str]:
    proven = {
        _of("loushan_proven", _OURS, each): "1x40" for each in (CITY, CITY_2)
    } | {
        _of("loushan_proof_timestamp_seconds", _OURS, each): "0+5x40" for each in (CITY, CITY_2)
    } | {
        _of("loushan_proof_interval_seconds", _OURS, each): "60x40" for each in (CITY, CITY_2)
    }  # fmt: skip
    return {_of("up", _OURS, CITY): first, _of("up", _OURS, CITY_2): second, **proven}


def _disk(room: int) -> dict[str, str]:
    return {_of(_ROOM, _NODE, TAX, _FULL): f"{room}x90", _of(_SIZE, _NODE, TAX, _FULL): "100x90"}


def _nearly(severity: str) -> Labels:
    return _fires("DiskNearlyFull", severity, _NODE, TAX, _FULL)


_OF_HOSTS = (
    Case("GatewaySilent", "one of a pair answers", _pair("1x40", "1x40")),
    Case(
        "GatewaySilent",
        "one scrape fails",
        _pair("1x40", "1x40") | _proof("1x40", 0) | {_of("up", _OURS, TAX): "1x9 0x1 1x30"},
    ),
    Case(
        "GatewaySilent",
        "a site does not answer, and neither does the one below it",
        {_of("up", _OURS, SUIYANG): "1x4 0x40", _of("up", _OURS, TOWNSHIP): "1x4 0x40"},
        (_silent("suiyang", "suiyang"), _silent("yangchuan", "suiyang")),
        at="90s",
    ),
    Case(
        "GatewaySilent",
        "neither of a pair answers",
        _pair("1x4 0x40", "0x40"),
        (_silent("city", ""),),
        at="90s",
    ),
    Case(
        "GatewaySilent",
        "a line that is cut is told as that first",
        {_of("up", _OURS, TAX): "1x4 0x40"},
        at="50s",
    ),
    Case(
        "GatewaySilent",
        "nobody is asked any more",
        {_of("up", _NODE, TAX): "1x40"},
        (_fires("GatewaySilent", "urgent", {"site": "all"}, _OURS),),
    ),
    Case("GatewayDown", "both answer", _pair("1x40", "1x40")),
    Case("GatewayDown", "neither answers", _pair("0x40", "0x40"), (_silent("city", ""),)),
    Case(
        "GatewayDown",
        "one does not answer",
        _pair("1x40", "1x4 0x40"),
        (_fires("GatewayDown", "urgent", _OURS, CITY_2),),
    ),
    Case(
        "GatewayUnwatched",
        "strongSwan and the host answer",
        _proof("1x40", 0)
        | _counted("loushan_source_up", "1x40", {"source": "strongswan"})
        | {_of("up", _NODE, TAX): "1x40"},
    ),
    Case(
        "GatewayUnwatched",
        "a silent gateway is another alert's matter",
        {_of("up", _OURS, TAX): "0x40", _of("up", _NODE, TAX): "0x40"},
        (_silent("tax", "tax"),),
        at="2m",
    ),
    Case(
        "GatewayUnwatched",
        "strongSwan does not answer, nor the host's own exporter",
        _proof("1x40", 0)
        | _counted("loushan_source_up", "0x40", {"source": "strongswan"})
        | {_of("up", _NODE, TAX): "0x40"},
        (
            _fires("GatewayUnwatched", "warning", TAX, {"source": "strongswan"}),
            _fires("GatewayUnwatched", "warning", TAX, _NODE),
        ),
        at="2m",
    ),
    Case("ClockSkewed", "five seconds", {_of("node_time_seconds", _NODE, TAX): "5+5x40"}, at="2m"),
    Case(
        "ClockSkewed",
        "six, before and after",
        {
            _of("node_time_seconds", _NODE, TAX): "6+5x40",
            _of("node_time_seconds", _NODE, CITY): "-6+5x40",
        },
        (
            _fires("ClockSkewed", "warning", _NODE, TAX),
            _fires("ClockSkewed", "warning", _NODE, CITY),
        ),
        at="2m",
    ),
    Case("DiskNearlyFull", "a tenth is left", _disk(10), at="7m"),
    Case("DiskNearlyFull", "three hundredths are left", _disk(3), (_nearly("warning"),), at="7m"),
    Case(
        "DiskNearlyFull",
        "two hundredths are left",
        _disk(2),
        (_nearly("warning"), _nearly("urgent")),
        at="7m",
    ),
)

# --- links ----------------------------------------------------------------------------------------

_OWN, _LIST = {"certificate": "gateway"}, {"authority": "links", "of": "links"}


def _link(at: Labels, link: str, leads: str, values: str) -> dict[str, str]:
    return {_of("loushan_link_up", at, {"link": link, "leads": leads}): values}


def _active(*values: str) -> dict[str, str]:
    """Give whether the first of a pair is active, and where it is heard the second."""
    ends = zip((CITY, CITY_2), values, strict=False)
    return {_of("loushan_pair_active", _OURS, end): value for end, value in ends}


_ONE_SILENT = _fires("GatewayDown", "urgent", _OURS, CITY_2)


def _life(what: str, labels: Labels, lived: int, left: int) -> dict[str, str]:
    """Give something that has lived so long and will live so long, at any time."""
    return {
        _of(f"loushan_{what}_begin_timestamp_seconds", TAX, labels): f"{-lived}+5x200",
        _of(f"loushan_{what}_expiry_timestamp_seconds", TAX, labels): f"{left}+5x200",
    }


def _certificate(severity: str) -> Labels:
    return _fires("CertificateExpiring", severity, TAX, _OWN)


def _stale(severity: str) -> Labels:
    return _fires("CrlStale", severity, TAX, _LIST)


_MISSING = {
    _of(f"loushan_{what}_{end}_timestamp_seconds", TAX, labels): "0x200"
    for what, labels in (("certificate", _OWN), ("revocations", _LIST))
    for end in ("begin", "expiry")
}

_OF_LINKS = (
    Case(
        "LinkDown",
        "who stands by has no link, the active one has",
        _link(CITY, "tax", "down", "1x40") | _link(CITY_2, "tax", "down", "0x40"),
    ),
    Case(
        "LinkDown",
        "the active one is not heard, and who stands by has no link",
        _link(CITY, "tax", "down", "0x40") | _pair("1x40", "0x40") | _active("0x40"),
        (_ONE_SILENT,),
    ),
    Case(
        "LinkDown",
        "one of a pair is off, and the active one has no link",
        _link(CITY, "tax", "down", "0x40") | _pair("1x40", "0x40") | _active("1x40"),
        (_ONE_SILENT, _cut("city", "tax", "tax", "yes")),
    ),
    Case(
        "LinkDown",
        "neither of a pair is active",
        _link(CITY, "tax", "down", "0x40") | _pair("1x40", "1x40") | _active("0x40", "0x40"),
        (_cut("city", "tax", "tax", "yes"),),
    ),
    Case("LinkDown", "the upper end tells of it", _link(TAX, "city", "up", "0x40")),
    Case("LinkDown", "it is made anew", _link(CITY, "tax", "down", "1x9 0x1 1x40")),
    Case(
        "LinkDown",
        "the one below the city's, and one below that",
        _link(CITY, "suiyang", "down", "1x4 0x40") | _link(SUIYANG, "yangchuan", "down", "0x40"),
        (_cut("city", "suiyang", "suiyang", "yes"), _cut("suiyang", "yangchuan", "suiyang", "no")),
    ),
    Case(
        "CertificateExpiring",
        "two thirds of its life",
        _life("certificate", _OWN, 20 * _DAY, 10 * _DAY),
        at="15m",
    ),
    Case(
        "CertificateExpiring",
        "a little more",
        _life("certificate", _OWN, 20 * _DAY, 10 * _DAY - 60),
        (_certificate("warning"),),
        at="15m",
    ),
    Case(
        "CertificateExpiring",
        "three days are left",
        _life("certificate", _OWN, 27 * _DAY, 3 * _DAY),
        (_certificate("warning"),),
        at="15m",
    ),
    Case(
        "CertificateExpiring",
        "less than three days are left",
        _life("certificate", _OWN, 27 * _DAY, 3 * _DAY - 1),
        (_certificate("warning"), _certificate("urgent")),
        at="15m",
    ),
    Case(
        "CertificateExpiring",
        "it is missing, and so is a list",
        _MISSING,
        (_certificate("warning"), _certificate("urgent"), _stale("warning"), _stale("urgent")),
        at="15m",
    ),
    Case("CrlStale", "two thirds of its life", _life("revocations", _LIST, 400, 200), at="15m"),
    Case(
        "CrlStale",
        "its last moment",
        _life("revocations", _LIST, 7 * _DAY, 0),
        (_stale("warning"),),
        at="15m",
    ),
    Case(
        "CrlStale",
        "it has run out",
        _life("revocations", _LIST, 7 * _DAY, -1),
        (_stale("warning"), _stale("urgent")),
        at="15m",
    ),
)

# --- requests -------------------------------------------------------------------------------------

_DROP, _ACCEPT = {"verdict": "DROP", "reason": "no_grant"}, {"verdict": "ACCEPT", "reason": "grant"}


def _requests(refused: str, unasked: str) -> dict[str, str]:
    """Give requests that are refused, and who gets no further than the door; most are accepted."""
    return (
        _counted("loushan_decisions_total", refused, _DROP)
        | _counted("loushan_decisions_total", "0+5000x200", _ACCEPT)
        | _counted("loushan_unasked_total", unasked, {"reason": "no_tls"})
    )


_OF_REQUESTS = (
    Case("GatesClosed", "they are open", _counted("loushan_gates_open", "1x40")),
    Case("GatesClosed", "for a moment", _counted("loushan_gates_open", "1x5 0x4 1x40")),
    Case(
        "GatesClosed",
        "they are closed",
        _counted("loushan_gates_open", "0x40"),
        (_fires("GatesClosed", "urgent", TAX),),
    ),
    Case("DecisionLogStopped", "it records", _counted("loushan_log_recording", "1x40")),
    Case(
        "DecisionLogStopped",
        "it does not",
        _counted("loushan_log_recording", "1x4 0x40"),
        (_fires("DecisionLogStopped", "urgent", TAX),),
    ),
    Case(
        "DecisionLogDamaged",
        "it is whole, and had its gaps long ago",
        _counted("loushan_log_damaged", "0x40") | _counted("loushan_log_gaps_total", "2x40"),
    ),
    Case(
        "DecisionLogDamaged",
        "it is not what was written",
        _counted("loushan_log_damaged", "0x4 1x40"),
        (_fires("DecisionLogDamaged", "urgent", TAX),),
    ),
    Case(
        "DecisionLogDamaged",
        "decisions never came",
        _counted("loushan_log_gaps_total", "2x4 3x40"),
        (_fires("DecisionLogDamaged", "urgent", TAX),),
    ),
    Case(
        "RefusalsMany",
        "twenty packets a second, of each reason",
        _counted("loushan_refused_packets_total", "0+100x200", {"reason": "no_conduit"})
        | _counted("loushan_refused_packets_total", "0+100x200", {"reason": "untracked"}),
        at="15m",
    ),
    Case(
        "RefusalsMany",
        "more than twenty packets a second",
        _counted("loushan_refused_packets_total", "0+101x200", {"reason": "no_conduit"}),
        (_fires("RefusalsMany", "warning", TAX, {"reason": "no_conduit"}),),
        at="15m",
    ),
    Case("RefusalsMany", "five requests a second", _requests("0+15x200", "0+10x200"), at="15m"),
    Case(
        "RefusalsMany",
        "more than five requests a second",
        _requests("0+15x200", "0+11x200"),
        (_fires("RefusalsMany", "warning", TAX, {"reason": "requests"}),),
        at="15m",
    ),
)

# --- records --------------------------------------------------------------------------------------

_SENT, _CHECKED = (
    "loushan_journal_forwarded_timestamp_seconds",
    "loushan_files_checked_timestamp_seconds",
)
_UNREACHABLE = _fires("LogHostUnreachable", "urgent", {"site": "log_host"})
_CHANGED = _fires("FilesChanged", "urgent", TAX)


def _sent(ago: int, *labels: Labels) -> dict[str, str]:
    """Give when a journal arrived last: always so many seconds ago."""
    return {_of(_SENT, *labels): f"{-ago}+5x60"}


_OF_RECORDS = (
    Case("LogHostUnreachable", "three minutes", _sent(180, TAX)),
    Case("LogHostUnreachable", "one gateway's journal arrives", _sent(180, TAX) | _sent(800, CITY)),
    Case(
        "LogHostUnreachable", "longer, of all", _sent(181, TAX) | _sent(800, CITY), (_UNREACHABLE,)
    ),
    Case(
        "LogHostUnreachable",
        "it never had a journal",
        {_of(_SENT, TAX): "0x100"},
        (_UNREACHABLE,),
        at="4m",
    ),
    Case(
        "LogForwardingBehind",
        "a quarter of an hour",
        _sent(0, CITY) | _sent(900, TAX),
        at="3m",
    ),
    Case(
        "LogForwardingBehind",
        "longer, while another's arrives",
        _sent(0, CITY) | _sent(901, TAX),
        (_fires("LogForwardingBehind", "warning", TAX),),
        at="3m",
    ),
    Case("FilesChanged", "none has", _counted("loushan_files_changed", "0x40")),
    Case("FilesChanged", "one has", _counted("loushan_files_changed", "0x4 1x40"), (_CHANGED,)),
    Case(
        "FilesChanged",
        "looked at two days ago",
        {_of(_CHECKED, TAX): f"{-2 * _DAY}+5x200"},
        at="15m",
    ),
    Case(
        "FilesChanged",
        "looked at longer ago",
        {_of(_CHECKED, TAX): f"{-2 * _DAY - 1}+5x200"},
        (_fires("FilesChanged", "warning", TAX),),
        at="15m",
    ),
    Case(
        "BackupOld",
        "eight days ago",
        _counted("loushan_backup_timestamp_seconds", f"{-8 * _DAY}+5x200"),
        at="15m",
    ),
    Case(
        "BackupOld",
        "longer ago",
        _counted("loushan_backup_timestamp_seconds", f"{-8 * _DAY - 1}+5x200"),
        (_fires("BackupOld", "warning", TAX),),
        at="15m",
    ),
)

# --- the monitoring host --------------------------------------------------------------------------

HOST = {"instance": "city.monitoring", "site": "city"}
_EST = {"instance": "est.svc.lab.internal", "site": "city", "job": "answers"}
_SHOWN = {"certificate": "shown"}
_PROMETHEUS = {"job": "prometheus"}


def _part(job: str, values: str) -> dict[str, str]:
    return {_of("up", HOST, {"job": job}): values}


def _faulty(part: str, *labels: Labels) -> Labels:
    return _fires("MonitoringFaulty", "urgent", HOST, {"part": part}, *labels)


def _judging(name: str, values: str) -> dict[str, str]:
    return {_of(f"prometheus_{name}", HOST, _PROMETHEUS): values}


def _failed(values: str) -> dict[str, str]:
    by = {"integration": "email", "reason": "other", "job": "alertmanager"}
    return {_of("alertmanager_notifications_failed_total", HOST, by): values}


def _ends(left: int) -> dict[str, str]:
    return {_of("probe_ssl_earliest_cert_expiry", _EST): f"{left}+5x200"}


def _ending(severity: str) -> Labels:
    return _fires("CertificateExpiring", severity, _EST, _SHOWN)


def _other_way(own: str, other: str) -> dict[str, str]:
    proven = {name: values for name, values in _proof("1x40", 0).items() if "up{" not in name}
    ways = {"job": "ways"}
    return {_of("up", _OURS, TAX): own, _of("up", ways, TAX): other, **proven}


_OF_THE_HOST = (
    Case("MonitoringFaulty", "all parts answer", _part("alertmanager", "1x40")),
    Case("MonitoringFaulty", "one is begun again", _part("scrape", "1x9 0x1 1x40")),
    Case(
        "MonitoringFaulty",
        "one does not answer",
        _part("scrape", "1x4 0x40"),
        (_faulty("scrape", {"job": "scrape"}),),
    ),
    Case(
        "MonitoringFaulty",
        "the rules are those that were written, and faults were long ago",
        _judging("config_last_reload_successful", "1x200")
        | _judging("rule_evaluation_failures_total", "3x200"),
        at="15m",
    ),
    Case(
        "MonitoringFaulty",
        "new rules could not be read",
        _judging("config_last_reload_successful", "1x4 0x40"),
        (_faulty("rules", _PROMETHEUS),),
    ),
    Case(
        "MonitoringFaulty",
        "a rule could not be judged",
        _judging("rule_evaluation_failures_total", "3x5 4x40"),
        (_faulty("rules", _PROMETHEUS),),
    ),
    Case(
        "MonitoringFaulty",
        "nothing is said of its lists, nor of any gateway",
        {},
        (
            _fires(
                "MonitoringFaulty", "urgent", {"part": "lists", "of": "monitoring", "site": "all"}
            ),
            _fires("GatewaySilent", "urgent", {"site": "all", "job": "loushan"}),
        ),
        at="6m",
    ),
    Case("AlertsUndelivered", "some failed long ago", _failed("3x40")),
    Case(
        "AlertsUndelivered",
        "one did not arrive",
        _failed("3x5 4x40"),
        (_fires("AlertsUndelivered", "urgent", HOST, {"integration": "email"}),),
    ),
    Case("ServiceSilent", "it answers", {_of("probe_success", _EST): "1x100"}, at="4m"),
    Case("ServiceSilent", "it boots", {_of("probe_success", _EST): "1x5 0x20 1x60"}, at="2m30s"),
    Case(
        "ServiceSilent",
        "it does not answer",
        {_of("probe_success", _EST): "0x100"},
        (_fires("ServiceSilent", "warning", _EST),),
        at="3m",
    ),
    Case("CertificateExpiring", "a third of a service's is left", _ends(20 * _DAY), at="15m"),
    Case("CertificateExpiring", "less", _ends(20 * _DAY - 1), (_ending("warning"),), at="15m"),
    Case(
        "CertificateExpiring",
        "three days of a service's are left",
        _ends(3 * _DAY),
        (_ending("warning"),),
        at="15m",
    ),
    Case(
        "CertificateExpiring",
        "less than three days of a service's",
        _ends(3 * _DAY - 1),
        (_ending("warning"), _ending("urgent")),
        at="15m",
    ),
    Case("WayLost", "both ways are there", _other_way("1x60", "1x60"), at="3m"),
    Case(
        "WayLost",
        "a gateway that is silent is another alert's matter",
        _other_way("0x60", "0x60"),
        (_silent("tax", "tax"),),
        at="3m",
    ),
    Case(
        "WayLost",
        "one way is not",
        _other_way("1x60", "0x60"),
        (_fires("WayLost", "warning", TAX, {"job": "ways"}),),
        at="3m",
    ),
)

CASES = (*_OF_THE_POLICY, *_OF_HOSTS, *_OF_LINKS, *_OF_REQUESTS, *_OF_RECORDS, *_OF_THE_HOST)
