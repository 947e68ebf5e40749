"""The controller's half of `gateway_identity`: has a request certified, and sends what was issued."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playbooks.plugins import authority
from playbooks.plugins.authority import read
from playbooks.plugins.modules import gateway_identity
from playbooks.plugins.plain import PlainAction

#: The profile of a gateway's certificate, and the authority of links.
_PROFILE, _AUTHORITY = "gateway", "links"


class ActionModule(PlainAction):
    """Runs on the controller, around two trips to the host."""

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
            said: dict[str, Any] = self.there(gateway_identity, arguments)
            if said.get("failed") or not said.get("request"):
                return said
            made = bool(said["changed"])
            files |= authorities_of(folder)
            files["x509/gateway.pem"] = said["certificate"] or certified(
                folder, str(arguments["name"]), said["request"], check=self._task.check_mode
            )
        sent = {name: text for name, text in files.items() if text}
        done: dict[str, Any] = self.there(gateway_identity, {**arguments, "files": sent})
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
    return leaf_of(authority.certified(folder, _PROFILE, name, request))


def leaf_of(chain: str) -> str:
    """Give the first certificate of a chain; those above are delivered by themselves."""
    end = "-----END CERTIFICATE-----\n"
    return chain[: chain.index(end) + len(end)]
