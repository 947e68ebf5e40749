"""What people were answered at the gates, as a person reads it."""

import argparse

from gateway.cli.report import say, words
from gateway.errors import Language
from gateway.policy.model import Plan
from gateway.policy.reasons import REASON_WORDS, Reason
from gateway.policy.request_reasons import REQUEST_REASON_WORDS, RequestReason
from lab.hosts.asking import Asked, Asking


def say_asking(arguments: argparse.Namespace, plan: Plan, asking: Asking) -> None:
    """Say who asked for what and what came of it, then what a revocation did."""
    right = sum(each.is_right for each in asking.asked)
    en = f"\nrequests at the gates, {right} of {len(asking.asked)} as the policy says:"
    zh = f"\n闸口请求,{len(asking.asked)} 次中 {right} 次与策略一致:"
    say(words(arguments, en, zh))
    for each in asking.asked:
        say(f"  {_line(arguments, plan, each)}")
    zh_is_read = arguments.language is Language.ZH
    who = plan.subjects[asking.revoked]
    name = who.title if zh_is_read else who.name
    say(
        words(
            arguments,
            f"\nloushan pki revoke … {who.certificate} --deliver inventory/lab,"
            f" while {name} asks over a connection that stands:\n"
            f"  {asking.revoked_seconds:4.1f} s later  {asking.revoked_status}"
            f" {asking.revoked_reason}  {asking.revoked_decision}",
            f"\nloushan pki revoke … {who.certificate} --deliver inventory/lab,"
            f"其时“{name}”正经既有连接请求:\n"
            f"  {asking.revoked_seconds:4.1f} 秒后  {asking.revoked_status}"
            f" {asking.revoked_reason}  {asking.revoked_decision}",
        )
    )


def _line(arguments: argparse.Namespace, plan: Plan, asked: Asked) -> str:
    zh = arguments.language is Language.ZH
    resource = plan.resources[asked.resource]
    who, what = (asked.title, resource.title) if zh else (asked.subject, asked.resource)
    mark = "✓" if asked.is_right else "✗"
    ends = f"{who} ({asked.zone}) → {what}"
    status = str(asked.status or "-")
    return f"{mark} {ends:48} {status:>3}  {_why(asked.reason, zh=zh)}  {asked.decision}".rstrip()


def _why(reason: str, *, zh: bool) -> str:
    """Give the words of a reason, of a request's or of a packet's."""
    index = 1 if zh else 0
    if reason in set(RequestReason):
        return REQUEST_REASON_WORDS[RequestReason(reason)][index]
    if reason in set(Reason):
        return REASON_WORDS[Reason(reason)][index]
    return reason
