"""The ruleset that refuses everything, and says so."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase

from gateway.compile.scaffold import scaffold
from gateway.load.transaction import closed

DOCUMENTATION = """
name: scaffold
author: Loushan
short_description: the ruleset that refuses everything
version_added: "2.19"
description:
  - Gives the part of a gateway's ruleset that no policy changes, as text for C(nft).
  - Each of its hooks leads to a refusal, so what it drops is recorded with its reason; it is what
    C(loushan compile --scaffold) says.
options: {}
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Asks the compiler, and the loader how it is put up."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the text; nothing is asked for."""
        del terms, variables, options
        return [closed(scaffold())]
