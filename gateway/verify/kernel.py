"""Reads the live ruleset of the network namespace it runs in, object by object.

Each object is either understood or a finding; so is each word of an object.
It does not know what the policy is: what a ruleset means is for `meaning`,
whether that is right for `compare`.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from gateway.errors import Problem, Refused, problem
from gateway.policy.decide import TCP, UDP
from gateway.policy.topology import Hook
from gateway.verify.words import (
    TH_DPORT,
    Element,
    Json,
    Key,
    Lookup,
    Match,
    NotUnderstood,
    Record,
    Statement,
    Verdict,
    element_text,
    is_verdict,
    key_of,
    keys_of,
    log_text,
    shown,
    strings,
    value_of,
    values_of,
    verdict_of,
)

#: The one table of a gateway.
FAMILY: Final = "inet"
TABLE: Final = "loushan"

#: Numbers instead of names, so that no file of names on the host has a say.
COMMAND: Final = ("nft", "-j", "-nn", "list", "ruleset")

TIMEOUT_SECONDS: Final = 60

#: What a base chain of ours must be; its name is that of its hook.
_BASE = MappingProxyType({"type": "filter", "prio": 0, "policy": "drop"})

_PLACE = {"family", "table", "name", "handle", "comment"}
_KNOWN_WORDS: Mapping[str, set[str]] = {
    "table": {"family", "name", "handle", "comment"},
    "chain": {*_PLACE, "type", "hook", "prio", "policy"},
    "map": {*_PLACE, "type", "map", "flags", "elem", "stmt", "size", "auto-merge"},
    "counter": {*_PLACE, "packets", "bytes"},
    "rule": {"family", "table", "chain", "handle", "comment", "expr"},
}
_ELEMENT_WORDS = {"val", "comment", "counter"}

#: The fields of a map that can have these types, so that a look-up can be checked.
_TYPES = {
    "ipv4_addr": {"ip saddr", "ip daddr"},
    "ipv6_addr": {"ip6 saddr", "ip6 daddr"},
    "ifname": {"iifname", "oifname"},
    "inet_proto": {"meta l4proto", "ip protocol"},
    "inet_service": {"th dport", "tcp dport", "udp dport"},
    "icmp_type": {"icmp type"},
    "icmpv6_type": {"icmpv6 type"},
    "ct_state": {"ct state"},
    "nf_proto": {"meta nfproto"},
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its statements, its handle in the kernel, its comment."""

    chain: str
    handle: int
    statements: tuple[Statement, ...]
    comment: str

    @property
    def name(self) -> str:
        """What a person finds it by: `chain x # handle 7`, as `nft -a` shows it."""
        return f"chain {self.chain} # handle {self.handle}"


@dataclass(slots=True)
class Chain:
    """One chain with its rules; `hook` and `policy` are empty where none calls it."""

    name: str
    hook: str = ""
    policy: str = ""
    rules: list[Rule] = field(default_factory=list)


@dataclass(slots=True)
class Kernel:
    """What the kernel holds, as far as it is understood, and a finding for the rest."""

    chains: dict[str, Chain] = field(default_factory=dict)
    maps: dict[str, Json] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    findings: list[Problem] = field(default_factory=list)

    def base(self, hook: Hook) -> Chain | None:
        """Give our chain at a hook, or None when nothing stands there."""
        return next((c for c in self.chains.values() if c.hook == hook.value), None)

    def not_understood(self, name: str, part: str) -> None:
        """Note something that has no meaning to the prover."""
        self.findings.append(problem("ZG601", object=name, part=part))


def live_ruleset() -> str:
    """Ask the kernel for its whole ruleset as JSON.

    Raises:
        Refused: nft is missing, failed, or took longer than a minute.
    """
    try:
        done = subprocess.run(
            COMMAND,
            capture_output=True,
            check=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or str(error)
        raise Refused(problem("ZG600", error=detail.strip())) from error
    return done.stdout


def read(text: str) -> Kernel:
    """Read a ruleset from nft's JSON.

    Raises:
        Refused: the text is not nft's JSON.
    """
    try:
        objects = json.loads(text)["nftables"]
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(problem("ZG600", error=f"nft -j: {error}")) from error
    kernel = Kernel()
    foreign: dict[str, list[str]] = {}
    for item in objects:
        ((kind, body),) = item.items()
        if kind == "metainfo":
            continue
        kernel.counts[kind] = kernel.counts.get(kind, 0) + 1
        table = body.get("name") if kind == "table" else body.get("table")
        if (body.get("family"), table) != (FAMILY, TABLE):
            foreign.setdefault(f"{body.get('family')} {table}", []).extend(_contents(kind, body))
        else:
            _READERS.get(kind, _read_unknown)(kernel, kind, body)
    for name, contents in foreign.items():
        kernel.findings.append(problem("ZG602", table=name, contents="; ".join(contents) or "-"))
    return kernel


def _contents(kind: str, body: Json) -> list[str]:
    """Say what a foreign table holds that matters most: where it meets packets."""
    if kind == "chain" and "hook" in body:
        where = f"hook {body['hook']} priority {body.get('prio')} policy {body.get('policy')}"
        return [f"chain {body.get('name')} ({body.get('type')} {where})"]
    return [] if kind in ("table", "rule", "chain") else [f"{kind} {body.get('name')}"]


def _read_unknown(kernel: Kernel, kind: str, body: Json) -> None:
    name = shown(body.get("name", ""))
    if kind == "flowtable":
        kernel.findings.append(
            problem("ZG606", flowtable=name, devices=shown(body.get("dev", "-")))
        )
    else:
        kernel.not_understood(f"{kind} {name}", shown(body))


def _read_table(kernel: Kernel, kind: str, body: Json) -> None:
    if "flags" in body:
        kernel.findings.append(problem("ZG608", flag=shown(body["flags"])))
    _check_words(kernel, kind, {k: v for k, v in body.items() if k != "flags"}, TABLE)


def _read_chain(kernel: Kernel, kind: str, body: Json) -> None:
    name = str(body["name"])
    _check_words(kernel, kind, body, name)
    chain = kernel.chains[name] = Chain(name)
    if "hook" not in body:
        return
    found = {word: body.get(word) for word in ("type", "hook", "prio", "policy")}
    if found != {**_BASE, "hook": name} or name not in tuple(Hook):
        kernel.findings.append(problem("ZG603", chain=name, found=shown(found)))
    if body["hook"] in tuple(Hook) and kernel.base(Hook(str(body["hook"]))) is None:
        chain.hook = str(body["hook"])
        chain.policy = str(body.get("policy", "accept"))


def _read_map(kernel: Kernel, kind: str, body: Json) -> None:
    name = str(body["name"])
    _check_words(kernel, kind, body, name)
    kernel.maps[name] = body
    try:
        flags = set(strings(body.get("flags", [])))
    except NotUnderstood as error:
        flags = {str(error)}
    for wrong in sorted(flags - {"interval"}):
        kernel.not_understood(f"map {name}", f"flags {wrong}")
    if body.get("map") != "verdict":
        kernel.not_understood(f"map {name}", f"map {shown(body.get('map'))}")
    if body.get("stmt", [{"counter": None}]) != [{"counter": None}]:
        kernel.not_understood(f"map {name}", shown(body["stmt"]))
    elements = body.get("elem", [])
    kernel.counts["element"] = kernel.counts.get("element", 0) + len(elements)  # type: ignore[arg-type] # a list in nft's schema


def _read_counter(kernel: Kernel, kind: str, body: Json) -> None:
    _check_words(kernel, kind, body, str(body["name"]))


def _read_rule(kernel: Kernel, kind: str, body: Json) -> None:
    chain, handle = str(body["chain"]), body.get("handle", 0)
    name = f"chain {chain} # handle {handle}"
    _check_words(kernel, kind, body, name)
    try:
        statements = _statements(kernel, body["expr"], name)
    except NotUnderstood as error:
        # It is left out of the diagram, where it would only hide the rest: with
        # this finding nothing is proven anyhow.
        kernel.not_understood(name, str(error))
        return
    rule = Rule(chain, int(str(handle)), statements, str(body.get("comment", "")))
    kernel.chains.setdefault(chain, Chain(chain)).rules.append(rule)


_READERS: Mapping[str, Callable[[Kernel, str, Json], None]] = {
    "table": _read_table,
    "chain": _read_chain,
    "map": _read_map,
    "counter": _read_counter,
    "rule": _read_rule,
}


def _check_words(kernel: Kernel, kind: str, body: Json, name: str) -> None:
    for word in sorted(body.keys() - _KNOWN_WORDS[kind]):
        kernel.not_understood(f"{kind} {name}", f"{word} {shown(body[word])}")


def _statements(kernel: Kernel, expressions: object, name: str) -> tuple[Statement, ...]:
    if not isinstance(expressions, list):
        raise NotUnderstood(expressions)
    statements: list[Statement] = []
    for expression in expressions:
        ((word, detail),) = expression.items()
        if statements and isinstance(statements[-1], (Verdict, Lookup)):
            # What stands behind a verdict is met in ways that are easily taken for another.
            raise NotUnderstood({word: detail})
        statements += _statement(kernel, word, detail, name)
    _check_ports(kernel, statements, name)
    return tuple(statements)


def _statement(kernel: Kernel, word: str, detail: object, name: str) -> list[Statement]:
    """Read one statement; an anonymous counter means nothing and gives none."""
    if is_verdict(word):
        return [verdict_of({word: detail})]
    match word, detail:
        case "match", {"op": str(operator), "left": left, "right": right, **rest}:
            if not rest:
                return [_match(operator, left, right)]
        case "vmap", {"key": key, "data": data, **rest}:
            if not rest:
                return [_lookup(kernel, keys_of(key), data, name)]
        case "counter", str(counter):
            return [Record(f"counter {counter}")]
        case "counter", {"packets": int(), "bytes": int(), **rest}:
            if not rest:
                return []
        case "log", _:
            return [Record(log_text(detail))]
    raise NotUnderstood({word: detail})


def _match(operator: str, left: object, right: object) -> Match:
    key = key_of(left)
    if operator not in ("==", "!=") and (operator, key.variable) != ("in", "state"):
        raise NotUnderstood(key.word, operator, right)
    return Match(key, values_of(key, operator, right), operator == "!=")


def _lookup(kernel: Kernel, keys: tuple[Key, ...], data: object, name: str) -> Lookup:
    match data:
        case str() if data.startswith("@") and data[1:] in kernel.maps:
            body = kernel.maps[data[1:]]
            types = list(strings(body["type"]))
            fits = len(types) == len(keys) and all(
                key.word in _TYPES.get(type_, ()) for key, type_ in zip(keys, types, strict=True)
            )
            if not fits:
                raise NotUnderstood({f"map {data[1:]}": types})
            elements, place = body.get("elem", []), f"map {data[1:]}"
        case {"set": list(elements), **rest} if not rest:
            place = name
        case _:
            raise NotUnderstood({"vmap": data})
    return Lookup(
        keys,
        data[1:] if isinstance(data, str) else "",
        tuple(_elements(kernel, keys, elements, place)),
    )


def _elements(kernel: Kernel, keys: tuple[Key, ...], elements: object, place: str) -> list[Element]:
    """Read the elements of a map as the keys of one look-up see them."""
    found: list[Element] = []
    for item in elements if isinstance(elements, list) else ():
        try:
            found.append(_element(keys, item))
        except NotUnderstood as error:
            kernel.not_understood(place, str(error))
    return found


def _element(keys: tuple[Key, ...], item: object) -> Element:
    if not isinstance(item, list) or len(item) != 2:  # noqa: PLR2004 - a key and a verdict
        raise NotUnderstood(item)
    value, verdict = item
    counted = ""
    if isinstance(value, dict) and "elem" in value:
        inner = value["elem"]
        if not inner.keys() <= _ELEMENT_WORDS or len(value) > 1:
            raise NotUnderstood(value)
        value = inner["val"]
        if "counter" in inner:
            counted = inner.get("comment", "")
    parts = value["concat"] if isinstance(value, dict) and "concat" in value else [value]
    if len(parts) != len(keys):
        raise NotUnderstood(value)
    values = tuple([value_of(key, part) for key, part in zip(keys, parts, strict=True)])
    element = Element(values, verdict_of(verdict), counted, value)
    if TH_DPORT in keys:
        _check_protocol(keys, element)
    return element


def _check_protocol(keys: tuple[Key, ...], element: Element) -> None:
    """Refuse a port where the protocol may be one that has none."""
    for key, value in zip(keys, element.values, strict=True):
        if key.variable == "protocol" and value in ((TCP, TCP), (UDP, UDP)):
            return
    raise NotUnderstood(element_text(keys, element.key), TH_DPORT.word)


def _check_ports(kernel: Kernel, statements: list[Statement], name: str) -> None:
    """Refuse a rule that compares a port of a protocol that may have none."""
    protocols: set[object] = set()
    for statement in statements:
        if not isinstance(statement, Match):
            continue
        if statement.key.variable == "protocol" and not statement.negated:
            protocols |= set(statement.values)
        if statement.key == TH_DPORT and not (protocols and protocols <= {(TCP, TCP), (UDP, UDP)}):
            kernel.findings.append(problem("ZG609", object=name))
