"""Whom a bundle is believed, as the command line says it; and what is said of a bundle."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from gateway.bundle.judge import DEFAULT_DAYS, Judged, Trust, made_of
from gateway.bundle.lists import Manifest
from gateway.bundle.signature import Signers
from gateway.cli.report import add_json, say, say_json, words

#: This tree.
ROOT = Path(__file__).resolve().parents[2]


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Ask for the bundle, and for who is believed."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the bundle | 离线包")
    parser.add_argument(
        "--signers",
        type=Path,
        required=True,
        metavar="FILE",
        help="who may sign, as in ALLOWED SIGNERS of ssh-keygen(1), brought on another way than "
        'the bundle: build:* cert-authority,namespaces="loushan-bundle" KEY'
        " | 可签名者名单,格式见 ssh-keygen(1) 的 ALLOWED SIGNERS,须与离线包分别送达",
    )
    parser.add_argument(
        "--revoked",
        type=Path,
        metavar="FILE",
        help="keys that count no more: ssh-user/revoked_keys of the authorities"
        " | 已吊销的密钥:签发机构的 ssh-user/revoked_keys",
    )
    parser.add_argument(
        "--days",
        type=int,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"how old it may be, {DEFAULT_DAYS} days unless said"
        f" | 最长时效,缺省 {DEFAULT_DAYS} 天",
    )
    add_json(parser)


def trust(arguments: argparse.Namespace) -> Trust:
    """Give whom and what is believed: nothing older than what this tree was unpacked from."""
    return Trust(
        signers=Signers(arguments.signers, arguments.revoked),
        now=datetime.now(UTC),
        days=arguments.days,
        newer_than=made_of(ROOT),
    )


def say_judged(arguments: argparse.Namespace, judged: Judged) -> None:
    """Say what a bundle is, and who signed it."""
    say_bundle(arguments, arguments.file, judged.manifest, judged.signer)


def say_bundle(
    arguments: argparse.Namespace, file: Path, manifest: Manifest, signer: str = ""
) -> None:
    """Say what a bundle is and has."""
    counts = {part: len(names) for part, names in manifest.packages.items()}
    if arguments.json:
        made, size = manifest.made.isoformat(), file.stat().st_size
        said = {"file": str(file), "made": made, "commit": manifest.commit, "bytes": size}
        signed = {"signer": signer} if signer else {}
        say_json({**said, **signed, "parts": list(manifest.parts), "packages": counts})
        return
    megabytes = file.stat().st_size / 1e6
    made = manifest.made.astimezone().isoformat(" ", "minutes")
    say(f"{file}: {megabytes:.0f} MB, {words(arguments, 'made', '制作于')} {made}")
    if manifest.commit:
        say(f"  {words(arguments, 'tree', '代码树')}: {manifest.version} {manifest.commit}")
    for part, count in counts.items():
        say(f"  {part}: {count} {words(arguments, 'packages', '个软件包')}")
    if signer:
        say(
            words(
                arguments,
                f"signed by {signer}; every file is as it was",
                f"由 {signer} 签名;各文件完好",
            )
        )
