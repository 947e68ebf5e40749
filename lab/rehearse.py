"""`loushan rehearse`: build a plan's city, load it, prove it, and try it with real packets."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, report_problems, words
from gateway.errors import ExitStatus, Language, refuse_any
from lab.manners import add_sites, polite_kill_is_an_end, require_root

if TYPE_CHECKING:
    from rich.progress import Progress

    from lab.rehearsal import Step

#: How many problems a person is shown.
_SHOWN = 30

_STEPS = {
    "build": ("building the city", "搭建城市"),
    "enforce": ("loading and proving gateways", "装载并证明网关"),
    "paths": ("proving all gateways together", "证明全网路径"),
    "probe": ("sending packets", "发送报文"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    add_sites(parser)
    parser.add_argument(
        "--no-probe",
        action="store_true",
        help="load and prove each gateway in turn, without a city; for a plan of any size"
        " | 逐个装载并证明网关,不搭建城市,适用于任意规模",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the city standing until the next rehearsal | 保留城市至下一次演练",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="chooses the packets; 1 unless said | 报文抽样种子,默认为 1",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Rehearse; the exit status tells whether plan, proof and packets agree."""
    from gateway.policy.check import check_plan  # noqa: PLC0415 - so that help answers at once
    from gateway.policy.plan import read_plan  # noqa: PLC0415 - as above
    from lab.city import sweep_abandoned  # noqa: PLC0415 - as above
    from lab.rehearsal import Wanted, rehearse  # noqa: PLC0415 - as above
    from lab.report import say_rehearsal  # noqa: PLC0415 - as above

    require_root()
    plan = read_plan(arguments.plan)
    refuse_any(check_plan(plan, datetime.now().astimezone().date()))
    wanted = Wanted(
        plan=plan,
        sites=arguments.sites,
        probes=not arguments.no_probe,
        keep=arguments.keep,
        seed=arguments.seed,
    )
    with polite_kill_is_an_end():
        sweep_abandoned()
        with _progress(arguments) as listener:
            rehearsal = rehearse(wanted, listener)
    say_rehearsal(arguments, wanted, rehearsal)
    if not rehearsal.problems:
        return ExitStatus.OK
    if not arguments.json:
        report_problems(rehearsal.problems[:_SHOWN], arguments)
        _say_how_many_more(arguments, len(rehearsal.problems))
    return ExitStatus.REFUSED


def _say_how_many_more(arguments: argparse.Namespace, count: int) -> None:
    if count > _SHOWN:
        text = words(
            arguments,
            "these are {} of {}; --json gives all",
            "以上为 {} 个,共 {} 个;--json 列出全部",
        )
        sys.stderr.write(f"{text.format(_SHOWN, count)}\n")


class _Bar:
    """Shows how far a rehearsal is."""

    def __init__(self, progress: "Progress", language: Language) -> None:
        """Show on a progress display that refreshes when it is told to."""
        self._progress = progress
        self._language = language
        self._task = progress.add_task("", visible=False)

    def begin(self, step: "Step", total: int) -> None:
        """Show a step."""
        doing = _STEPS[step][self._language is Language.ZH]
        self._progress.update(
            self._task, description=doing, total=total, completed=0, visible=True, refresh=True
        )

    def advance(self, count: int = 1) -> None:
        """Show that parts of it are done."""
        self._progress.update(self._task, advance=count, refresh=True)


@contextmanager
def _progress(arguments: argparse.Namespace) -> Iterator[_Bar]:
    from rich.console import Console  # noqa: PLC0415 - so that help answers at once
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    # Without a thread of its own: the workers are forked while it is shown.
    shown = console.is_terminal and not arguments.json
    with Progress(
        console=console, auto_refresh=False, transient=True, disable=not shown
    ) as progress:
        yield _Bar(progress, arguments.language)
