"""`loushan lab open`: let a browser on this machine reach a host's own page."""

import argparse
import http.client
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from gateway.cli.report import add_json, say, say_json, words
from gateway.errors import ExitStatus, Language, Refused, problem
from lab.hosts.places import Places
from lab.manners import require_root

#: The monitoring centre's page: `roles/monitoring_page`.
HOST, PORT = "city.monitoring", 8470

_PATIENCE_SECONDS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument(
        "host",
        nargs="?",
        default=HOST,
        metavar="HOST",
        help=f"whose page, {HOST} unless said | 主机,默认为 {HOST}",
    )
    parser.add_argument(
        "port",
        nargs="?",
        type=int,
        default=PORT,
        metavar="PORT",
        help=f"where it is on the host itself, {PORT} unless said: the monitoring page"
        f" | 主机上的端口,默认为监控页面 {PORT}",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Open a window, or find the one that is open, and print the address."""
    require_root()
    from lab.hosts.describe import described  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.places import places  # noqa: PLC0415 - as above

    here = places()
    host = described(here).host(arguments.host).name
    url = open_window(here, host, arguments.port)
    if arguments.port == PORT and arguments.language is Language.ZH:
        url = f"{url}?lang=zh"
    if arguments.json:
        say_json({"url": url})
        return ExitStatus.OK
    say(url)
    lasts = (
        "as long as the lab is up, for browsers on this machine",
        "实验城市运行期间,供本机浏览器使用",
    )
    sys.stderr.write(f"{words(arguments, *lasts)}\n")
    return ExitStatus.OK


def open_window(here: Places, host: str, port: int = PORT) -> str:
    """Let this machine reach a port of a host's own loopback; give the address.

    Raises:
        Refused: ZG975, nothing answers there.
    """
    near = _open_already(here, host, port) or _begin(here, host, port)
    try:
        _look_through(near)
    except (OSError, http.client.HTTPException) as fault:
        _close(here, host, port)
        error = type(fault).__name__
        raise Refused(problem("ZG975", host=host, port=port, error=error)) from fault
    return f"http://127.0.0.1:{near}/"


def _look_through(near: int) -> None:
    """Ask once, as a browser will.

    Raises:
        OSError, HTTPException: nobody answers.
    """
    connection = http.client.HTTPConnection("127.0.0.1", near, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    finally:
        connection.close()


def _note(here: Places, host: str, port: int) -> Path:
    return here.run / f"window-{host}-{port}"


def _noted(here: Places, host: str, port: int) -> tuple[int, int]:
    """Give the process that passes on, and its port here; 0 and 0 where there is none."""
    with suppress(OSError, ValueError, KeyError):
        noted = json.loads(_note(here, host, port).read_text("utf-8"))
        words = Path(f"/proc/{noted['process']}/cmdline").read_bytes()
        # Until it has begun, a shell has its words.
        if b"lab.hosts.window" in words:
            return int(noted["process"]), int(noted["near"])
    return 0, 0


def _open_already(here: Places, host: str, port: int) -> int:
    """Give at which port of this machine it is open; 0 where it is not."""
    return _noted(here, host, port)[1]


def _close(here: Places, host: str, port: int) -> None:
    """End what passes on to somebody who does not answer."""
    process, _ = _noted(here, host, port)
    if process:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    _note(here, host, port).unlink(missing_ok=True)


def _begin(here: Places, host: str, port: int) -> int:
    """Start a process that passes on, as long as the lab is up; give its port."""
    from lab.hosts.beside import begin_beside  # noqa: PLC0415 - so that help answers at once
    from lab.hosts.window import listen  # noqa: PLC0415 - as above

    with listen(port) as listener:
        number, near = listener.fileno(), int(listener.getsockname()[1])
        passing = [sys.executable, "-I", "-m", "lab.hosts.window"]
        command = [*passing, str(number), here.namespace(host), str(port)]
        process = begin_beside(here, "window", command, mode="ab", keep=[number])
    noted = json.dumps({"process": process.pid, "near": near})
    note = _note(here, host, port)
    new = note.with_name(f"{note.name}.new")
    new.write_text(noted, "utf-8")
    new.replace(note)
    return near
