"""`loushan demo`: the lab's city at work, on this machine, with one command."""

import argparse
import sys
from pathlib import Path

from gateway.cli.report import add_json, words
from lab import rehearse

LAB = Path(__file__).resolve().parents[1] / "policy" / "lab"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Rehearse the lab's plan; say what this is not yet."""
    sys.stderr.write(
        words(
            arguments,
            "The lab city in network namespaces of this machine's kernel: loaded, proven, tried "
            "with real packets.\nBooted Debian hosts, provisioned by Ansible, arrive with the next "
            "release; signatures are not asked for here.\n\n",
            "样例城市,运行于本机内核的网络命名空间:装载、证明,并用真实报文检验。\n"
            "由 Ansible 部署的 Debian 主机将随下一版本提供;此处不要求签名。\n\n",
        )
    )
    rehearsed = argparse.Namespace(
        plan=LAB,
        sites=(),
        no_probe=False,
        keep=False,
        seed=1,
        json=arguments.json,
        language=arguments.language,
    )
    status = rehearse.run(rehearsed)
    sys.stderr.write(
        words(
            arguments,
            "\nnext: loushan policy explain tax.office city.business https\n"
            "      loushan rehearse policy/zunyi --no-probe   (the whole city)\n",
            "\n接下来可以:loushan policy explain tax.office city.business https\n"
            "           loushan rehearse policy/zunyi --no-probe   (全市)\n",
        )
    )
    return status
