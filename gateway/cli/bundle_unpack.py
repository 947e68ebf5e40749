"""`loushan bundle unpack`: judge a bundle, and unpack it into a new folder."""

import argparse
from pathlib import Path

from gateway.bundle.judge import FOLDER, unpack
from gateway.bundle.lists import TREE
from gateway.cli.bundle_trust import add_trust, say_judged, trust
from gateway.cli.report import say, words
from gateway.errors import ExitStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    add_trust(parser)
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="a new folder | 新文件夹,不得已存在"
    )


def run(arguments: argparse.Namespace) -> int:
    """Unpack it, and say how to go on."""
    folder = arguments.folder.absolute()
    say_judged(arguments, unpack(arguments.file, folder, trust(arguments)))
    if not arguments.json:
        has_tree = (folder / FOLDER / TREE).exists()
        packages = f"-e package_source_bundle={folder / FOLDER}"
        command = (
            f"cd {folder} && ./loushan --help" if has_tree else f"playbooks/offer.yml {packages}"
        )
        say(words(arguments, f"next: {command}", f"接下来:{command}"))
    return ExitStatus.OK
