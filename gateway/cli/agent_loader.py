"""`loushan agent loader`: do each request in a process of its own; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: which gateway this is and whom to trust is not for who asks to say."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run until told to end, or until there are new programs."""
    del arguments
    from gateway.agent.systemd import packages, programs

    # Before anything of them is imported: what is brought meanwhile is new.
    ours, debians = programs(), packages()
    from gateway.agent.loader import main
    from gateway.observe.status import is_recording

    return main(is_recording, lambda: ours() and debians())
