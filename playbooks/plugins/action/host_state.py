"""The controller's half of `host_state`: renders templates, packs programs, sends one JSON."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.template import trust_as_template

from playbooks.plugins.modules import host_state
from playbooks.plugins.modules.host_state import digest_of
from playbooks.plugins.plain import PlainAction


class ActionModule(PlainAction):
    """Runs on the controller before the module runs on the host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Send what is wanted; send programs only to a host that has others."""
        known = task_vars or {}
        super().run(tmp, known)
        arguments = dict(self._task.args)
        arguments["files"] = list(self._files(arguments.get("files", []), known))
        trees = {tree["path"]: files_of(tree) for tree in arguments.get("trees", [])}
        arguments["trees"] = [
            {"path": path, "digest": digest_of(files)} for path, files in trees.items()
        ]
        if self._task._role is not None:  # noqa: SLF001 - Ansible has no other way to it
            arguments["role"] = self._task._role.get_name()  # noqa: SLF001 - as above
        result = self._send(arguments)
        unsent = result.pop("unsent", [])
        if unsent and not result.get("failed"):
            for tree in arguments["trees"]:
                if tree["path"] in unsent:
                    tree["archive"] = base64.b64encode(pack(trees[tree["path"]])).decode("ascii")
            result = self._send(arguments)
        return result

    def _send(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return with_plain_difference(self.there(host_state, arguments))

    def _files(
        self, files: list[dict[str, Any]], known: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Give files with what stands in them, one for each item where there are several."""
        for file in files:
            plain = {k: v for k, v in file.items() if k not in {"template", "source", "each"}}
            if "each" not in file:
                yield {**plain, "content": self._content(file, None, known)}
                continue
            for item in file["each"]:
                named: dict[str, Any] = {k: file[k] % item for k in ("path", "source") if k in file}
                content = self._content({**file, **named}, item, known)
                yield {**plain, "path": named["path"], "content": content}

    def _content(self, file: Mapping[str, Any], item: object, known: dict[str, Any]) -> str:
        if "template" in file:
            return self._rendered(file["template"], {**known, "item": item})
        if "source" in file:
            return Path(self._find_needle("files", file["source"])).read_text("utf-8")
        if "content" not in file:
            message = f"{file['path']}: a file needs `content`, `template` or `source`"
            raise AnsibleActionFail(message)
        return str(file["content"])

    def _rendered(self, name: str, known: dict[str, Any]) -> str:
        """Render as `ansible.builtin.template` does, without its second trip to the host."""
        found = Path(self._find_needle("templates", name))
        text = trust_as_template(found.read_text("utf-8"))
        templar = self._templar.copy_with_new_env(
            searchpath=[str(found.parent)], available_variables=known
        )
        overrides = {"trim_blocks": True, "lstrip_blocks": True}
        return str(templar.template(text, escape_backslashes=False, overrides=overrides) or "")


def with_plain_difference(result: dict[str, Any]) -> dict[str, Any]:
    """Show what a terminal would obey as what it is: Ansible prints a difference as it came.

    A host that somebody else holds could move the reader's cursor, and hide what it says.
    """
    found = result.get("diff", [])
    listed = found if isinstance(found, list) else [found]
    plain = [{k: _plain(str(v)) for k, v in dict(each).items()} for each in listed]
    return {**result, "diff": plain} if plain else result


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def files_of(tree: Mapping[str, Any]) -> dict[str, bytes]:
    """Give the files of a tree by their names in it."""
    root = Path(tree["root"])
    found = {
        file.relative_to(root).as_posix(): file.read_bytes()
        for pattern in tree.get("names", [])
        for file in root.glob(pattern)
        if file.is_file()
    }
    found |= {name: str(text).encode() for name, text in tree.get("texts", {}).items()}
    if not found:
        message = f"{tree['path']}: no file below {root} is one of its names"
        raise AnsibleActionFail(message)
    return found


def pack(files: Mapping[str, bytes]) -> bytes:
    """Pack files so that the same files are the same bytes, whenever and by whomever."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(files[name]), 0o644, 0
            archive.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), compresslevel=6, mtime=0)
