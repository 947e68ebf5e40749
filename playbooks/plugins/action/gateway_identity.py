"""The controller's half of `gateway_identity`: has a request certified, and sends what was issued."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_ROOT = Path(__file__).resolve().parents[3]

#: The profile of a gateway's certificate, and the authority of links.
_PROFILE, _AUTHORITY = "gateway", "links"


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible ships no types
    """Runs on the controller, around two trips to the host."""

    _supports_check_mode = True
    _requires_connection = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host, have it certified, install."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments.pop("files", None)
        folder = Path(str(arguments["authority"]))
        files = lists_of(folder)
        made = False
        if not arguments.get("lists_only"):
            said: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
            if said.get("failed") or not said.get("request"):
                return said
            made = bool(said["changed"])
            files |= authorities_of(folder)
            files["x509/gateway.pem"] = said["certificate"] or certified(
                folder, str(arguments["name"]), said["request"], check=self._task.check_mode
            )
        sent = {name: text for name, text in files.items() if text}
        done: dict[str, Any] = self._execute_module(
            module_args={**arguments, "files": sent}, task_vars=task_vars
        )
        done["changed"] = made or bool(done.get("changed"))
        return done


def lists_of(folder: Path) -> dict[str, str]:
    """Give the lists of revocations that a link is judged by."""
    return {f"x509crl/{name}.crl": read(folder / name / "crl.pem") for name in ("root", _AUTHORITY)}


def authorities_of(folder: Path) -> dict[str, str]:
    """Give the root and the authority of links."""
    return {
        f"x509ca/{name}.pem": read(folder / name / "authority.pem") for name in ("root", _AUTHORITY)
    }


def certified(folder: Path, name: str, request: str, *, check: bool) -> str:
    """Have the authority certify a request; in check mode nothing is issued."""
    if check:
        return ""
    with tempfile.TemporaryDirectory(prefix="loushan-request-") as beside:
        asked, issued = Path(beside) / "request.csr", Path(beside) / "issued.pem"
        asked.write_text(request, "ascii")
        words = ["pki", "issue", str(folder), "--profile", _PROFILE, "--name", name]
        words += ["--request", str(asked), "--out", str(issued)]
        done = subprocess.run(
            [sys.executable, "-I", "-m", "gateway.cli", *words],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AnsibleActionFail(done.stderr.strip() or done.stdout.strip())
        return leaf_of(issued.read_text("ascii"))


def leaf_of(chain: str) -> str:
    """Give the first certificate of a chain; those above are delivered by themselves."""
    end = "-----END CERTIFICATE-----\n"
    return chain[: chain.index(end) + len(end)]


def read(file: Path) -> str:
    """Read a file of the authorities.

    Raises:
        AnsibleActionFail: it cannot be read; says what is to be named.
    """
    try:
        return file.read_text("ascii")
    except OSError as fault:
        message = (
            f"{file}: {fault.strerror}; `authority` names the folder that `loushan pki init` made"
        )
        raise AnsibleActionFail(message) from fault
