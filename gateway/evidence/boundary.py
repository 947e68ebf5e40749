"""Rows about networks and their boundaries: what passes, what is refused, and how it is kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.evidence.hosts_asked import (
    APPLICATIONS,
    GATEWAYS,
    LOGS,
    MONITORING,
    Answer,
    AskedHost,
    Command,
)
from gateway.evidence.row import (
    NotShown,
    Row,
    StandsBy,
    Words,
    always,
    found,
    in_a_pair,
    lines_of,
    on_gateways,
    read_json,
    says,
    where_gates_are,
    where_links_are,
)

#: Where packets are judged, and where a chain that judges them must hang.
_HOOKS = ("forward", "input", "output")

#: What encrypts a link, and from how many bits.
_CIPHERS, _KEY_BITS = frozenset({"AES_GCM_16", "CHACHA20_POLY1305"}), 128
_KEY_AGREEMENTS = frozenset({"ECP_384", "ECP_521", "CURVE_25519", "CURVE_448"})

#: Who may listen on a host of ours, as the kernel calls them.
_EVERYWHERE = frozenset({"chronyd", "sshd", "systemd"})
_LISTENERS: Mapping[str, frozenset[str]] = {
    GATEWAYS: frozenset({"charon-systemd", "haproxy", "keepalived", "loushan"}),
    APPLICATIONS: frozenset({"gunicorn", "postgres"}),
    LOGS: frozenset({"haproxy"}),
    MONITORING: frozenset({"haproxy", "loushan"}),
}

#: Interfaces that no plan names: the host's own, and strongSwan's where a program encrypts.
_OWN_INTERFACES = frozenset({"lo", "ipsec0"})

_ASK_GATES = (
    "for port in $(ss -Hltnp4 | sed -n 's/.*:\\([0-9]*\\) .*\"haproxy\".*/\\1/p' | sort -n); do"
    ' for version in 1_2 1_3; do echo "port $port tls$version:'
    " $( (sleep 0.3; echo GET /; sleep 0.3) | timeout 5 openssl s_client -ign_eof -brief"
    ' -tls$version -servername "$0" -connect 127.0.0.1:$port 2>&1'
    " | grep -o 'alert [a-z][a-z ]*\\|HTTP/.*' | head -n 1)\"; done; done"
)


def _chain(name: str) -> Command:
    return ("nft", "-j", "list", "chain", "inet", "loushan", name)


def _policy_is_proven(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that the gateway has just proven the very policy that was signed."""
    said = read_json(answers[0])
    if said.get("proven") is not True or said.get("findings"):
        codes = ", ".join(str(each.get("code")) for each in said.get("findings", [])[:3])
        raise NotShown(Words(f"it is not proven: {codes or '-'}", f"未能证明:{codes or '-'}"))
    stamp = said.get("stamp") or {}
    if not host.signed or stamp.get("digest") != host.signed:
        raise NotShown(
            Words("in force is not the plan that is signed here", "现行策略并非此处已签署的规划")
        )
    return f"proven: {stamp['plan']} revision {stamp['revision']} sha256 {stamp['digest']}"


def _drops_by_default(_host: AskedHost, answers: Sequence[Answer]) -> str:
    shown = []
    for hook, answer in zip(_HOOKS, answers, strict=True):
        chain = next(_parts(answer, "chain"), {})
        if (chain.get("hook"), chain.get("policy")) != (hook, "drop"):
            raise NotShown(
                Words(f"the chain `{hook}` does not drop by default", f"链“{hook}”未缺省拒绝")
            )
        shown.append(f"{hook}: policy drop")
    return "\n".join(shown)


def _knows_states(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge that the state of a flow is asked first: what is invalid goes to a refusal."""
    shown = []
    for hook, answer in zip(_HOOKS[:2], answers, strict=True):
        verdicts = next(_states(answer), {})
        invalid = verdicts.get("invalid", {})
        refused = str(invalid.get("goto", {}).get("target", "")).startswith("refuse_")
        if "accept" not in verdicts.get("established", {}) or not refused:
            raise NotShown(
                Words(f"the chain `{hook}` does not judge by state", f"链“{hook}”未按会话状态判定")
            )
        shown.append(f"{hook}: ct state established accept, invalid refused")
    return "\n".join(shown)


def _states(answer: Answer) -> Iterator[Mapping[str, Any]]:
    for rule in _parts(answer, "rule"):
        for each in rule.get("expr", []):
            vmap = each.get("vmap", {})
            if vmap.get("key") == {"ct": {"key": "state"}}:
                yield dict(vmap["data"]["set"])


def _parts(answer: Answer, kind: str) -> Iterator[Mapping[str, Any]]:
    for each in read_json(answer).get("nftables", []):
        if kind in each:
            yield each[kind]


def _records_refusals(_host: AskedHost, answers: Sequence[Answer]) -> str:
    steps = [step for rule in _parts(answers[0], "rule") for step in rule.get("expr", [])]
    kinds = [next(iter(step), "") for step in steps]
    if kinds != ["counter", "log", "drop"]:
        raise NotShown(Words("what is refused is not counted and logged", "拒绝的报文未计数并记录"))
    if answers[1].said.strip() != "active":
        raise NotShown(
            Words("nobody writes the records: ulogd2 does not run", "ulogd2 未运行,无人记录")
        )
    return f"counter, log prefix {steps[1]['log']['prefix']}, drop; ulogd2 active"


def _interfaces_are_the_plans(host: AskedHost, answers: Sequence[Answer]) -> str:
    names = [str(each["ifname"]) for each in read_json(answers[0])]
    strangers = sorted(set(names) - set(host.interfaces) - _OWN_INTERFACES)
    if strangers or not names or not host.interfaces:
        listed = ", ".join(strangers)
        raise NotShown(Words(f"not in the plan: {listed or '-'}", f"规划中没有:{listed or '-'}"))
    return ", ".join(names)


def _only_known_services_listen(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge by the name of the program; what listens for the host itself reaches nobody."""
    known = _EVERYWHERE.union(*(names for of, names in _LISTENERS.items() if of in host.groups))
    seen = set()
    for line in lines_of(answers[0].said):
        words = line.split()
        names = set(re.findall(r'\("([^"]+)",pid=', line))
        if words[4].rpartition(":")[0].strip("[]").startswith(("127.", "::1")):
            continue
        if not names or names - known:
            who = ", ".join(sorted(names - known)) or "?"
            raise NotShown(Words(f"`{who}` listens at {words[4]}", f"“{who}”监听 {words[4]}"))
        seen.add(f"{words[0]} {words[4]} {'/'.join(sorted(names))}")
    if not seen:
        raise NotShown(Words("nothing listens, not even ssh", "无任何监听,连 ssh 也没有"))
    return "\n".join(sorted(seen))


def _gates_judge(_host: AskedHost, answers: Sequence[Answer]) -> str:
    gates = read_json(answers[0]).get("gates") or {}
    if gates.get("open") is not True or gates.get("problems"):
        codes = ", ".join(str(each.get("code")) for each in gates.get("problems", [])[:3])
        raise NotShown(
            Words(f"the gates are not open: {codes or '-'}", f"闸口未开放:{codes or '-'}")
        )
    return '"gates": {"open": true, "problems": []}'


def _gates_want_certificates(_host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge each port twice: an old TLS is refused, and the new one without a certificate."""
    said = lines_of(answers[0].said)
    wanted = {"tls1_2": "protocol version", "tls1_3": "certificate required"}
    for line in said:
        version = next((each for each in wanted if f" {each}:" in line), "")
        if not version or wanted[version] not in line.lower():
            raise NotShown(Words(f"not refused: {line}", f"未拒绝:{line}"))
    if len(said) < len(wanted):
        raise NotShown(Words("no gate answers", "闸口无应答"))
    return "\n".join(said)


def _links_are_encrypted(host: AskedHost, answers: Sequence[Answer]) -> str:
    """Judge each link that stands; of a pair, the one that is active has them."""
    events = [line for line in lines_of(answers[0].said) if line.startswith("list-sa event")]
    own = {each["local"] for i in read_json(answers[1]) for each in i.get("addr_info", [])}
    if not events and host.shared and not own & set(host.shared):
        raise StandsBy
    if not events:
        raise NotShown(Words("no link stands", "无已建立的链路"))
    shown = []
    for event in events:
        name = found(r"(?<=^list-sa event \{)[^ ]+", event, "unreadable", "无法识读")
        ciphers = re.findall(r"\bencr-alg=(\S+) encr-keysize=([0-9]+)", event)
        groups = re.findall(r"\bdh-group=([A-Z0-9_]+)", event)
        weak = [c for c, bits in ciphers if c not in _CIPHERS or int(bits) < _KEY_BITS]
        weak += [group for group in groups if group not in _KEY_AGREEMENTS]
        is_up = "state=ESTABLISHED" in event and "state=INSTALLED" in event
        # One cipher is the link's own, and one at least is of what passes.
        if weak or not groups or len(ciphers) < 2 or not is_up:  # noqa: PLR2004 - see above
            why = ", ".join(weak) or "-"
            raise NotShown(Words(f"link `{name}`: {why}", f"链路“{name}”:{why}"))
        shown.append(f"{name}: {ciphers[0][0]}_{ciphers[0][1]} {groups[0]}")
    return "\n".join(shown)


def _credentials_are_good(_host: AskedHost, answers: Sequence[Answer]) -> str:
    known = read_json(answers[0]).get("credentials", [])
    bad = [f"{each['name']}: {each['standing']}" for each in known if each["standing"] != "good"]
    if bad or not known:
        listed = ", ".join(bad) or "-"
        raise NotShown(Words(f"not good: {listed}", f"无效:{listed}"))
    return "\n".join(f"{each['name']}: {each['standing']}" for each in known)


def _log_holds(_host: AskedHost, answers: Sequence[Answer]) -> str:
    said = read_json(answers[0])
    if said.get("holds") is not True or said.get("problems") or not said.get("checkpoints"):
        raise NotShown(Words("the decision log is not as it was written", "判定日志与写入时不符"))
    return f"holds, {said['records']} records, {said['checkpoints']} checkpoints"


def _metrics_want_certificates(host: AskedHost, answers: Sequence[Answer]) -> str:
    wanted = [f"{host.addresses[0]} {port}: a certificate is required" for port in (9633, 9100)]
    said = lines_of(answers[0].said)
    if said != wanted:
        raise NotShown(
            Words(
                "who shows no certificate is not refused, or nobody answers", "未要求证书,或无应答"
            )
        )
    return "\n".join(said)


def _ask_metrics(host: AskedHost) -> tuple[Command, ...]:
    address = host.addresses[0] if host.addresses else ""
    return (("loushan", "metrics", "knock", address, "9633", "9100"),)


def _ask_gates(host: AskedHost) -> tuple[Command, ...]:
    return (("sh", "-c", _ASK_GATES, *host.gates[:1]),)


_PROVE = ("loushan", "agent", "prove", "--json")

ROWS = (
    Row(
        "policy_proven",
        (
            "8.1.3.1 a)",
            "8.1.2.1 c)",
            "8.1.2.1 d)",
            "8.1.3.2 a)",
            "8.1.3.2 b)",
            "8.1.3.2 c)",
            "8.1.4.4 c)",
            "8.1.5.4 e)",
        ),
        Words(
            "the kernel does exactly what two people signed, proven at this moment",
            "内核实际行为与双人签署的策略完全一致,当场证明",
        ),
        always(_PROVE),
        _policy_is_proven,
        on_gateways,
        statuses=(0, 1),
    ),
    Row(
        "interfaces",
        ("8.1.3.1 b)", "8.1.3.1 d)"),
        Words(
            "no interface that the plan does not know, wireless ones included",
            "没有规划以外的网络接口(含无线)",
        ),
        always(("ip", "-j", "link", "show")),
        _interfaces_are_the_plans,
        on_gateways,
    ),
    Row(
        "default_drop",
        ("8.1.3.2 a)", "8.1.3.1 c)"),
        Words("what is not permitted is dropped", "未经准许的一律拒绝"),
        always(*(_chain(hook) for hook in _HOOKS)),
        _drops_by_default,
        on_gateways,
    ),
    Row(
        "flow_states",
        ("8.1.3.2 d)",),
        Words("flows are judged by their state", "按会话状态判定数据流"),
        always(*(_chain(hook) for hook in _HOOKS[:2])),
        _knows_states,
        on_gateways,
    ),
    Row(
        "gates_judge",
        ("8.1.3.2 e)", "8.1.4.2 e)", "8.1.4.2 f)", "8.1.4.2 g)"),
        Words(
            "each request is judged by subject, resource, action and label",
            "按主体、客体、操作与安全标记逐一判定应用请求",
        ),
        always(("loushan", "agent", "status", "--json")),
        _gates_judge,
        where_gates_are,
        statuses=(0, 1),
    ),
    Row(
        "gates_mutual_tls",
        ("8.1.2.2 b)", "8.1.2.2 a)", "8.1.4.7 a)", "8.1.4.8 a)"),
        Words(
            "applications are reached by TLS 1.3 with a certificate alone",
            "访问应用须用 TLS 1.3 并出示证书",
        ),
        _ask_gates,
        _gates_want_certificates,
        where_gates_are,
    ),
    Row(
        "links_encrypted",
        ("8.1.2.2 b)", "8.1.2.2 a)", "8.1.4.7 a)", "8.1.4.8 a)", "8.1.5.4 b)"),
        Words(
            "what passes between sites is encrypted, by IKEv2 and AES-GCM",
            "站点间通信经 IKEv2 与 AES-GCM 加密并校验",
        ),
        always(("swanctl", "--list-sas", "--raw"), ("ip", "-j", "address", "show")),
        _links_are_encrypted,
        where_links_are,
    ),
    Row(
        "credentials",
        ("8.1.2.2 b)",),
        Words(
            "this gateway's certificate and its lists of revocations are valid",
            "本网关证书与吊销列表均在有效期内",
        ),
        always(("loushan", "link", "status", "--json")),
        _credentials_are_good,
        where_links_are,
        statuses=(0, 1),
    ),
    Row(
        "refusals_recorded",
        ("8.1.3.3 d)", "8.1.3.3 a)", "8.1.3.3 b)", "8.1.3.5 a)", "8.1.3.5 b)"),
        Words(
            "each refused packet is counted and recorded with its reason",
            "拒绝的报文均计数并记录来源、目的与原因",
        ),
        always(_chain("refuse_no_conduit"), ("systemctl", "is-active", "ulogd2.service")),
        _records_refusals,
        on_gateways,
        statuses=(0, 3),
    ),
    Row(
        "decision_log",
        ("8.1.3.5 c)", "8.1.3.5 a)", "8.1.3.5 b)", "8.1.4.7 b)"),
        Words(
            "each decision about a request is recorded, and nobody altered a record",
            "每次请求判定均有记录且未被篡改",
        ),
        always(("loushan", "log", "verify", "--json")),
        _log_holds,
        where_gates_are,
        statuses=(0, 1),
    ),
    Row(
        "pair",
        ("8.1.2.1 e)", "8.1.4.9 c)"),
        Words("two gateways stand in for each other", "双机互备"),
        always(("systemctl", "is-active", "keepalived.service")),
        says(r"\Aactive\s*\Z", "keepalived does not run", "keepalived 未运行"),
        in_a_pair,
        statuses=(0, 3),
    ),
    Row(
        "monitored",
        ("8.1.5.4 c)", "8.1.5.4 f)"),
        Words(
            "the monitoring host may ask how this gateway is, and nobody without a certificate",
            "监控主机可读取运行状况,未持证书者被拒绝",
        ),
        _ask_metrics,
        _metrics_want_certificates,
        on_gateways,
        statuses=(0, 1),
    ),
    Row(
        "listening",
        ("8.1.4.4 b)",),
        Words("nothing listens but what this host is for", "仅必要服务监听端口"),
        always(("ss", "-Hltnup")),
        _only_known_services_listen,
    ),
)
