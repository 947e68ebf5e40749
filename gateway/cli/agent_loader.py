"""`loushan agent loader`: do one request that comes on standard input; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: which gateway this is and whom to trust is not for who asks to say."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    del arguments
    from gateway.agent.loader import main
    from gateway.observe.status import is_recording

    return main(is_recording)
