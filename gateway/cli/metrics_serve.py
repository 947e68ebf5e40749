"""`loushan metrics serve`: the service that Prometheus reads from; systemd starts it."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: a host has one, and its files are always in the same places."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Answer until told to end."""
    del arguments
    from gateway.agent.systemd import handed_over, notify
    from gateway.observe.exporter import GatewayCollector, text_of
    from gateway.observe.exporter_settings import (
        AUTHORITY_FILE,
        IDENTITY_FILE,
        read_exporter_settings,
    )
    from gateway.observe.scrape import Credentials, Exporter

    settings = read_exporter_settings()
    credentials = Credentials(IDENTITY_FILE, AUTHORITY_FILE)
    credentials.context()  # what cannot be used is said now, not to who asks
    collector = GatewayCollector(settings.hub)
    exporter = Exporter(credentials, settings.readers, lambda: text_of(collector))
    notify("READY=1")
    exporter.run(handed_over(), lambda: notify("WATCHDOG=1"))
    return 0
