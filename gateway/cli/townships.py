"""`loushan policy townships`: give every county of a plan its townships."""

import argparse
from pathlib import Path

from gateway.cli.report import say, words
from gateway.errors import ExitStatus, Refused, Where, problem
from gateway.policy.documents import LARGEST_DOCUMENT_BYTES, Document, read_documents
from gateway.policy.townships import DEFAULT_COUNT, TOWNSHIPS_PATH, townships_document

#: Above what one document can hold.
_MOST = LARGEST_DOCUMENT_BYTES // 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    parser.add_argument(
        "--count",
        type=_count,
        default=DEFAULT_COUNT,
        metavar="N",
        help="townships of the whole plan, those it has included"
        " | 全市乡镇总数,含已有 (%(default)s)",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write {TOWNSHIPS_PATH} of the plan instead of printing it | 写入规划而不是输出",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the document of townships, or write it where it is missing something."""
    documents = read_documents(arguments.plan)
    townships = townships_document(documents, str(arguments.plan), arguments.count)
    if not arguments.write:
        say(townships.content.decode().rstrip("\n"))
        return ExitStatus.OK
    file = arguments.plan / TOWNSHIPS_PATH
    if townships in documents:
        say(words(arguments, "{}: nothing is missing", "{}:无需补充").format(file))
        return ExitStatus.OK
    _write(file, townships)
    say(
        words(
            arguments,
            "{}: written; check, review and sign the plan before it takes effect",
            "{}:已写入;规划须经检查、审阅和签署后方能生效",
        ).format(file)
    )
    return ExitStatus.OK


def _write(file: Path, document: Document) -> None:
    """Put the whole document in place at once, so that no reader meets half of it."""
    new = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(exist_ok=True)
        new.write_bytes(document.content)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        where = Where(str(file))
        raise Refused(problem("ZG134", where, file=file, error=error.strerror)) from error


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= _MOST:
        message = f"1 ... {_MOST}"
        raise argparse.ArgumentTypeError(message)
    return number
