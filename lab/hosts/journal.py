"""Hear what a booted gateway writes in its journal of the packets it refuses.

The packet log of a gateway has one reader, its own; so the lab reads what the
operators read.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from gateway.policy.decide import ICMP, ICMPV6, TCP, UDP
from lab.hosts.machine import entering
from lab.hosts.places import Places
from lab.nflog import LogEntry
from lab.trace import Trace

#: Who writes the refusals down.
UNIT = "ulogd2.service"

_PROTOCOLS = {"TCP": TCP, "UDP": UDP, "ICMP": ICMP, "ICMPv6": ICMPV6}
_ECHO_REQUESTS = {ICMP: "8", ICMPV6: "128"}

_CHUNK_BYTES = 1 << 16


class JournalReader:
    """Follows the refusals in one host's journal, from a moment ago on."""

    def __init__(self, places: Places, host: str) -> None:
        """Begin to follow."""
        asked = ["journalctl", "--follow", "--no-tail", "--since=-2s", "--output=cat"]
        command = entering(places, host, [*asked, f"--unit={UNIT}"])
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        pipe = self._process.stdout
        if pipe is None:
            raise OSError(UNIT)
        self._pipe = pipe
        os.set_blocking(pipe.fileno(), False)
        self._rest = b""

    def fileno(self) -> int:
        """Give the file to wait for."""
        return self._pipe.fileno()

    def entries(self) -> Iterator[LogEntry]:
        """Give what was written since the last call.

        Raises:
            OSError: the journal has ended.
        """
        while True:
            try:
                read = os.read(self._pipe.fileno(), _CHUNK_BYTES)
            except BlockingIOError:
                return
            if not read:
                raise OSError(UNIT)
            *lines, self._rest = (self._rest + read).split(b"\n")
            for line in lines:
                yield read_line(line.decode("utf-8", "replace"))

    def close(self) -> None:
        """Stop following."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def read_line(line: str) -> LogEntry:
    """Read a refusal as it stands in the journal: `loushan:no_conduit IN=… SRC=… DST=… …`."""
    prefix, *words = line.split() or [""]
    fields = dict(word.partition("=")[::2] for word in words)
    return LogEntry(prefix, _trace(fields))


def _trace(fields: Mapping[str, str]) -> Trace | None:
    protocol = _PROTOCOLS.get(fields.get("PROTO", ""))
    try:
        source, destination = ip_address(fields["SRC"]), ip_address(fields["DST"])
    except (KeyError, ValueError):
        return None
    if protocol in (TCP, UDP):
        ports = int(fields.get("SPT", 0)), int(fields.get("DPT", 0))
    elif protocol in (ICMP, ICMPV6):
        number = int(fields.get("ID", 0))
        is_request = fields.get("TYPE") == _ECHO_REQUESTS[protocol]
        ports = (number, 0) if is_request else (0, number)
    else:
        return None
    return Trace(protocol, source, destination, *ports)
