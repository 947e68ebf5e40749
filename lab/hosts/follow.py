"""`loushan lab follow`: take a changed plan into the lab that is up."""

import argparse
from pathlib import Path

from gateway.cli.report import say, words
from gateway.errors import ExitStatus
from lab.hosts.up import boot_progress
from lab.manners import require_root


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "plan",
        type=Path,
        metavar="PLAN",
        help="folder of the changed plan; the lab's own author and Bureau sign it, compared "
        "with the one before | 变更后的规划;由实验城市自带的编制人与保密局签署",
    )
    parser.set_defaults(json=False)


def run(arguments: argparse.Namespace) -> int:
    """Sign it, boot the hosts that it has more, take away those that it has no more."""
    require_root()
    from lab.hosts.city import follow  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    with boot_progress(arguments) as bar:
        come, gone = follow(places(), arguments.plan, bar)
    none = words(arguments, "none", "无")
    booted = words(arguments, "booted", "新启动")
    ended = words(arguments, "taken away", "已移除")
    say(f"{booted}: {', '.join(come) or none}; {ended}: {', '.join(gone) or none}")
    say(
        words(
            arguments,
            "the plan is signed and not yet in force; "
            "next: .venv/bin/ansible-playbook playbooks/site.yml",
            "规划已签署,尚未生效;接下来:.venv/bin/ansible-playbook playbooks/site.yml",
        )
    )
    return ExitStatus.OK
