"""What the actions that certify a host do with the folder of authorities on the controller."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from ansible.errors import AnsibleActionFail

from pki.errors import PkiRefused
from pki.files import settled

#: Whoever revokes has it delivered while the list is being signed, by a slow token too.
_PATIENCE_SECONDS = 60.0

_ROOT = Path(__file__).resolve().parents[2]


def certified(folder: Path, profile: str, name: str, request: str) -> str:
    """Have an authority certify a name by a request; give the certificate and the authority's.

    Args:
        folder: of the authorities.
        profile: what kind of certificate.
        name: who is authorised.
        request: PKCS 10, as PEM.

    Raises:
        AnsibleActionFail: it does not; in its words.
    """
    return _answered(request, "issue", str(folder), "--profile", profile, "--name", name)


def certified_again(folder: Path, profile: str, name: str, request: str) -> str:
    """Have an authority certify a name that has a certificate once more; otherwise as above."""
    return _answered(request, "renew", str(folder), name, "--profile", profile)


def _answered(request: str, *words: str) -> str:
    with tempfile.TemporaryDirectory(prefix="loushan-request-") as beside:
        asked, issued = Path(beside) / "request.csr", Path(beside) / "issued.pem"
        asked.write_text(request, "ascii")
        _pki(*words, "--request", str(asked), "--out", str(issued))
        return issued.read_text("ascii")


def issue(folder: Path, *words: str) -> None:
    """Have an authority certify something, by our own command.

    Raises:
        AnsibleActionFail: it does not; in its words.
    """
    _pki("issue", str(folder), *words)


def _pki(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-m", "gateway.cli", "pki", *words],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AnsibleActionFail(done.stderr.strip() or done.stdout.strip())


def read(file: Path, encoding: str = "ascii") -> str:
    """Read a file of an authority, once nobody changes the folder that it is in.

    Raises:
        AnsibleActionFail: it cannot be read; says what is to be named.
    """
    try:
        with settled(file.parents[1], _PATIENCE_SECONDS):
            return file.read_text(encoding)
    except PkiRefused as refused:
        raise AnsibleActionFail(str(refused)) from refused
    except OSError as fault:
        message = (
            f"{file}: {fault.strerror}; `authority` names the folder that `loushan pki init` made"
        )
        raise AnsibleActionFail(message) from fault
