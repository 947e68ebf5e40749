"""nftables' words as values: what a rule looks at, and what it then does.

Only the words that a packet filter of ours needs are known.  Everything else
raises `NotUnderstood`, and whoever reads a ruleset makes a finding of it.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias, cast

from gateway.policy.decide import ICMP, ICMPV6, TCP, UDP, State
from gateway.verify.diagram import Interval
from gateway.verify.packets import FAMILY, IPV4_SHIFT, STATE_NUMBER, type_interval

Json: TypeAlias = Mapping[str, object]

#: What a key may be: numbers from and to, or the name of an interface.
Value: TypeAlias = "Interval | str"


class NotUnderstood(Exception):  # noqa: N818 - it is the answer, not a fault
    """A part of the ruleset has no meaning to the prover."""

    def __init__(self, *parts: object) -> None:
        """Carry what is not understood, as the rules have it."""
        super().__init__(" ".join(map(shown, parts)))


class Key(NamedTuple):
    """One thing a rule looks at, and what a packet must be for it to look at all."""

    word: str
    variable: str
    family: int | None = None
    protocol: int | None = None


class Verdict(NamedTuple):
    """What becomes of a packet; `target` is a chain, for jump and goto."""

    kind: str
    target: str = ""


class Element(NamedTuple):
    """One entry of a verdict map; `counted` is the name it is counted under, or empty.

    `key` is what it stands at, as nft's JSON has it.
    """

    values: tuple[Value, ...]
    verdict: Verdict
    counted: str
    key: object


class Match(NamedTuple):
    """The packet must (not, where negated) have one of these values."""

    key: Key
    values: tuple[Value, ...]
    negated: bool


class Lookup(NamedTuple):
    """The packet gets the verdict of the element it is found at, if any."""

    keys: tuple[Key, ...]
    map_name: str
    elements: tuple[Element, ...]


class Record(NamedTuple):
    """The packet is counted by name or logged; `text` says how."""

    text: str


Statement: TypeAlias = Match | Lookup | Record | Verdict

TH_DPORT: Final = Key("th dport", "port")

_NUMBERS = {
    ("ct", "state"): Key("ct state", "state"),
    ("meta", "nfproto"): Key("meta nfproto", "family"),
    ("meta", "l4proto"): Key("meta l4proto", "protocol"),
    ("ip", "protocol"): Key("ip protocol", "protocol", FAMILY[4]),
    ("ip", "ttl"): Key("ip ttl", "hop_limit", FAMILY[4]),
    ("ip6", "hoplimit"): Key("ip6 hoplimit", "hop_limit", FAMILY[6]),
    ("tcp", "dport"): Key("tcp dport", "port", None, TCP),
    ("udp", "dport"): Key("udp dport", "port", None, UDP),
    ("th", "dport"): TH_DPORT,
    ("icmp", "type"): Key("icmp type", "port", FAMILY[4], ICMP),
    ("icmpv6", "type"): Key("icmpv6 type", "port", FAMILY[6], ICMPV6),
}
_ADDRESSES = {
    ("ip", "saddr"): Key("ip saddr", "source", FAMILY[4]),
    ("ip", "daddr"): Key("ip daddr", "destination", FAMILY[4]),
    ("ip6", "saddr"): Key("ip6 saddr", "source", FAMILY[6]),
    ("ip6", "daddr"): Key("ip6 daddr", "destination", FAMILY[6]),
}
_INTERFACES = {
    ("meta", "iifname"): Key("iifname", "arrival"),
    ("meta", "oifname"): Key("oifname", "departure"),
}
KEYS: Final = MappingProxyType(_NUMBERS | _ADDRESSES | _INTERFACES)

#: linux/netfilter/nf_conntrack_common.h, NF_CT_STATE_BIT and its neighbours.
_STATE_BITS = {
    1: State.INVALID,
    2: State.ESTABLISHED,
    4: State.RELATED,
    8: State.NEW,
    64: State.UNTRACKED,
}
_FAMILY_NUMBERS = {2: FAMILY[4], 10: FAMILY[6]}

_PROTOCOL_WORDS = {TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
#: `continue` is not among them: it goes on inside the rule, which no rule of ours needs.
_FINAL_VERDICTS = frozenset({"accept", "drop", "return"})
_CHAIN_VERDICTS = frozenset({"jump", "goto"})
_LOG_WORDS = ("prefix", "group", "snaplen", "queue-threshold", "level", "flags")


def key_of(expression: object) -> Key:
    """Read what a rule looks at.

    Raises:
        NotUnderstood: it looks at something else than a packet of ours has.
    """
    match expression:
        case {"meta": {"key": str(word), **rest}} if not rest:
            found = KEYS.get(("meta", word))
        case {"ct": {"key": str(word), **rest}} if not rest:
            found = KEYS.get(("ct", word))
        case {"payload": {"protocol": str(header), "field": str(word), **rest}} if not rest:
            found = KEYS.get((header, word))
        case _:
            found = None
    if found is None:
        raise NotUnderstood(expression)
    return found


def keys_of(expression: object) -> tuple[Key, ...]:
    """Read the key of a look-up: one thing, or several joined by dots."""
    match expression:
        case {"concat": list(parts), **rest} if not rest:
            return tuple(key_of(part) for part in parts)
        case _:
            return (key_of(expression),)


def value_of(key: Key, value: object) -> Value:
    """Read one value that a key is compared with.

    Raises:
        NotUnderstood: the value is no single interval of the key.
    """
    variable = key.variable
    if variable in ("source", "destination"):
        return _addresses(key, value)
    if variable in ("arrival", "departure"):
        if isinstance(value, str) and "*" not in value:
            return value
        raise NotUnderstood(key.word, value)
    low, high = _bounds(value, key)
    if variable == "state":
        return _one_of({bit: STATE_NUMBER[s] for bit, s in _STATE_BITS.items()}, key, low, high)
    if variable == "family":
        return _one_of(_FAMILY_NUMBERS, key, low, high)
    if key.protocol in (ICMP, ICMPV6):
        return type_interval(low)[0], type_interval(high)[1]
    return low, high


def values_of(key: Key, operator: str, right: object) -> tuple[Value, ...]:
    """Read the right side of a comparison: a value, several, or flags."""
    match right:
        case {"set": list(members), **rest} if not rest and operator != "in":
            return tuple(value_of(key, member) for member in members)
        case list(members) if operator == "in":
            return tuple(value_of(key, member) for member in members)
        case _:
            return (value_of(key, right),)


def verdict_of(value: object) -> Verdict:
    """Read a verdict.

    Raises:
        NotUnderstood: it is none, or one that hands the packet to somebody else.
    """
    if isinstance(value, dict) and len(value) == 1:
        ((kind, detail),) = value.items()
        if kind in _FINAL_VERDICTS and detail is None:
            return Verdict(kind)
        if kind in _CHAIN_VERDICTS and isinstance(detail, dict) and detail.keys() == {"target"}:
            return Verdict(kind, str(detail["target"]))
    raise NotUnderstood(value)


def is_verdict(word: str) -> bool:
    """Tell whether a statement of this name is a verdict that is known."""
    return word in _FINAL_VERDICTS or word in _CHAIN_VERDICTS


def log_text(value: object) -> str:
    """Give a log statement in one canonical form.

    Raises:
        NotUnderstood: it has a word that is not known.
    """
    match value:
        case {**words} if words.keys() <= set(_LOG_WORDS):
            return " ".join(["log", *(f"{w} {shown(words[w])}" for w in _LOG_WORDS if w in words)])
        case None:
            return "log"
        case _:
            raise NotUnderstood(value)


def element_text(keys: Sequence[Key], value: object) -> str:
    """Give the key of an element as nft writes it, with names for numbers of protocols."""
    match value:
        case {"concat": list(parts)} if len(parts) == len(keys):
            return " . ".join(
                element_text((key,), part) for key, part in zip(keys, parts, strict=True)
            )
        case {"prefix": {"addr": address, "len": length}}:
            return f"{address}/{length}"
        case {"range": [low, high]}:
            return f"{low}-{high}"
        case int() if keys[0].variable == "protocol":
            return _PROTOCOL_WORDS.get(value, str(value))
        case _:
            return shown(value)


def shown(value: object) -> str:
    """Give a piece of a ruleset in few characters, for a person."""
    match value:
        case str() | int():
            return str(value)
        case dict():
            return " ".join(k if v is None else f"{k} {shown(v)}" for k, v in value.items())
        case list():
            return ", ".join(map(shown, value))
        case _:
            return str(value)


def _addresses(key: Key, value: object) -> Interval:
    version_6 = key.family == FAMILY[6]
    match value:
        case str():
            return _range(value, value, version_6)
        case {"prefix": {"addr": str(address), "len": int(length), **inner}, **rest}:
            if not inner and not rest:
                return _prefix(address, length, version_6)
        case {"range": [str(first), str(last)], **rest}:
            if not rest:
                return _range(first, last, version_6)
    raise NotUnderstood(key.word, value)


@lru_cache(maxsize=4096)
def _prefix(address: str, length: int, version_6: bool) -> Interval:  # noqa: FBT001 - as below
    low, high = _range(address, address, version_6)
    return low, low | ((1 << (128 - length)) - 1) | (high - low)


def _range(first: str, last: str, version_6: bool) -> Interval:  # noqa: FBT001 - as below
    low, high = _number(first, version_6), _number(last, version_6)
    if version_6:
        return low, high
    return low << IPV4_SHIFT, ((high + 1) << IPV4_SHIFT) - 1


def _number(address: str, version_6: bool) -> int:  # noqa: FBT001 - a cache wants it plain
    try:
        return int.from_bytes(inet_pton(AF_INET6 if version_6 else AF_INET, address), "big")
    except OSError:
        raise NotUnderstood(address) from None


def _bounds(value: object, key: Key) -> Interval:
    if type(value) is int:  # a bool is no number here
        return value, value
    match value:
        case {"range": [int(low), int(high)], **rest} if not rest:
            return low, high
        case _:
            raise NotUnderstood(key.word, value)


def _one_of(numbers: Mapping[int, int], key: Key, low: int, high: int) -> Interval:
    if low != high or low not in numbers:
        raise NotUnderstood(key.word, low, high)
    return numbers[low], numbers[low]


def strings(value: object) -> Sequence[str]:
    """Give a word or a list of words as a list: versions of nft differ in this.

    Raises:
        NotUnderstood: it is neither.
    """
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return cast("list[str]", value)
    raise NotUnderstood(value)
