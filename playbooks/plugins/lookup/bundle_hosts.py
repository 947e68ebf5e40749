"""The packages for hosts in an unpacked bundle: whether they are still as they were signed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from gateway.bundle.judge import unpacked_hosts
from gateway.errors import Refused

DOCUMENTATION = """
name: bundle_hosts
author: Loushan
short_description: the digest of a bundle's packages for hosts
version_added: "2.19"
description:
  - Gives the SHA-256 of the packages for hosts in a folder that C(loushan bundle unpack) made.
  - Fails where they are not what the bundle's signed list says, or are not there.
options:
  _terms:
    description: The folder.
    type: path
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Reads on the controller."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the digest of each."""
        del variables, options
        try:
            return [unpacked_hosts(Path(str(term))) for term in terms]
        except Refused as refused:
            raise AnsibleLookupError(str(refused)) from refused
