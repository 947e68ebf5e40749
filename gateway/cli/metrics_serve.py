"""`loushan metrics serve`: the service that Prometheus reads from; systemd starts it."""

import argparse
import os
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing follows: a host has one, and its files are always in the same places."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Answer until told to end, or until there are new programs."""
    del arguments
    from gateway.agent.systemd import handed_over, notify, programs
    from gateway.observe.exporter import GatewayCollector, text_of
    from gateway.observe.exporter_settings import (
        AUTHORITY_FILE,
        GATEWAY_PORT,
        IDENTITY_FILE,
        MACHINE_PORT,
        read_exporter_settings,
    )
    from gateway.observe.machine import machine_text
    from gateway.observe.scrape import Credentials, Exporter

    settings = read_exporter_settings()
    # systemd hands the key over, which the service's own account could not read.
    handed = Path(os.environ.get("CREDENTIALS_DIRECTORY", IDENTITY_FILE.parent))
    credentials = Credentials(handed / IDENTITY_FILE.name, AUTHORITY_FILE)
    credentials.context()  # what cannot be used is said now, not to who asks
    collector = GatewayCollector(settings.hub)
    texts = {GATEWAY_PORT: lambda: text_of(collector), MACHINE_PORT: machine_text}
    exporter = Exporter(credentials, settings.readers, texts)
    is_current = programs()

    def goes_on() -> bool:
        notify("WATCHDOG=1")
        return is_current()

    notify("READY=1")
    exporter.run(handed_over(), goes_on)
    return 0
