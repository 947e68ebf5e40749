"""Who has signed a bundle: an operator whose duty is to make hosts, by ssh-keygen.

A bundle is programs and packages that will run as root everywhere, so only the duty `build`
may sign one (decision 0021); the certificate names it, or the list of who may sign does.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import Refused, Where, problem

#: What a signature is for: one that was made for something else is none.
NAMESPACE = "loushan-bundle"

_PROGRAM = "/usr/bin/ssh-keygen"

_DUTY = re.compile(r"build:[a-z_][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign: a file as ssh-keygen's ALLOWED SIGNERS, and keys that count no more."""

    file: Path
    revoked: Path | None = None


def sign(message: Path, key: Path) -> Path:
    """Sign a file; give the signature's file, which lies beside it.

    Args:
        message: the file.
        key: a private key, or its certificate with the private key beside it or in an agent.

    Raises:
        Refused: ZG279, ssh-keygen could not.
    """
    command = [_PROGRAM, "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(message)]
    # What it asks, it asks at the terminal itself.
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(problem("ZG279", Where(str(key)), error=_said(done)))
    return message.with_name(f"{message.name}.sig")


def check_signature(
    message: bytes, signature: bytes, signers: Signers, when: datetime, where: Where
) -> str:
    """Give who has signed, as in `build:liming`, or raise.

    Args:
        message: what is signed.
        signature: as ssh-keygen wrote it.
        signers: who may.
        when: the time at which a certificate must have held.
        where: what is signed, for who reads the refusal.

    Raises:
        Refused: ZG271, nobody who may has signed it.
    """
    with tempfile.TemporaryDirectory(prefix="loushan-signature-") as folder:
        file = Path(folder) / "signature"
        file.write_bytes(signature)
        time = f"-Overify-time={when.astimezone(UTC):%Y%m%d%H%M%SZ}"
        about = ["-s", str(file), "-f", str(signers.file), time]
        found = _ask(["find-principals", *about], message)
        may = [name for name in _names(found.stdout) if _DUTY.fullmatch(name)]
        if found.returncode or not may:
            names = ", ".join(_names(found.stdout)) if not found.returncode else ""
            raise _refusal(where, names or _said(found), signers)
        revoked = ["-r", str(signers.revoked)] if signers.revoked else []
        words = ["verify", *about, *revoked, "-n", NAMESPACE, "-I", may[0]]
        judged = _ask(words, message)
        if judged.returncode:
            raise _refusal(where, _said(judged), signers)
        return may[0]


def _ask(words: list[str], message: bytes) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([_PROGRAM, "-Y", *words], input=message, capture_output=True, check=False)
    out, said = (part.decode("utf-8", "replace") for part in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, said)


def _names(told: str) -> list[str]:
    return [name for line in told.splitlines() for name in line.split(",") if name]


def _refusal(where: Where, error: str, signers: Signers) -> Refused:
    return Refused(problem("ZG271", where, error=error, signers=signers.file))


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    words = " | ".join(line.strip() for line in (done.stderr or done.stdout).splitlines())
    return "".join(c if c.isprintable() else "?" for c in words)[:300] or "ssh-keygen"
