"""What the monitoring host is told of a plan: its sites, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from gateway.errors import Refused
from gateway.observe.city.sites import sites_of
from gateway.policy.plan import read_plan

DOCUMENTATION = """
name: city_sites
author: Loushan
short_description: the sites of a plan
version_added: "2.19"
description:
  - Gives the names and titles of a plan's sites and how they hang together, as JSON.
  - No address, zone, conduit or subject is in it.
options:
  _terms:
    description: Folder of the plan.
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Reads a plan."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the text for each plan.

        Raises:
            AnsibleError: a plan is wrong; in its words.
        """
        del variables, options
        try:
            return [_text(Path(term)) for term in terms]
        except Refused as refused:
            raise AnsibleError(str(refused)) from refused


def _text(folder: Path) -> str:
    return json.dumps(sites_of(read_plan(folder)).as_json(), ensure_ascii=False)
