"""`loushan agent programs`: what the kernel tells only to CAP_SYS_ADMIN; systemd starts it.

It reads nothing and answers everybody the same, so that the loader, which
reads what others send, need not have that capability.
"""

import argparse

from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Answer until told to end, or until there are new programs."""
    del arguments
    from gateway.agent.systemd import handed_over, programs

    is_current = programs()
    from gateway.agent.programs import serve

    (listener,) = handed_over()
    serve(listener, is_current)
    return ExitStatus.OK
