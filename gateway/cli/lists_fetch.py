"""`loushan lists fetch`: lists of revocations for the monitoring host; systemd starts it."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.report import say, words
from gateway.errors import ExitStatus

if TYPE_CHECKING:
    from gateway.observe.samples import Sample

#: What the role `monitoring` gives, and where the lists lie.
GIVEN, LISTS = Path("/etc/loushan-monitoring"), Path("/var/lib/loushan-lists")

#: By whose lists gateways are believed; of what else is fetched nothing hangs here.
_BELIEVED_BY = ("root", "services")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "server",
        nargs="?",
        default="",
        metavar="HOST:PORT",
        help="the enrolment server; nothing is fetched without it | 续期服务,不指定则不下载",
    )
    parser.add_argument("--given", type=Path, default=GIVEN, help=argparse.SUPPRESS)
    parser.add_argument("--lists", type=Path, default=LISTS, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Fetch; and say how long what lies there is good, also where nothing could be fetched."""
    from gateway.load.accepted import put_in_place
    from gateway.observe.exporter import text_of_samples
    from gateway.renewal.gate_lists import fetch
    from gateway.renewal.server import Server

    given, lists = arguments.given, arguments.lists
    fetched: tuple[str, ...] = ()
    try:
        if arguments.server:
            server = Server.named(arguments.server, given / "root.pem")
            fetched = fetch(server, lists, given / "trusted.pem")
    finally:
        # The machine's exporter reads it; what stands in it are moments, so it does not grow old.
        put_in_place(lists / "own.prom", text_of_samples(_lasting(given, lists)))
    if fetched:
        said = words(arguments, "new lists: {}", "新列表:{}")
        say(said.format(", ".join(fetched)))
    return ExitStatus.OK


def _lasting(given: Path, lists: Path) -> "Iterator[Sample]":
    """Give how long this host's certificate and lists are good, as a gateway says it of its own."""
    from gateway.agent.credentials import life_of_certificate, life_of_list
    from gateway.observe.samples import of_lives

    certificate = life_of_certificate(given / "certificate.pem")
    yield from of_lives("certificate", ("monitoring",), certificate)
    for name in _BELIEVED_BY:
        life = life_of_list(lists / f"{name}.crl")
        yield from of_lives("revocations", (name, "monitoring"), life)
