"""What `site add` and `site remove` share: showing a change of a plan, and writing it."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import unified_diff
from pathlib import Path
from shlex import quote
from typing import Any

from gateway.cli.diff import say_difference
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import Refused, Where, problem, refuse_any
from gateway.policy.disk import settle
from gateway.policy.documents import RELEASE_FOLDER, Document, read_documents
from gateway.policy.model import Plan
from gateway.policy.names import gateway_host
from gateway.policy.site_change import SiteChange


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next: what it is for, and the command."""

    en: str
    zh: str
    command: str


def add_common(parser: argparse.ArgumentParser) -> None:
    """Say what may follow either command."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    parser.add_argument("name", metavar="NAME", help="name of the site | 站点名称")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write the change; without it, it is only shown | 写入改动;不带此项仅预览",
    )
    add_json(parser)


def today() -> date:
    """Give the day for which the plan is checked."""
    return datetime.now().astimezone().date()


def conclude(
    arguments: argparse.Namespace,
    documents: Sequence[Document],
    change: SiteChange,
    before: Sequence[Step],
    after: Sequence[Step],
) -> None:
    """Show a change, write it if that was asked, and say what comes next.

    Args:
        arguments: what the user said.
        documents: the plan as it was read.
        change: the change, which has passed every check.
        before: what to do before it is written.
        after: what to do once it is.
    """
    if arguments.write:
        _write(arguments.plan, documents, change)
    steps = after if arguments.write else before
    if arguments.json:
        say_json(_as_json(arguments, change, steps))
        return
    say(diff_text(arguments.plan, change))
    _say_zones(arguments, change)
    say_difference(arguments, change.difference)
    say("")
    _say_outcome(arguments, change)
    for number, step in enumerate(steps, 1):
        say(f"  {number}. {words(arguments, step.en, step.zh)}")
        say(f"     {step.command}")


def diff_text(plan: Path, change: SiteChange) -> str:
    """Give the unified diff of the one document that changes."""
    file = str(plan / change.path)
    old, new = (d.content.decode() if d else "" for d in (change.before, change.after))
    lines = unified_diff(
        old.splitlines(),
        new.splitlines(),
        file if change.before else "/dev/null",
        file if change.after else "/dev/null",
        lineterm="",
    )
    return "\n".join(lines)


def signing_steps(arguments: argparse.Namespace) -> list[Step]:
    """Give the review and the two signatures, as they are for this plan."""
    plan = quote(str(arguments.plan))
    base = "--base OLD" if _has_release(arguments.plan) else "--first"
    sign = f"loushan policy sign {plan} --as {{}} {base} --key KEY --certificate CERTIFICATE"
    return [
        Step(
            "review; OLD is the folder of the plan in force, or a copy from before",
            "审阅;OLD 为现行规划的文件夹,或改动前的副本",
            f"loushan policy diff OLD {plan}",
        ),
        Step("the author signs", "编制人签署", sign.format("author")),
        Step("the Secrecy Bureau signs", "保密局签署", sign.format("bureau")),
    ]


def copy_step(arguments: argparse.Namespace) -> Step:
    """Give how to keep the plan as it is now."""
    return Step(
        "keep the plan as it is now, to compare and to sign against",
        "留存当前规划,供比较和签署",
        f"cp -a {quote(str(arguments.plan))} OLD",
    )


def limit(change: SiteChange, plan: Plan, *, own: bool) -> str:
    """Give whom a playbook is for: the site's group, and the other gateways that change."""
    others = sorted(gateway_host(n) for n in change.touched if plan.sites[n].managed)
    return ",".join([*([change.group] if own else []), *others])


def playbook(name: str, plan: Plan, whom: str, extra: str = "") -> str:
    """Give the command that runs a playbook."""
    where = f"playbooks/{name}.yml -i inventory/{plan.name} --limit {whom}"
    return f".venv/bin/ansible-playbook {where}{extra}"


def _has_release(plan: Path) -> bool:
    return os.path.lexists(plan / RELEASE_FOLDER)


def _plan_with(change: SiteChange) -> Plan:
    """Give the plan that has the site."""
    return change.new if change.site.name in change.new.sites else change.old


def _say_zones(arguments: argparse.Namespace, change: SiteChange) -> None:
    coming = change.site.name in change.new.sites
    say("")
    say(
        words(
            arguments,
            "zones that come:" if coming else "zones that go:",
            "新增安全域:" if coming else "移除安全域:",
        )
    )
    zones = [_plan_with(change).zones[name] for name in change.site.zones]
    rows = [(zone.name, *map(str, zone.ranges)) for zone in zones]
    widths = [max(map(len, column)) for column in zip(*rows, strict=False)]
    for zone, row in zip(zones, rows, strict=True):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        say(f"  {'  '.join(cells)}  {zone.title}")
    say("")


def _say_outcome(arguments: argparse.Namespace, change: SiteChange) -> None:
    file = arguments.plan / change.path
    if not arguments.write:
        say(
            words(
                arguments,
                "nothing was written; next:",
                "未写入任何内容;下一步:",
            )
        )
        return
    signed = _has_release(arguments.plan)
    say(words(arguments, f"{file}: written", f"{file}:已写入"))
    if signed:
        say(
            words(
                arguments,
                f"{arguments.plan / RELEASE_FOLDER} is as it was: its signatures are of the plan "
                "before, so the plan here is unsigned until both sign again",
                f"{arguments.plan / RELEASE_FOLDER} 未变:其中的签名属于改动前的规划,"
                "双方重新签署之前,此处的规划视为未签署",
            )
        )
    say(words(arguments, "it takes effect by these steps:", "按以下步骤生效:"))


def _as_json(
    arguments: argparse.Namespace, change: SiteChange, steps: Sequence[Step]
) -> dict[str, Any]:
    plan = _plan_with(change)
    return {
        "plan": change.new.name,
        "file": str(arguments.plan / change.path),
        "entry": dict(change.fields),
        "zones": [
            {"name": name, "title": plan.zones[name].title, "ranges": [*map(str, ranges)]}
            for name in change.site.zones
            for ranges in [plan.zones[name].ranges]
        ],
        "unaware": [{"expectation": name, "where": str(w)} for name, w in change.unaware],
        "gateways_changed": sorted(change.touched),
        "diff": diff_text(arguments.plan, change),
        "difference": change.difference.as_json(),
        "written": bool(arguments.write),
        "next": [{"en": s.en, "zh": s.zh, "command": s.command} for s in steps],
    }


def _write(folder: Path, documents: Sequence[Document], change: SiteChange) -> None:
    """Put the document in place whole or not at all, and read the folder back.

    Raises:
        Refused: somebody changed the plan meanwhile, or it cannot be written.
    """
    file = folder / change.path
    _refuse_other(folder, documents)
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        if change.after is None:
            file.unlink()
        else:
            file.parent.mkdir(exist_ok=True)
            _write_new(new, change.after, file if change.before else None)
            new.replace(file)
        settle(file.parent)
    except OSError as error:
        where = Where(str(file))
        raise Refused(problem("ZG134", where, file=file, error=error.strerror)) from error
    finally:
        new.unlink(missing_ok=True)
    kept = [document for document in documents if document.path != change.path]
    intended = [*kept, *([change.after] if change.after else [])]
    _refuse_other(folder, intended)


def _write_new(new: Path, document: Document, like: Path | None) -> None:
    with new.open("xb") as opened:
        if like is not None:
            os.fchmod(opened.fileno(), like.stat(follow_symlinks=False).st_mode & 0o777)
        opened.write(document.content)
        opened.flush()
        os.fsync(opened.fileno())


def _refuse_other(folder: Path, documents: Sequence[Document]) -> None:
    """Refuse to go on where the plan is not what was judged; links are refused by reading."""
    found = {document.path: document for document in read_documents(folder)}
    judged = {document.path: document for document in documents}
    other = sorted(p for p in found.keys() | judged.keys() if found.get(p) != judged.get(p))
    refuse_any(problem("ZG149", Where(str(folder / path)), file=folder / path) for path in other)
