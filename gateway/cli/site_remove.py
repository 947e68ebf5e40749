"""`loushan site remove`: the reverse of `site add`, when nothing hangs on the site."""

import argparse
from shlex import quote

from gateway.cli.report import say, words
from gateway.cli.site_change import (
    Step,
    add_common,
    conclude,
    copy_step,
    limit,
    playbook,
    signing_steps,
    today,
)
from gateway.errors import ExitStatus
from gateway.policy.documents import read_documents
from gateway.policy.names import gateway_host
from gateway.policy.site_removal import remove_site

_EXAMPLE = """\
loushan site remove policy/lab xishui
loushan site remove policy/lab xishui --write
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_common(parser)
    group = parser.add_argument_group("for example, shown and then written | 示例,先预览后写入")
    group.description = _EXAMPLE


def run(arguments: argparse.Namespace) -> int:
    """Show what goes and what is no longer reachable, or write it."""
    documents = read_documents(arguments.plan)
    change = remove_site(documents, str(arguments.plan), arguments.name, today())
    own = limit(change, change.old, own=True).split(",")[0]
    host = gateway_host(arguments.name)
    decommission = Step(
        "first, while the inventory still knows the gateway",
        "先行停用:此时清单中仍有该网关",
        playbook("decommission", change.old, own, f" -e decommission_confirm={host}"),
    )
    plan, name = quote(str(arguments.plan)), quote(arguments.name)
    write = Step(
        "then take it out of the plan",
        "随后将其移出规划",
        f"loushan site remove {plan} {name} --write",
    )
    others = limit(change, change.new, own=False)
    rest = Step(
        "one playbook run: the gateways that knew it",
        "运行一次剧本:曾知晓它的网关",
        playbook("site", change.new, others),
    )
    managed = [decommission] if change.site.managed else []
    conclude(
        arguments,
        documents,
        change,
        before=[*managed, copy_step(arguments), write],
        after=[*signing_steps(arguments), *([rest] if others else [])],
    )
    if arguments.write and managed and not arguments.json:
        say(
            words(
                arguments,
                f"was {own} not decommissioned first? put the entry back, run that playbook, "
                "and remove it again: the inventory no longer knows it",
                f"若未先停用 {own}:请恢复该条目,运行停用剧本后再移除;清单中已无该网关",
            )
        )
    return ExitStatus.OK
