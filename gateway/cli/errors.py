"""`loushan errors`: what does this code mean?"""

import argparse

from gateway.catalogue import CATALOGUE
from gateway.cli.report import say
from gateway.errors import ExitStatus, Language, Refused, problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="a code such as ZG102 | 错误代码")


def run(arguments: argparse.Namespace) -> int:
    """Print one code's words, or every code's first line."""
    if arguments.code is None:
        for code in sorted(CATALOGUE):
            say(f"{code}  {_text(code, arguments.language)[0]}")
        return ExitStatus.OK
    code = arguments.code.upper()
    if code not in CATALOGUE:
        raise Refused(problem("ZG720", name=arguments.code))
    text, advice = _text(code, arguments.language)
    say(f"{code}  {text}")
    if advice:
        say(f"  {advice}")
    return ExitStatus.OK


def _text(code: str, language: Language) -> tuple[str, str]:
    entry = CATALOGUE[code]
    return (entry.zh, entry.zh_help) if language is Language.ZH else (entry.en, entry.en_help)
