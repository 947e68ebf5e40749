"""Judge a log: every record, its place, every checkpoint, and what never came.

It writes nothing and trusts nothing in the folder; the key should come from
elsewhere, and so should an older checkpoint.  It shares with the follower the
form of a record and of a checkpoint, and no more: not the state, nor the code
that reads records again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import Problem, Refused, Where, problem
from gateway.observe import files
from gateway.observe.checkpoint import Checkpoint, Verifier, is_whole, notes_in
from gateway.observe.content import DecisionId, Kind
from gateway.observe.counts import Counts
from gateway.observe.merkle import Tree, leaf_hash
from gateway.observe.numbers import Missing, Numbers
from gateway.observe.records import NOTHING_BEFORE, Record

_LARGEST_NOTE_BYTES = 4096


@dataclass(slots=True)
class Verification:
    """What was found; nothing is wrong where `problems` is empty."""

    problems: list[Problem] = field(default_factory=list)
    checkpoints: int = 0
    counts: Counts = field(default_factory=Counts)
    records: int = 0
    signed: int = 0
    awaited: int = 0
    known_gaps: int = 0

    @property
    def holds(self) -> bool:
        """Tell whether the log is as it was written, and complete."""
        return not self.problems

    def as_json(self) -> dict[str, object]:
        """Give it for a machine."""
        return {
            "holds": self.holds,
            "records": self.records,
            "signed": self.signed,
            "checkpoints": self.checkpoints,
            **self.counts.as_json(),
            "awaited": self.awaited,
            "missed_before": self.known_gaps,
            "problems": [each.as_json() for each in self.problems],
        }


@dataclass(frozen=True, slots=True)
class _Signed:
    """A checkpoint and where it was read."""

    where: Where
    checkpoint: Checkpoint


@dataclass(slots=True)
class _Walk:
    """How far the records were read."""

    found: Verification
    waiting: list[_Signed]
    known_until: int
    tree: Tree = field(default_factory=Tree)
    before: str = NOTHING_BEFORE
    held: int = 0
    numbers: Numbers = field(default_factory=Numbers)
    gap_records: dict[tuple[str, int, int], tuple[Where, int]] = field(default_factory=dict)


def verify_log(folder: Path, verifier: Verifier, older: Path | None = None) -> Verification:
    """Judge a whole log, and that it begins with what an older checkpoint says.

    A gap that was recorded before the older checkpoint is known to who kept
    it, and is counted only.

    Raises:
        Refused: ZG981, there is no log or it cannot be read; ZG985, the older checkpoint is none.
    """
    found = Verification()
    kept = _older(older, verifier) if older is not None else None
    signed = [*_checkpoints(folder, verifier, found), *([kept] if kept else [])]
    signed.sort(key=lambda each: each.checkpoint.size)
    walk = _Walk(found, signed, kept.checkpoint.size if kept else 0)
    try:
        _walk(folder, walk)
    except OSError as fault:
        raise Refused(problem("ZG981", Where(str(folder)), error=fault)) from fault
    found.records, found.signed = walk.tree.size, walk.held
    found.awaited = walk.numbers.awaited_count
    return found


def _walk(folder: Path, walk: _Walk) -> None:
    """Read every record, up to the first that is wrong: what follows it follows from it."""
    days = files.days(folder)
    if not days:
        raise Refused(problem("ZG981", Where(str(folder)), error="no records"))
    last = folder / f"{days[-1]}{files.RECORDS}"
    _hold(walk)
    for day in days:
        file = folder / f"{day}{files.RECORDS}"
        with file.open("rb") as lines:
            for count, line in enumerate(lines, start=1):
                if file == last and not line.endswith(b"\n"):
                    continue  # it is being written, or its follower was killed
                wrong = _step(walk, line.removesuffix(b"\n"), Where(str(file), count))
                if wrong is not None:
                    walk.found.problems.append(wrong)
                    return
    walk.found.problems.extend(_too_short(walk, Where(str(last))))
    walk.found.problems.extend(_gaps(walk))


def _step(walk: _Walk, line: bytes, where: Where) -> Problem | None:
    """Take one record; give what is wrong with it."""
    wanted = walk.tree.size
    try:
        record = Record.read(line)
        if record.kind is Kind.DECISION:
            DecisionId.read(record.body["id"])
    except (ValueError, KeyError) as fault:
        return problem("ZG984", where, number=wanted, error=fault)
    if record.number > wanted and not _stands_in(Path(where.file), wanted):
        return problem("ZG982", where, first=wanted, last=record.number - 1, found=record.number)
    if record.number != wanted:
        return problem("ZG983", where, wanted=wanted, found=record.number)
    if record.before != walk.before:
        error = f"record {wanted} names another one before it"
        return problem("ZG984", where, number=max(0, wanted - 1), error=error)
    leaf = leaf_hash(line)
    walk.tree.add(leaf)
    walk.before = leaf.hex()
    return _count(walk, record, where) or _hold(walk)


def _stands_in(file: Path, number: int) -> bool:
    """Tell whether a record that is missed stands elsewhere in its day."""
    wanted = f'"record":{number},"time":'.encode()
    with file.open("rb") as lines:
        return any(wanted in line for line in lines)


def _count(walk: _Walk, record: Record, where: Where) -> Problem | None:
    body = record.body
    try:
        walk.found.counts.take(record.kind, body)
        if record.kind is Kind.DECISION:
            is_new = walk.numbers.take(DecisionId.read(body["id"]), record.time)
            error = f"another one has the number of {body['id']}"
            return None if is_new else problem("ZG984", where, number=record.number, error=error)
        if record.kind is Kind.GAP:
            process, first, last = body["process"], body["first"], body["last"]
            walk.numbers.processes[process].give_up(first, last)
            walk.gap_records[process, first, last] = (where, record.number)
    except (ValueError, KeyError, TypeError) as fault:
        return problem("ZG984", where, number=record.number, error=fault)
    return None


def _hold(walk: _Walk) -> Problem | None:
    """Compare with every checkpoint of this size."""
    while walk.waiting and walk.waiting[0].checkpoint.size == walk.tree.size:
        signed = walk.waiting.pop(0)
        if signed.checkpoint.root != walk.tree.root():
            error = f"{walk.held} ... {walk.tree.size - 1}: not the root that was signed"
            return problem("ZG984", signed.where, number=walk.tree.size - 1, error=error)
        walk.held = walk.tree.size
        walk.found.checkpoints += 1
    return None


def _too_short(walk: _Walk, where: Where) -> Iterator[Problem]:
    """Say what a checkpoint covers and is not there."""
    for signed in walk.waiting[-1:]:
        yield problem("ZG986", where, size=signed.checkpoint.size, have=walk.tree.size)


def _gaps(walk: _Walk) -> Iterator[Problem]:
    """Say which decisions never came, but for those that an older checkpoint covers."""
    for (process, first, last), (where, number) in walk.gap_records.items():
        left = [m for name, m in walk.numbers.gaps() if name == process and _within(m, first, last)]
        for missing in left:
            if number < walk.known_until:
                walk.found.known_gaps += len(missing)
            else:
                numbers = {"first": missing.first, "last": missing.last}
                yield problem("ZG987", where, process=process, **numbers)


def _within(missing: Missing, first: int, last: int) -> bool:
    return first <= missing.first and missing.last <= last


def _checkpoints(folder: Path, verifier: Verifier, found: Verification) -> Iterator[_Signed]:
    """Give every checkpoint that the key signed, and note every other."""
    days = files.days(folder, files.CHECKPOINTS)
    named = [folder / f"{day}{files.CHECKPOINTS}" for day in days]
    latest = folder / files.LATEST_FILE
    for file in [*named, *([latest] if latest.exists() else [])]:
        try:
            notes = list(notes_in(file.read_bytes().decode("utf-8", "surrogateescape")))
        except OSError as fault:
            raise Refused(problem("ZG981", Where(str(file)), error=fault)) from fault
        line = 1
        for note in notes:
            where = Where(str(file), line)
            line += note.count("\n")
            if file in named[-1:] and note is notes[-1] and not is_whole(note):
                continue  # it is being written, or its follower was killed
            try:
                yield _Signed(where, verifier.check(note))
            except ValueError as fault:
                found.problems.append(problem("ZG985", where, error=ascii(str(fault))))


def _older(file: Path, verifier: Verifier) -> _Signed:
    where = Where(str(file))
    try:
        with file.open("rb") as opened:
            note = opened.read(_LARGEST_NOTE_BYTES).decode()
        return _Signed(where, verifier.check(note))
    except OSError as fault:
        raise Refused(problem("ZG981", where, error=fault)) from fault
    except ValueError as fault:
        raise Refused(problem("ZG985", where, error=fault)) from fault
