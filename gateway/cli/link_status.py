"""`loushan link status`: which of this gateway's links stand, and how long its credentials last."""

import argparse

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus

_STANDING = {
    "good": ("good", "有效"),
    "late": ("LATE, it should have been replaced", "应已更新而未更新"),
    "ended": ("ENDED", "已过期"),
    "missing": ("MISSING", "缺失"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask strongSwan and the disk; ends with 1 where a link is down or something has ended."""
    from gateway.agent.credentials import Standing, lasting
    from gateway.agent.links import link_states

    states, credentials = link_states(), lasting()
    if arguments.json:
        links = [state.as_json() for state in states]
        say_json({"links": links, "credentials": [each.as_json() for each in credentials]})
    else:
        for state in states:
            is_up = words(arguments, "up", "通") if state.is_up else words(arguments, "DOWN", "断")
            traffic = f"↓{state.packets_in} ↑{state.packets_out}" if state.is_up else "-"
            since = f"{state.seconds} s" if state.is_up else "-"
            say(f"{state.name:20} {is_up:5} {since:>9}  {traffic:<20} {state.peer}")
        for each in credentials:
            standing = words(arguments, *_STANDING[each.standing])
            say(f"{each.name:20} {standing}, {each.hours_left:.0f} h, {each.ends_at or '-'}")
    is_well = all(state.is_up for state in states) and not any(
        each.standing in {Standing.ENDED, Standing.MISSING} for each in credentials
    )
    return ExitStatus.OK if is_well else ExitStatus.REFUSED
