"""What a proxy says to a request by the maps that it holds, step for step as it takes them."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network

from gateway.policy.model import Address
from gateway.policy.request_reasons import RequestReason as Reason
from gateway.policy.requests import CHINA, Request, is_canonical
from gateway.verify.gates import LiveGates


def judge(live: LiveGates, request: Request) -> Reason:
    """Give what the proxy says to a request, by what it holds, step for step."""
    if not live.letter:
        return Reason.NO_POLICY
    if not is_canonical(request.path):
        return Reason.NOT_CANONICAL
    gate = live.in_force["gates"].get(f"{request.host}:{request.port}")
    if gate is None or request.server_name != request.host:
        return Reason.UNKNOWN_HOST
    subject = live.in_force["subjects"].get(f"{request.authority}/{request.name}")
    return Reason.UNKNOWN_SUBJECT if subject is None else _of(live, gate, subject, request)


def _of(live: LiveGates, gate: str, subject: str, request: Request) -> Reason:
    """Judge what a known subject asks at a known gate."""
    maps, zone = live.in_force, _zone_of(live, request.source)
    if f"{subject}:{zone}:{gate}" not in maps["ways"]:
        return Reason.WRONG_ZONE
    asked = f"{gate}{request.path}"
    longest = max((r for r in maps["routes"] if asked.startswith(r)), key=len, default=None)
    if longest is None:
        return Reason.UNKNOWN_RESOURCE
    limits = maps["grants"].get(f"{subject}:{zone}:{maps['routes'][longest]}:{request.method}")
    return Reason.NO_GRANT if limits is None else _within(limits, maps["hours"], request.at)


def _within(limits: str, hours: Mapping[str, str], at: datetime) -> Reason:
    _, since, until, name = limits.split("|")
    if not int(since) <= int(at.timestamp()) < int(until):
        return Reason.NOT_NOW
    slot = f"{name}:{_slot(at)}"
    return Reason.GRANT if any(slot.startswith(each) for each in hours) else Reason.OUTSIDE_HOURS


def _slot(at: datetime) -> str:
    here = at.astimezone(CHINA)
    return f"{here.isoweekday()}-{here.hour:02}-{here.minute // 15}"


def _zone_of(live: LiveGates, address: Address) -> str:
    """Give the zone of an address, by the narrowest network; empty where none has it."""
    found = [(ip_network(key), zone) for key, zone in live.in_force["zones"].items()]
    holding = [(net.prefixlen, zone) for net, zone in found if address in net]
    return max(holding, default=(0, ""))[1]
