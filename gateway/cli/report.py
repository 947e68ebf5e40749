"""Say things to the reader: problems, answers, tables; in words or as JSON."""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any

from gateway.errors import Language, Problem


def add_json(parser: argparse.ArgumentParser) -> None:
    """Offer the answer for a machine."""
    parser.add_argument(
        "--json", action="store_true", help="answer as JSON, for a machine | 以 JSON 输出"
    )


def say(text: str) -> None:
    """Print one answer."""
    sys.stdout.write(f"{text}\n")


def say_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print one answer for a machine."""
    say(json.dumps(value, ensure_ascii=False, indent=2))


def words(arguments: argparse.Namespace, en: str, zh: str) -> str:
    """Give the text in the reader's language."""
    return zh if arguments.language is Language.ZH else en


def report_problems(problems: Iterable[Problem], arguments: argparse.Namespace) -> None:
    """Print what was refused: for a machine on standard output, for a person on error."""
    found = list(problems)
    if getattr(arguments, "json", False):
        say_json({"problems": [problem.as_json() for problem in found]})
        return
    for problem in found:
        sys.stderr.write(f"{problem.render(arguments.language)}\n")
    count = len(found)
    summary = words(
        arguments, f"{count} problem{'s' * (count != 1)} found", f"共发现 {count} 个问题"
    )
    sys.stderr.write(f"{summary}\n")
