"""The controller's half of `host_history`: fetches archives and keeps them, judges them and sends them.

An archive comes and goes in pieces by the shell of the connection: hosts offer
no transfer of files, and a piece at a time is all that is in memory.
"""

from __future__ import annotations

import base64
import binascii
import json
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail

from gateway.backup.archive import check_private, opened
from gateway.backup.judge import Note, check_logs, check_policy, note_of
from gateway.errors import Refused
from playbooks.plugins.modules import host_history
from playbooks.plugins.modules.host_history import digest_of
from playbooks.plugins.on_hosts.files import write
from playbooks.plugins.plain import PlainAction

_PIECE_BYTES = 8 << 20

#: What an archive that was encrypted is called beside its name.
_ENCRYPTED = ".age"


class ActionModule(PlainAction):
    """Runs on the controller, around the trips to the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Keep, or put back."""
        self._known = task_vars or {}
        super().run(tmp, self._known)
        self._name = str(self._known["inventory_hostname"])
        work = self._keep if self._task.args.get("state") == "kept" else self._restore
        try:
            return work()
        except Refused as refused:
            raise AnsibleActionFail(str(refused)) from refused

    # --- keeping ----------------------------------------------------------------------------------

    def _keep(self) -> dict[str, Any]:
        folder = Path(str(self._task.args["folder"]))
        if self._task.check_mode:
            words = f"what would be lost with {self._name} -> {folder}\n"
            return {"changed": True, "diff": {"before": "", "after": words}}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(folder)
        packed = self._step("pack", host=self._name)
        kept = ""
        try:
            place = folder / f"{self._name}-{packed['made']}.tar.gz"
            with tempfile.TemporaryDirectory(prefix=".fetched-", dir=folder) as beside:
                fetched = Path(beside) / "archive"
                self._fetch(str(packed["path"]), fetched, int(packed["bytes"]))
                check_arrived(fetched, str(packed["sha256"]))
                place = self._judged_and_kept(fetched, place)
            kept = str(packed["sha256"])
        finally:
            self._step("noted", sha256=kept)
        return {"changed": True, "archive": str(place)}

    def _judged_and_kept(self, fetched: Path, place: Path) -> Path:
        """Keep an archive that can be read, and then say what is wrong with what it tells.

        So a log that somebody has changed is there to be looked at.
        """
        note = Note.read(place.parent / f"{self._name}.json")
        with opened(fetched, self._name) as archive:
            kept = sealed(fetched, place, str(self._task.args.get("recipient") or ""))
            check_logs(replace(archive, file=kept), note)
            body = {"archive": kept.name, "sha256": digest_of(kept), **note_of(archive)}
        write(note.file, json.dumps(body, ensure_ascii=False, indent=1).encode(), 0o600)
        return kept

    def _fetch(self, path: str, place: Path, size: int) -> None:
        """Fetch a file of the host's, a piece at a time."""
        with place.open("xb") as file:
            place.chmod(0o600)
            for number in range(-(-size // _PIECE_BYTES)):
                words = f"bs={_PIECE_BYTES} skip={number} count=1 status=none"
                # Something is given to it, so that no terminal stands between the two.
                said = self._shell(f"dd if={shlex.quote(path)} {words} | base64 --wrap=0", b"\n")
                try:
                    file.write(base64.b64decode(said.strip(), validate=True))
                except binascii.Error as fault:
                    message = "what arrived is not what was sent; run this again"
                    raise AnsibleActionFail(message) from fault

    # --- putting back -----------------------------------------------------------------------------

    def _restore(self) -> dict[str, Any]:
        given = Path(str(self._task.args["archive"]))
        with (
            plain(given, self._task.args.get("identity")) as file,
            opened(file, self._name) as found,
        ):
            check_logs(found, Note(file))
            if self._task.args.get("plan"):
                check_policy(found, Path(str(self._task.args["plan"])))
            about = {"manifest": dict(found.manifest), "sha256": digest_of(file)}
            said = self._step("examine", **about)
            result = {
                "changed": said["changed"],
                "archive": str(given),
                "diff": {"before": "", "after": "".join(f"{word}\n" for word in said["words"])},
            }
            if said["changed"] and not self._task.check_mode:
                path = str(self._step("receive", **about)["path"])
                self._send(file, path)
                self._step("put", **about)
            return result

    def _send(self, file: Path, path: str) -> None:
        """Append a file to one of the host's, a piece at a time."""
        with file.open("rb") as opened_file:
            while piece := opened_file.read(_PIECE_BYTES):
                self._shell(f"cat >>{shlex.quote(path)}", piece)

    # --- the host ---------------------------------------------------------------------------------

    def _step(self, step: str, **more: object) -> dict[str, Any]:
        arguments = {**self._task.args, "step": step, **more}
        done: dict[str, Any] = self.there(host_history, arguments)
        if done.get("failed"):
            raise AnsibleActionFail(str(done.get("msg") or done))
        return done

    def _shell(self, line: str, given: bytes) -> str:
        done = self._low_level_execute_command(line, in_data=given)
        if done["rc"] != 0:
            message = f"{line}: {done['stderr'] or done['stdout']}".strip()
            raise AnsibleActionFail(message)
        return str(done["stdout"])


def check_arrived(file: Path, sha256: str) -> None:
    """Refuse what is not what was sent.

    Raises:
        AnsibleActionFail: it is not.
    """
    if digest_of(file) != sha256:
        message = "what arrived is not what was sent; run this again"
        raise AnsibleActionFail(message)


def sealed(file: Path, place: Path, recipient: str) -> Path:
    """Move an archive to its place, encrypted to somebody where one is named; give the place.

    Raises:
        AnsibleActionFail: it cannot be encrypted.
    """
    if not recipient:
        file.replace(place)
        return place
    place = place.with_name(place.name + _ENCRYPTED)
    new = file.with_name("encrypted")
    _age("--encrypt", "--recipient", recipient, "--output", str(new), str(file))
    new.chmod(0o600)
    new.replace(place)
    return place


@contextmanager
def plain(file: Path, identity: object) -> Iterator[Path]:
    """Give an archive as it can be read: as it is, or decrypted for as long as it is needed.

    Raises:
        AnsibleActionFail: it is encrypted, and this is not the key.
    """
    if file.suffix != _ENCRYPTED:
        yield file
        return
    if not identity:
        message = f"{file} is encrypted: name the key's file by restore_identity"
        raise AnsibleActionFail(message)
    with tempfile.TemporaryDirectory(prefix="loushan-archive-") as beside:
        read = Path(beside) / "archive"
        _age("--decrypt", "--identity", str(identity), "--output", str(read), str(file))
        yield read


def _age(*words: str) -> None:
    try:
        done = subprocess.run(["/usr/bin/age", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as fault:
        message = "there is no `age` on this machine: `apt install age`"
        raise AnsibleActionFail(message) from fault
    if done.returncode:
        raise AnsibleActionFail(done.stderr.strip())
