"""`loushan agent programs`: what the kernel tells only to CAP_SYS_ADMIN; systemd starts it.

It reads nothing and answers everybody the same, so that the loader, which
reads what others send, need not have that capability.
"""

import argparse
import json
import sys

from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Answer on standard output; without an answer the prover has a finding."""
    del arguments
    from gateway.verify.bpf import attached_here

    try:
        found = attached_here()
    except OSError as fault:
        sys.stdout.write(f"{type(fault).__name__}: {fault}\n")
        return ExitStatus.REFUSED
    sys.stdout.write(json.dumps([[each.what, each.interface] for each in found]) + "\n")
    return ExitStatus.OK
