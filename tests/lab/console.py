"""testinfra asks our hosts at their console: a back end of ours for it.

The one module that knows testinfra.  It enters the namespaces of a host's first
process: 10 ms a command, no ssh, and nothing on the network is opened for it.
"""

import subprocess
from typing import Any

from testinfra.backend.base import BaseBackend
from testinfra.host import Host

from lab.hosts.machine import entering
from lab.hosts.places import Places


class _Console(BaseBackend):  # type: ignore[misc] # testinfra ships no types
    """A keyboard and a screen at one host."""

    NAME = "console"

    def __init__(self, places: Places, host: str) -> None:
        super().__init__(hostname=host)
        self.places = places
        self.host = host

    def run(self, command: str, *args: str, **_unused: object) -> Any:  # noqa: ANN401 - testinfra's own
        """Run a shell's line in the host as it is now, also after it booted again."""
        line = self.quote(command, *args)
        entered = entering(self.places, self.host, ["/bin/sh", "-c", line])
        done = subprocess.run(entered, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return self.result(done.returncode, self.encode(line), done.stdout, done.stderr)


def ask(places: Places, host: str) -> Any:  # noqa: ANN401 - testinfra ships no types
    """Give testinfra's questions to a running host: `.file(…)`, `.service(…)`, `.sysctl(…)`."""
    return Host(_Console(places, host))
