"""`loushan link renew`: fetch the lists of revocations, and renew this gateway's certificate."""

import argparse
import os

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Refused, problem
from gateway.vici import SOCKET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "--now",
        action="store_true",
        help="renew the certificate also where it is not due | 证书未到期也续期",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what the timer does every few minutes."""
    from gateway.agent.settings import read_settings
    from gateway.renewal.course import NOTABLE_SECONDS_OFF, go_round

    if os.geteuid() != 0:
        raise Refused(problem("ZG703"))
    server = read_settings().enrolment
    if not server:
        raise Refused(problem("ZG524"))
    done = go_round(server, SOCKET, anyway=arguments.now)
    if arguments.json:
        say_json(done.as_json())
        return ExitStatus.OK
    lists = ", ".join(done.lists) or words(arguments, "none", "无")
    ended = ", ".join(done.ended) or words(arguments, "none", "无")
    fresh = (
        f"renewed, good until {done.ends_at}" if done.renewed else f"good until {done.ends_at}",
        f"已续期,有效至 {done.ends_at}" if done.renewed else f"有效至 {done.ends_at}",
    )
    say(words(arguments, f"certificate: {fresh[0]}", f"证书:{fresh[1]}"))
    say(
        words(
            arguments,
            f"new lists: {lists}; links ended: {ended}",
            f"新列表:{lists};已终止链路:{ended}",
        )
    )
    off = done.clock_ahead_seconds
    if abs(off) > NOTABLE_SECONDS_OFF:
        say(
            words(
                arguments,
                f"warning: this host's clock is {off:+.0f} s off the authority's; set it",
                f"警告:本机时钟与签发机构相差 {off:+.0f} 秒,请校正",
            )
        )
    return ExitStatus.OK
