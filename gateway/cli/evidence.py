"""`loushan evidence`: which clause of the standard is met, shown by the running hosts."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, say, words
from gateway.errors import ExitStatus, Refused, problem

if TYPE_CHECKING:
    from gateway.evidence.evidence import Evidence

_INVENTORY = Path(__file__).resolve().parents[2] / "inventory" / "lab"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "-i",
        "--inventory",
        type=Path,
        default=_INVENTORY,
        metavar="DIR",
        help="whose hosts are asked; the lab that is up unless said | 询问哪份清单中的主机",
    )
    parser.add_argument(
        "--limit", metavar="HOSTS", help="these hosts and groups alone | 仅询问这些主机或主机组"
    )
    parser.add_argument(
        "--failed", action="store_true", help="print only what does not pass | 仅列出未通过的行"
    )
    parser.add_argument(
        "--pdf", type=Path, metavar="FILE", help="write it on paper, in Chinese | 生成 PDF"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write evidence.json and evidence.pdf there | 在此文件夹写入 JSON 与 PDF",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, judge, print and write; ends with 1 where a row fails."""
    from gateway.cli.evidence_table import say_table

    evidence = _take(arguments)
    body = json.dumps(evidence.as_json(), ensure_ascii=False, indent=2) + "\n"
    for file in _pdf_files(arguments):
        from gateway.cli.evidence_page import pdf

        _write(file, pdf(evidence, body.encode()))
    if arguments.out is not None:
        _write(arguments.out / "evidence.json", body.encode())
    if arguments.json:
        say(body.rstrip("\n"))
    else:
        say_table(evidence, arguments)
    return ExitStatus.OK if evidence.holds else ExitStatus.REFUSED


def _take(arguments: argparse.Namespace) -> "Evidence":
    """Ask the hosts and judge what they said."""
    from gateway import __version__
    from gateway.cli.evidence_ask import ask_hosts
    from gateway.cli.evidence_signed import held_to, read_signed, waivers_of
    from gateway.evidence.evidence import Evidence
    from gateway.evidence.judge import judge_all
    from gateway.evidence.rows import ROWS

    with _progress(arguments) as tell:
        asked = ask_hosts(arguments.inventory, arguments.limit, tell)
    now = datetime.now(UTC)
    by, signed = read_signed(asked)
    plan = signed.plan if signed else None
    waivers = waivers_of(plan, by.signers) if plan else {}
    hosts = tuple(held_to(host, plan, by.digest, now.astimezone().date()) for host in asked)
    judged = tuple(judge_all(ROWS, hosts, waivers))
    return Evidence(__version__, now.isoformat(timespec="seconds"), by, hosts, judged)


def _pdf_files(arguments: argparse.Namespace) -> Iterator[Path]:
    if arguments.pdf is not None:
        yield arguments.pdf
    if arguments.out is not None:
        yield arguments.out / "evidence.pdf"


def _write(file: Path, content: bytes) -> None:
    """Write a file whole.

    Raises:
        Refused: ZG917, it cannot be written.
    """
    new = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(file)
    except OSError as fault:
        raise Refused(problem("ZG917", place=str(file), error=fault.strerror)) from fault


@contextmanager
def _progress(arguments: argparse.Namespace) -> "Iterator[Callable[[str], None]]":
    """Show on a terminal which hosts have answered."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _host: None
        return
    text = words(arguments, "asking the hosts; {} answered", "正在询问主机,已回答 {} 台")
    done: list[str] = []
    with console.status(text.format(0)) as status:

        def tell(host: str) -> None:
            done.append(host)
            status.update(f"{text.format(len(done))}: {host}")

        yield tell
