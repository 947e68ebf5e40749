"""`loushan decision`: what was decided, by the id that a person reads out on the telephone."""

import argparse
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language

if TYPE_CHECKING:
    from gateway.observe.find import Found

_MILLISECONDS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    from gateway.observe.settings import LOG_FOLDER

    parser.add_argument(
        "id",
        metavar="ID",
        nargs="+",
        help="as it was read out, such as city-gw.1764081000.17; or its last number alone | "
        "对方读出的判定编号,也可只给最后的序号",
    )
    parser.add_argument(
        "--node", default="", metavar="NODE", help="the gateway, with a number alone | 网关名称"
    )
    parser.add_argument(
        "--log",
        type=Path,
        default=LOG_FOLDER,
        metavar="FOLDER",
        help=f"the log, {LOG_FOLDER} unless said | 日志文件夹",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say it."""
    from gateway.observe.earlier import find_anywhere
    from gateway.observe.find import wanted_of

    text = " ".join(arguments.id)
    found = find_anywhere(arguments.log, wanted_of(text, arguments.node), text)
    if arguments.json:
        say_json({"record": found.record, "time": found.time, "decision": found.decision})
        return ExitStatus.OK
    for en, zh, value in _lines(found, arguments.language):
        say(f"{words(arguments, en, zh)}: {_shown(value)}")
    return ExitStatus.OK


def _lines(found: "Found", language: Language) -> Iterator[tuple[str, str, str]]:
    from gateway.policy.reasons import Verdict
    from gateway.policy.request_reasons import REQUEST_REASON_WORDS, RequestReason
    from gateway.policy.requests import CHINA

    decision, zh = found.decision, language is Language.ZH
    at = datetime.fromtimestamp(decision["at"] / _MILLISECONDS, CHINA)
    reason = REQUEST_REASON_WORDS[RequestReason(decision["reason"])][1 if zh else 0]
    accepted = decision["verdict"] == Verdict.ACCEPT
    verdict = ("准许" if accepted else "拒绝") if zh else decision["verdict"]
    yield "decision", "判定", decision["id"]
    yield "when", "时间", at.isoformat(" ", "milliseconds")
    yield "verdict", "裁决", verdict
    yield "reason", "理由", f"{decision['reason']} — {reason}"
    yield "subject", "主体", _who(decision)
    yield "from", "来源", _joined(decision["zone"], decision["source"])
    yield "request", "请求", _joined(decision["method"], decision["path"])
    yield "gate", "闸口", decision["gate"]
    yield "resource", "客体", decision["resource"]
    yield "grant", "授权", decision["grant"]
    yield "revision", "修订号", str(decision["revision"])
    yield "status", "状态码", str(decision["status"])
    yield "record", "记录", str(found.record)


def _who(decision: dict[str, Any]) -> str:
    """Name the subject, and the certificate that it was known by."""
    shown = "/".join(p for p in (decision["authority"], decision["name"]) if p)
    parts = [p for p in (shown, decision["number"], decision["serial"]) if p]
    return _joined(decision["subject"], f"({', '.join(parts)})" if parts else "")


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _shown(value: str) -> str:
    """Give what a terminal may be shown: a path can hold anything."""
    if not value:
        return "-"
    return value if value.isprintable() else ascii(value)[1:-1]
