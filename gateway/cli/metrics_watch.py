"""`loushan metrics watch`: the service that asks how the city is; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: a monitoring host has one, and its files are always in the same places."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Ask and write until told to end, or until there are new programs."""
    del arguments
    from gateway.agent.systemd import notify, programs
    from gateway.observe.city.asking import Asked
    from gateway.observe.city.sites import SITES_FILE, read_sites
    from gateway.observe.city.watch import watch

    sites = read_sites(SITES_FILE)
    is_current = programs()

    def goes_on() -> bool:
        notify("WATCHDOG=1")
        return is_current()

    notify("READY=1")
    watch(sites, Asked(), goes_on)
    return 0
