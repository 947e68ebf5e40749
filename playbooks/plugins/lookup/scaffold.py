"""The ruleset that refuses everything, as our compiler writes it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase

from gateway.compile.scaffold import scaffold

DOCUMENTATION = """
name: scaffold
author: Loushan
short_description: the ruleset that refuses everything
version_added: "2.19"
description:
  - Gives the part of a gateway's ruleset that no policy changes, as text for C(nft).
options: {}
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Asks the compiler."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give the text; nothing is asked for."""
        del terms, variables, options
        return [scaffold()]
