"""The controller's half of `ssh_identity`: judges a host's certificate, and has another one issued."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from playbooks.plugins.authority import issue, read
from playbooks.plugins.modules import ssh_identity
from playbooks.plugins.plain import PlainAction

#: The authorities of hosts and of operators; a profile is called as its authority.
_HOSTS, _USERS = "ssh-host", "ssh-user"


class ActionModule(PlainAction):
    """Runs on the controller, around one trip to the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host; have its key certified where that is due."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        folder = Path(str(arguments["authority"]))
        names = (str(arguments["name"]), *map(str, arguments.get("addresses") or ()))
        trusted = {
            "users": read(folder / _USERS / "authority.pub", "utf-8"),
            "revoked_keys": read(folder / _USERS / "revoked_keys", "utf-8"),
        }
        said: dict[str, Any] = self.there(ssh_identity, arguments)
        if said.get("failed"):
            return said
        key, certificate = str(said.pop("key")), str(said.pop("certificate"))
        wanted = Wanted(key, names, read(folder / _HOSTS / "authority.pub", "utf-8"))
        why = wanted.why_due(certificate, datetime.now(UTC))
        if why and not self._task.check_mode:
            certificate = certified(folder, key, names)
        due = {"before": "", "after": f"{names[0]} is certified: {why}\n"} if why else {}
        return {
            **said,
            **trusted,
            "changed": bool(said["changed"] or why),
            "certificate": certificate,
            "diff": due,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate as it has to be: for a key, its names in order, by an authority."""

    key: str
    names: tuple[str, ...]
    authority: str

    def why_due(self, untrusted_certificate: str, now: datetime) -> str:
        """Say why another one is to be issued; empty where this one is good."""
        if not untrusted_certificate:
            return "it has no certificate"
        found = parsed(untrusted_certificate)
        if found is None:
            return "its certificate cannot be read"
        names = tuple(name.decode("utf-8", "replace") for name in found.valid_principals)
        faults = {
            "its certificate is another authority's": not self._is_issued(found),
            "its certificate is another key's": line(found.public_key()) != plain(self.key),
            "it has other names now": names != self.names,
            "half of its certificate's life has gone": (
                2 * now.timestamp() >= found.valid_after + found.valid_before
            ),
        }
        return next((why for why, holds in faults.items() if holds), "")

    def _is_issued(self, found: SSHCertificate) -> bool:
        try:
            found.verify_cert_signature()
        except InvalidSignature:
            return False
        is_ours = line(found.signature_key()) == plain(self.authority)
        return is_ours and found.type is SSHCertificateType.HOST


def parsed(untrusted_certificate: str) -> SSHCertificate | None:
    """Read a certificate; None where it is none."""
    try:
        found = load_ssh_public_identity(untrusted_certificate.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, SSHCertificate) else None


def line(key: Any) -> str:  # noqa: ANN401 - as cryptography has it: keys of every kind
    """Give a key as one line, without a comment."""
    text: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return text.decode()


def plain(text: str) -> str:
    """Take a line's comment away."""
    return " ".join(text.split()[:2])


def certified(folder: Path, key: str, names: tuple[str, ...]) -> str:
    """Have the authority certify a host's key.

    Raises:
        AnsibleActionFail: it does not; in its words.
    """
    with tempfile.TemporaryDirectory(prefix="loushan-ssh-") as beside:
        asked, issued = Path(beside) / "host.pub", Path(beside) / "host-cert.pub"
        asked.write_text(key, "utf-8")
        words = ["--profile", _HOSTS, "--name", names[0]]
        words += [word for name in names[1:] for word in ("--principal", name)]
        words += ["--public-key", str(asked), "--out", str(issued)]
        issue(folder, *words)
        return issued.read_text("utf-8")
