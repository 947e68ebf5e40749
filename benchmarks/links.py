"""Links beside plain veth and wireguard-go; what cuts them, and how soon they are back.

Run it from the repository's folder: `python -m benchmarks.links --help`.
It prints a table of bars, each met or not, and every measurement beside one of the same run
that it is compared with.  Its namespaces `lsb-*` and its lab, called `links`, are gone
afterwards, also after Ctrl-C.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import carrying, faults, joining, returning
from benchmarks.bars import Bar
from benchmarks.carrying import Carrying, Rounds
from benchmarks.contestants import absence
from benchmarks.cost import shown, spread
from benchmarks.faults import HUB_SITE, KILLED, LAB, Faults
from benchmarks.joining import Joining
from benchmarks.report import table
from benchmarks.results import MEGABYTE, ratio
from benchmarks.road import PREFIX, sweep_abandoned
from benchmarks.tunnels import Way
from lab.hosts import image
from lab.hosts.city import is_kept
from lab.hosts.places import OWNER_VARIABLE, VARIABLE
from lab.manners import polite_kill_is_an_end

#: So many gateways a whole city has, and more links than any hub of its.
LINKS = 330

#: What is of Debian, by the program that is looked for.
PROGRAMS = {
    "/sbin/ip": "iproute2",
    "/usr/bin/apt-get": "apt",
    "/usr/bin/dpkg-deb": "dpkg",
    "/usr/bin/mmdebstrap": "mmdebstrap",
    "/usr/bin/setpriv": "util-linux",
    "/usr/bin/systemd-nspawn": "systemd-container",
}

#: What the bars say: what the role gives strongSwan (`MemoryMax`), "within seconds", and the
#: minute within which the agent begins again where a link was refused.
_MOST_BYTES = 512 << 20
_MOST_CUT_SECONDS = 10
_MOST_BACK_SECONDS = 60

_KILOBYTE = 1000

_GUARD_KILLED = "wireguard-go killed, and started after a second"


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, beside what it is compared with: the median of ratios of one round."""

    what: str
    measured: str
    beside: str
    ratio: str


@dataclass
class Results:
    """Everything that was measured."""

    carrying: Carrying | None = None
    joining: Joining | None = None
    faults: Faults | None = None
    returning: list[float] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


def main() -> int:
    """Measure; give 0, or with --strict 1 where a bar is not met."""
    arguments = _arguments()
    missing = {package for program, package in PROGRAMS.items() if not Path(program).exists()}
    if os.geteuid() or missing:
        need = (
            f"missing Debian packages: {' '.join(sorted(missing))}" if missing else "only root can"
        )
        _tell(need)
        return 2
    if is_kept(LAB):
        _tell(f"a lab called {LAB.name} is up: {VARIABLE}={LAB.name} ./loushan lab down")
        return 2
    # The lab goes also when this process is killed in a way that it cannot answer.
    os.environ[OWNER_VARIABLE] = str(os.getpid())
    sweep_abandoned()
    try:
        with polite_kill_is_an_end():
            results = run(arguments.links, quick=arguments.quick)
    except KeyboardInterrupt:
        _tell("ended; nothing of it is left")
        return 130
    bars, rows = judged(results), list(_rows(results))
    sys.stdout.write(f"{table(bars)}\n{details(results, rows)}\n")
    if arguments.json:
        arguments.json.write_text(_as_json(results, bars, rows), "utf-8")
    return int(arguments.strict and not all(bar.met for bar in bars))


def run(links: int, *, quick: bool) -> Results:
    """Measure all of it, or without the lab."""
    results = Results()
    tree = image.ensure(lambda _line: None).tree
    rounds = 3 if quick else 5
    with absence(results.absent, "what links carry"), _folder() as folder:
        _tell(f"plain veth, a link and wireguard-go; {rounds} rounds")
        results.carrying = carrying.measure(folder, tree, rounds, results.absent)
    with absence(results.absent, "a hub's links"), _folder() as folder:
        _tell(f"{links} links at one hub; 3 rounds")
        results.joining = joining.measure(folder, tree, links, 3, results.absent)
    if not quick:
        with absence(results.absent, "what cuts links, and brings them back"):
            results.faults = faults.measure(2, _tell)
        with absence(results.absent, "wireguard-go killed"):
            _tell("wireguard-go killed, three at once")
            results.returning = returning.measure(3)
    return results


@contextmanager
def _folder() -> Iterator[Path]:
    """Have a folder for keys and certificates; what a run that was killed left goes first."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.split("-")[1]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as made:
        yield Path(made)


def judged(results: Results) -> list[Bar]:
    """Hold what was measured against the bars."""
    return [
        *_memory_bar(results.joining),
        *_fault_bars(results.faults),
    ]


def details(results: Results, rows: Sequence[Row]) -> str:
    """Give all that was measured as Markdown, each beside what it is compared with."""
    lines = ["| what | measured | beside | ratio |", "|---|---|---|---|"]
    lines += [f"| {r.what} | {r.measured} | {r.beside} | {r.ratio} |" for r in rows]
    if results.absent:
        lines += ["", *(f"not measured: {what}: {why}" for what, why in results.absent.items())]
    return "\n".join([*lines, ""])


def _memory_bar(found: Joining | None) -> Iterator[Bar]:
    if found is None:
        return
    most = max(found.hub_bytes)
    yield Bar(
        f"memory of a hub's strongSwan with {found.links} links",
        f"< {_MOST_BYTES >> 20} MiB, what its unit may have",
        f"{most / (1 << 20):.0f} MiB",
        most < _MOST_BYTES,
    )


def _fault_bars(found: Faults | None) -> Iterator[Bar]:
    if found is None:
        return
    cut = max(found.cut_seconds)
    yield Bar(
        "revoked, until the last packet",
        f"within {_MOST_CUT_SECONDS} s",
        f"{cut:.2f} s (worst of {len(found.cut_seconds)})",
        cut < _MOST_CUT_SECONDS,
    )
    for name, seconds in found.back_seconds.items():
        yield Bar(
            f"{name} at the hub, until traffic passes again by itself",
            f"within {_MOST_BACK_SECONDS} s",
            f"{max(seconds):.1f} s (worst of {len(seconds)})",
            max(seconds) < _MOST_BACK_SECONDS,
        )


def _rows(results: Results) -> Iterator[Row]:
    if results.carrying is not None:
        yield from _carrying_rows(results.carrying)
    if results.joining is not None:
        yield from _joining_rows(results.joining)
    if results.faults is not None:
        yield from _fault_rows(results.faults, results.returning)


def _carrying_rows(found: Carrying) -> Iterator[Row]:
    kinds: tuple[tuple[str, Rounds, float, str], ...] = (
        ("throughput for each CPU-second", found.work, 1 / MEGABYTE, "Mbit"),
        ("throughput", found.stream, 1 / MEGABYTE, "Mbit/s"),
        ("there and back, median", found.turn, MEGABYTE, "µs"),
        ("there and back, slowest of 100", found.slow_turn, MEGABYTE, "µs"),
    )
    pairs = ((Way.LINK, Way.VETH), (Way.WIREGUARD, Way.VETH), (Way.LINK, Way.WIREGUARD))
    for what, rounds, unit, word in kinds:
        for one, other in pairs:
            if one not in rounds or other not in rounds:
                continue
            measured, beside = (
                f"{who} {shown(spread(rounds[who]).middle * unit)} {word}" for who in (one, other)
            )
            yield Row(what, measured, beside, str(ratio(rounds[one], rounds[other])))


def _joining_rows(found: Joining) -> Iterator[Row]:
    hub, bare = spread(found.hub_seconds), spread(found.bare_seconds)
    yield Row(
        "a link made, at the hub",
        f"{shown(1 / hub.middle)} for each CPU-second",
        f"its cryptography alone: {shown(1 / bare.middle)}",
        str(ratio(found.bare_seconds, found.hub_seconds)),
    )
    rates = [found.links / seconds for seconds in found.seconds]
    bare_rates = [1 / seconds for seconds in found.bare_seconds]
    yield Row(
        f"{found.links} links begun at once, both ends here",
        f"{shown(spread(rates).middle)} a second, all in {shown(spread(found.seconds).middle)} s",
        f"the cryptography of one end alone: {shown(spread(bare_rates).middle)}",
        str(ratio(rates, bare_rates)),
    )
    guard = found.guard_bytes
    beside = f"wireguard-go, a peer configured: {_kilobytes(guard)}" if guard else "–"
    for what, each in (
        ("memory of a link that stands, at the hub", found.standing_bytes),
        ("memory of a connection that is loaded", found.loaded_bytes),
    ):
        yield Row(what, _kilobytes(each), beside, str(ratio(each, guard)) if guard else "–")


def _kilobytes(values: Sequence[float]) -> str:
    return f"{shown(spread(values).middle / _KILOBYTE)} kB"


def _fault_rows(found: Faults, returning_seconds: list[float]) -> Iterator[Row]:
    order = shown(_middle(found.order_seconds))
    yield Row(
        "`pki revoke` and `revoke.yml`, until the last packet",
        f"{spread(found.cut_seconds)} s, `pki revoke` {order} s of it",
        f"smallest run of Ansible: {shown(_middle(found.smallest_seconds))} s",
        str(ratio(found.cut_seconds, found.smallest_seconds)),
    )
    killed = found.back_seconds[KILLED]
    what = f"{KILLED} at `{HUB_SITE}`, until traffic passes again"
    for beside, seconds in (*found.back_seconds.items(), (_GUARD_KILLED, returning_seconds)):
        if beside != KILLED and seconds:
            against = spread([one / _middle(seconds) for one in killed])
            yield Row(what, f"{spread(killed)} s", f"{beside}: {spread(seconds)} s", str(against))


def _middle(values: Sequence[float]) -> float:
    return spread(values).middle


def _as_json(results: Results, bars: Sequence[Bar], rows: Sequence[Row]) -> str:
    """Give bars, ratios and all single measurements as JSON."""
    document = {
        "bars": [asdict(bar) for bar in bars],
        "ratios": [asdict(row) for row in rows],
        "carrying": asdict(results.carrying) if results.carrying else None,
        "joining": asdict(results.joining) if results.joining else None,
        "faults": asdict(results.faults) if results.faults else None,
        "wireguard-go killed": results.returning,
        "not measured": results.absent,
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.links", description=__doc__)
    parser.add_argument(
        "--links", type=int, default=LINKS, metavar="N", help=f"links of a hub; default: {LINKS}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and no lab")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    parser.add_argument("--strict", action="store_true", help="fail where a bar is not met")
    return parser.parse_args()


def _tell(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


if __name__ == "__main__":
    sys.exit(main())
