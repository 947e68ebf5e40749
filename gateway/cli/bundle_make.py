"""`loushan bundle make`: one file with packages, wheels and this tree."""

import argparse
import sys
from pathlib import Path
from time import monotonic

from gateway.bundle.make import PARTS, Tell, Wanted, make, now
from gateway.cli.bundle_trust import ROOT, say_bundle
from gateway.cli.report import add_json, words
from gateway.errors import ExitStatus

_EXAMPLES = """
for example, on a machine with a network:
  loushan bundle make loushan.tar --key ~/.ssh/id_ed25519-cert.pub
  loushan bundle verify loushan.tar --signers signers
 | 例如,在联网的机器上:
  loushan bundle make loushan.tar --key ~/.ssh/id_ed25519-cert.pub
  loushan bundle verify loushan.tar --signers signers
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what is made | 所生成的文件")
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the certificate for ssh of an operator with the duty `build`, its key beside it or "
        "in an agent; or a key that the site's list of signers names"
        " | 具有 build 职责的运维人员的 SSH 证书(私钥在旁或在代理中),或签名者名单所列的密钥",
    )
    parser.add_argument(
        "--part",
        dest="parts",
        action="append",
        choices=PARTS,
        help="only this part; may be given again; all unless said | 只含此部分,可重复;缺省为全部",
    )
    parser.add_argument(
        "--dirty",
        action="store_true",
        help="also where something is not committed; it is left out"
        " | 有未提交的更改时也制作,但不含这些更改",
    )
    mirrors = parser.add_argument_group("from where | 来源")
    mirrors.add_argument(
        "--mirror",
        default="",
        metavar="URL",
        help="Debian's mirror, this machine's unless said | Debian 镜像,缺省为本机所用",
    )
    mirrors.add_argument(
        "--security-mirror",
        default="",
        metavar="URL",
        help="that of security updates; beside the mirror unless said"
        " | 安全更新镜像;缺省在上述镜像旁",
    )
    mirrors.add_argument(
        "--packages",
        type=Path,
        metavar="FOLDER",
        help="Debian packages for hosts, in place of a mirror | 主机软件包所在文件夹,代替镜像",
    )
    mirrors.add_argument(
        "--installed",
        type=Path,
        metavar="FILE",
        help="dpkg's status of a host: what it has is left out"
        " | 某主机的 dpkg 状态文件:其已安装的不再包含",
    )
    add_json(parser)
    parser.epilog = _EXAMPLES


def run(arguments: argparse.Namespace) -> int:
    """Make it, and say what it has."""
    wanted = Wanted(
        root=ROOT,
        key=arguments.key,
        made=now(),
        parts=[part for part in PARTS if part in (arguments.parts or PARTS)],
        dirty=arguments.dirty,
        mirror=arguments.mirror,
        security_mirror=arguments.security_mirror,
        packages=arguments.packages,
        installed=arguments.installed,
    )
    manifest = make(arguments.file.absolute(), wanted, _progress(arguments))
    say_bundle(arguments, arguments.file, manifest)
    return ExitStatus.OK


def _progress(arguments: argparse.Namespace) -> Tell:
    """Say each step when it begins, with the seconds since the first; on error, for a person."""
    began = monotonic()

    def tell(en: str, zh: str) -> None:
        if not arguments.json:
            sys.stderr.write(f"  {monotonic() - began:6.1f} s  {words(arguments, en, zh)}\n")

    return tell
