"""What the agent on a gateway is asked to do with a signed policy, and what came of it.

The agent judges the signatures itself; nothing here can bring into force what
was not signed.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from playbooks.plugins.on_hosts.plain import CannotError

DOCUMENTATION = """
module: gateway_policy
author: Loushan
short_description: enforce, confirm, prove or take back a signed policy on a gateway
version_added: "2.19"
description:
  - Asks the gateway's own agent, by C(loushan agent), and says in the plan's words what came.
  - In check mode C(enforced) asks whether the policy would be accepted; C(confirmed) and C(taken_back) do nothing.
    A host without an agent cannot judge it; there it only says that a policy would come.
options:
  state:
    description:
      - C(enforced) delivers a signed plan; where it follows another it is then on probation.
      - C(confirmed) says from this connection that what is on probation stays.
      - C(proven) has the gateway proven now, and fails with each finding.
      - C(taken_back) takes back what is on probation.
    type: str
    required: true
    choices: [enforced, confirmed, proven, taken_back]
  plan:
    description: Folder of the signed plan, on the controller; for C(enforced).
    type: path
  confirm_within_seconds:
    description: For C(enforced), how long the policy waits for its confirmation; the gateway's own setting unless said.
    type: int
  revision:
    description: For C(confirmed), the revision that is meant.
    type: int
  archive:
    description: The packed plan; said by the controller.
    type: str
"""

EXAMPLES = """
- name: Deliver the signed policy
  gateway_policy:
    state: enforced
    plan: policy/zunyi
"""

RETURN = """
in_force:
  description: The policy that is in force now, in words; empty where there is none.
  returned: success
  type: str
probation:
  description: Whether it waits to be confirmed.
  returned: success
  type: bool
"""

SPEC: dict[str, Any] = {
    "state": {
        "type": "str",
        "required": True,
        "choices": ["enforced", "confirmed", "proven", "taken_back"],
    },
    "plan": {"type": "path"},
    "confirm_within_seconds": {"type": "int"},
    "revision": {"type": "int"},
    "archive": {"type": "str"},
}

_LOUSHAN = "/usr/sbin/loushan"

#: ZG810: nothing is on probation. For who takes back, that is no failure: it is as wished.
_NOTHING_ON_PROBATION = "ZG810"


class RefusedError(CannotError):
    """The agent refused; says each problem in its own words."""


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Ask the agent.

    Raises:
        RefusedError: it does not do it.
    """
    works = {
        "enforced": enforce,
        "confirmed": confirm,
        "proven": prove,
        "taken_back": take_back,
    }
    return works[wanted["state"]](wanted, check=check)


def enforce(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Deliver the plan.

    Raises:
        RefusedError: the last good policy is still in force.
    """
    words = ["--check"] if check else []
    if wanted["confirm_within_seconds"] is not None and not check:
        words = ["--confirm-within", str(wanted["confirm_within_seconds"])]
    if check and _is_bare():
        return _brought({"changed": True, "in_force": None, "probation": False}, "", check=True)
    before = status()
    folder = Path(tempfile.mkdtemp(prefix="loushan-plan-"))
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(wanted["archive"]))) as archive:
            archive.extractall(folder, filter="data")
        said = ask(["enforce", str(folder), *words])
    finally:
        shutil.rmtree(folder)
    return _brought(said, in_words(before), check=check)


def _brought(said: Mapping[str, Any], before: str, *, check: bool) -> dict[str, Any]:
    """Say what a delivery has changed, or would change."""
    now = said["in_force"] or ""
    result = {"changed": said["changed"], "in_force": now, "probation": said["probation"]}
    if said["changed"]:
        after = "the delivered policy" if check else now
        if said["probation"]:
            after += f"\non probation until {said['deadline']}"
        result["diff"] = {
            "before_header": "in force",
            "after_header": "in force",
            "before": f"{before}\n",
            "after": f"{after}\n",
        }
    return result


def confirm(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Confirm what is on probation; where nothing is, nothing is changed.

    Raises:
        RefusedError: it has been taken back meanwhile.
    """
    if check and _is_bare():
        return {"changed": False, "in_force": "", "probation": False}
    before = status()
    if check or before["probation"] is None:
        return {"changed": False, "in_force": in_words(before), "probation": False}
    words = [] if wanted["revision"] is None else ["--revision", str(wanted["revision"])]
    said = ask(["confirm", *words])
    return {"changed": True, "in_force": said["in_force"], "probation": False}


def prove(_: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Have it proven.

    Raises:
        RefusedError: it is not; with every finding.
    """
    del check
    said = ask(["prove"])
    if not said["proven"]:
        raise RefusedError(problems(said["findings"]) or "no policy is in force: all is refused")
    return {"changed": False, "in_force": said["in_force"], "probation": False}


def take_back(_: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Take back what is on probation.

    Raises:
        RefusedError: it could not be.
    """
    before = status()
    if before["probation"] is None:
        return {"changed": False, "in_force": in_words(before), "probation": False}
    if not check:
        ask(["rollback"], but_not=_NOTHING_ON_PROBATION)
    after = before if check else status()
    difference = {"before": f"{in_words(before)}, on probation\n", "after": f"{in_words(after)}\n"}
    result = {"changed": True, "in_force": in_words(after), "probation": False}
    return {**result, "diff": difference}


def status() -> dict[str, Any]:
    """Give what the agent says of itself."""
    return ask(["status"])


def in_words(said: Mapping[str, Any]) -> str:
    """Give the policy that a status says is in force."""
    stamp = said["in_force"]
    if not stamp:
        return ""
    return f"{stamp['plan']} revision {stamp['revision']} sha256 {stamp['digest'][:16]}"


def _is_bare() -> bool:
    """Tell whether no agent is here yet; in check mode the play that brings it has done nothing."""
    return not Path(_LOUSHAN).exists()


def ask(words: Sequence[str], but_not: str = "") -> dict[str, Any]:
    """Run one command of the agent and give its answer.

    Raises:
        RefusedError: it refused, with any problem but the one that is no failure.
    """
    if _is_bare():
        message = "this host has no agent: provision.yml brings it"
        raise RefusedError(message)
    # Its own session: when the new policy cuts this connection, the work still goes on.
    done = subprocess.run(
        [_LOUSHAN, "agent", *words, "--json"],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError as fault:
        message = f"loushan agent {words[0]}: {(done.stderr or done.stdout).strip()}"
        raise RefusedError(message) from fault
    found = [each for each in said.get("problems", []) if each["code"] != but_not]
    if found:
        raise RefusedError(problems(found))
    return said


def problems(found: Sequence[Mapping[str, Any]]) -> str:
    """Give problems as a reader of a terminal reads them, in both languages."""
    lines = []
    for each in found:
        place = f"{each['file']}:{each['line']}: " if each["file"] else ""
        lines += [f"{place}{each['code']} {each['en']}", f"  {each['zh']}"]
    return "\n".join(lines)
