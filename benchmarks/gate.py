"""The gate in four ways: HAProxy that only passes on, and what judging and recording add to it.

Each is made from what is compiled by leaving lines out, so that what is measured is what the
product runs.  A line that is looked for and not there any more is an error, not a way that is
cheaper than it should be.
"""

import json
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks import rights
from benchmarks.contestants import NotMeasured
from benchmarks.ground import Ground
from benchmarks.servers import Server, of_debian_13, serving
from gateway.artefacts import GateMaps, Generation
from gateway.compile.proxy import Layout, compile_proxy
from gateway.haproxy import Haproxy, HaproxyRefused
from gateway.load.gates import Proxy, bring_into_force, revoke, tell
from gateway.observe.content import Kind

ROOT = Path(__file__).parents[1]

REVISION = 7

#: What bare HAProxy answers by itself.
BARE_PATH = "/here"

#: The raw file, and what the follower makes of it.
RAW, LOG = "decisions.raw", "decisions"

_DAYS = "????-??-??.jsonl"
_LONGEST_RECORD = 1 << 16

_SOCKET = "control.sock"
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_HOUR = timedelta(hours=1)
_REFUSED = '{"decision": "%[unique-id]", "reason": "%[var(txn.reason)]"}\n'


class Way(StrEnum):
    """What a gate does with a request."""

    BARE = "bare HAProxy"
    THREADS = "bare HAProxy, a thread for each core"
    DECISION = "decision only"
    POLICY = "full policy"
    RECORDED = "full policy + decision log"


#: Those that know no policy.
BARE = (Way.BARE, Way.THREADS)

#: What is of the log alone.
_OF_THE_LOG = ("log stdout", "log global", "log-format", "error-log-format")

#: What a decision does not need: its number, its record, its words, and what an application reads.
_BESIDE_THE_DECISION = (
    *_OF_THE_LOG,
    "unique-id-format",
    "http-request track-sc0",
    "http-request set-var(txn.count)",
    "http-request set-var(txn.at)",
    "http-request set-var(txn.verdict)",
    "http-request return",
    "http-request del-header",
    "http-request set-header",
    "http-request set-uri",
    "http-request set-var-fmt(txn.under_way)",
    "http-request track-sc2",
    "http-request deny deny_status 503 unless { sc2_tracked }",
    "http-response deny",
    "http-response set-header",
    "acl wants_",
)

#: All that is not TLS and passing on.
_BESIDE_PASSING_ON = (
    *_OF_THE_LOG,
    "unique-id-format",
    "set-var proc.started",
    "tcp-request connection",
    "tcp-request session",
    "http-request ",
    "http-response ",
    "acl ",
    "use_backend ",
)


def configuration(way: Way, folder: Path) -> str:
    """Give what HAProxy runs with.

    Raises:
        LookupError: the compiled configuration has not the lines that are to be left out.
    """
    text = compile_proxy(rights.plan(), rights.SITE, Layout.of(str(folder))).text
    gate = rights.place().gate
    (passing,) = re.findall(rf"use_backend (\S+) if {{ .* {gate.name} }}", text)
    match way:
        case Way.BARE | Way.THREADS:
            one = ("nbthread",) if way is Way.THREADS else ()
            bare = _without(text, (*_BESIDE_PASSING_ON, *one))
            more = f"    monitor-uri {BARE_PATH}\n    default_backend {passing}\n"
            return _after(bare, f"frontend gates_{gate.port}\n", more)
        case Way.DECISION:
            deny = "    http-request deny deny_status 403 unless permitted\n"
            judging = _without(text, _BESIDE_THE_DECISION)
            last = next(line for line in judging.splitlines(keepends=True) if "acl permit" in line)
            return _after(judging, last, deny)
        case Way.POLICY:
            return _without(text, _OF_THE_LOG)
        case _:
            return text


def _without(text: str, starts: tuple[str, ...]) -> str:
    lines = text.splitlines(keepends=True)
    if unknown := [s for s in starts if not any(each.strip().startswith(s) for each in lines)]:
        raise LookupError(unknown)
    return "".join(each for each in lines if not each.strip().startswith(starts))


def _after(text: str, line: str, more: str) -> str:
    if line not in text:
        raise LookupError(line)
    return text.replace(line, line + more, 1)


@dataclass(frozen=True, slots=True)
class Gate:
    """One that runs: its processes, and how it is told what is in force."""

    server: Server
    follower: Server | None
    proxy: Proxy
    folder: Path

    def settle(self) -> None:
        """Wait until the follower, where there is one, has recorded all that was written.

        Raises:
            NotMeasured: it does not.
        """
        raw, log = self.folder / RAW, self.folder / LOG
        if not log.exists():
            return
        end = time.monotonic() + _PATIENCE_SECONDS
        while _recorded_bytes(log) < raw.stat().st_size:
            if time.monotonic() > end:
                message = "the decision log does not keep up"
                raise NotMeasured(message)
            time.sleep(_LOOK_SECONDS)

    def decisions(self) -> Iterator[Mapping[str, Any]]:
        """Read all decisions out of the decision log."""
        self.settle()
        for day in sorted((self.folder / LOG).glob(_DAYS)):
            with day.open(encoding="ascii") as lines:
                for line in lines:
                    record = json.loads(line)
                    if record["kind"] == Kind.DECISION:
                        yield record["body"]


def _recorded_bytes(log: Path) -> int:
    """Give up to where the raw file is recorded, by the newest record."""
    days = sorted(log.glob(_DAYS))
    if not days:
        return 0
    with days[-1].open("rb") as read:
        read.seek(max(0, days[-1].stat().st_size - _LONGEST_RECORD))
        lines = read.read().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    return int(json.loads(whole[-1])["raw"][1]) if whole else 0


def lay_out(way: Way, folder: Path, given: Mapping[str, bytes]) -> None:
    """Write what a gateway's proxy is given; `given` are certificates by their file's name."""
    text = configuration(way, folder)
    (folder / "haproxy.cfg").write_text(text, "utf-8")
    for part in ("maps", "certificates"):
        (folder / part).mkdir()
    for name in set(re.findall(rf"{folder}/maps/(\w+)\.map", text)):
        (folder / "maps" / f"{name}.map").touch()
    for kind in ("json", "zh.html", "en.html"):
        (folder / f"refused.{kind}").write_text(_REFUSED, "utf-8")
    for name, held in given.items():
        (folder / name).write_bytes(held)


@contextmanager
def standing(way: Way, size: int, where: str, folder: Path, ground: Ground) -> Iterator[Gate]:
    """Have a gate running in a namespace for a while, with maps of a size in force.

    Raises:
        NotMeasured: it does not answer.
    """
    folder.mkdir()
    lay_out(way, folder, ground.given)
    command = [
        *of_debian_13(ground.tree, "usr/sbin/haproxy"),
        "-db",
        "-f",
        str(folder / "haproxy.cfg"),
    ]
    named = {"LOUSHAN_NODE": "city-gw"}
    raw = folder / RAW
    raw.touch()
    with serving(where, command, folder, out=raw, named=named) as server:
        proxy = Proxy(Haproxy(folder / _SOCKET), PurePosixPath(folder / "maps"))
        _wait_for(server, proxy.haproxy)
        if way not in BARE:
            tell(proxy, rights.tokens(size))
            enforce(proxy, rights.maps(size, Generation.A), REVISION)
            revoke(proxy, rights.revoked(size))
        if way is not Way.RECORDED:
            yield Gate(server, None, proxy, folder)
            return
        with _following(folder) as follower:
            yield Gate(server, follower, proxy, folder)


def enforce(proxy: Proxy, maps: GateMaps, revision: int) -> None:
    """Bring maps into force for an hour."""
    bring_into_force(proxy, maps, revision, datetime.now(UTC) + _HOUR)


@contextmanager
def _following(folder: Path) -> Iterator[Server]:
    settings = folder / "log.toml"
    files = {"raw": RAW, "folder": LOG, "key": "log-key.pem", "status": "log-status"}
    lines = [f'{name} = "{folder / file}"' for name, file in files.items()]
    settings.write_text("\n".join(['origin = "city-gw.gw.lab.internal/made"', *lines, ""]))
    away = folder / "follower"
    away.mkdir()
    command = [sys.executable, "-m", "gateway.cli", "log", "follow", "--settings", str(settings)]
    with serving(None, command, away, named={"PYTHONPATH": str(ROOT)}) as follower:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not (folder / "log-status").exists():
            if follower.is_over() or time.monotonic() > end:
                raise follower.ended()
            time.sleep(_LOOK_SECONDS)
        yield follower


def _wait_for(server: Server, haproxy: Haproxy) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            haproxy.info()
        except HaproxyRefused as refused:
            if server.is_over() or time.monotonic() > end:
                raise server.ended() from refused
            time.sleep(_LOOK_SECONDS)
        else:
            return
