"""The controller's half of `gateway_policy`: packs the signed plan."""

from __future__ import annotations

import base64
import io
import tarfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail

from gateway.errors import Refused
from gateway.policy.documents import RELEASE_FOLDER, read_documents
from gateway.policy.release import DIFFERENCE_FILE, RELEASE_FILE, read_release
from playbooks.plugins.action.host_state import with_plain_difference
from playbooks.plugins.modules import gateway_policy
from playbooks.plugins.plain import PlainAction


class ActionModule(PlainAction):
    """Runs on the controller before the module runs on the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send the plan with the question."""
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if arguments.get("state") == "enforced":
            if not arguments.get("plan"):
                message = "state `enforced` needs `plan`"
                raise AnsibleActionFail(message)
            try:
                packed = pack(Path(arguments["plan"]))
            except Refused as refused:
                raise AnsibleActionFail(str(refused)) from refused
            arguments["archive"] = base64.b64encode(packed).decode("ascii")
        return with_plain_difference(self.there(gateway_policy, arguments))


def pack(folder: Path) -> bytes:
    """Pack a signed plan: its documents, and the two files that were signed about them.

    Raises:
        Refused: it is no plan, or not signed.
    """
    release, difference = read_release(folder)
    files = {document.path: document.content for document in read_documents(folder)}
    files[f"{RELEASE_FOLDER}/{RELEASE_FILE}"] = release.content
    files[f"{RELEASE_FOLDER}/{DIFFERENCE_FILE}"] = difference
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=1) as archive:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()
