"""How a proxy judges a request: the steps of the reference decision, in HAProxy's words.

Each step looks something up and says when it refuses; the first that does
gives the reason, and none after it is taken.  What is permitted stands in maps
(`gate_maps`), so that the steps are the same for every policy.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.artefacts import Generation
from gateway.policy.request_reasons import RequestReason

#: `gateway.policy.requests.is_canonical`, in two parts: what a path is made of, and no dots for a
#: step.  The apostrophe is written by its number, for the line stands in apostrophes.
#: `*+` takes all and gives nothing back, so that a long path needs no more memory than a short one.
_PATH = r"^/(?:[a-z0-9._~!$\x27()*+,=:@&/-]|%[89A-F][0-9A-F])*+$"
_STEPS = r"//|/\.{1,2}(/|$)"

#: China's time in seconds before that of the epoch's clock, which has no zone.
_CHINA_SECONDS = 8 * 3600

#: HAProxy takes these IPv6 addresses for the IPv4 ones written in them (RFC 3056, RFC 4291 section
#: 2.5.5.1); to the policy they are in no zone.
_MISTAKEN = "2002::/16 ::/96"

_GENERATION = "var(txn.generation)"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it looks up, when it refuses, and why.

    `found` are names and expressions, some with a condition on which they are looked up.
    `parts` are read out of what was found, or tell the time, and nobody writes them down but
    where they are of what was found: whether a request is refused already is not asked for them.
    It refuses where any of `refused` holds, or any of `wanted` does not.
    """

    reason: RequestReason
    found: tuple[tuple[str, str] | tuple[str, str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()


def steps(maps: str, port: int, is_http: bool) -> tuple[Step, ...]:  # noqa: FBT001 - what it is, not a switch
    """Give the steps in their order; `maps` is the folder of the maps, `port` where is asked."""
    return (
        _policy(maps),
        Step(
            RequestReason.REVOKED,
            refused=(_key("var(sess.authority),concat(/,sess.serial)", maps, "revoked"),),
        ),
        Step(
            RequestReason.NOT_CANONICAL,
            refused=(f"var(txn.path) -m reg '{_STEPS}'",),
            wanted=(f"var(txn.path) -m reg '{_PATH}'",),
        ),
        Step(
            RequestReason.UNKNOWN_HOST,
            found=(("gate", _map(f"{_GENERATION},concat(:,txn.host,:{port})", maps, "gates")),),
            wanted=(
                "var(txn.gate) -m found",
                "var(txn.server_name),strcmp(txn.host) eq 0",
                # As it was written: what was looked up is put into small letters, without a port.
                *((f"req.hdr(host) -m reg '^[a-z0-9.-]+(:{port})?$'",) if is_http else ()),
            ),
        ),
        Step(
            RequestReason.UNKNOWN_SUBJECT,
            found=(
                (
                    "subject",
                    _map(
                        f"{_GENERATION},concat(:,sess.authority,/),concat(,sess.name)",
                        maps,
                        "subjects",
                    ),
                ),
            ),
            wanted=("var(txn.subject) -m found",),
        ),
        _zone(maps),
        Step(
            RequestReason.UNKNOWN_RESOURCE,
            found=(
                (
                    "resource",
                    f"{_GENERATION},concat(:,txn.gate),concat(,txn.path),map_beg({maps}/routes.map)",
                ),
            ),
            wanted=("var(txn.resource) -m found",),
        ),
        *_grant(maps),
    )


def lines(step: Step) -> Iterator[str]:
    """Write a step as rules; nothing is looked up once a request is refused.

    Whether it is refused already is asked last: where nothing is to be refused, it is not asked.
    """
    judged = "{ var(txn.reason) -m found }"
    reason = f"set-var(txn.reason) str({step.reason})"
    for name, expression, *conditions in step.found:
        when = "".join(f" {{ {condition} }}" for condition in conditions)
        yield f"set-var(txn.{name}) {expression} if !{judged}{when}"
    for name, expression in step.parts:
        yield f"set-var(txn.{name}) {expression}"
    for condition in step.refused:
        yield f"{reason} if {{ {condition} }} !{judged}"
    for condition in step.wanted:
        yield f"{reason} if !{{ {condition} }} !{judged}"


def _policy(maps: str) -> Step:
    """Ask which policy is in force, and whether it is still proven: the loader says until when."""
    return Step(
        RequestReason.NO_POLICY,
        found=(
            # One entry, looked up once: between two lookups another policy may come into force.
            ("current", f"str(policy),map({maps}/current.map)"),
        ),
        parts=(
            ("generation", "var(txn.current),field(1,|)"),
            ("revision", "var(txn.current),field(2,|)"),
            ("until", "var(txn.current),field(3,|)"),
        ),
        wanted=(f"{_GENERATION} -m found", "var(txn.until),sub(txn.now) gt 0"),
    )


def _zone(maps: str) -> Step:
    way = f"{_GENERATION},concat(:,txn.subject,:),concat(,txn.zone,:),concat(,txn.gate)"
    return Step(
        RequestReason.WRONG_ZONE,
        found=tuple(
            ("zone", f"src,map_ip({maps}/zones_{letter}.map)", f"{_GENERATION} -m str {letter}")
            for letter in Generation
        ),
        refused=(f"src {_MISTAKEN}",),
        wanted=(_key(way, maps, "ways"),),
    )


def _grant(maps: str) -> Iterator[Step]:
    limits = (
        f"{_GENERATION},concat(:,txn.subject,:),concat(,txn.zone,:),"
        "concat(,txn.resource,:),concat(,txn.method)"
    )
    yield Step(
        RequestReason.NO_GRANT,
        found=(("limits", _map(limits, maps, "grants")),),
        parts=(("grant", "var(txn.limits),field(1,|)"),),
        wanted=("var(txn.limits) -m found",),
    )
    yield Step(
        RequestReason.NOT_NOW,
        parts=(("since", "var(txn.limits),field(2,|)"), ("end", "var(txn.limits),field(3,|)")),
        wanted=("var(txn.since),sub(txn.now) le 0", "var(txn.end),sub(txn.now) gt 0"),
    )
    slot = "var(txn.hours),concat(:,txn.day_and_hour),concat(,txn.quarter)"
    yield Step(
        RequestReason.OUTSIDE_HOURS,
        parts=(
            ("hours", "var(txn.limits),field(4,|)"),
            ("day_and_hour", f"date({_CHINA_SECONDS}),utime(%u-%H-)"),
            ("quarter", f"date({_CHINA_SECONDS}),utime(%M),div(15)"),
            ("slot", slot),
        ),
        # By its beginning, so that one entry is for all slots of what has no hours.
        wanted=(f"{_GENERATION},concat(:,txn.slot),map_beg({maps}/hours.map) -m found",),
    )


def _map(key: str, maps: str, name: str) -> str:
    return f"{key},map({maps}/{name}.map)"


def _key(key: str, maps: str, name: str) -> str:
    return f"{_map(key, maps, name)} -m found"
