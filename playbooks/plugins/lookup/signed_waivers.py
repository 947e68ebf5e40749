"""What the inventory says of waivers, whatever a command line says in its place."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: signed_waivers
author: Loushan
short_description: the waivers that the inventory has verified for a host
version_added: "2.19"
description:
  - Gives C(loushan_waivers) as the inventory C(plan) has set it, which verifies the plan's signatures first.
  - A variable of that name from a command line wins over it everywhere else, and is not looked at here.
options:
  _terms:
    description: The host, as the inventory calls it.
    type: str
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Reads on the controller."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[dict[str, str]]:
        """Give each host's waivers."""
        del options
        inventory = (variables or {})["hostvars"]._inventory  # noqa: SLF001 - hosts' own variables are nowhere else
        return [self._of(inventory.get_host(str(term)), str(term)) for term in terms]

    def _of(self, host: Any, name: str) -> dict[str, str]:  # noqa: ANN401 - Ansible ships no types
        if host is None or "loushan_waivers" not in host.vars:
            message = f"{name} is no host of an inventory that verifies waivers"
            raise AnsibleLookupError(message)
        return {str(setting): str(day) for setting, day in host.vars["loushan_waivers"].items()}
