"""How a gateway stands, noted before a change and compared after it, for as long as is asked."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from playbooks.plugins.on_hosts.plain import CannotError

DOCUMENTATION = """
module: gateway_standing
author: Loushan
short_description: note how a gateway stands, or see that it stands as well as it did
version_added: "2.19"
description:
  - Asks the gateway's own agent, strongSwan and systemd. It changes nothing.
  - Worse is a policy that is not proven, drift, a link or a gate that is no longer there, a unit that has failed.
  - What is worse may be so for C(settle_seconds); then it must stay as well as before for C(watch_seconds).
options:
  before:
    description: What was noted; unless given, this notes it.
    type: dict
  settle_seconds:
    description: How long services and links may take to be there again.
    type: int
    default: 120
  watch_seconds:
    description: How long it is watched from then on.
    type: int
    default: 300
"""

EXAMPLES = """
- name: Note how it stands
  gateway_standing:
  register: before

- name: See that it stands as well as before
  gateway_standing:
    before: "{{ before.standing }}"
"""

RETURN = """
standing:
  description: How it stands now.
  returned: success
  type: dict
"""

SPEC: dict[str, Any] = {
    "before": {"type": "dict"},
    "settle_seconds": {"type": "int", "default": 120},
    "watch_seconds": {"type": "int", "default": 300},
}

_LOUSHAN = "/usr/sbin/loushan"
_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 60

Standing = Mapping[str, Any]


class UnwellError(CannotError):
    """It stands worse than before; says in what."""


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Say how it stands; where it is said how it stood, see that it comes to stand as well.

    Raises:
        UnwellError: it does not, or it cannot be told.
    """
    standing = read()
    if wanted["before"] is not None and not check:
        standing = watch(wanted["before"], wanted["settle_seconds"], wanted["watch_seconds"])
    return {"changed": False, "standing": standing}


def watch(
    before: Standing,
    settle_seconds: float,
    watch_seconds: float,
    look: Callable[[], Standing] | None = None,
) -> Standing:
    """See that it comes to stand as well as before, and stays so.

    Raises:
        UnwellError: it does not, or it cannot be told.
    """
    look, began = look or read, time.monotonic()
    well_since: float | None = None
    while True:
        found, now = look(), time.monotonic()
        wrong = list(worse(before, found))
        if wrong and (well_since is not None or now - began >= settle_seconds):
            raise UnwellError("; ".join(wrong))
        if not wrong:
            well_since = now if well_since is None else well_since
            if now - well_since >= watch_seconds:
                return found
        time.sleep(min(_LOOK_SECONDS, max(watch_seconds, 0.1)))


def worse(before: Standing, now: Standing) -> Iterator[str]:
    """Say in words what is worse than it was."""
    if not now["proven"]:
        yield "what it does is not proven: `loushan agent status`"
    if now["drift"] > before["drift"]:
        yield f"drift, {now['drift'] - before['drift']} times: `loushan agent status`"
    if before["gates"] and not now["gates"]:
        yield "its gates are closed: see the runbook GatesClosed"
    for name in sorted(set(before["links"]) - set(now["links"])):
        yield f"the link {name} is down: `loushan link test {name}`"
    for name in sorted(set(now["failed"]) - set(before["failed"])):
        yield f"{name} has failed: `systemctl status {name}`"


def read() -> Standing:
    """Ask the host.

    Raises:
        UnwellError: it does not say.
    """
    agent = _said([_LOUSHAN, "agent", "status", "--json"])
    links = _said([_LOUSHAN, "link", "status", "--json"])
    failed = _said(["systemctl", "list-units", "--state=failed", "--output=json"])
    try:
        return {
            "proven": agent["proven"] is True,
            "drift": int(agent["drift"]["count"]),
            "gates": bool((agent.get("gates") or {}).get("open")),
            "links": sorted(each["name"] for each in links["links"] if each["is_up"] is True),
            "failed": sorted(each["unit"] for each in failed),
        }
    except (KeyError, TypeError, ValueError) as fault:
        message = f"it does not say how it stands: {type(fault).__name__}: {fault}"
        raise UnwellError(message) from fault


def _said(command: Sequence[str]) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Run a command that says JSON; its status says that something is not well, as the JSON does."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as fault:
        message = f"{' '.join(command)}: {type(fault).__name__}: {fault}"
        raise UnwellError(message) from fault
