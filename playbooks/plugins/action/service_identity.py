"""The controller's half of `service_identity`: judges a certificate, and has another one issued."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from playbooks.plugins.authority import certified, certified_again, read
from playbooks.plugins.modules import service_identity
from playbooks.plugins.plain import PlainAction

#: The profile of such a certificate, and its authority.
_PROFILE, _AUTHORITY = "service", "services"

#: What our command says where a name has a certificate of another key.
_IN_FORCE = "ZP036"

_OLD = "less than a third of its life is left"

_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)


class ActionModule(PlainAction):
    """Runs on the controller, around two trips to the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host, have it certified where that is due, install."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        for said_here in ("files", "new_key"):
            arguments.pop(said_here, None)
        folder, name = Path(str(arguments["authority"])), str(arguments["name"])
        issuer = read(folder / _AUTHORITY / "authority.pem")
        said: dict[str, Any] = self.there(service_identity, arguments)
        if said.get("failed"):
            return said
        request, chain = str(said["request"]), str(said["certificate"])
        wanted = Wanted(name, issuer, read(folder / _AUTHORITY / "crl.pem"))
        why = wanted.why_due(chain, request, datetime.now(UTC))
        due = f"{name} is certified: {why}\n" if why else ""
        if why and self._task.check_mode:
            return {"changed": True, "digest": "", "certificate": "", "diff": _diff(due)}
        if why == _OLD:
            asked = {**arguments, "new_key": True}
            renewing: dict[str, Any] = self.there(service_identity, asked)
            if renewing.get("failed"):
                return renewing
            request = str(renewing["request"])
        if why:
            chain = chain_for(folder, name, request, is_old=why == _OLD)
        root = read(folder / "root" / "authority.pem")
        files = {"certificate": chain, "issuer": issuer, "authorities": root + issuer}
        done: dict[str, Any] = self.there(service_identity, {**arguments, "files": files})
        if not done.get("failed"):
            done["changed"] = bool(said["changed"] or why or done["changed"])
            done["diff"] = _diff(due + str(done["diff"]["after"]))
        return done


def chain_for(folder: Path, name: str, request: str, *, is_old: bool) -> str:
    """Have a name certified; once more where it is old, or where another host shows it too.

    Raises:
        AnsibleActionFail: the authority does not; in its words.
    """
    if not is_old:
        try:
            return certified(folder, _PROFILE, name, request)
        except AnsibleActionFail as refused:
            if _IN_FORCE not in str(refused):
                raise
    return certified_again(folder, _PROFILE, name, request)


def _diff(after: str) -> dict[str, str]:
    return {"before": "", "after": after}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate as it has to be: for a name, of the key of a request, by an authority.

    `issuer` and `revocations` are the authority's certificate and its list, both as PEM.
    """

    name: str
    issuer: str
    revocations: str

    def why_due(self, untrusted_chain: str, request: str, now: datetime) -> str:
        """Say why another one is to be issued; empty where this one is good."""
        if not untrusted_chain:
            return "it has no certificate"
        try:
            leaf, *above = x509.load_pem_x509_certificates(untrusted_chain.encode())
            return next(self._faults(leaf, above, request, now), "")
        except _UNREADABLE:
            return "its certificate cannot be read"

    def _faults(
        self, leaf: x509.Certificate, above: list[x509.Certificate], request: str, now: datetime
    ) -> Iterator[str]:
        issuer = x509.load_pem_x509_certificate(self.issuer.encode())
        asked = x509.load_pem_x509_csr(request.encode()) if request else None
        if not _is_issued(leaf, issuer) or above != [issuer]:
            yield "its certificate is another authority's"
        if asked is None or _spki(leaf.public_key()) != _spki(asked.public_key()):
            yield "its certificate is another key's"
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [part.value for part in names] != [self.name]:
            yield "it has another name now"
        listed = x509.load_pem_x509_crl(self.revocations.encode())
        if listed.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None:
            yield "its certificate was revoked"
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if end - now < (end - begin) / 3:
            yield _OLD


def _is_issued(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, *_UNREADABLE):
        return False
    return True


def _spki(key: Any) -> bytes:  # noqa: ANN401 - as cryptography has it: keys of every kind
    content: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return content
