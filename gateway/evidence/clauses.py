"""The catalogue of clauses: what each asks, what the product does about it, and what is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from gateway.evidence.row import Words

_FILE = Path(__file__).with_name("clauses.yml")

_FIELDS = frozenset({"clause", "heading", "where", "asks", "does", "left"})


class Where(StrEnum):
    """Who meets a clause."""

    PRODUCT = "product"
    OUTSIDE = "outside"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of GB/T 22239-2019, level 3; `asks` is our paraphrase."""

    number: str
    heading: Words
    where: Where
    asks: Words
    does: Words
    left: Words


def clause_of(item: str) -> str:
    """Give the clause of an item: `8.1.4.1` of `8.1.4.1 b)`."""
    return item.partition(" ")[0]


@cache
def catalogue() -> Mapping[str, Clause]:
    """Give every clause by its number, in the standard's order.

    Raises:
        KeyError, TypeError, ValueError: the file is not as it should be.
    """
    read = yaml.safe_load(_FILE.read_text("utf-8"))
    clauses = [_clause(entry) for entry in read]
    return {clause.number: clause for clause in clauses}


def _clause(entry: Mapping[str, Any]) -> Clause:
    if entry.keys() != _FIELDS:
        message = f"{entry.get('clause')}: {sorted(entry.keys() ^ _FIELDS)}"
        raise ValueError(message)
    heading, asks, does, left = (
        Words(entry[name]["en"], entry[name]["zh"]) for name in ("heading", "asks", "does", "left")
    )
    return Clause(entry["clause"], heading, Where(entry["where"]), asks, does, left)
