"""What the proxy says to who is refused."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase

from gateway.compile.refusal import refusal_json, refusal_page
from gateway.errors import Language

DOCUMENTATION = """
name: refusal
author: Loushan
short_description: what the proxy says to who is refused
version_added: "2.19"
description:
  - Gives a page or JSON, in HAProxy's log format.
options:
  _terms:
    description: C(json), or the language of a page, C(zh) or C(en).
    required: true
"""


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible ships no types
    """Asks the compiler."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **options: object
    ) -> list[str]:
        """Give a text for each term."""
        del variables, options
        return [refusal_json() if t == "json" else refusal_page(Language(t)) for t in terms]
