"""Find the decision that somebody reads out on the telephone.

What is said is taken as loosely as it can be without taking one decision for
another.  It judges no signature: `log verify` does.
"""

import mmap
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.errors import Problem, Refused, Where, problem
from gateway.observe import files
from gateway.observe.content import LARGEST, DecisionId, Kind
from gateway.observe.records import Record

#: What people put between the parts of an id, or hear there.
_BETWEEN = re.compile(r"[\s.,;:_/。·、-]+")
_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was read out; the counter always, the process and the gateway maybe."""

    node: str
    start: int | None
    counter: int

    def fits(self, found: DecisionId) -> bool:
        """Tell whether a decision may be the one that is meant."""
        return (
            found.counter == self.counter
            and self.start in {None, found.start}
            and self.node in {"", _bare(found.node)}
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A decision, the number of its record, and when it was recorded (milliseconds)."""

    decision: dict[str, Any]
    record: int
    time: int


def wanted_of(text: str, node: str = "") -> Wanted:
    """Read what was read out: any case, spaces or other signs between the parts.

    Raises:
        Refused: ZG989, there is no number in it.
    """
    parts = [p for p in _BETWEEN.split(unicodedata.normalize("NFKC", text).casefold()) if p]
    numbers: list[int] = []
    while parts and len(numbers) < 2 and _NUMBER.fullmatch(parts[-1]):  # noqa: PLR2004 - start and counter
        numbers.insert(0, int(parts.pop()))
    if not numbers or (parts and len(numbers) == 1) or numbers[-1] > LARGEST:
        raise Refused(_not_found(text, "it is no id", "不是判定编号"))
    start = numbers[0] if len(numbers) > 1 else None
    return Wanted(_bare("".join(parts)) or _bare(node), start, numbers[-1])


def find_decision(folder: Path, wanted: Wanted, text: str) -> Found:
    """Give the decision; the newest, where a number alone was said and processes share it.

    Raises:
        Refused: ZG981, there is no log to look in; ZG987, it never came; ZG989, there is none,
            or more than one gateway has one.
    """
    days = files.days(folder)
    if not days:
        raise Refused(problem("ZG981", Where(str(folder)), error="no records"))
    found: list[Found] = []
    for day in reversed(days):
        of_day = list(_in_file(folder / f"{day}{files.RECORDS}", wanted))
        found += reversed(of_day)
        if of_day and wanted.start is not None:
            break
    nodes = {DecisionId.read(each.decision["id"]).node for each in found}
    if len(nodes) > 1:
        known = ", ".join(sorted(nodes))
        raise Refused(_not_found(text, f"say --node: {known}", f"请指定 --node:{known}"))
    if found:
        return max(found, key=lambda each: DecisionId.read(each.decision["id"]).start)
    _refuse_gap(folder, days, wanted)
    raise Refused(_not_found(text, "no record has it", "没有该记录"))


def _in_file(file: Path, wanted: Wanted) -> Iterator[Found]:
    start = str(wanted.start) if wanted.start is not None else "[0-9]+"
    pattern = rf'"id":"[^"]*\.{start}\.{wanted.counter}"'.encode()
    for record in _records(file, pattern):
        if record.kind is Kind.DECISION and wanted.fits(DecisionId.read(record.body["id"])):
            yield Found(dict(record.body), record.number, record.time)


def _refuse_gap(folder: Path, days: list[str], wanted: Wanted) -> None:
    """Say where a decision was made and never came, which is another thing than none."""
    for day in reversed(days):
        file = folder / f"{day}{files.RECORDS}"
        for record in _records(file, rb'"kind":"gap"'):
            body = record.body
            if record.kind is not Kind.GAP or not body["first"] <= wanted.counter <= body["last"]:
                continue
            if wanted.fits(DecisionId.read(f"{body['process']}.{wanted.counter}")):
                numbers = {"first": body["first"], "last": body["last"]}
                where = Where(str(file))
                raise Refused(problem("ZG987", where, process=body["process"], **numbers))


def _records(file: Path, pattern: bytes) -> Iterator[Record]:
    """Give the records of a file in which a pattern stands."""
    try:
        with file.open("rb") as opened:
            if not opened.seek(0, 2):
                return
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for match in re.finditer(pattern, content):
                    begin = content.rfind(b"\n", 0, match.start()) + 1
                    end = content.find(b"\n", match.end())
                    if end >= 0:
                        yield _record(content[begin:end], file)
    except OSError as fault:
        raise Refused(problem("ZG981", Where(str(file)), error=fault)) from fault


def _record(line: bytes, file: Path) -> Record:
    try:
        return Record.read(line)
    except ValueError as fault:
        raise Refused(problem("ZG981", Where(str(file)), error=fault)) from fault


def _bare(name: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", name).casefold())


def _not_found(text: str, en: str, zh: str) -> Problem:
    return problem("ZG989", text=ascii(text)[1:-1], why_en=en, why_zh=zh)
