"""Fetches the lists by which requests at gates are judged."""

from pathlib import Path

from gateway.load.gate_lists import AUTHORITIES, put_newer
from gateway.renewal.server import Server, list_of


def fetch(server: Server, folder: Path, trusted: Path) -> tuple[str, ...]:
    """Put newer lists in the place of those that are there; give which they are.

    Args:
        server: the enrolment server.
        folder: where the lists lie.
        trusted: the certificates of their authorities, in PEM.

    Raises:
        Refused: ZG520, the server does not give one; ZG517, what it gives is not in order.
    """
    return tuple(
        name
        for name in AUTHORITIES
        if put_newer(folder, trusted, name, list_of(server, name).content)
    )
