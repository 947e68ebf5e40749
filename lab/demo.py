"""`loushan demo`: the whole product at work, on this machine, with one command.

It boots the lab city's Debian hosts, makes gateways of them with the same
playbooks as the real city's, loads the signed policy, proves it, tries it with
real packets, and shows what came of it.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, report_problems, say, say_json, words
from gateway.errors import ExitStatus
from lab.hosts.up import LAB
from lab.manners import add_sites, polite_kill_is_an_end, require_root

if TYPE_CHECKING:
    from rich.progress import Progress

    from gateway.load.inforce import Stamp
    from lab.hosts.asking import Asking
    from lab.hosts.cutting import Cutting
    from lab.hosts.places import Places
    from lab.hosts.status import HostStatus
    from lab.hosts.trial import BootedGround
    from lab.rehearsal import Rehearsal, Step, Wanted

#: How many problems a person is shown.
_SHOWN = 30

_STEPS = {
    "enforce": ("proving each gateway", "逐个证明网关"),
    "paths": ("proving all gateways together", "证明全网路径"),
    "probe": ("sending packets", "发送报文"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_sites(parser)
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave the city running; `loushan lab down` takes it away"
        " | 保留城市运行,用 `loushan lab down` 清除",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="chooses the packets | 报文抽样种子"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Boot, provision, enforce, prove, probe, cut off and admit again, show."""
    require_root()
    from gateway.policy.plan import read_plan  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.city import take_down, with_hubs  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above
    from lab.rehearsal import Wanted  # noqa: PLC0415 - as above

    here = places()
    plan = read_plan(LAB)
    sites = with_hubs(plan, arguments.sites)
    wanted = Wanted(plan=plan, sites=sites, seed=arguments.seed)
    with polite_kill_is_an_end(), ExitStack() as stack:
        began = time.monotonic()
        clock = _Clock(arguments)
        with _progress(arguments) as bar:
            _boot(arguments, here, bar, clock)
            if not arguments.keep:
                stack.callback(take_down, here)
            _provision(here, bar, clock)
            statuses = _statuses(here)
            ground = _ground(here, wanted)
            rehearsal = _try_out(ground, wanted, _stamp(here), bar)
            clock.done("prove and probe", "证明与探测")
            asking = _ask(here, ground, bar)
            clock.done("ask at the gates", "在闸口请求")
            cutting = _cut(here, ground, bar)
            clock.done("revoke a gateway, and admit it again", "吊销网关并重新接入")
        _show(arguments, statuses, wanted, rehearsal, (asking, cutting))
        if not arguments.json:
            clock.total(began)
        tried = [each.problems for each in (asking, cutting) if each]
        problems = [*rehearsal.problems, *(one for found in tried for one in found)]
        unproven = [status for status in statuses if not (status.agent or {}).get("proven")]
        if problems and not arguments.json:
            report_problems(problems[:_SHOWN], arguments)
        if not arguments.json:
            _show_page(arguments, here, ground)
    if problems or unproven:
        return ExitStatus.REFUSED
    if not arguments.json:
        _say_next(arguments)
    return ExitStatus.OK


class _Clock:
    """Says what each part took."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._since = time.monotonic()

    def done(self, en: str, zh: str) -> None:
        now = time.monotonic()
        seconds = f"{now - self._since:5.1f} s"
        sys.stderr.write(f"  ✓ {seconds}  {words(self._arguments, en, zh)}\n")
        self._since = now

    def total(self, began: float) -> None:
        seconds = f"{time.monotonic() - began:.0f}"
        said = words(self._arguments, f"in all {seconds} seconds", f"共用时 {seconds} 秒")
        sys.stderr.write(f"\n{said}\n")


class _Bar:
    """Shows what is going on and how far it is."""

    def __init__(self, progress: "Progress", arguments: argparse.Namespace) -> None:
        self._progress = progress
        self._arguments = arguments
        self._task = progress.add_task("", total=None)

    def doing(self, en: str, zh: str, detail: str = "", total: int | None = None) -> None:
        text = words(self._arguments, en, zh)
        said = f"{text}: {detail[:70]}" if detail else text
        self._progress.update(self._task, description=said, total=total)

    def image(self, line: str) -> None:
        """Hear what the building of the image says."""
        self.doing("building the hosts' image", "构建主机映像", line)

    def booting(self, ready: int, total: int) -> None:
        """Hear how many hosts have booted."""
        self.doing("booting hosts", "启动主机", total=total)
        self._progress.update(self._task, completed=ready)

    def playing(self, line: str) -> None:
        """Hear which task is at work."""
        self.doing("provisioning", "部署", line)

    def begin(self, step: "Step", total: int) -> None:
        """Hear that a step begins."""
        self.doing(*_STEPS[step], total=total)
        self._progress.update(self._task, completed=0)

    def advance(self, count: int = 1) -> None:
        """Hear that parts of it are done."""
        self._progress.update(self._task, advance=count)


@contextmanager
def _progress(arguments: argparse.Namespace) -> Iterator[_Bar]:
    from rich.console import Console  # noqa: PLC0415 - so that help answers at once
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    shown = console.is_terminal and not arguments.json
    with Progress(console=console, transient=True, disable=not shown) as progress:
        yield _Bar(progress, arguments)


def _boot(arguments: argparse.Namespace, here: "Places", bar: _Bar, clock: _Clock) -> None:
    from lab.hosts.city import Wanted, put_up  # noqa: PLC0415 - so that help answers at once

    blueprint = put_up(here, Wanted(LAB, arguments.sites), bar)
    count = sum(host.boots for host in blueprint.hosts)
    clock.done(f"boot {count} Debian hosts", f"启动 {count} 台 Debian 主机")


def _provision(here: "Places", bar: _Bar, clock: _Clock) -> None:
    from lab.hosts.provision import log_of, play  # noqa: PLC0415 - so that help answers at once

    play(here, "site", bar.playing)
    log = log_of(here, "site")
    clock.done(
        f"ansible-playbook playbooks/site.yml -i inventory/lab   (log: {log})",
        f"ansible-playbook playbooks/site.yml -i inventory/lab   (日志:{log})",
    )


def _statuses(here: "Places") -> "list[HostStatus]":
    from lab.hosts.blueprint import Role  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.describe import described  # noqa: PLC0415 - as above
    from lab.hosts.status import ask_all  # noqa: PLC0415 - as above

    hosts = [h for h in described(here).blueprint.hosts if h.role is Role.GATEWAY]
    return ask_all(here, hosts)


def _stamp(here: "Places") -> "Stamp":
    """Give the stamp of the lab's signed plan."""
    from gateway.load.inforce import Stamp  # noqa: PLC0415 - so that help answers at once
    from gateway.policy.release import read_release  # noqa: PLC0415 - as above

    statement = read_release(here.plan)[0].statement
    return Stamp(statement.plan, statement.revision, statement.digest)


def _ground(here: "Places", wanted: "Wanted") -> "BootedGround":
    from lab.hosts.trial import BootedGround  # noqa: PLC0415 - so that help answers at once
    from lab.layout import lay_out  # noqa: PLC0415 - as above

    return BootedGround(here, lay_out(wanted.plan, wanted.sites))


def _try_out(ground: "BootedGround", wanted: "Wanted", stamp: "Stamp", bar: _Bar) -> "Rehearsal":
    from lab.hosts.trial import try_out  # noqa: PLC0415 - so that help answers at once

    return try_out(ground, stamp, wanted, bar)


def _cut(here: "Places", ground: "BootedGround", bar: _Bar) -> "Cutting | None":
    """Show a revocation, where the city has a gateway that hangs on another."""
    from lab.hosts.cutting import cut_and_admit, outermost  # noqa: PLC0415 - so that help answers at once

    site = outermost(ground.layout)
    return cut_and_admit(here, ground, site, bar.doing) if site else None


def _ask(here: "Places", ground: "BootedGround", bar: _Bar) -> "Asking | None":
    """Have people ask, where the city has a gate and somebody to ask at it."""
    from lab.hosts.asking import ask_everything, has_gates  # noqa: PLC0415 - so that help answers at once

    if not has_gates(ground.layout):
        return None
    return ask_everything(here, ground.layout, bar.doing)


def _show(
    arguments: argparse.Namespace,
    statuses: "list[HostStatus]",
    wanted: "Wanted",
    rehearsal: "Rehearsal",
    tried: "tuple[Asking | None, Cutting | None]",
) -> None:
    asking, cutting = tried
    from lab.hosts.status import policy_text  # noqa: PLC0415 - so that help answers at once
    from lab.report import as_json, say_rehearsal  # noqa: PLC0415 - as above
    from lab.report_asking import say_asking  # noqa: PLC0415 - as above

    if arguments.json:
        agents = [status.as_json() for status in statuses]
        cut = cutting.as_json() if cutting else None
        asked = asking.as_json() if asking else None
        found = {"requests": asked, "revocation": cut}
        say_json({"hosts": agents, **as_json(wanted, rehearsal), **found})
        return
    say("")
    title = ("what each gateway says of itself:", "各网关自述:")
    say(words(arguments, *title))
    for status in statuses:
        say(f"  {status.host.name:20} {policy_text(arguments, status)}")
    say("")
    say_rehearsal(arguments, wanted, rehearsal)
    if asking:
        say_asking(arguments, wanted.plan, asking)
    if cutting:
        _say_cutting(arguments, cutting)


def _say_cutting(arguments: argparse.Namespace, cutting: "Cutting") -> None:
    """Say what a revocation did."""
    gateway, hub, of = cutting.gateway, cutting.hub, cutting.packets
    down = words(arguments, "DOWN", "断") if cutting.is_down else words(arguments, "UP", "通")
    again = ("yes", "是") if cutting.came_back else ("no", "否")
    en = (
        f"\nloushan pki revoke … {gateway} --deliver inventory/lab:\n"
        f"  before             {cutting.before} of {of} permitted packets passed its link\n"
        f"  {cutting.revoked_seconds:4.1f} s later       its link at {hub}: {down}\n"
        f"  tried again        {again[0]}; {cutting.during} of {of} packets passed\n"
        f"  admitted again     with a new key, in {cutting.admitted_seconds} s;"
        f" {cutting.after} of {of} packets passed"
    )
    zh = (
        f"\nloushan pki revoke … {gateway} --deliver inventory/lab:\n"
        f"  吊销前        准许的报文经其链路通过 {cutting.before}/{of}\n"
        f"  {cutting.revoked_seconds:4.1f} 秒后     {hub} 上该链路:{down}\n"
        f"  以原证书再试  建成:{again[1]};报文通过 {cutting.during}/{of}\n"
        f"  重新接入      使用新密钥,用时 {cutting.admitted_seconds} 秒;"
        f"报文通过 {cutting.after}/{of}"
    )
    say(words(arguments, en, zh))


def _show_page(arguments: argparse.Namespace, here: "Places", ground: "BootedGround") -> None:
    """Say where the monitoring centre's page is; who is at a terminal has time to look at it."""
    from lab.hosts.open import HOST, PORT, open_window  # noqa: PLC0415 - so that help answers at once

    if HOST not in {zone.name for zone in ground.layout.zones}:
        return
    url = f"{open_window(here, HOST, PORT)}?lang={arguments.language.value}"
    say(words(arguments, f"\nthe whole city on one page: {url}", f"\n全城一屏:{url}"))
    if arguments.keep:
        return
    if sys.stdin.isatty() and sys.stderr.isatty():
        asked = ("press Enter to take the city away", "按回车键清除城市")
        sys.stderr.write(f"{words(arguments, *asked)} ")
        sys.stdin.readline()
        return
    gone = ("it goes with the city; --keep leaves both", "页面随城市一并清除;--keep 可保留")
    say(words(arguments, *gone))


def _say_next(arguments: argparse.Namespace) -> None:
    going = (
        "sudo ./loushan lab exec tax.office ping -c1 -W1 10.1.0.1   (no conduit has it)\n"
        "      sudo ./loushan lab logs tax -u ulogd2                     (so it is recorded)\n"
        "      sudo ./loushan lab exec tax loushan agent status\n"
        "      sudo ./loushan lab exec city-gw loushan decision ID       (one of those above)\n"
        "      sudo ./loushan lab open                                   (the monitoring page)\n"
        "      sudo ./loushan evidence -i inventory/lab                  (by GB/T 22239)\n"
        "      sudo ./loushan lab exec tax nft add table inet intruder   (and look again)\n"
        "      sudo ./loushan lab down"
    )
    if arguments.keep:
        say(words(arguments, f"\nnext: {going}", f"\n接下来:{going}"))
        return
    say(
        words(
            arguments,
            "\nthe city is taken away; next: sudo ./loushan demo --keep, and look around in it:"
            f"\n      {going}",
            f"\n城市已清除;接下来可用 sudo ./loushan demo --keep 保留并查看:\n      {going}",
        )
    )
