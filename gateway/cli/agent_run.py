"""`loushan agent run`: the service that keeps this gateway on its policy; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: everything comes from systemd and /etc/loushan/agent.toml."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Run until told to end."""
    del arguments
    from gateway.agent.service import main

    return main()
