"""Reads what a role has written for a service of ours: TOML with words that are known."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import Refused, Where, problem

Made = TypeVar("Made")


def read_settings_file(
    file: Path, code: str, known: type[Any], make: Callable[[Mapping[str, object]], Made]
) -> Made:
    """Read a file of settings; a word that is not known is refused, not passed over.

    Args:
        file: in TOML.
        code: of the refusal.
        known: a dataclass, whose fields are the words.
        make: makes them of what was read; raises ValueError, KeyError or TypeError.

    Raises:
        Refused: `code`, the file cannot be read or understood.
    """
    try:
        return make(_of_known_words(tomllib.loads(file.read_text("utf-8")), known))
    except (OSError, ValueError, KeyError, TypeError) as fault:
        error = f"{type(fault).__name__}: {fault}"
        raise Refused(problem(code, Where(str(file)), error=error)) from fault


def _of_known_words(data: Mapping[str, object], known: type[Any]) -> Mapping[str, object]:
    if unknown := sorted(data.keys() - {each.name for each in fields(known)}):
        raise ValueError(", ".join(unknown))
    return data
