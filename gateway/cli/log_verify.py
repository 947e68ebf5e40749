"""`loushan log verify`: is the decision log as it was written?"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.errors import ExitStatus

if TYPE_CHECKING:
    from gateway.observe.verify import Verification


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    from gateway.observe.settings import LOG_FOLDER

    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=LOG_FOLDER,
        metavar="FOLDER",
        help=f"the log, {LOG_FOLDER} unless said | 日志文件夹",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the log's public key, kept elsewhere; the one in the folder proves less | "
        "日志公钥,应另行保存;文件夹内的公钥证明力较弱",
    )
    parser.add_argument(
        "--from",
        dest="older",
        type=Path,
        metavar="CHECKPOINT",
        help="a checkpoint that was kept elsewhere: the log must begin with what it says | "
        "另行保存的检查点,日志须与其一致",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge it, and where no key is named the earlier logs too; 0 where nothing is wrong."""
    from gateway.observe.earlier import earlier
    from gateway.observe.files import KEY_FILE
    from gateway.observe.keys import read_verifier
    from gateway.observe.verify import verify_log

    key = arguments.key or arguments.folder / KEY_FILE
    found = verify_log(arguments.folder, read_verifier(key), arguments.older)
    # One key is one log's.
    before = [] if arguments.key or arguments.older else earlier(arguments.folder)
    others = {each: verify_log(each, read_verifier(each / KEY_FILE)) for each in before}
    holds = found.holds and all(each.holds for each in others.values())
    if arguments.json:
        closed = [{"folder": str(each), **other.as_json()} for each, other in others.items()]
        say_json({**found.as_json(), "earlier": closed, "holds": holds})
        return ExitStatus.OK if holds else ExitStatus.REFUSED
    _say(arguments, found)
    for folder, other in others.items():
        say(words(arguments, f"earlier, {folder}:", f"此前的日志 {folder}:"))
        _say(arguments, other)
    problems = [each for judged in (found, *others.values()) for each in judged.problems]
    if problems:
        report_problems(problems, arguments)
    return ExitStatus.OK if holds else ExitStatus.REFUSED


def _say(arguments: argparse.Namespace, found: "Verification") -> None:
    counted = {
        verdict: sum(reasons.values()) for verdict, reasons in found.counts.decisions.items()
    }
    accepted, dropped = counted.get("ACCEPT", 0), counted.get("DROP", 0)
    unreadable, unsigned = sum(found.counts.unreadable.values()), found.records - found.signed
    unasked = sum(found.counts.unasked.values())
    say(
        words(
            arguments,
            f"{found.records} records, {found.checkpoints} checkpoints hold; "
            f"{unsigned} records since the last one",
            f"记录 {found.records} 条,检查点 {found.checkpoints} 个相符;其后尚有 {unsigned} 条",
        )
    )
    say(
        words(
            arguments,
            f"  accepted {accepted}, dropped {dropped}, without a request {unasked}, "
            f"unreadable {unreadable}, repeated {found.counts.repeated}, awaited {found.awaited}, "
            f"missed before {found.known_gaps}",
            f"  准许 {accepted},拒绝 {dropped},未成请求 {unasked},无法识读 {unreadable},"
            f"重复 {found.counts.repeated},等待 {found.awaited},此前缺失 {found.known_gaps}",
        )
    )
    if found.holds:
        say(words(arguments, "the log is as it was written", "日志与写入时一致"))
