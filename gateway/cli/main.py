"""Read the command line, call the one command it names, and say what was refused."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from gateway import __version__
from gateway.cli.commands import COMMANDS, DELEGATED, GROUPS, Command
from gateway.errors import ExitStatus, Language, Refused

_INTRODUCTION = {
    Language.EN: "Loushan guards a city government's private network: what the Bureau signed "
    "is what the network does, and that is proven.",
    Language.ZH: "娄山关守护市级办公业务资源网:保密局签署的策略即网络的实际行为,并可证明。",
}
_EXAMPLES = {
    Language.EN: """to begin:
  loushan policy check policy/lab            is the plan in order?
  loushan policy explain tax.office city.business https --plan policy/lab
  loushan rehearse policy/lab                see it work, with real packets
  loushan errors ZG102                       what does this code mean?
""",
    Language.ZH: """可先尝试:
  loushan policy check policy/lab            检查规划
  loushan policy explain tax.office city.business https --plan policy/lab
  loushan rehearse policy/lab                用真实报文演练
  loushan errors ZG102                       解释错误代码
""",
}


#: Between the two languages of a help text.
HELP_MARK = " | "


def main(words: Sequence[str]) -> int:
    """Run one command; give its exit status (see `ExitStatus`)."""
    language = _language(words, os.environ)
    command = _command(words)
    if command is not None and command.words == DELEGATED:
        inner = _without_language(words)[len(DELEGATED) :]
        return int(importlib.import_module(command.module).main(inner, language))
    parser = _parser(language, command)
    arguments = parser.parse_args(words)
    arguments.language = language
    if command is None:
        parser.print_help()
        return ExitStatus.USAGE
    return _guarded(command, arguments)


def _guarded(command: Command, arguments: argparse.Namespace) -> int:
    """Call a command; a refusal is said in the reader's words, never as a traceback."""
    try:
        return int(importlib.import_module(command.module).run(arguments))
    except Refused as refused:
        from gateway.cli.report import report_problems

        report_problems(refused.problems, arguments)
        return ExitStatus.REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _command(words: Sequence[str]) -> Command | None:
    """Find the command that the words name, so that only its module is imported."""
    named = tuple(_without_language(words))
    for command in COMMANDS:
        if named[: len(command.words)] == command.words:
            return command
    return None


def _without_language(words: Sequence[str]) -> list[str]:
    kept, rest = [], iter(words)
    for word in rest:
        if word == "--lang":
            next(rest, None)
        elif not word.startswith("--lang="):
            kept.append(word)
    return kept


def _language(words: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Give the language asked for, else the locale's."""
    for index, word in enumerate(words):
        value = word.removeprefix("--lang=") if word.startswith("--lang=") else ""
        if word == "--lang" and index + 1 < len(words):
            value = words[index + 1]
        if value in set(Language):
            return Language(value)
    locale = next(
        (environment[n] for n in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(n)), ""
    )
    return Language.ZH if locale.startswith("zh") else Language.EN


def _parser(language: Language, called: Command | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loushan",
        description=_INTRODUCTION[language],
        epilog=_EXAMPLES[language],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_language(parser)
    _in_one_language(parser, language)
    parser.add_argument("--version", action="version", version=f"loushan {__version__}")
    below = parser.add_subparsers(metavar="COMMAND", title=_word(language, "commands", "命令"))
    groups: dict[str, argparse._SubParsersAction[argparse.ArgumentParser]] = {}
    for command in COMMANDS:
        *group, last = command.words
        place = below
        if group:
            place = groups.get(group[0]) or _group(below, group[0], language)
            groups[group[0]] = place
        summary = command.summary(language)
        inner = place.add_parser(
            last,
            help=summary,
            description=summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _add_language(inner)
        if command is called:
            importlib.import_module(command.module).add_arguments(inner)
            _in_one_language(inner, language)
    return parser


def _in_one_language(parser: argparse.ArgumentParser, language: Language) -> None:
    """Keep of each help text `English | 中文` the part in the reader's language."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to them
        if action.help and HELP_MARK in action.help:
            action.help = _word(language, *action.help.split(HELP_MARK, 1))
    if parser.epilog and HELP_MARK in parser.epilog:
        parser.epilog = _word(language, *parser.epilog.split(HELP_MARK, 1))
    for group in parser._action_groups:  # noqa: SLF001 - as above
        if group.title and HELP_MARK in group.title:
            group.title = _word(language, *group.title.split(HELP_MARK, 1))
        if group.description and HELP_MARK in group.description:
            group.description = _word(language, *group.description.split(HELP_MARK, 1))


def _group(
    below: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, language: Language
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    summary = _word(language, *GROUPS[name])
    parser = below.add_parser(name, help=summary, description=summary)
    _add_language(parser)
    return parser.add_subparsers(
        metavar="COMMAND", title=_word(language, "commands", "命令"), required=True
    )


def _add_language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--lang",
        choices=list(Language),
        default=argparse.SUPPRESS,
        help="language of the answer (default: the locale's) | 回答所用语言(缺省取自系统)",
    )


def _word(language: Language, en: str, zh: str) -> str:
    return zh if language is Language.ZH else en
