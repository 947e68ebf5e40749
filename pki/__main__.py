"""`loushan pki`: the authorities from the command line."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pki import commands
from pki.errors import PkiRefused
from pki.parts import ALGORITHMS
from pki.profiles import PACKAGED
from pki.revoke import REASONS

_Add = Callable[[argparse.ArgumentParser], None]
_Do = Callable[[argparse.Namespace, datetime], commands.Answer]

#: Between the two languages of a help text.
_MARK = " | "


class Words(NamedTuple):
    """One command: what it does in both languages, an example, its options, who does it."""

    summary: str
    example: str
    add: _Add
    do: _Do


def main(argv: Sequence[str], language: str = "en") -> int:
    """Do what the arguments after `loushan pki` say.

    Returns:
        0 when it was done, 1 when it was refused or something is overdue.  Wrong
        arguments exit with 2.
    """
    options = parser(language).parse_args(argv)
    options.language = language
    try:
        answer = _COMMANDS[options.command].do(options, datetime.now(UTC))
    except PkiRefused as refused:
        sys.stderr.write(f"{refused.render(language)}\n")
        return 1
    if getattr(options, "json", False):
        sys.stdout.write(json.dumps(answer.data, ensure_ascii=False, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in answer.lines)
    return answer.status


def parser(language: str) -> argparse.ArgumentParser:
    """Give the reader of the words after `loushan pki`."""
    made = argparse.ArgumentParser(
        prog="loushan pki",
        description=_in(language, "The authorities of a plan | 规划的签发机构"),
        epilog=_in(language, _FIRST),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    below = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, words in _COMMANDS.items():
        command = below.add_parser(
            name,
            help=_in(language, words.summary),
            description=_in(language, words.summary),
            epilog=_in(language, "example: | 示例:") + f"\n  {words.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        words.add(command)
        for action in command._actions:  # noqa: SLF001 - argparse has no other way to them
            if action.help:
                action.help = _in(language, action.help)
    return made


def _in(language: str, both: str) -> str:
    english, _, chinese = both.partition(_MARK)
    return chinese if language == "zh" and chinese else english


# --- options --------------------------------------------------------------------------------


def _folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="the folder of the authorities | 签发机构文件夹"
    )
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="its first line opens the key | 首行为密钥口令",
    )


def _state(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument(
        "--profiles",
        type=Path,
        metavar="DIR",
        default=PACKAGED,
        help="other profiles than pki/profiles | 使用其他配置文件夹",
    )
    parser.add_argument(
        "--pin-file",
        type=Path,
        metavar="FILE",
        help="its first line opens the root's token | 首行为根密钥令牌的 PIN",
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON | 以 JSON 输出")


def _signers(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument(
        "--algorithm",
        choices=ALGORITHMS,
        default=ALGORITHMS[0],
        help="of all keys | 全部密钥的算法",
    )


def _revoke_signer(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument("wanted", metavar="SERIAL|NAME", help="which | 序列号或名称")


def _realm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plan-name",
        required=True,
        metavar="NAME",
        help="the plan's name; hosts are below NAME.internal | "
        "规划名;主机名位于 NAME.internal 之下",
    )
    parser.add_argument(
        "--organ",
        metavar="TEXT",
        help="the organ in every name (default: the plan's name) | 名称中的机关(缺省为规划名)",
    )


def _init(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    _realm(parser)
    parser.add_argument(
        "--issuing-passphrase-file",
        type=Path,
        metavar="FILE",
        help="encrypts the keys below the root too | 同时加密根以下的密钥",
    )
    parser.add_argument(
        "--pkcs11",
        type=Path,
        metavar="MODULE",
        help="make the root's key in a token; its library | 根密钥存于令牌时:令牌的库文件",
    )
    parser.add_argument(
        "--token", default="loushan", metavar="LABEL", help="which token | 令牌标签"
    )
    parser.add_argument(
        "--list-url",
        metavar="URL",
        help="written into certificates: lists are at URL/AUTHORITY.crl | "
        "写入证书:吊销列表位于 URL/AUTHORITY.crl",
    )


def _issue(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument(
        "--profile", required=True, metavar="NAME", help="what kind, e.g. gateway | 种类,如 gateway"
    )
    parser.add_argument(
        "--name",
        required=True,
        metavar="NAME",
        help="who is authorised, e.g. huichuan-gw | 获准的名称,如 huichuan-gw",
    )
    parser.add_argument(
        "--code",
        metavar="CODE",
        help="use up this enrolment code of the name | 使用该名称的接入码",
    )
    _request(parser, required=False)
    parser.add_argument(
        "--public-key",
        type=Path,
        metavar="FILE",
        help="for ssh-host, ssh-user: the key's .pub file | 用于 ssh-host、ssh-user:公钥文件",
    )
    parser.add_argument(
        "--principal",
        action="append",
        default=[],
        metavar="NAME",
        help="for SSH: what else it may be called | 用于 SSH:其他名称",
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="for province: its authority's certificate | 用于 province:对方签发机构证书",
    )
    parser.add_argument(
        "--fingerprint",
        metavar="SHA256",
        help="for province: as compared with the other organ | 用于 province:经核对的指纹",
    )
    parser.add_argument(
        "--domain",
        metavar="NAME",
        help="for province: below which its hosts are | 用于 province:其主机所在域",
    )


def _enrol(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument("name", metavar="NAME", help="who is expected | 待接入的名称")
    parser.add_argument(
        "--profile", default="gateway", metavar="NAME", help="what kind (default: gateway) | 种类"
    )
    parser.add_argument(
        "--hours", type=int, default=72, metavar="N", help="good for (default: 72) | 有效小时数"
    )


def _serve(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    _listen(parser)
    for option, english, chinese in (
        (
            "--certificate",
            "the server's certificate with its authority's",
            "服务器证书(含签发机构)",
        ),
        ("--key", "its key", "其密钥"),
    ):
        parser.add_argument(
            option, required=True, type=Path, metavar="FILE", help=f"{english} | {chinese}"
        )


def _ocsp(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    _listen(parser)


def _listen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", required=True, metavar="HOST:PORT", help="where to answer | 监听地址"
    )


def _renew(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument("name", metavar="NAME", help="whose certificate | 证书名称")
    parser.add_argument(
        "--profile", metavar="NAME", help="where a name has two | 名称对应多张证书时指明种类"
    )
    _request(parser, required=True)


def _request(parser: argparse.ArgumentParser, *, required: bool) -> None:
    parser.add_argument(
        "--request",
        required=required,
        type=Path,
        metavar="FILE",
        help="PKCS #10, made on the host; its key never leaves it | "
        "主机上生成的 PKCS #10 请求;密钥不离开主机",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the certificate and its authority's (default: NAME.pem) | "
        "证书与签发机构证书的输出文件(缺省 NAME.pem)",
    )


def _revoke(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument(
        "wanted", metavar="NAME|SERIAL", help="all that a name has, or one | 名称的全部证书或一张"
    )
    parser.add_argument(
        "--profile", choices=("ssh-host", "ssh-user"), help="for SSH: which | 用于 SSH:种类"
    )
    parser.add_argument(
        "--deliver",
        type=Path,
        metavar="INVENTORY",
        help="deliver the new list to its gateways at once, and end the links of who is on it"
        " | 立即分发新列表到该清单的网关,并终止被吊销者的链路",
    )
    parser.add_argument("--reason", choices=REASONS, default="unspecified", help="why | 吊销原因")


def _crl(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument(
        "--authority",
        action="append",
        metavar="NAME",
        help="whose list (default: all below the root) | 机构名(缺省为根以下全部)",
    )


def _status(parser: argparse.ArgumentParser) -> None:
    _state(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="only this name | 仅此名称")


_FIRST = """to begin:
  loushan pki ceremony --plan-name zunyi          read this first
  loushan pki init DIR --plan-name zunyi --passphrase-file FILE
  loushan pki status DIR
 | 可先执行:
  loushan pki ceremony --plan-name zunyi          请先阅读
  loushan pki init DIR --plan-name zunyi --passphrase-file FILE
  loushan pki status DIR
"""

_COMMANDS: Mapping[str, Words] = {
    "init": Words(
        "make a plan's root and the authorities below it | 建立规划的根与下级签发机构",
        "loushan pki init DIR --plan-name zunyi --organ 市信息中心 --passphrase-file FILE",
        _init,
        commands.init,
    ),
    "ceremony": Words(
        "print the document for making the root | 打印根密钥仪式文件",
        "loushan pki ceremony --plan-name zunyi --organ 市信息中心 --lang zh",
        _realm,
        commands.ceremony,
    ),
    "issue": Words(
        "certify a name for the first time | 首次签发证书",
        "loushan pki issue DIR --profile gateway --name huichuan-gw --request huichuan-gw.csr",
        _issue,
        commands.issue_one,
    ),
    "renew": Words(
        "certify a name once more | 续期",
        "loushan pki renew DIR huichuan-gw --request huichuan-gw.csr",
        _renew,
        commands.renew_one,
    ),
    "revoke": Words(
        "revoke a name or one serial, and write the new list | 吊销名称或序列号,并写入新的吊销列表",
        "loushan pki revoke DIR huichuan-gw --reason keyCompromise --deliver inventory/zunyi",
        _revoke,
        commands.revoke_one,
    ),
    "crl": Words(
        "write fresh lists of revocations | 更新吊销列表",
        "loushan pki crl DIR --authority links",
        _crl,
        commands.crl,
    ),
    "status": Words(
        "say what is due; ends with 1 where something is overdue | 列出到期情况;有逾期时退出码为 1",
        "loushan pki status DIR --json",
        _status,
        commands.status,
    ),
    "enrol": Words(
        "make a one-time code for a host that has no certificate yet | 为新主机生成一次性接入码",
        "loushan pki enrol DIR huichuan-gw",
        _enrol,
        commands.enrol_one,
    ),
    "serve": Words(
        "answer hosts that enrol and renew (EST, RFC 7030) | 运行接入与续期服务(EST)",
        "loushan pki serve DIR --listen 10.1.8.20:8443 --certificate est.pem --key est.key",
        _serve,
        commands.serve,
    ),
    "ocsp": Words(
        "answer whether a certificate was revoked (OCSP, RFC 6960) | 运行证书状态查询服务(OCSP)",
        "loushan pki ocsp DIR --listen 127.0.0.1:8080",
        _ocsp,
        commands.ocsp,
    ),
    "signers": Words(
        "make a signers' authority, an author and a bureau | 建立签名人签发机构",
        "loushan pki signers DIR --passphrase-file FILE",
        _signers,
        commands.signers,
    ),
    "revoke-signer": Words(
        "revoke a certificate of such an authority | 吊销签名人证书",
        "loushan pki revoke-signer DIR bureau",
        _revoke_signer,
        commands.revoke_one_signer,
    ),
    "renew-crl": Words(
        "renew the revocations of such an authority | 更新其吊销列表",
        "loushan pki renew-crl DIR",
        _folder,
        commands.renew_signers_list,
    ),
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
