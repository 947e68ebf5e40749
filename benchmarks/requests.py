"""What judging and recording each request costs, beside HAProxy that only passes on.

Run it from the repository's folder: `python -m benchmarks.requests --help`.
It prints a table of bars, each met or not, and what was measured behind them: HAProxy of the
lab's image with what is compiled, the real follower of the decision log, and what people build
instead.  Its namespaces `lsb-*` are gone afterwards, also after Ctrl-C.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import controls, gate, others, rights
from benchmarks.asking import GRANTED, REFUSED, Asking, Stand, Wanted
from benchmarks.contestants import absence
from benchmarks.gate import BARE, BARE_PATH, Gate, Way
from benchmarks.ground import Ground, prepared
from benchmarks.others import Other
from benchmarks.request_bars import (
    LARGE,
    REVOKED,
    SMALL,
    USUAL,
    Pair,
    Results,
    Who,
    as_json,
    judged,
    told,
)
from benchmarks.road import PREFIX, sweep_abandoned
from lab.hosts import image
from lab.manners import polite_kill_is_an_end

#: What is of Debian, by the program that is looked for.
PROGRAMS = {
    "/sbin/ip": "iproute2",
    "/usr/bin/apt-get": "apt",
    "/usr/bin/dpkg-deb": "dpkg",
    "/usr/bin/mmdebstrap": "mmdebstrap",
    "/usr/bin/nsenter": "util-linux",
    "/usr/bin/setpriv": "util-linux",
}

#: Key exchanges that are compared: what is preferred, and what it is made of without ML-KEM.
HYBRID, CLASSICAL = "X25519MLKEM768", "X25519"

#: How many are revoked besides, where a revocation is measured.
_REVOKED = (100, REVOKED, 10_000)

_BARE: Who = (Way.BARE, 0)


@dataclass(frozen=True, slots=True)
class Course:
    """How much is measured: `rounds` with new connections, `turns` on them in each."""

    sizes: tuple[int, ...]
    rounds: int
    turns: int
    requests: int
    connections: int
    revocations: int
    switches: int


WHOLE = Course((SMALL, USUAL, LARGE), 5, 4, 2000, 60, 20, 10)
QUICK = Course((SMALL, USUAL), 2, 2, 1000, 24, 10, 3)


def main(words: Sequence[str] | None = None) -> int:
    """Measure; give 0, or with --strict 1 where a bar is not met."""
    arguments = _arguments(words)
    missing = {package for program, package in PROGRAMS.items() if not Path(program).exists()}
    if os.geteuid() or missing:
        need = f"missing Debian packages: {' '.join(sorted(missing))}" if missing else ""
        _tell(need or "only root can")
        return 2
    sweep_abandoned()
    course = QUICK if arguments.quick else WHOLE
    try:
        with polite_kill_is_an_end():
            results = run(course)
    except KeyboardInterrupt:
        _tell("ended; nothing of it is left")
        return 130
    bars = judged(results)
    sys.stdout.write(told(results, bars))
    if arguments.json:
        arguments.json.write_text(as_json(results, bars), "utf-8")
    return int(arguments.strict and not all(bar.met for bar in bars))


def run(course: Course) -> Results:
    """Measure all of it: the gates all stand at once, and are asked by turns."""
    results = Results()
    tree = image.ensure(lambda _line: None).tree
    with _folder() as folder, prepared(folder, tree) as ground, ExitStack() as stack:
        gates = _gates(stack, ground, course)
        stands = {who: _stand(where, one) for who, (where, one) in gates.items()}
        stands |= _others(stack, ground, len(stands), results.absent)
        for number in range(course.rounds):
            _tell(f"requests and connections, round {number + 1} of {course.rounds}")
            _requests(ground, stands, course, number, results)
            _connections(ground, stands, course, number, results)
            _hybrid(ground, stands[_BARE], course, number, results)
        _controls(ground, gates, course, results)
    return results


def _gates(stack: ExitStack, ground: Ground, course: Course) -> dict[Who, tuple[str, Gate]]:
    """Have all ways standing, each with maps of all sizes."""
    wanted: list[Who] = [(way, 0) for way in BARE]
    wanted += [(way, size) for size in course.sizes for way in Way if way not in BARE]
    found = {}
    for number, (way, size) in enumerate(wanted):
        _tell(f"{way}, {size} entries" if size else way)
        where = stack.enter_context(ground.place(number))
        folder = ground.folder / f"gate{number}"
        one = gate.standing(Way(way), size, where, folder, ground)
        found[way, size] = where, stack.enter_context(one)
    return found


def _stand(where: str, one: Gate) -> Stand:
    return Stand(where, (one.server,), one.follower, one.settle)


def _others(
    stack: ExitStack, ground: Ground, first: int, absent: dict[str, str]
) -> dict[Who, Stand]:
    """Have standing what can be had of what people build instead."""
    others.tell_what_is_fetched()
    found: dict[Who, Stand] = {}
    for number, other in enumerate(Other, first):
        _tell(other)
        with absence(absent, other):
            where = stack.enter_context(ground.place(number))
            folder = ground.folder / f"gate{number}"
            stand = stack.enter_context(others.standing(other, USUAL, where, folder, ground))
            found[other, USUAL] = stand
    return found


def _requests(
    ground: Ground, stands: Mapping[Who, Stand], course: Course, seed: int, results: Results
) -> None:
    """Ask all by turns on connections that stand, bare HAProxy before each."""
    with ExitStack() as stack:
        asking = {
            who: stack.enter_context(Asking(ground, stand, Wanted(size=who[1] or USUAL), seed))
            for who, stand in stands.items()
        }
        for _ in range(course.turns):
            for who in stands:
                if who != _BARE:
                    before = asking[_BARE].measure(course.requests)
                    own = asking[who].measure(course.requests)
                    results.kept.setdefault(who, []).append(Pair(own, before))


def _connections(
    ground: Ground, stands: Mapping[Who, Stand], course: Course, seed: int, results: Results
) -> None:
    """Open new connections to all, bare HAProxy before each; what is asked, the gate answers."""
    for who, stand in stands.items():
        if who == _BARE:
            continue
        bare, own = _anew(is_bare=True), _anew(is_bare=who[0] in BARE)
        with Asking(ground, stands[_BARE], bare, seed) as asking:
            before = asking.measure(course.connections)
        with Asking(ground, stand, own, seed) as asking:
            results.anew.setdefault(who, []).append(
                Pair(asking.measure(course.connections), before)
            )


def _hybrid(ground: Ground, bare: Stand, course: Course, seed: int, results: Results) -> None:
    """Open new connections to bare HAProxy by one key exchange and by the other."""
    with (
        Asking(ground, bare, _anew(is_bare=True, groups=HYBRID), seed) as one,
        Asking(ground, bare, _anew(is_bare=True, groups=CLASSICAL), seed) as other,
    ):
        for _ in range(course.turns):
            classical = other.measure(course.connections)
            results.hybrid.append(Pair(one.measure(course.connections), classical))


def _anew(*, is_bare: bool, groups: str = "") -> Wanted:
    path, status = (BARE_PATH, GRANTED) if is_bare else (rights.REFUSED_PATH, REFUSED)
    return Wanted(path, status, keeps=False, groups=groups)


def _controls(
    ground: Ground, gates: Mapping[Who, tuple[str, Gate]], course: Course, results: Results
) -> None:
    """Revoke, switch and count at the gate that records, after all that it was asked before."""
    where, one = gates[Way.RECORDED, USUAL]
    found = results.controls
    with absence(results.absent, "controls"):
        for count in _REVOKED:
            _tell(f"revocations beside {count} others")
            found.cut_seconds[count] = controls.cut(ground, one, where, count, course.revocations)
        _tell(f"{course.switches} switches of {USUAL} entries under load")
        found.switching = controls.switched(ground, _stand(where, one), one, USUAL, course.switches)
        found.numbers = controls.numbered(one)


@contextmanager
def _folder() -> Iterator[Path]:
    """Have a folder for keys and logs; what a run that was killed left goes first."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as made:
        yield Path(made)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.requests", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a minute: no 100 000 entries, fewer rounds"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    parser.add_argument("--strict", action="store_true", help="fail where a bar is not met")
    return parser.parse_args(words)


def _tell(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


if __name__ == "__main__":
    sys.exit(main())
