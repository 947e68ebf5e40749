"""Compile, load, change, prove and pass packets at several sizes, beside what others do.

Run it from the repository's folder: `python -m benchmarks.policy --help`.
It prints a table of bars, each met or not, and what was measured behind them.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks import contestants, loading, passing, proving, updating
from benchmarks.bars import LARGE, SMALL, USUAL, judged
from benchmarks.contestants import Contestant, Generator, NotMeasured, absence
from benchmarks.cost import Cost, measured
from benchmarks.report import as_json, details, table
from benchmarks.results import Results
from benchmarks.road import sweep_abandoned

ROOT = Path(__file__).parents[1]

SIZES = (SMALL, 1_000, USUAL, LARGE)
QUICK_SIZES = (SMALL, USUAL)

#: In the quick run the traffic under updates meets a plan of this size.
QUICK_UPDATE_SIZE = 1_000

#: What is of Debian, by the program that is looked for.
PROGRAMS = {
    "/usr/sbin/nft": "nftables",
    "/sbin/ip": "iproute2",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/dpkg-deb": "dpkg",
    "/usr/bin/apt-get": "apt",
}

_OTHERS: Mapping[Contestant, Callable[[], Generator]] = {
    Contestant.AERLEON: contestants.aerleon,
    Contestant.FOOMUURI: contestants.foomuuri,
}


def main() -> int:
    """Measure what was asked for; give 0, or with --strict 1 where a bar is not met."""
    arguments = _arguments()
    missing = [package for program, package in PROGRAMS.items() if not Path(program).exists()]
    if os.geteuid() or missing:
        need = f"missing Debian packages: {' '.join(missing)}" if missing else "only root can"
        _say(f"benchmarks: {need}")
        return 2
    # A polite end goes the way of Ctrl-C, which takes the namespaces down.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("benchmarks: ended"))
    sweep_abandoned()
    sizes = arguments.entries or (QUICK_SIZES if arguments.quick else SIZES)
    results = run(sizes, quick=arguments.quick)
    bars = judged(results)
    _say(table(bars))
    _say(details(results))
    if arguments.json:
        arguments.json.write_text(as_json(results, bars), "utf-8")
    return int(arguments.strict and not all(bar.met for bar in bars))


def run(sizes: Sequence[int], *, quick: bool) -> Results:
    """Measure all of it; the memory of the city first, while this process is small."""
    results = Results()
    with absence(results.absent, "the Zunyi plan"):
        if not quick:
            _tell("the whole Zunyi plan")
            results.city = _city()
    others = _install(results)
    for size in sizes:
        _tell(f"compile, load and change {size} entries")
        rounds = (3 if quick else 5) if size <= USUAL else 3
        found = results.loading[size] = loading.measure(size, rounds, others)
        results.absent |= {f"{who} at {size} entries": why for who, why in found.absent.items()}
        _tell(f"prove {size} entries")
        results.proving[size] = proving.measure(size, 3)
    _tell("the packet path")
    texts = {
        (who, size): text
        for size, found in results.loading.items()
        for who, text in found.texts.items()
    }
    with absence(results.absent, "the packet path"):
        results.passing = passing.measure(texts, 9 if quick else 15)
    size = QUICK_UPDATE_SIZE if quick else USUAL
    _tell(f"60 updates of {size} entries under load")
    results.updating = size, updating.measure(size, 60, 3 if quick else 5)
    return results


def _install(results: Results) -> dict[Contestant, Generator]:
    found = {}
    for who, install in _OTHERS.items():
        _tell(f"{who}, installing it where it is not")
        with absence(results.absent, who):
            found[who] = install()
    return found


def _city() -> tuple[Cost, int]:
    """Check, compile, load and prove the whole plan; give what it cost and its most memory."""
    command = [sys.executable, "-m", "gateway.cli", "rehearse", "policy/zunyi", "--no-probe"]

    def rehearse() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    done, cost = measured(rehearse)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["it failed"]
        raise NotMeasured(words[-1])
    return cost, getrusage(RUSAGE_CHILDREN).ru_maxrss * 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=__doc__)
    parser.add_argument("--entries", type=_sizes, metavar="N,N", help="sizes; default: all four")
    parser.add_argument("--quick", action="store_true", help="100 and 10 000, fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements")
    parser.add_argument("--strict", action="store_true", help="fail where a bar is not met")
    return parser.parse_args()


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _tell(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
