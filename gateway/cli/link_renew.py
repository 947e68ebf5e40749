"""`loushan link renew`: fetch the lists of revocations, and renew this gateway's certificate."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.load.revocations import CREDENTIALS
from gateway.vici import SOCKET

if TYPE_CHECKING:
    from gateway.renewal.course import Round

#: From here on a clock that is off is worth a word.
NOTABLE_SECONDS_OFF = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "--now",
        action="store_true",
        help="renew the certificate also where it is not due | 证书未到期也续期",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="say only what has changed | 仅输出变更"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the timer does every few minutes."""
    from gateway.agent.settings import read_settings
    from gateway.renewal.course import go_round

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    server = read_settings().enrolment
    if not server:
        raise Refused(problem("ZG524"))
    done = go_round(server, SOCKET, anyway=arguments.now)
    fetched = _fetch_for_gates(server)
    if arguments.json:
        say_json({**done.as_json(), "lists_of_gates": list(fetched)})
        return ExitStatus.OK
    for en, zh in _sentences(done, quiet=arguments.quiet):
        say(words(arguments, en, zh))
    if fetched:
        text = words(arguments, "new lists at the gates: {}", "闸口新列表:{}")
        say(text.format(", ".join(fetched)))
    return ExitStatus.OK


def _fetch_for_gates(server: str) -> tuple[str, ...]:
    """Fetch the lists by which requests are judged, where there are gates; have the loader know."""
    from gateway.agent.ask import ask
    from gateway.agent.gates import GIVEN, LISTS, TRUSTED
    from gateway.agent.requests import Ask, Request
    from gateway.renewal.certificate import Identity
    from gateway.renewal.gate_lists import fetch
    from gateway.renewal.server import Server

    if not GIVEN.exists():
        return ()
    root = Identity(CREDENTIALS).authority("root")
    fetched = fetch(Server.named(server, root), GIVEN / LISTS, GIVEN / TRUSTED)
    if fetched:
        ask(Request(Ask.PROVE))
    return fetched


def _sentences(done: "Round", *, quiet: bool) -> Iterator[tuple[str, str]]:
    if done.renewed:
        yield f"certificate renewed, good until {done.ends_at}", f"证书已续期,有效至 {done.ends_at}"
    elif not quiet:
        yield f"certificate good until {done.ends_at}", f"证书有效至 {done.ends_at}"
    if done.lists:
        lists, ended = ", ".join(done.lists), ", ".join(done.ended) or "-"
        yield (
            f"new lists: {lists}; newly revoked: {done.revoked}; links ended: {ended}",
            f"新列表:{lists};新吊销:{done.revoked};已终止链路:{ended}",
        )
    elif not quiet:
        yield "no new lists", "无新列表"
    off = done.clock_ahead_seconds
    if abs(off) > NOTABLE_SECONDS_OFF:
        yield (
            f"warning: this host's clock is {off:+.0f} s before the authority's; set it",
            f"警告:本机时钟比签发机构快 {off:+.0f} 秒,请校正",
        )
