"""The controller's half of `host_answers`: says what is asked, and writes what was answered.

A file is written for each host, also for one that is not reached: who judges
must know that it was to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure

from gateway.evidence.hosts_asked import VARIABLES, AskedHost
from gateway.evidence.rows import questions
from playbooks.plugins.modules import host_answers
from playbooks.plugins.plain import PlainAction


class ActionModule(PlainAction):
    """Runs on the controller before the module runs on the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask, and write down what came."""
        known = task_vars or {}
        super().run(tmp, known)
        arguments = dict(self._task.args)
        name = str(known["inventory_hostname"])
        file = Path(arguments["into"]) / f"{name}.json"
        variables = self._templar.template({k: known[k] for k in VARIABLES if k in known})
        everybody = [str(host) for host in known.get("ansible_play_hosts_all", [name])]
        asked = {"host": name, "everybody": everybody, "variables": variables}
        commands = questions(AskedHost.from_variables(name, variables))
        arguments["commands"] = [list(command) for command in commands]
        try:
            result: dict[str, Any] = self.there(host_answers, arguments)
        except AnsibleConnectionFailure as fault:
            _write(file, asked, [], str(fault))
            raise
        answers = result.pop("answers", [])
        trouble = "" if answers else str(result.get("msg", "it said nothing"))
        _write(file, asked, answers, trouble)
        return result


def _write(file: Path, asked: Mapping[str, Any], answers: list[Any], trouble: str) -> None:
    """Put a host's file in place, whole; it names the others that are asked beside it."""
    body = {**asked, "answers": answers, "trouble": trouble}
    new = file.with_suffix(".new")
    new.write_text(json.dumps(body, ensure_ascii=False), "utf-8")
    new.replace(file)
