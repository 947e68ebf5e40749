"""Has the proxy of a host run with a configuration: writes it, and has it taken up.

A process that takes over serves from its first moment on: it reads its maps
from files that are filled for that alone.  One that begins by itself, after
the former one died, reads that nothing is in force, and waits for a proof.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Refused, Where, problem
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load.accepted import put_in_place

#: systemd starts the proxy when its configuration appears, and begins it anew when it ends.
PATIENCE_SECONDS = 20.0

_LOOK_SECONDS = 0.05
_LONGEST_WORDS = 300

#: The entries of each map, by its name.
Maps = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Program:
    """The proxy's program.

    `file` is the configuration that it reads, `maps` the folder of the maps that it begins with;
    `proxy` is the control socket of the process that serves, `master` that of the one that begins
    it.
    """

    file: Path
    maps: Path
    proxy: Haproxy
    master: Haproxy

    def run_with(
        self, text: str, digest: str, begins: Callable[[], Maps], *, anew: bool = False
    ) -> bool:
        """Have it run with a configuration that calls itself by a digest; tell whether it began so.

        `begins` gives the maps that a new process begins with, where there is one.  With `anew` it
        is one also where the program has the configuration already.

        Raises:
            Refused: ZG531, the program does not take it, and runs as before; ZG532, it does
                not run.
        """
        is_there = self.file.exists() and self.file.read_text("utf-8") == text
        if is_there and not anew and self._is_called(digest):
            return False
        maps = begins()
        self._lay_out(maps)
        try:
            if not is_there:
                self._write(self.file, text)
            self._reload()
            self._wait_for(digest)
        finally:
            self._lay_out({name: {} for name in maps})
        return True

    def _wait_for(self, digest: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._is_called(digest):
            if time.monotonic() > end:
                raise Refused(problem("ZG532"))
            time.sleep(_LOOK_SECONDS)

    def _lay_out(self, maps: Maps) -> None:
        for name, entries in maps.items():
            lines = (f"{key} {value}\n" for key, value in entries.items())
            self._write(self.maps / f"{name}.map", "".join(lines))

    def _write(self, file: Path, text: str) -> None:
        try:
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            put_in_place(file, text.encode())
        except OSError as fault:
            raise Refused(problem("ZG531", Where(str(file)), error=fault)) from fault

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
