"""How the picture is said, in both languages: standings, facts, reasons."""

from collections.abc import Mapping

from gateway.errors import Language
from gateway.observe.city.standing import Standing
from gateway.policy.reasons import REASON_WORDS
from gateway.policy.request_reasons import REQUEST_REASON_WORDS, UNASKED_REASON_WORDS

#: In English, then in Chinese.
Pair = tuple[str, str]

STANDINGS: Mapping[Standing, Pair] = {
    Standing.APART: ("not watched", "不监看"),
    Standing.GOOD: ("good", "正常"),
    Standing.WARNING: ("attention", "注意"),
    Standing.UNKNOWN: ("unknown", "不明"),
    Standing.URGENT: ("urgent", "紧急"),
}

#: A sign for each, so that colour is never the only one; of one column in a terminal.
SIGNS: Mapping[Standing, str] = {
    Standing.APART: "–",
    Standing.GOOD: "●",
    Standing.WARNING: "▲",
    Standing.UNKNOWN: "?",
    Standing.URGENT: "✖",
}

#: How a proof and a link stand.
PROOFS: Mapping[Standing, Pair] = {
    Standing.GOOD: ("proven", "已证明"),
    Standing.UNKNOWN: ("unknown", "不明"),
    Standing.URGENT: ("NOT proven", "未证明"),
}
LINKS: Mapping[Standing, Pair] = {
    Standing.GOOD: ("up", "通"),
    Standing.UNKNOWN: ("unknown", "不明"),
    Standing.URGENT: ("DOWN", "断"),
}

FACTS: Mapping[str, Pair] = {
    "unwatched": (
        "nobody asks it: the monitoring host does not know it",
        "无人采集:监控主机不知有此网关",
    ),
    "silent": ("it does not answer", "没有应答"),
    "asked_long_ago": ("it has not been asked lately", "近来未被采集"),
    "proof_unknown": (
        "its agent is silent: nobody knows whether it is proven",
        "代理无消息,是否已证明不明",
    ),
    "unproven": ("it is not proven", "未证明"),
    "proof_old": ("it was proven too long ago", "上次证明已过久"),
    "part_silent": ("its part `{part}` is silent", "部件 {part} 没有消息"),
    "closed": ("it refuses everything", "已关闭:一切不通"),
    "probation": ("its policy is on probation", "策略试行中"),
    "older_policy": (
        "it has revision {revision:.0f}, and others have {newest:.0f}",
        "策略为修订 {revision:.0f},他处已为 {newest:.0f}",
    ),
    "policy_ending": ("its policy ends in {days:.0f} days", "策略 {days:.0f} 天后到期"),
    "policy_ended": ("its policy has ended", "策略已到期"),
    "drifted": ("it drifted {count:.0f} times within a day", "一日内偏离 {count:.0f} 次"),
    "gates_closed": ("its gates are closed", "闸口已关闭"),
    "log_stopped": ("its decisions are not recorded", "判定未被记录"),
    "log_damaged": ("its decision log is damaged", "判定日志已损坏"),
    "certificate_missing": ("the certificate `{name}` is missing", "证书 {name} 缺失"),
    "certificate_ending": (
        "the certificate `{name}` ends in days, or has",
        "证书 {name} 即将或已经到期",
    ),
    "certificate_late": (
        "the certificate `{name}` should be renewed",
        "证书 {name} 应续期而未续期",
    ),
    "revocations_missing": ("the list of `{name}` is missing", "{name} 的吊销列表缺失"),
    "revocations_ending": ("the list of `{name}` has run out", "{name} 的吊销列表已过期"),
    "revocations_late": (
        "the list of `{name}` should be replaced",
        "{name} 的吊销列表应更新而未更新",
    ),
    "link_down": ("its link to {hub} is down", "至 {hub} 的链路中断"),
    "link_unknown": ("nobody says how its link to {hub} is", "至 {hub} 的链路状况不明"),
    "none_active": ("none of the pair is active", "双机均未主用"),
    "both_active": ("both of the pair are active", "双机同时主用"),
    "prometheus_missing": ("Prometheus does not answer: {why}", "Prometheus 没有应答:{why}"),
    "alertmanager_missing": (
        "Alertmanager does not answer, so nobody is told of alerts: {why}",
        "Alertmanager 没有应答,告警无法送达:{why}",
    ),
    "watchdog_missing": (
        "the alert that always fires does not: no alert can be relied on",
        "常亮告警未触发:告警已不可靠",
    ),
    "stranger": ("`{name}` is asked, and is not in the plan", "{name} 被采集,但不在规划中"),
    "picture_missing": ("there is no picture of now: {why}", "没有当前状况:{why}"),
}

_REASONS: Mapping[str, Pair] = {
    **{str(key): pair for key, pair in REASON_WORDS.items()},
    **{str(key): pair for key, pair in UNASKED_REASON_WORDS.items()},
    **{str(key): pair for key, pair in REQUEST_REASON_WORDS.items()},
}


def said(pair: Pair, language: Language) -> str:
    """Give the words in the reader's language."""
    return pair[1] if language is Language.ZH else pair[0]


def fact_text(key: str, params: Mapping[str, str | float], language: Language) -> str:
    """Say a fact; one that is not known is said by its key."""
    pair = FACTS.get(key)
    return said(pair, language).format_map(params) if pair else key


def reason_text(reason: str, language: Language) -> str:
    """Say a reason of the closed lists; another one is said as it is."""
    pair = _REASONS.get(reason)
    return said(pair, language) if pair else reason
