"""`loushan site add`: a county, a department, a township more, in one command."""

import argparse
from shlex import quote

from gateway.cli.main import HELP_MARK
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
from gateway.policy.site_change import SiteChange
from gateway.policy.site_entry import NewSite, add_site

_EXAMPLES = HELP_MARK.join(
    f"""\
loushan site add policy/lab xishui --kind county --title {county}
loushan site add policy/lab xishui --kind county --title {county} --write
loushan site add policy/lab xishui-tax --kind county_department --title {bureau} \\
        --hub xishui --counterpart tax --write
"""
    for county, bureau in (("'Xishui County'", "'Xishui Tax Bureau'"), ("习水县", "习水县税务局"))
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_common(parser)
    parser.add_argument(
        "--kind",
        required=True,
        metavar="KIND",
        help="kind of site, as kinds.yml has it: county, township … | 站点类型,见 kinds.yml",
    )
    parser.add_argument(
        "--title", required=True, metavar="TITLE", help="what people call it | 称谓"
    )
    parser.add_argument(
        "--hub",
        metavar="SITE",
        help="the site it is linked through, where more than one can be"
        " | 经由哪个站点接入;只有一种可能时可省略",
    )
    parser.add_argument(
        "--counterpart",
        metavar="SITE",
        help="the city department whose work it does | 对口的市直部门",
    )
    for version, example in ((4, "10.40.0.0/16"), (6, "fd72:6a5e:40::/48")):
        parser.add_argument(
            f"--ipv{version}",
            metavar="PREFIX",
            help=f"IPv{version} prefix, such as {example}; the next free one unless said"
            f" | IPv{version} 地址段,如 {example};缺省取下一个空闲段",
        )
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="document of the plan it goes into; where its like are, unless said"
        " | 写入规划的哪个文档;缺省为同类站点所在文档",
    )
    group = parser.add_argument_group("for example, shown and then written | 示例,先预览后写入")
    group.description = _EXAMPLES


def run(arguments: argparse.Namespace) -> int:
    """Show the new entry and what it makes reachable, or write it."""
    wanted = NewSite(
        name=arguments.name,
        title=arguments.title,
        kind=arguments.kind,
        hub=arguments.hub,
        counterpart=arguments.counterpart,
        ipv4=arguments.ipv4,
        ipv6=arguments.ipv6,
        path=arguments.file,
    )
    documents = read_documents(arguments.plan)
    change = add_site(documents, str(arguments.plan), wanted, today())
    if not arguments.json:
        _say_site(arguments, change)
    whom = limit(change, change.new, own=change.site.managed)
    run_it = Step(
        "one playbook run: the new gateway, and those that get to know it",
        "运行一次剧本:新网关及须知晓它的网关",
        playbook("site", change.new, whom),
    )
    show = Step("when it is what you mean", "确认无误后", _again(arguments))
    conclude(
        arguments,
        documents,
        change,
        before=[copy_step(arguments), show],
        after=[*signing_steps(arguments), *([run_it] if whom else [])],
    )
    return ExitStatus.OK


def _say_site(arguments: argparse.Namespace, change: SiteChange) -> None:
    site = change.site
    way = (
        words(arguments, f", linked through {site.hub}", f",经由 {site.hub} 接入")
        if site.hub
        else words(arguments, ", linked to nothing", ",不与任何站点连接")
    )
    new = words(arguments, "a new site of kind", "新站点,类型")
    say(f"{site.name} ({site.title}): {new} {site.kind}{way}")
    if site.counterpart is None and _peers_have_counterparts(change):
        say(
            words(
                arguments,
                "note: every other site of this kind has a counterpart; without --counterpart "
                "no conduit of the second vertical reaches this one",
                "注意:其他同类站点均有对口部门;不写 --counterpart,第二纵的管道不会到达该站点",
            )
        )
    for name, where in change.unaware:
        say(
            words(
                arguments,
                f"note: expectation {name} lists sites of this kind by name and does not know "
                f"this one ({where})",
                f"注意:期望 {name} 按名称列举同类站点,其中没有该站点({where})",
            )
        )
    say("")


def _peers_have_counterparts(change: SiteChange) -> bool:
    peers = [site for site in change.old.sites.values() if site.kind == change.site.kind]
    return bool(peers) and all(site.counterpart for site in peers)


def _again(arguments: argparse.Namespace) -> str:
    """Give the same command with --write."""
    options = ("kind", "title", "hub", "counterpart", "ipv4", "ipv6", "file")
    given = [(name, getattr(arguments, name)) for name in options]
    said = [f"--{name} {quote(value)}" for name, value in given if value is not None]
    plan, name = quote(str(arguments.plan)), quote(arguments.name)
    return " ".join(["loushan site add", plan, name, *said, "--write"])
