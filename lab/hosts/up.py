"""`loushan lab up`: boot a plan's city of real Debian hosts on this machine."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from lab.manners import add_sites, polite_kill_is_an_end, require_root

if TYPE_CHECKING:
    from rich.progress import Progress

LAB = Path(__file__).resolve().parents[2] / "policy" / "lab"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "--plan",
        type=Path,
        default=LAB,
        metavar="PLAN",
        help="folder of the plan, policy/lab unless said | 规划文件夹,默认为 policy/lab",
    )
    add_sites(parser)
    parser.add_argument(
        "--guest",
        action="append",
        default=[],
        metavar="NAME@ZONE",
        help="one host more, that the plan does not know, as in attacker@tax.office"
        " | 另接一台规划外的主机",
    )
    parser.add_argument(
        "--new-image",
        action="store_true",
        help="build the hosts' image anew, for newer packages | 重新构建主机映像",
    )
    parser.add_argument(
        "--bare",
        action="store_true",
        help="hosts as the installer leaves them, with no source of packages: a bundle brings them"
        " | 主机仅有安装程序所装软件包,且无软件源:其余由离线包提供",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Boot the city and say how to go on."""
    require_root()
    from lab.hosts.blueprint import Guest  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.city import Wanted, put_up  # noqa: PLC0415 - as above
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    guests = tuple(Guest(*_guest(word)) for word in arguments.guest)
    wanted = Wanted(arguments.plan, arguments.sites, guests, arguments.new_image, arguments.bare)
    with polite_kill_is_an_end(), boot_progress(arguments) as bar:
        blueprint = put_up(places(), wanted, bar)
    booted = [host for host in blueprint.hosts if host.boots]
    if arguments.json:
        say_json({"hosts": [{"host": h.name, "role": h.role} for h in booted]})
        return ExitStatus.OK
    say(words(arguments, f"{len(booted)} hosts are up", f"{len(booted)} 台主机已启动"))
    if arguments.bare:
        _say_packages(arguments)
    say(
        words(
            arguments,
            "next: .venv/bin/ansible-playbook playbooks/site.yml     make gateways of them\n"
            "      loushan lab status | shell HOST | exec HOST … | logs HOST | down",
            "接下来:.venv/bin/ansible-playbook playbooks/site.yml     部署网关\n"
            "        loushan lab status | shell 主机 | exec 主机 … | logs 主机 | down",
        )
    )
    return ExitStatus.OK


def _say_packages(arguments: argparse.Namespace) -> None:
    """Say where the packages lie that bare hosts are to be brought."""
    from lab.hosts import image  # noqa: PLC0415 - so that help answers at once

    built = image.ensure(lambda _line: None, bare=True)
    made = f"--part hosts --packages {built.packages} --installed {built.installed}"
    say(
        words(
            arguments,
            f"first: loushan bundle make FILE --key … {made}\n       see docs/offline.md",
            f"首先:loushan bundle make 文件 --key … {made}\n      见 docs/offline.md",
        )
    )


class BootBar:
    """Shows how far the image and the hosts are."""

    def __init__(self, progress: "Progress", arguments: argparse.Namespace) -> None:
        """Show on a progress display."""
        self._progress = progress
        self._arguments = arguments
        self._image = progress.add_task("", visible=False, total=None)
        self._hosts = progress.add_task("", visible=False)

    def image(self, line: str) -> None:
        """Show what the building of the image says."""
        doing = words(self._arguments, "building the hosts' image", "构建主机映像")
        text = f"{doing}: {line[:60]}"
        self._progress.update(self._image, description=text, visible=True)

    def booting(self, ready: int, total: int) -> None:
        """Show how many hosts have booted."""
        self._progress.update(self._image, visible=False)
        doing = words(self._arguments, "booting hosts", "启动主机")
        self._progress.update(
            self._hosts, description=doing, completed=ready, total=total, visible=True
        )


@contextmanager
def boot_progress(arguments: argparse.Namespace) -> Iterator[BootBar]:
    """Show progress on a terminal; elsewhere say each step once."""
    from rich.console import Console  # noqa: PLC0415 - so that help answers at once
    from rich.progress import Progress  # noqa: PLC0415 - as above

    console = Console(stderr=True)
    shown = console.is_terminal and not arguments.json
    if not shown:
        sys.stderr.write(words(arguments, "booting the city …\n", "正在启动城市……\n"))
    with Progress(console=console, transient=True, disable=not shown) as progress:
        yield BootBar(progress, arguments)


def _guest(word: str) -> tuple[str, str]:
    name, at, zone = word.partition("@")
    if not (name and at and zone):
        raise Refused(problem("ZG681", word=word))
    return name, zone
