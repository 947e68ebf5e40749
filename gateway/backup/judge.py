"""Whether what an archive tells may be believed: its decision logs, and the policy it knows of.

What was kept of each log before is noted beside the archives.  A log that does
not go on from there was changed by somebody who has its key.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from gateway.backup.archive import Archive
from gateway.errors import Problem, Refused, Where, problem
from gateway.observe.checkpoint import Verifier
from gateway.observe.files import KEY_FILE, LATEST_FILE
from gateway.observe.keys import read_verifier
from gateway.observe.verify import verify_log
from gateway.policy.release import read_release

#: Decisions whose lines never came: nobody has touched a record.
_GAP = "ZG987"


@dataclass(frozen=True, slots=True)
class Note:
    """What was kept of a host last: for each log the key, and the newest checkpoint under it."""

    file: Path
    logs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Note":
        """Read what was noted; nothing where nothing ever was.

        Raises:
            Refused: ZG280, it cannot be read.
        """
        try:
            body = json.loads(file.read_text("utf-8"))
            return cls(file, {str(key): str(value) for key, value in body["logs"].items()})
        except FileNotFoundError:
            return cls(file)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
            error = f"{type(fault).__name__}: {fault}"
            raise Refused(problem("ZG280", Where(str(file)), error=error)) from fault


def note_of(archive: Archive) -> dict[str, Any]:
    """Give what is to be noted of an archive that was judged."""
    logs = {}
    for log in archive.logs:
        if (log / LATEST_FILE).exists():
            logs[(log / KEY_FILE).read_text("ascii")] = (log / LATEST_FILE).read_text("utf-8")
    accepted = str(archive.accepted) if archive.accepted else None
    return {"made": archive.made.isoformat(), "accepted": accepted, "logs": logs}


def check_logs(archive: Archive, note: Note) -> None:
    """Refuse logs that are not as they were written, or do not go on from what was noted.

    Raises:
        Refused: ZG283, one is not as it was written; ZG284, one that was noted is not there.
    """
    keys = {log: _key(archive, log) for log in archive.logs}
    for text, checkpoint in note.logs.items():
        under = [log for log, key in keys.items() if key.text() == text]
        if not under:
            name = text.partition("+")[0]
            raise Refused(problem("ZG284", Where(str(archive.file)), log=name, note=note.file))
        older = archive.folder / "noted"
        older.write_text(checkpoint, "utf-8")
        found = {log: list(_wrong(log, keys[log], older)) for log in under}
        if all(found.values()):
            _damaged(archive, found[under[0]])
        for log, problems in found.items():
            if not problems:
                del keys[log]
    for log, key in keys.items():
        problems = list(_wrong(log, key))
        if problems:
            _damaged(archive, problems)


def check_policy(archive: Archive, plan: Path) -> None:
    """Refuse an archive that knows of a policy that is not signed here.

    A host that is given such a number would accept nothing that is signed any more.

    Raises:
        Refused: ZG285, what the host had accepted is newer than the plan, or another one; or why
            the plan's release cannot be read.
    """
    if archive.accepted is None:
        return
    release, _ = read_release(plan)
    signed, had = release.statement, archive.accepted
    is_same = signed.revision == had.revision and signed.digest == had.digest
    if signed.plan != had.plan or (signed.revision <= had.revision and not is_same):
        here = f"{signed.plan} revision {signed.revision} sha256 {signed.digest[:16]}"
        raise Refused(problem("ZG285", Where(str(archive.file)), accepted=had, signed=here))


def _key(archive: Archive, log: Path) -> Verifier:
    try:
        return read_verifier(log / KEY_FILE)
    except Refused as refused:
        _damaged(archive, list(refused.problems))


def _wrong(log: Path, key: Verifier, older: Path | None = None) -> Iterator[Problem]:
    try:
        found = verify_log(log, key, older).problems
    except Refused as refused:
        found = list(refused.problems)
    yield from (each for each in found if each.code != _GAP)


def _damaged(archive: Archive, problems: list[Problem]) -> NoReturn:
    raise Refused(problem("ZG283", Where(str(archive.file))), *problems)
