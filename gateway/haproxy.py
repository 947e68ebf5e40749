"""Talks with a running HAProxy over its control socket, in the words of its Runtime API.

The words are documented with HAProxy (management.txt, chapter 9.3).  This
knows commands, maps and what the program says of itself, and not what any of
it is about.
"""

import csv
import re
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: How long an answer may take: a map of 100 000 entries is read in a fraction of it.
PATIENCE_SECONDS = 20

#: A whole command is kept in one buffer of HAProxy's (`tune.bufsize`); payloads go in pieces.
_PIECE_BYTES = 12_000

#: What it says of itself that limits everything: connections, and how many of which a second.
IN_ALL = ("Maxconn", "ConnRateLimit", "SessRateLimit", "SslRateLimit")

_CHUNK_BYTES = 1 << 16
_VERSION = re.compile(r"New version created: ([0-9]+)")
_CONDITION = re.compile(r"^(?P<number>[0-9]+) \(.*\) acl .* line (?P<line>[0-9]+)\.", re.MULTILINE)
_FINGERPRINT = re.compile(r"^SHA1 FingerPrint: ([0-9A-F]{40})$", re.MULTILINE)
_TRUSTED = re.compile(r"^(/.+) - [0-9]+ certificate", re.MULTILINE)
_MAP = re.compile(r"^(?P<number>\S+) \((?P<file>[^)]*)\)", re.MULTILINE)


_STREAM = re.compile(r"^(?P<at>0x[0-9a-f]+): \[[^]]*\] id=(?P<id>[0-9]+) ", re.MULTILINE)
_TRACKED = re.compile(r"^0x[0-9a-f]+: key=(.*) use=", re.MULTILINE)
_ESCAPED = re.compile(rb"\\(x[0-9A-F]{2}|.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"e": b"\x1b"}


class HaproxyRefused(Exception):  # noqa: N818 - the word the users know
    """The program does not do what it was asked, or cannot be asked; carries its words."""

    def __init__(self, *words: object) -> None:
        """Carry what was asked and what was said."""
        super().__init__(": ".join(map(str, words)))


@dataclass(frozen=True, slots=True)
class Haproxy:
    """A running HAProxy, by its control socket."""

    control: Path

    def ask(self, command: str, payload: str = "") -> str:
        """Give the answer to one command.

        Raises:
            HaproxyRefused: nobody answers, or not in time, or not to the end.
        """
        text = f"{command} <<\n{payload}\n" if payload else f"{command}\n"
        parts: list[bytes] = []
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
                asking.settimeout(PATIENCE_SECONDS)
                asking.connect(str(self.control))
                asking.sendall(text.encode())
                while part := asking.recv(_CHUNK_BYTES):
                    parts.append(part)
        except OSError as fault:
            raise HaproxyRefused(self.control, fault) from fault
        answer = b"".join(parts)
        # Each answer ends with an empty line; of one that is cut nobody can tell what it was.
        if answer != b"\n" and not answer.endswith(b"\n\n"):
            raise HaproxyRefused(command, f"cut after {len(answer)} bytes")
        return answer.decode("utf-8", "replace").strip("\n")

    def info(self) -> Mapping[str, str]:
        """Give what it says of itself, by name.

        Raises:
            HaproxyRefused: as `ask`.
        """
        lines = self.ask("show info").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def maps(self) -> tuple[str, ...]:
        """Give the files that its maps were begun from.

        Raises:
            HaproxyRefused: as `ask`.
        """
        found = _MAP.finditer(self.ask("show map"))
        return tuple(match["file"] for match in found if match["file"])

    def entries(self, file: str) -> Mapping[str, str]:
        """Give the entries of a map as they are now.

        A key that stands there twice has both values, with a space between: no value of ours.

        Raises:
            HaproxyRefused: as `ask`, or there is no such map.
        """
        command = f"show map {file}"
        found: dict[str, str] = {}
        for line in self.ask(command).splitlines():
            words = line.split(" ", 2)
            if not words[0].startswith("0x"):
                raise HaproxyRefused(command, line)
            value = words[2] if len(words) > 2 else ""  # noqa: PLR2004 - address, key, value
            found[words[1]] = f"{found[words[1]]} {value}" if words[1] in found else value
        return found

    def conditions(self) -> Mapping[int, tuple[str, ...]]:
        """Give what the conditions of its configuration compare with now, by the line they are on.

        Raises:
            HaproxyRefused: as `ask`.
        """
        found: dict[int, tuple[str, ...]] = {}
        for match in _CONDITION.finditer(self.ask("show acl")):
            held = self.ask(f"show acl #{match['number']}").splitlines()
            patterns = tuple(line.partition(" ")[2] for line in held)
            # Line 0 is of what the program has built in.
            if patterns and (line := int(match["line"])):
                found[line] = (*found.get(line, ()), *patterns)
        return found

    def servers(self) -> Mapping[str, str]:
        """Give where its backends lead now, by name: an address, its port, and how it is there.

        Raises:
            HaproxyRefused: as `ask`.
        """
        head, *lines = self.ask("show servers state").splitlines()[1:]
        names = head.removeprefix("# ").split()
        rows = (dict(zip(names, line.split(), strict=False)) for line in lines if line)
        return {
            f"{row['be_name']}/{row['srv_name']}": " ".join(
                row[name] for name in ("srv_addr", "srv_port", "srv_use_ssl", "srv_admin_state")
            )
            for row in rows
        }

    def authorities(self) -> Mapping[str, frozenset[str]]:
        """Give whom it trusts now: SHA-1 fingerprints in hex, by the file that they were read from.

        Raises:
            HaproxyRefused: as `ask`.
        """
        files = _TRUSTED.findall(self.ask("show ssl ca-file"))
        return {
            file: frozenset(_FINGERPRINT.findall(self.ask(f"show ssl ca-file {file}")))
            for file in files
        }

    def certificates(self) -> Mapping[str, str]:
        """Give what it shows of itself now: SHA-1 fingerprints in hex, by the file that each is of.

        Raises:
            HaproxyRefused: as `ask`.
        """
        # What begins with a star is being exchanged, and is shown to nobody yet.
        files = [line for line in self.ask("show ssl cert").splitlines() if line.startswith("/")]
        found = {file: _FINGERPRINT.search(self.ask(f"show ssl cert {file}")) for file in files}
        return {file: match[1] if match else "" for file, match in found.items()}

    def limits(self) -> Mapping[str, str]:
        """Give how much it takes at most, in all and by each part, and which part is switched off.

        Raises:
            HaproxyRefused: as `ask`.
        """
        info = self.info()
        found = {name: info.get(name, "") for name in IN_ALL}
        for row in csv.DictReader(self.ask("show stat").removeprefix("# ").splitlines()):
            if row["svname"] == "FRONTEND":
                found[row["pxname"]] = f"{row['status']} {row['slim']}"
            elif row["svname"] != "BACKEND":
                found[f"{row['pxname']}/{row['svname']}"] = row["slim"]
        return found

    def tracked(self, table: str) -> tuple[str, ...]:
        """Give the keys of a table of texts that something counts for at this moment.

        Raises:
            HaproxyRefused: as `ask`, or there is no such table.
        """
        command = f"show table {table} data.conn_cur gt 0"
        said = self.ask(command)
        if not said.startswith(f"# table: {table}, type: string"):
            raise HaproxyRefused(command, said)
        return tuple(_unescaped(key) for key in _TRACKED.findall(said))

    def streams(self) -> Mapping[int, str]:
        """Give where each stream is to be found that runs now, by its number (`%rt`).

        Raises:
            HaproxyRefused: as `ask`.
        """
        found = _STREAM.finditer(self.ask("show sess all"))
        return {int(match["id"]): match["at"] for match in found}

    def end_stream(self, at: str) -> None:
        """End a stream, by where it is found; one that is over already is over.

        Raises:
            HaproxyRefused: as `ask`.
        """
        command = f"shutdown session {at}"
        said = self.ask(command)
        if said and not said.startswith("No such session"):
            raise HaproxyRefused(command, said)

    def replace(self, file: str, entries: Mapping[str, str]) -> None:
        """Have a map hold these entries and no others, all at one moment.

        Raises:
            HaproxyRefused: as `ask`, or it does not take them; the map is as it was.
        """
        command = f"prepare map {file}"
        version = _VERSION.search(said := self.ask(command))
        if version is None:
            raise HaproxyRefused(command, said)
        try:
            for piece in _pieces(entries.items()):
                self._must(f"add map @{version[1]} {file}", piece)
        except HaproxyRefused:
            # What was wrong first is what is told, also where nobody answers any more.
            with suppress(HaproxyRefused):
                self.ask(f"clear map @{version[1]} {file}")
            raise
        self._must(f"commit map @{version[1]} {file}")

    def _must(self, command: str, payload: str = "") -> None:
        """Ask for what is answered by silence where it was done."""
        if said := self.ask(command, payload):
            raise HaproxyRefused(command, said)


def _unescaped(text: str) -> str:
    """Read a key of a table, in which every byte that is no ASCII is written by its number."""

    def byte(match: re.Match[bytes]) -> bytes:
        found = match[1]
        return bytes.fromhex(found[1:].decode()) if len(found) > 1 else _CONTROL.get(found, found)

    return _ESCAPED.sub(byte, text.encode()).decode("utf-8", "replace")


def _pieces(entries: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Give entries as lines, some at a time."""
    piece, size = list[str](), 0
    for key, value in entries:
        line = f"{key} {value}\n"
        if size + len(line.encode()) > _PIECE_BYTES:
            yield "".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line.encode())
    if piece:
        yield "".join(piece)
