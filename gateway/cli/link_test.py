"""`loushan link test`: what is wrong with a link of this gateway, in one sentence."""

import argparse
import os
from typing import TYPE_CHECKING

from gateway.cli.main import HELP_MARK
from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language, Refused, problem

if TYPE_CHECKING:
    from gateway.diagnose.verdict import Verdict

#: What each cause is called to a person.
_CAUSES_ZH = {
    "line": "线路",
    "firewall": "防火墙",
    "certificate": "证书",
    "clock": "时钟",
    "policy": "策略",
    "peer": "对端停机",
    "strongswan": "strongSwan",
    "unknown": "不明",
}
_ENDS_ZH = {"here": "本端", "there": "对端", "between": "两端之间"}

_EXAMPLES_EN = """it asks, in this order, and stops at the first fault:
  the line          has its port carrier and its address?
  strongSwan        does it run here, and has it the link?
  the firewall      does the kernel here let the link's packets pass?
  the certificate   have we one, with its key, in its time, not revoked? is the clock right?
  the peer          does its gateway answer, and its strongSwan? (one packet, which changes nothing)
  what is agreed    a link that is down is begun, and what both ends say is read
a link that stands is only listened to; all of it takes some seconds.

  loushan link test               every link of this gateway
  loushan link test huichuan      one; ends with 0 where it stands and is answered, else with 1
  loushan link test --json        with all that was seen, for a machine

a peer that refuses does not say why: test there too, at its console.
"""
_EXAMPLES_ZH = """按以下次序检查,止于第一个故障:
  线路        端口有无载波与地址
  strongSwan  本端是否运行、是否装载该链路
  防火墙      本端内核是否放行链路报文
  证书        有无证书与私钥、是否在有效期内、是否吊销;时钟是否正确
  对端        网关与 strongSwan 是否应答(仅一个报文,不改变任何状态)
  协商        发起不通的链路,读取两端所说
已建立的链路只监听;全程数秒。

  loushan link test               本网关全部链路
  loushan link test huichuan      一条链路;已建立且有应答返回 0,否则返回 1
  loushan link test --json        含全部证据,供程序使用

对端拒绝时不会说明原因:请在其控制台同样测试。
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "neighbour",
        nargs="*",
        metavar="NEIGHBOUR",
        help="the site at the other end; every one unless said | 对端站点,默认全部",
    )
    add_json(parser)
    parser.epilog = f"{_EXAMPLES_EN}{HELP_MARK}{_EXAMPLES_ZH}"


def run(arguments: argparse.Namespace) -> int:
    """Test, and say; ends with 1 where a link does not stand and pass."""
    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    from gateway.agent.kept import Kept
    from gateway.agent.settings import read_settings
    from gateway.diagnose.links import Gateway, find
    from gateway.load.loader import Places
    from gateway.vici import SOCKET

    signed = Kept(Places().state).read()
    gateway = Gateway(read_settings().gateway, signed.plan, signed.stamp, SOCKET)
    verdicts = find(gateway, arguments.neighbour)
    if arguments.json:
        say_json({"gateway": gateway.site, "links": [each.as_json() for each in verdicts]})
    else:
        for verdict in verdicts:
            say(_sentence(arguments, verdict))
    passes = all(verdict.problem is None for verdict in verdicts)
    return ExitStatus.OK if passes else ExitStatus.REFUSED


def _sentence(arguments: argparse.Namespace, verdict: "Verdict") -> str:
    found, state, language = verdict.problem, verdict.state, arguments.language
    if found is None and state is not None and verdict.since is not None:
        text = words(
            arguments,
            "{}: stands and is answered, since {:%Y-%m-%d %H:%M:%S} UTC, packets ↓{} ↑{}",
            "{}:已建立且有应答,始于 {:%Y-%m-%d %H:%M:%S} UTC,报文 ↓{} ↑{}",
        )
        return text.format(verdict.link, verdict.since, state.packets_in, state.packets_out)
    if found is None:
        return f"{verdict.link}: -"
    cause, end = str(verdict.cause), str(verdict.end)
    if language is Language.ZH:
        head = f"{verdict.link}:{_CAUSES_ZH[cause]}({_ENDS_ZH[end]})"
    else:
        head = f"{verdict.link}: {cause} ({end})"
    return f"{head}\n{found.render(language)}"
