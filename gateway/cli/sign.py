"""`loushan policy sign`: sign a plan as its author, or as the Secrecy Bureau.

The author goes first and states what is signed; the Bureau signs the same
statement after comparing the plans anew, so that nobody signs a difference
that is not there.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.agent.signed import difference_problems
from gateway.cli.diff import say_difference
from gateway.cli.report import say, words
from gateway.cli.signed import (
    Compared,
    add_trust,
    read_compared,
    read_documents_and_plan,
)
from gateway.errors import ExitStatus, Refused, Where, problem, refuse_any
from gateway.policy.check import check_plan
from gateway.policy.difference import Difference, difference
from gateway.policy.documents import Document
from gateway.policy.model import Plan
from gateway.policy.release import read_release, write_release
from gateway.policy.signature import Release, add_signature
from gateway.policy.signers import (
    SignerRole,
    load_certificate,
    load_key,
    load_trust,
    read_passphrase,
)
from gateway.policy.statement import prepare_statement

DEFAULT_DAYS = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may follow."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="folder of the plan | 规划文件夹")
    parser.add_argument(
        "--as",
        dest="role",
        required=True,
        choices=[role.value for role in SignerRole],
        help="in which role | 签署身份: author 编制人, bureau 保密局",
    )
    compared = parser.add_mutually_exclusive_group(required=True)
    compared.add_argument(
        "--base", type=Path, metavar="OLD", help="the signed plan in force | 现行的已签署规划"
    )
    compared.add_argument(
        "--first", action="store_true", help="there is no plan in force yet | 首次签署"
    )
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="private key | 私钥"
    )
    parser.add_argument(
        "--certificate", type=Path, required=True, metavar="FILE", help="its certificate | 证书"
    )
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="of the key | 私钥口令"
    )
    add_trust(parser)
    author = parser.add_argument_group("author | 编制人")
    author.add_argument(
        "--revision", type=int, metavar="N", help="the next one unless said | 修订号"
    )
    author.add_argument(
        "--from",
        dest="begin",
        type=datetime.fromisoformat,
        metavar="TIME",
        help="first moment, now unless said | 生效时间",
    )
    author.add_argument(
        "--days", type=int, default=DEFAULT_DAYS, metavar="N", help="how long it holds | 有效天数"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask | 不再询问")


def run(arguments: argparse.Namespace) -> int:
    """Show what changes, ask, and sign."""
    role = SignerRole(arguments.role)
    base = read_compared(arguments.base, arguments.trust) if arguments.base else None
    documents, plan = read_documents_and_plan(arguments.plan)
    refuse_any(check_plan(plan, datetime.now().astimezone().date()))
    found = difference(base.plan if base else None, plan)
    if role is SignerRole.AUTHOR:
        release = _stated(arguments, documents, plan, found, base)
    else:
        release = _restated(arguments, plan, base)
    _ask(arguments, release, found)
    passphrase = read_passphrase(arguments.passphrase_file) if arguments.passphrase_file else None
    signed = add_signature(
        release,
        role,
        load_key(arguments.key, passphrase),
        load_certificate(arguments.certificate),
        documents=documents,
        difference=found.canonical(),
        trust=load_trust(arguments.trust),
        now=datetime.now(UTC),
        plan=plan.name,
    )
    write_release(arguments.plan, signed, found.canonical())
    _say_signed(arguments, signed, role)
    return ExitStatus.OK


def _stated(
    arguments: argparse.Namespace,
    documents: tuple[Document, ...],
    plan: Plan,
    found: Difference,
    base: Compared | None,
) -> Release:
    """State what is to be signed: the author's part."""
    begin = arguments.begin or datetime.now()  # noqa: DTZ005 - made aware below
    not_before = begin.astimezone(UTC).replace(microsecond=0)
    previous = base.release.statement.revision if base else 0
    statement = prepare_statement(
        plan=plan.name,
        revision=previous + 1 if arguments.revision is None else arguments.revision,
        not_before=not_before,
        not_after=not_before + timedelta(days=arguments.days),
        documents=documents,
        difference=found.canonical(),
        base=base.release.statement.as_base() if base else None,
    )
    return Release(statement, (), Where(str(arguments.plan)))


def _restated(arguments: argparse.Namespace, plan: Plan, base: Compared | None) -> Release:
    """Take the author's statement, when it says the truth about base and difference."""
    release, stored = read_release(arguments.plan)
    stated = release.statement.base
    given = base.release.statement.as_base() if base else None
    if stated != given:
        raise Refused(problem("ZG381", release.where, stated=stated, given=given))
    refuse_any(difference_problems(base.plan if base else None, plan, stored, release.where))
    return release


def _ask(arguments: argparse.Namespace, release: Release, found: Difference) -> None:
    """Show what is signed and have it confirmed.

    Raises:
        Refused: nobody is there to confirm, or they did not.
    """
    statement = release.statement
    say(
        words(
            arguments, "plan {}, revision {}, valid {} to {}", "规划 {},修订 {},有效期 {} 至 {}"
        ).format(
            statement.plan,
            statement.revision,
            statement.not_before.astimezone().isoformat(" ", "minutes"),
            statement.not_after.astimezone().isoformat(" ", "minutes"),
        )
    )
    say_difference(arguments, found)
    say(f"sha256 {statement.digest}")
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise Refused(problem("ZG382"))
    question = words(
        arguments,
        f"sign as {arguments.role}? type the revision number to agree: ",
        f"以 {arguments.role} 身份签署?同意请输入修订号:",
    )
    if input(question).strip() != str(statement.revision):
        raise Refused(problem("ZG383"))


def _say_signed(arguments: argparse.Namespace, release: Release, role: SignerRole) -> None:
    missing = [r.value for r in SignerRole if r not in {s.role for s in release.signatures}]
    say(words(arguments, f"signed as {role.value}", f"已以 {role.value} 身份签署"))
    if missing:
        names = ", ".join(missing)
        say(words(arguments, f"still to sign: {names}", f"尚待签署:{names}"))
    else:
        say(words(arguments, "both have signed; it may be loaded", "双方均已签署,可以装载"))
