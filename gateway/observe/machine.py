"""The metrics of the machine itself, from Debian's exporter, which speaks with this host alone."""

import http.client
import socket
from pathlib import Path

MACHINE_SOCKET = Path("/run/loushan-node-exporter.sock")

LARGEST_BYTES = 8 << 20
_PATIENCE_SECONDS = 4


def machine_text(path: Path = MACHINE_SOCKET) -> bytes:
    """Ask it.

    Raises:
        OSError: it does not answer as it should.
    """
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(_PATIENCE_SECONDS)
        asked.connect(str(path))
        connection = http.client.HTTPConnection("localhost")
        connection.sock = asked
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            text = answer.read(LARGEST_BYTES + 1)
        except http.client.HTTPException as fault:
            raise OSError(str(fault)) from fault
    if answer.status != http.HTTPStatus.OK or len(text) > LARGEST_BYTES:
        raise OSError(answer.status, len(text))
    return text
