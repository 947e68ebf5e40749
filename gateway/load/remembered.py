"""What the loader last put into the kernel, kept on the disk so that it need not be read back.

Only ever a shortcut to a delta.  It is taken where the file is of this
gateway, and of the very stamp and generation that the kernel's hooks name;
whose names of maps and lines of chains are still the kernel's own.  It is not
taken where the policy in force is loaded again, for that is to mend what
others changed, and not after a load that did not end well, for a load begins
by deleting the file.  Whatever is odd about the file, the kernel is read.

Elements that others changed meanwhile are not seen here.  Where a delta would
delete what is gone, the kernel refuses it whole; all else the proof finds.
Either way the loader goes back and does one full swap, which builds on nothing
that was there.  What a delta from here deleted comes back, if it must, with
its counters at zero: what it had counted was not read.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.artefacts import Element, Generation, Ruleset, VerdictMap, named
from gateway.load.accepted import put_in_place
from gateway.load.difference import Delta, difference, key_of
from gateway.load.inforce import InForce
from gateway.load.listing import LiveElement, LiveGeneration, LiveMap, Outline

STATE_FILE = "ruleset.json"
FORMAT = 1

#: Lines that cannot end the list of elements that they are put into.
_ELEMENTS = re.compile(r"[^{};#\\]*")

#: A map in JSON: the type of its key, whether that may be a range, a line for each element.
_Written = list[Any]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The file; `directory` is where it is or will be."""

    directory: Path

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.directory / STATE_FILE

    def keep(self, ruleset: Ruleset, in_force: InForce) -> None:
        """Write down a policy that is in force and proven; a full disk only costs time later."""
        document = {
            **_head(ruleset.gateway, in_force),
            "maps": {m.name: _written(m) for m in ruleset.maps},
        }
        with suppress(OSError):
            put_in_place(self.path, json.dumps(document, ensure_ascii=False).encode())

    def forget(self) -> None:
        """Delete the file, before anything changes that it tells of.

        Should even that fail, the file is of another stamp than the kernel will be.
        """
        with suppress(OSError):
            self.path.unlink()

    def delta_to(self, ruleset: Ruleset, old: InForce, found: Outline) -> Delta | None:
        """Give the delta from the policy in force, or None where the kernel has to be read.

        `found` is what the kernel holds besides the elements.
        """
        try:
            document = json.loads(self.path.read_bytes())
            head = _head(ruleset.gateway, old)
            if {name: document[name] for name in head} != head:
                return None
            return _delta(ruleset, document["maps"], found, old.generation)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


def _delta(
    ruleset: Ruleset,
    written: Mapping[str, _Written],
    found: Outline,
    generation: Generation,
) -> Delta | None:
    prefix = f"{generation}_"
    if {f"{prefix}{name}" for name in written} != {n for n in found.maps if n.startswith(prefix)}:
        return None
    same = {m.name for m in ruleset.maps if written.get(m.name) == _written(m)}
    live = LiveGeneration(
        chains={name: lines for name, lines in found.chains.items() if name.startswith(prefix)},
        maps={
            f"{prefix}{name}": _live(_read(name, body), generation)
            for name, body in written.items()
            if name not in same
        },
    )
    return difference(ruleset, live, generation, same)


def _head(gateway: str, in_force: InForce) -> dict[str, object]:
    return {
        "format": FORMAT,
        "gateway": gateway,
        "stamp": str(in_force.stamp),
        "generation": str(in_force.generation),
    }


def _written(verdict_map: VerdictMap) -> _Written:
    # One text is written, read and compared far quicker than its elements.
    lines = "\n".join([f"{e.key}\t{e.verdict}\t{e.origin}" for e in verdict_map.elements])
    return [verdict_map.key_type, verdict_map.ranges, lines]


def _read(name: str, written: _Written) -> VerdictMap:
    key_type, ranges, lines = written
    if not _ELEMENTS.fullmatch(lines):
        message = f"not elements of {name}"
        raise ValueError(message)
    elements = tuple(Element(*line.split("\t")) for line in lines.splitlines())
    return VerdictMap(name, key_type, elements, ranges=ranges)


def _live(verdict_map: VerdictMap, generation: Generation) -> LiveMap:
    """Say how the kernel holds a map; nobody knows what it has counted."""
    elements = {
        key_of(verdict_map, e): LiveElement(e.key, named(e.verdict, generation), e.origin, 0, 0)
        for e in verdict_map.elements
    }
    return LiveMap(verdict_map.key_type, plain=True, ranges=verdict_map.ranges, elements=elements)
