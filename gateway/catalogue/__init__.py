"""Every error the product can give: its code and its words, in both languages.

One file for each area.  A code is never used again for something else.
"""

from collections.abc import Mapping

from gateway.catalogue import (
    agent,
    backup,
    bundle,
    documents,
    environment,
    evidence,
    lab,
    law,
    link,
    load,
    observe,
    plan,
    probe,
    ruleset,
    signature,
    verify,
)
from gateway.catalogue.text import Text

AREAS: Mapping[str, Mapping[str, Text]] = {
    "documents": documents.TEXTS,
    "plan": plan.TEXTS,
    "bundle": bundle.TEXTS,
    "law": law.TEXTS,
    "signature": signature.TEXTS,
    "ruleset": ruleset.TEXTS,
    "load": load.TEXTS,
    "verify": verify.TEXTS,
    "probe": probe.TEXTS,
    "lab": lab.TEXTS,
    "environment": environment.TEXTS,
    "agent": agent.TEXTS,
    "link": link.TEXTS,
    "observe": observe.TEXTS,
    "evidence": evidence.TEXTS,
    "backup": backup.TEXTS,
}

CATALOGUE: Mapping[str, Text] = {
    code: text for area in AREAS.values() for code, text in area.items()
}

__all__ = ["AREAS", "CATALOGUE", "Text"]
