"""`loushan status`: the whole city on one screen, as the monitoring host knows it now."""

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.observe.city.standing import Standing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from gateway.observe.city.state import CityState, Fact, GatewayState, SiteState

#: A city with more sites than this is shown by what is not good in it.
_MOST_SITES = 30

_STYLES = {
    Standing.APART: "dim",
    Standing.GOOD: "green",
    Standing.WARNING: "yellow",
    Standing.UNKNOWN: "magenta",
    Standing.URGENT: "bold red",
}
_LEAST_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    from gateway.observe.city.asking import ALERTMANAGER, PROMETHEUS
    from gateway.observe.city.sites import SITES_FILE

    parser.add_argument(
        "--plan",
        type=Path,
        default=SITES_FILE,
        metavar="PATH",
        help="folder of a plan, or the file of sites that a monitoring host has"
        " | 规划文件夹,或监控主机上的站点文件",
    )
    parser.add_argument(
        "--prometheus",
        default=PROMETHEUS,
        metavar="URL",
        help=f"where to ask, {PROMETHEUS} unless said | Prometheus 地址",
    )
    parser.add_argument(
        "--alertmanager",
        default=ALERTMANAGER,
        metavar="URL",
        help=f"who knows the alerts, {ALERTMANAGER} unless said | Alertmanager 地址",
    )
    parser.add_argument(
        "--all", action="store_true", help="every site, also where all is well | 列出所有站点"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and show; ends with 1 where something is urgent, or not known."""
    from gateway.observe.city.asking import Asked, ask_city
    from gateway.observe.city.judging import judge_city
    from gateway.observe.city.sites import read_sites
    from gateway.observe.city.standing import needs_somebody

    sites = read_sites(arguments.plan)
    answers = ask_city(Asked(arguments.prometheus, arguments.alertmanager))
    if why := answers.missing.get("prometheus"):
        raise Refused(problem("ZG973", url=arguments.prometheus, why=why))
    city = judge_city(sites, answers)
    if arguments.json:
        say_json(city.as_json())
    else:
        _Screen(arguments, city).show()
    return ExitStatus.REFUSED if needs_somebody(city.standing) else ExitStatus.OK


class _Screen:
    """Writes the picture on a terminal; all that came from elsewhere is text, and no markup."""

    def __init__(self, arguments: argparse.Namespace, city: "CityState") -> None:
        self._arguments = arguments
        self._city = city
        count = sum(len(group.sites) for group in city.groups)
        self._shows_all = arguments.all or count <= _MOST_SITES

    def show(self) -> None:
        """Write it: the head, what is wrong with the picture, the sites, the alerts."""
        from rich.console import Console

        width = Console().width
        console = Console(
            width=max(_LEAST_WIDTH, width), highlight=False, markup=False, emoji=False
        )
        self._head(console)
        for fact in self._city.facts:
            console.print(self._fact(fact), style=_STYLES[fact.standing])
        self._sites(console)
        self._alerts(console)

    def _head(self, console: "Console") -> None:
        from rich.text import Text

        city, counts = self._city, self._city.counts
        at = datetime.fromtimestamp(city.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        head = Text.assemble((city.title, "bold"), "  ", self._standing(city.standing), f"  {at}")
        if city.exercise_only:
            head.append("  仅供演练", "reverse")
        console.print(head)
        refused = (sum(counts.packets.values()), sum(counts.requests.values()))
        line = self._words(
            "proven {}   links {}   alerts {}   refused in an hour: {:.0f} packets, {:.0f} asked",
            "已证明 {}   链路通 {}   告警 {}   近一小时拒绝:报文 {:.0f} 个,请求 {:.0f} 次",
        )
        proofs, links = _of(counts.proofs), _of(counts.links)
        alerts = sum(count for name, count in counts.alerts.items() if name != Standing.UNKNOWN)
        known = str(alerts) if city.is_alerted else "?"
        console.print(line.format(proofs, links, known, *refused))

    def _sites(self, console: "Console") -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for _ in range(2):
            table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for group in self._city.groups:
            shown = [site for site in group.sites if self._is_shown(site)]
            title = group.title or self._words("the city's own", "市级")
            judged = [site for site in group.sites if site.standing is not Standing.APART]
            good = sum(site.standing is Standing.GOOD for site in judged)
            table.add_row(
                self._standing(group.standing, title),
                f"{good}/{len(judged)}",
                "" if shown else self._words("all is well", "全部正常"),
            )
            for site in shown:
                name = self._standing(site.standing, site.title, indent="  ")
                table.add_row(name, site.name, self._site(site))
        console.print()
        console.print(table)

    def _is_shown(self, site: "SiteState") -> bool:
        return self._shows_all or site.standing not in {Standing.GOOD, Standing.APART}

    def _site(self, site: "SiteState") -> "Text":
        """Say how a site is, one line for each gateway, and what is wrong."""
        from rich.text import Text

        lines = [self._gateway(gateway) for gateway in site.gateways]
        if site.standing is Standing.APART:
            lines.append(self._words("not watched, as the plan has it", "按规划不在监看范围"))
        said = Text("\n".join(lines))
        facts = [*site.facts, *(fact for gateway in site.gateways for fact in gateway.facts)]
        for fact in facts:
            said.append("\n" if said else "")
            said.append(self._fact(fact), _STYLES[fact.standing])
        return said

    def _gateway(self, gateway: "GatewayState") -> str:
        from gateway.observe.city.words import PROOFS

        parts = [gateway.host, self._words(*PROOFS[gateway.proof])]
        if gateway.revision is not None:
            parts.append(self._words("revision {:.0f}", "修订 {:.0f}").format(gateway.revision))
        days = (
            ("policy {:.0f} d", "策略 {:.0f} 天", gateway.policy_days),
            ("certificate {:.0f} d", "证书 {:.0f} 天", gateway.certificate_days),
        )
        parts += [self._words(en, zh).format(n) for en, zh, n in days if n is not None]
        if gateway.active is not None:
            parts.append(
                self._words("active", "主用")
                if gateway.active
                else self._words("standing by", "备用")
            )
        refused = sum(gateway.packets.values()) + sum(gateway.requests.values())
        if refused:
            parts.append(self._words("refused {:.0f}", "拒绝 {:.0f}").format(refused))
        return "  ".join(parts)

    def _alerts(self, console: "Console") -> None:
        told = [alert for alert in self._city.alerts if alert.is_told]
        if not told:
            return
        console.print()
        for alert in told:
            standing = Standing.URGENT if alert.severity == "urgent" else Standing.WARNING
            text = self._words(alert.en, alert.zh)
            line = self._standing(standing, f"{alert.alert}  {text}")
            if alert.runbook:
                line.append(f"  docs/runbooks/{alert.runbook}.md", "dim")
            console.print(line)

    def _fact(self, fact: "Fact") -> str:
        from gateway.observe.city.words import SIGNS, fact_text

        text = fact_text(fact.key, fact.params, self._arguments.language)
        return f"{SIGNS[fact.standing]} {text}"

    def _standing(self, standing: Standing, text: str = "", indent: str = "") -> "Text":
        from rich.text import Text

        from gateway.observe.city.words import SIGNS, STANDINGS

        shown = text or self._words(*STANDINGS[standing])
        return Text(f"{indent}{SIGNS[standing]} {shown}", _STYLES[standing])

    def _words(self, en: str, zh: str) -> str:
        return words(self._arguments, en, zh)


def _of(tally: Mapping[str, int]) -> str:
    """Give how many are good, of how many."""
    return f"{tally.get(Standing.GOOD, 0)}/{sum(tally.values())}"
