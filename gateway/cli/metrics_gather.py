"""`loushan metrics gather`: the service that asks the kernel and strongSwan; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Gather until told to end."""
    del arguments
    from gateway.agent.gather import main

    main()
    return 0
