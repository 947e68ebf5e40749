"""The lab's own signers and authorities, and a plan that they have signed.

They are samples: made when the lab is put up, gone with it.  All goes the way
that people go, by the same commands.
"""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.policy.documents import RELEASE_FOLDER

_ROOT = Path(__file__).resolve().parents[2]


def sign_plan(
    source: Path, plan: Path, signers: Path, base: Path | None = None, days: int | None = None
) -> None:
    """Copy a plan's documents and have the lab's author and Bureau sign them.

    It holds for so many `days`, or as long as is usual.

    Raises:
        Refused: ZG676, they would not; carries their words.
    """
    shutil.rmtree(plan, ignore_errors=True)
    shutil.copytree(source, plan, ignore=shutil.ignore_patterns(RELEASE_FOLDER))
    if not signers.exists():
        say("pki", "signers", str(signers))
    sign(plan, signers, base, days)


def make_authorities(folder: Path, plan: str) -> None:
    """Make the authorities that certify the hosts of the lab's plan.

    Raises:
        Refused: ZG676, they could not be made; carries the words that were said.
    """
    passphrase = folder.with_name(f"{folder.name}.passphrase")
    passphrase.touch(mode=0o600)
    passphrase.write_text(f"{secrets.token_urlsafe(24)}\n", "ascii")
    words = ["--plan-name", plan, "--passphrase-file", str(passphrase)]
    say("pki", "init", str(folder), *words)


def certify(folder: Path, name: str, request: str, beside: Path, profile: str = "gateway") -> str:
    """Have a host of the lab certified by the lab's authorities; give it and what is above it.

    Raises:
        Refused: ZG676, it is not; carries the words that were said.
    """
    asked, issued = beside / "request.csr", beside / "issued.pem"
    asked.write_text(request, "ascii")
    words = ["--profile", profile, "--name", name]
    files = ["--request", str(asked), "--out", str(issued)]
    say("pki", "issue", str(folder), *words, *files)
    return issued.read_text("ascii")


def sign(plan: Path, signers: Path, base: Path | None = None, days: int | None = None) -> None:
    """Have both sign a plan's folder, compared with the one in force if there is one.

    Raises:
        Refused: ZG676, they would not; carries their words.
    """
    compared = ["--base", str(base)] if base else ["--first"]
    holds = ["--days", str(days)] if days else []
    for role, more in (("author", holds), ("bureau", [])):
        pair = ["--key", f"{signers}/{role}.key", "--certificate", f"{signers}/{role}.pem"]
        trust = ["--trust", str(signers)]
        say("policy", "sign", str(plan), "--as", role, "--yes", *compared, *pair, *trust, *more)


def say(*words: str, environment: Mapping[str, str] | None = None) -> None:
    """Say something to our own command line.

    Raises:
        Refused: ZG676, it is refused; carries the words that were said.
    """
    # It ends with us, however we end: a lab that is taken away is not to be written to after that.
    ours = ["/usr/bin/setpriv", "--pdeathsig", "KILL", sys.executable, "-I", "-m", "gateway.cli"]
    done = subprocess.run(
        [*ours, *words],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        answer = done.stderr.strip() or done.stdout.strip()
        raise Refused(problem("ZG676", command=" ".join(words[:2]), answer=answer))
