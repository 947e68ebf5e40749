"""Has the proxy of a host run with a configuration: writes it, and has it taken up."""

import time
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, Where, problem
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load.accepted import put_in_place

#: systemd starts the proxy when its configuration appears, and begins it anew when it ends.
PATIENCE_SECONDS = 20.0

_LOOK_SECONDS = 0.05
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Program:
    """The proxy's program.

    `file` is the configuration that it reads; `proxy` the control socket of the process that
    serves, `master` that of the one that begins it.
    """

    file: Path
    proxy: Haproxy
    master: Haproxy

    def run_with(self, text: str, digest: str, *, anew: bool = False) -> None:
        """Have it run with a configuration that calls itself by a digest.

        With `anew` it is taken up also where the program has it already.

        Raises:
            Refused: ZG531, the program does not take it, and runs as before; ZG532, it does
                not run.
        """
        is_there = self.file.exists() and self.file.read_text("utf-8") == text
        if not is_there:
            self._write(text)
        if is_there and not anew and self._is_called(digest):
            return
        self._reload()
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._is_called(digest):
            if time.monotonic() > end:
                raise Refused(problem("ZG532"))
            time.sleep(_LOOK_SECONDS)

    def _write(self, text: str) -> None:
        try:
            self.file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            put_in_place(self.file, text.encode())
        except OSError as fault:
            raise Refused(problem("ZG531", Where(str(self.file)), error=fault)) from fault

    def _reload(self) -> None:
        """Have it read the file again; what does not run reads it as it begins."""
        try:
            said = self.master.ask("reload")
        except HaproxyRefused:
            return
        if not said.startswith("Success=1"):
            raise Refused(problem("ZG531", Where(str(self.file)), error=said[:_LONGEST_WORDS]))

    def _is_called(self, digest: str) -> bool:
        try:
            return self.proxy.info().get("description", "") == digest
        except HaproxyRefused:
            return False
