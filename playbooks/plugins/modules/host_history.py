"""What would be lost with a host: gathered into one archive while it serves, and put back.

It takes what is named below and nothing else, so that no key can be in it: a
host that is installed anew makes its own.  Whether an archive may be put back
is judged by the controller, but for what this host alone can know.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from playbooks.plugins.on_hosts.files import write
from playbooks.plugins.on_hosts.plain import CannotError

DOCUMENTATION = """
module: host_history
author: Loushan
short_description: keep what would be lost with a host, or put it back
version_added: "2.19"
description:
  - What is kept are the decision log with its checkpoints, which policy was accepted last, what Prometheus and
    Alertmanager remember, the journals of a log host, and what the host noted of its own files and of who was root.
  - No key is kept. It works while the host serves.
  - C(restored) puts an archive back on a host that was installed anew. The decision log becomes an earlier one beside
    the host's own; a policy that is older than the one that was accepted last is refused from then on.
  - In check mode it says what would be kept or put back, and changes nothing.
options:
  state:
    description: What is to be done.
    type: str
    required: true
    choices: [kept, restored]
  folder:
    description: For C(kept), the folder on the controller; made for its owner only.
    type: path
  archive:
    description: For C(restored), the archive on the controller.
    type: path
  plan:
    description: For C(restored), the signed plan that is in force; an archive that knows a newer one is refused.
    type: path
  recipient:
    description: For C(kept), whom the archive is encrypted to, by C(age); empty where it is not.
    type: str
    default: ""
  identity:
    description: For C(restored), the file with the key of whom it was encrypted to.
    type: path
  anyway:
    description: For C(restored), whether it is put back on a host that was not installed anew.
    type: bool
    default: false
  step:
    description: Said by the controller.
    type: str
    default: ""
  host:
    description: The name that the inventory has for this host; said by the controller.
    type: str
    default: ""
  manifest:
    description: What the archive says of itself; said by the controller.
    type: dict
  sha256:
    description: Of the archive; said by the controller.
    type: str
"""

EXAMPLES = """
- name: Bring what would be lost with the host
  host_history:
    state: kept
    folder: /srv/loushan/backups
"""

RETURN = """
archive:
  description: The archive on the controller.
  returned: success
  type: str
"""

SPEC: dict[str, Any] = {
    "state": {"type": "str", "required": True, "choices": ["kept", "restored"]},
    "folder": {"type": "path"},
    "archive": {"type": "path"},
    "plan": {"type": "path"},
    "recipient": {"type": "str", "default": ""},
    "identity": {"type": "path"},
    "anyway": {"type": "bool", "default": False},
    "step": {"type": "str", "default": ""},
    "host": {"type": "str", "default": ""},
    "manifest": {"type": "dict"},
    "sha256": {"type": "str"},
}

FORMAT = 1

#: The last member: what is in the archive. One that was cut off has none.
MANIFEST = "manifest.json"

#: So much must be left on the disk beside an archive: a gateway whose log is short of room closes.
LEFT_BYTES = 1 << 30

_CHUNK_BYTES = 1 << 20
_ATTEMPTS = 5
_STAMP = "%Y%m%dT%H%M%SZ"

_DAY_FILE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[.](jsonl|checkpoints)")
_BLOCK = re.compile(r"[0-9A-Z]{26}")
_HEAD = ("chunks_head", "wal")
_ALERTS = ("nflog", "silences")

_STORE, _DOOR = "loushan-logs-store.service", "loushan-logs-door.service"

#: Of the logs of who was root, and of the audit.
_WATCHING = ("var/log/sudo.log*", "var/log/audit/audit.log*")


class RefusedError(CannotError):
    """It is not done; says why."""


class Places:
    """Where things are on a host; `root` is its disk."""

    def __init__(self, root: Path) -> None:
        """Say where the disk is."""
        state = root / "var/lib"
        self.root = root
        self.decisions = state / "loushan-log/decisions"
        self.earlier = state / "loushan-log/earlier"
        self.accepted = state / "loushan/accepted.json"
        # Their services have no account of their own but while they run.
        self.prometheus = state / "private/loushan-prometheus"
        self.alertmanager = state / "private/loushan-alertmanager"
        self.journals = root / "var/log/loushan-logs"
        self.database = state / "loushan-files/aide.db"
        self.history = state / "loushan-history"
        self.kept = self.history / "kept.json"
        self.restored = self.history / "restored.json"
        self.archive = self.history / "archive"

    def machine(self) -> str:
        """Give what tells this installation from every other one."""
        return (self.root / "etc/machine-id").read_text("ascii").strip()


def run(wanted: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Do one step of it; what a check may do is the controller's to say.

    Raises:
        RefusedError: it is not done.
    """
    del check
    steps = {"pack": pack, "noted": noted, "examine": examine, "receive": receive, "put": put_back}
    try:
        return steps[wanted["step"]](Places(Path("/")), wanted)
    except (tarfile.TarError, subprocess.SubprocessError) as fault:
        message = f"{type(fault).__name__}: {fault}"
        raise RefusedError(message) from fault


# --- keeping --------------------------------------------------------------------------------------


def pack(places: Places, wanted: Mapping[str, Any], now: datetime | None = None) -> dict[str, Any]:
    """Make the archive; the controller fetches it, and says when it has it.

    Raises:
        RefusedError: there is no room for it.
    """
    made = now or datetime.now(UTC)
    _folder(places.history, 0o755)
    places.archive.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix=".gathered-", dir=places.history) as beside:
        gathered = list(_gathered(places, Path(beside)))
        _refuse_little_room(places, sum(path.stat().st_size for _, path in gathered))
        about = {
            "host": wanted["host"],
            "made": made.isoformat(timespec="seconds"),
            "machine": places.machine(),
            "accepted": _accepted(places),
        }
        with _created(places.archive) as file:
            _write_archive(file, gathered, about)
    return {
        "changed": True,
        "path": str(places.archive),
        "bytes": places.archive.stat().st_size,
        "sha256": digest_of(places.archive),
        "made": made.strftime(_STAMP),
    }


def noted(places: Places, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Take the archive away; where the controller has kept it, note when that was."""
    places.archive.unlink(missing_ok=True)
    if wanted["sha256"]:
        body = {"kept": time.time(), "sha256": wanted["sha256"]}
        write(places.kept, json.dumps(body).encode(), 0o644)
    return {"changed": True}


def _gathered(places: Places, beside: Path) -> Iterator[tuple[str, Path]]:
    """Give the name of each member and its file, as it is now or linked beside.

    Checkpoints come before the records that they cover, which only grow.
    """
    logs = [("decisions", places.decisions)]
    logs += [(f"earlier/{each.name}", each) for each in sorted(_below(places.earlier))]
    for name, folder in logs:
        yield from _log(name, folder, beside)
    if places.database.exists():
        yield "notes/aide.db", places.database
    for pattern in _WATCHING:
        for file in sorted(places.root.glob(pattern)):
            yield f"notes/{file.name}", _linked(file, beside / "notes" / file.name)
    for name in _ALERTS:
        if (places.alertmanager / name).exists():
            yield f"alertmanager/{name}", places.alertmanager / name
    if places.prometheus.exists():
        yield from _prometheus(places.prometheus, beside / "prometheus")
    yield from _journals(places.journals, beside / "journals")


def _log(name: str, folder: Path, beside: Path) -> Iterator[tuple[str, Path]]:
    """Give the newest checkpoint as it was before anybody looked which days there are."""
    if (folder / "checkpoint").exists():
        newest = beside / name / "checkpoint"
        newest.parent.mkdir(parents=True)
        yield f"{name}/checkpoint", Path(shutil.copy2(folder / "checkpoint", newest))
    if (folder / "key.vkey").exists():
        yield f"{name}/key.vkey", folder / "key.vkey"
    days = [file for file in _below(folder) if _DAY_FILE.fullmatch(file.name)]
    for file in sorted(days, key=lambda file: (file.suffix != ".checkpoints", file.name)):
        yield f"{name}/{file.name}", file


def _prometheus(folder: Path, beside: Path) -> Iterator[tuple[str, Path]]:
    """Link all that Prometheus has, before it takes any of it away; again where it was quicker."""
    for attempt in range(_ATTEMPTS):
        try:
            found = list(_linked_below(folder, beside))
        except FileNotFoundError:
            shutil.rmtree(beside, ignore_errors=True)
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            yield from found
            return


def _linked_below(folder: Path, beside: Path) -> Iterator[tuple[str, Path]]:
    """Give what is newest first: what becomes a block meanwhile is in both, never in neither.

    One that is not written to its end has another ending.
    """
    heads = [folder / name for name in _HEAD if (folder / name).is_dir()]
    for file in [f for head in heads for f in _files_below(head)]:
        yield _member_of_prometheus(folder, file, beside)
    blocks = [each for each in _below(folder) if _BLOCK.fullmatch(each.name)]
    for file in [f for block in blocks for f in _files_below(block)]:
        yield _member_of_prometheus(folder, file, beside)


def _member_of_prometheus(folder: Path, file: Path, beside: Path) -> tuple[str, Path]:
    name = file.relative_to(folder)
    return f"prometheus/{name}", _linked(file, beside / name)


def _files_below(folder: Path) -> list[Path]:
    """Give the files of a folder.

    Raises:
        FileNotFoundError: a folder was taken away meanwhile; an empty list would be a lie.
    """

    def refuse(fault: OSError) -> None:
        raise fault

    files = [
        Path(here, name)
        for here, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if ".tmp" not in os.path.relpath(here, folder)
    ]
    return sorted(files)


def _journals(folder: Path, beside: Path) -> Iterator[tuple[str, Path]]:
    """Give every journal; those that are written to are copied while their writer stands still.

    It has one thread: what it was writing is an entry without an end at the most, as after a power
    cut. Who dies here leaves it to its watchdog.
    """
    if not any(folder.glob("remote-*.journal")):
        return
    beside.mkdir()
    found = []
    with _standing_still(_STORE):
        for file in sorted(folder.glob("remote-*.journal")):
            place = beside / file.name
            is_closed = "@" in file.name
            found.append(_linked(file, place) if is_closed else Path(shutil.copy2(file, place)))
    for path in found:
        yield f"journals/{path.name}", path


def _linked(file: Path, place: Path) -> Path:
    """Link a file that may be taken away; where that is on another disk, it is read where it is."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        return file
    return place


@contextmanager
def _standing_still(unit: str) -> Iterator[None]:
    kill = ["/usr/bin/systemctl", "kill", "--kill-whom=main"]
    subprocess.run([*kill, "--signal=STOP", unit], check=False, capture_output=True)
    try:
        yield
    finally:
        subprocess.run([*kill, "--signal=CONT", unit], check=False, capture_output=True)


def _write_archive(
    file: BinaryIO, gathered: list[tuple[str, Path]], about: Mapping[str, Any]
) -> None:
    """Write every file as long as it is when its turn comes, and what that was, at the end."""
    files = {}
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, path in gathered:
            with path.open("rb") as opened:
                found = os.fstat(opened.fileno())
                member = tarfile.TarInfo(name)
                member.size, member.mtime, member.mode = found.st_size, found.st_mtime, 0o600
                reader = _Reader(opened)
                archive.addfile(member, reader)  # type: ignore[arg-type]  # it reads, and no more
            files[name] = {"sha256": reader.sha256.hexdigest(), "bytes": found.st_size}
        content = json.dumps({"format": FORMAT, **about, "files": files}).encode()
        last = tarfile.TarInfo(MANIFEST)
        last.size, last.mode = len(content), 0o600
        archive.addfile(last, io.BytesIO(content))


class _Reader:
    """Reads a file, and knows the digest of what was read."""

    def __init__(self, opened: BinaryIO) -> None:
        self.opened, self.sha256 = opened, hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read so much."""
        content = self.opened.read(size)
        self.sha256.update(content)
        return content


def _refuse_little_room(places: Places, most: int) -> None:
    room = os.statvfs(places.history)
    free = room.f_bavail * room.f_frsize
    if free < most + LEFT_BYTES:
        message = (
            f"no room: {most >> 20} MiB and {LEFT_BYTES >> 20} more, and {free >> 20} are free"
        )
        raise RefusedError(message)


# --- putting back ---------------------------------------------------------------------------------


def examine(places: Places, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Say what would be put back, or why it is not; nothing is changed.

    Raises:
        RefusedError: this host has what is there, or something newer.
    """
    manifest = wanted["manifest"]
    before = _read_json(places.restored)
    if before.get("sha256") == wanted["sha256"]:
        return {"changed": False, "words": []}
    if before.get("made", "") > manifest["made"]:
        message = f"this host was given back what was kept at {before['made']}, which is newer"
        raise RefusedError(message)
    if manifest["machine"] == places.machine() and not wanted["anyway"]:
        message = (
            "this host was not installed anew since: it has its own history; where that was lost all "
            "the same, say so by `-e restore_confirm=` and its name"
        )
        raise RefusedError(message)
    words = list(_words(places, manifest))
    return {"changed": True, "words": words}


def receive(places: Places, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Make a file that the controller may append to.

    Raises:
        RefusedError: there is no room for what is in the archive.
    """
    _folder(places.history, 0o755)
    files = wanted["manifest"]["files"].values()
    _refuse_little_room(places, 2 * sum(int(each["bytes"]) for each in files))
    places.archive.unlink(missing_ok=True)
    with _created(places.archive):
        pass
    return {"changed": True, "path": str(places.archive)}


def put_back(places: Places, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Put back what the controller has judged and sent.

    Raises:
        RefusedError: it is not what was sent, or this host has something newer.
    """
    said = examine(places, wanted)
    if digest_of(places.archive) != wanted["sha256"]:
        message = "what arrived is not what was sent; run this again"
        raise RefusedError(message)
    made = _stamp(wanted["manifest"])
    with tempfile.TemporaryDirectory(prefix=".archive-", dir=places.history) as beside:
        here = Path(beside)
        _unpack(places.archive, here, wanted["manifest"]["files"])
        _put_notes(places, here, made)
        _put_logs(places, here, made)
        _put_metrics(places, here)
        _put_journals(places, here, made)
        _put_accepted(places, wanted["manifest"].get("accepted"))
    body = {"made": wanted["manifest"]["made"], "sha256": wanted["sha256"], "at": time.time()}
    write(places.restored, json.dumps(body).encode(), 0o644)
    places.archive.unlink()
    return said


def _unpack(file: Path, here: Path, names: Mapping[str, Any]) -> None:
    """Unpack the files that were judged, with when each was written last."""
    with tarfile.open(file) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name in names else None
            if content is not None:
                place = here / member.name
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as opened:
                    shutil.copyfileobj(content, opened, _CHUNK_BYTES)
                os.utime(place, (member.mtime, member.mtime))


def _words(places: Places, manifest: Mapping[str, Any]) -> Iterator[str]:
    """Say what would be put back where, a line for each kind.

    Raises:
        RefusedError: an older policy is in force than the one that was accepted.
    """
    names = list(manifest["files"])
    for name in sorted({name.rpartition("/")[0] for name in names if _is_of_log(name)}):
        yield f"{name} -> {_place_of_log(places, name, _stamp(manifest))}"
    kinds = {name.partition("/")[0] for name in names}
    for kind, place in (
        ("notes", places.history / _stamp(manifest)),
        ("prometheus", places.prometheus),
        ("alertmanager", places.alertmanager),
        ("journals", places.journals),
    ):
        if kind in kinds:
            yield f"{kind} -> {place}"
    floor = manifest.get("accepted")
    if floor:
        own = _accepted(places)
        _refuse_older(own, floor)
        if own is None:
            yield f"nothing older than revision {floor['revision']} of {floor['plan']} is accepted"


def _refuse_older(own: Mapping[str, Any] | None, floor: Mapping[str, Any]) -> None:
    if own is not None and own["plan"] != floor["plan"]:
        message = f"this host follows the plan `{own['plan']}`, the archive's is `{floor['plan']}`"
        raise RefusedError(message)
    if own is not None and own["revision"] < floor["revision"]:
        message = (
            f"this host has accepted revision {own['revision']}, and had {floor['revision']} before: "
            "bring the newest signed policy first (`enforce.yml`)"
        )
        raise RefusedError(message)


def _put_notes(places: Places, here: Path, made: str) -> None:
    if (here / "notes").exists():
        place = places.history / made
        _folder(place, 0o700)
        for file in _below(here / "notes"):
            _move(file, place / file.name, like=place)


def _put_logs(places: Places, here: Path, made: str) -> None:
    """Put back closed logs, whose keys are gone, where they are judged beside the host's own."""
    folders = [here / "decisions", *_below(here / "earlier")]
    for folder in folders:
        if not any(_below(folder)):
            continue
        place = _place_of_log(places, str(folder.relative_to(here)), made)
        owner = places.earlier.parent
        for each in (places.earlier, place):
            _folder(each, 0o750, like=owner)
        for file in _below(folder):
            file.chmod(0o440)
            _move(file, place / file.name, like=owner)


def _put_metrics(places: Places, here: Path) -> None:
    """Have Prometheus and Alertmanager remember; what the host has in blocks of its own stays."""
    for unit, name, place in (
        ("loushan-prometheus.service", "prometheus", places.prometheus),
        ("loushan-alertmanager.service", "alertmanager", places.alertmanager),
    ):
        folder = here / name
        if not any(_below(folder)):
            continue
        if not place.exists():
            message = f"{place} is missing: run `monitoring.yml` first"
            raise RefusedError(message)
        with _stopped(unit):
            # Of two heads one counts, whole: what is in one names series by the other.
            for head in _HEAD:
                _remove(place / head)
            for each in _below(folder):
                if _BLOCK.fullmatch(each.name) and (place / each.name).exists():
                    continue
                _remove(place / each.name)
                _move(each, place / each.name, like=place)


def _put_journals(places: Places, here: Path, made: str) -> None:
    """Put back journals as such that have come to their end, under the names of who sent them."""
    for file in _below(here / "journals"):
        name = file.name if "@" in file.name else f"{file.stem}@{made}.journal"
        if not (places.journals / name).exists():
            file.chmod(0o640)
            _move(file, places.journals / name, like=places.journals)


def _put_accepted(places: Places, floor: Mapping[str, Any] | None) -> None:
    """Have nothing older accepted from now on; last, when all else is there.

    It is written as the loader writes it (`gateway/load/accepted.py`).
    """
    if floor is None or places.accepted.exists():
        return
    body = {"format": 1, "plans": {floor["plan"]: {k: floor[k] for k in ("revision", "digest")}}}
    content = f"{json.dumps(body, ensure_ascii=False, indent=2)}\n".encode()
    owner = places.accepted.parent.stat()
    write(places.accepted, content, 0o644, (owner.st_uid, owner.st_gid))


def _is_of_log(name: str) -> bool:
    return name.endswith(".jsonl")


def _place_of_log(places: Places, name: str, made: str) -> Path:
    """Give where a log goes: the newest by when it was kept, older ones by their own names."""
    return places.earlier / (made if name == "decisions" else name.rpartition("/")[2])


def _accepted(places: Places) -> Mapping[str, Any] | None:
    plans = _read_json(places.accepted).get("plans", {})
    return next(({"plan": name, **body} for name, body in plans.items()), None)


@contextmanager
def _stopped(unit: str) -> Iterator[None]:
    subprocess.run(["/usr/bin/systemctl", "stop", unit], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["/usr/bin/systemctl", "start", unit], check=True, capture_output=True)


# --- files ----------------------------------------------------------------------------------------


def _stamp(manifest: Mapping[str, Any]) -> str:
    return datetime.fromisoformat(manifest["made"]).astimezone(UTC).strftime(_STAMP)


def _below(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _folder(path: Path, mode: int, like: Path | None = None) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if like is not None:
        found = like.stat()
        os.chown(path, found.st_uid, found.st_gid)


def _move(file: Path, place: Path, like: Path) -> None:
    """Move a file or a folder, whole, and make it whose its new folder is."""
    owner = like.stat()
    for each in (file, *file.rglob("*")):
        os.chown(each, owner.st_uid, owner.st_gid)
        if each.is_dir():
            each.chmod(0o700)
    shutil.move(file, place)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _created(path: Path) -> Iterator[BinaryIO]:
    """Give a new file that is its owner's alone; gone again where it was not finished."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _read_json(path: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError):
        body = json.loads(path.read_text("utf-8"))
        if isinstance(body, dict):
            return body
        raise ValueError(path)
    return {}


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
