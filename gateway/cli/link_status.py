"""`loushan link status`: which of this gateway's links stand."""

import argparse

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask strongSwan; ends with 1 where a link is down."""
    from gateway.agent.links import link_states

    states = link_states()
    if arguments.json:
        say_json({"links": [state.as_json() for state in states]})
    else:
        for state in states:
            is_up = words(arguments, "up", "通") if state.is_up else words(arguments, "DOWN", "断")
            traffic = f"↓{state.packets_in} ↑{state.packets_out}" if state.is_up else "-"
            since = f"{state.seconds} s" if state.is_up else "-"
            say(f"{state.name:20} {is_up:5} {since:>9}  {traffic:<20} {state.peer}")
    return ExitStatus.OK if all(state.is_up for state in states) else ExitStatus.REFUSED
