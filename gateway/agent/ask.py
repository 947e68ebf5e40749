"""Ask the agent, and hear its answer line by line."""

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway.agent.requests import (
    LONGEST_LINE_BYTES,
    Request,
    problems_from,
)
from gateway.agent.service import CONTROL_SOCKET, LONGEST_WORK_SECONDS
from gateway.errors import Refused, problem


def ask(
    request: Request,
    content: bytes = b"",
    *,
    told: Callable[[Mapping[str, Any]], None] = lambda _: None,
    path: Path = CONTROL_SOCKET,
) -> Mapping[str, Any]:
    """Give the agent's answer; what it says before is told.

    Raises:
        Refused: ZG808, the agent cannot be asked; or what it refused.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(LONGEST_WORK_SECONDS * 2)
            connection.connect(str(path))
            connection.sendall(request.line() + content)
            return _answer(connection, told)
    except OSError as fault:
        raise Refused(problem("ZG808", error=fault)) from fault


def _answer(
    connection: socket.socket, told: Callable[[Mapping[str, Any]], None]
) -> Mapping[str, Any]:
    with connection.makefile("rb") as lines:
        while line := lines.readline(LONGEST_LINE_BYTES):
            try:
                body = json.loads(line)
            except ValueError as fault:
                raise Refused(problem("ZG808", error=fault)) from fault
            if "refused" in body:
                raise Refused(*problems_from(body["refused"]))
            if "result" in body or "probation" in body:
                return dict(body)
            told(body)
    raise Refused(problem("ZG808", error="EOF"))
