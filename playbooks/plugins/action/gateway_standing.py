"""The controller's half of `gateway_standing`: runs it on the host."""

from __future__ import annotations

from typing import Any

from playbooks.plugins.modules import gateway_standing
from playbooks.plugins.plain import PlainAction


class ActionModule(PlainAction):
    """Runs on the controller, around one trip to the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host."""
        super().run(tmp, task_vars)
        return self.there(gateway_standing, self._task.args)
