"""What an authority made for everybody: its certificate, and its list of revocations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase

from playbooks.plugins.authority import read

DOCUMENTATION = """
name: authority
author: Loushan
short_description: a file of the folder of authorities
version_added: "2.19"
description:
  - Gives a file of the folder that C(loushan pki init) made, as it is there.
  - Waits while something in the folder is being changed, so that a list that is signed this moment
    is the one that is given.
options:
  _terms:
    description: The file.
    type: path
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Reads on the controller."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the text of each file."""
        del variables, options
        return [read(Path(str(term))) for term in terms]
