"""`loushan pki`: the signers' authority from the command line."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pki.certificates import ALGORITHMS
from pki.errors import PkiRefused
from pki.signers import make_signers, read_passphrase, renew_revocations, revoke_signer


def main(argv: Sequence[str], language: str = "en") -> int:
    """Do what the arguments after `loushan pki` say.

    Returns:
        0 when it was done, 1 when it was refused.  Wrong arguments exit with 2.
    """
    options = _parser().parse_args(argv)
    try:
        for line in _obey(options, datetime.now(UTC)):
            sys.stdout.write(f"{line}\n")
    except PkiRefused as refused:
        sys.stderr.write(f"{refused.render(language)}\n")
        return 1
    return 0


def _obey(options: argparse.Namespace, now: datetime) -> tuple[str, ...]:
    """Do one command and give what was made or changed, a line each."""
    folder: Path = options.folder
    file: Path | None = options.passphrase_file
    passphrase = read_passphrase(file) if file else None
    if options.command == "signers":
        return tuple(map(str, make_signers(folder, options.algorithm, passphrase, now)))
    if options.command == "revoke-signer":
        return (f"{revoke_signer(folder, options.wanted, passphrase, now):x}",)
    renew_revocations(folder, passphrase, now)
    return (str(folder / "crl.pem"),)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="loushan pki", description="Authorities / 签发机构")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    signers = commands.add_parser(
        "signers", help="make a signers' authority, an author and a bureau / 建立签名人签发机构"
    )
    revoke = commands.add_parser("revoke-signer", help="revoke a certificate / 吊销签名人证书")
    renew = commands.add_parser("renew-crl", help="renew the revocations / 更新吊销列表")
    for command in (signers, revoke, renew):
        command.add_argument("folder", type=Path, metavar="DIR")
        command.add_argument("--passphrase-file", type=Path, metavar="FILE")
    signers.add_argument("--algorithm", choices=ALGORITHMS, default=ALGORITHMS[0])
    revoke.add_argument("wanted", metavar="SERIAL|NAME")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
