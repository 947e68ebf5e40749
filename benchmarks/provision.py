"""Make gateways of 4, 8 and 12 bare hosts with the playbooks, then run them again.

Run it from the repository's folder: `python -m benchmarks.provision --help`.
It boots a lab of its own, called `bench`, and takes it away, also after Ctrl-C.
Its hosts are bare: the first run installs their packages too, from a source on each host.
Beside each run stands the smallest run that Ansible can make over the same hosts.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from shutil import copytree

from benchmarks.bars import Bar
from benchmarks.cost import Cost, Spread, measured, shown, spread
from benchmarks.labs import ROOT, Quiet, smallest_run
from benchmarks.report import table
from benchmarks.results import cpus, ratio
from gateway.errors import Language, Refused
from lab.hosts.blueprint import Blueprint, Role
from lab.hosts.city import Wanted, booted, is_kept
from lab.hosts.keeper import cgroup_of
from lab.hosts.places import OWNER_VARIABLE, VARIABLE, Places
from lab.hosts.provision import play
from lab.manners import polite_kill_is_an_end

LAB = Places("bench")

#: Townships that the lab's plan does not have, so that there are twelve gateways.
MORE = {"zhengchang": "郑场镇", "fenghua": "风华镇"}

#: Each size has every tier that it can: the hub, counties, their departments, townships.
SITES = {
    4: ("city", "tax", "huichuan", "huichuan-tax"),
    8: (
        *("city", "tax", "huichuan", "huichuan-tax"),
        *("housing", "suiyang", "suiyang-housing", "yangchuan"),
    ),
    12: (),
}

SMALL, LARGE = min(SITES), max(SITES)

#: What the bars say.
_MOST_GROWTH = 1.1
_MOST_SECOND = 0.25


@dataclass
class Runs:
    """What was measured with so many gateways, one entry for each round."""

    smallest: list[Cost] = field(default_factory=list)
    first: list[Cost] = field(default_factory=list)
    second: list[Cost] = field(default_factory=list)
    changed: int = 0


def main() -> int:
    """Measure; give 0, or with --strict 1 where a bar is not met."""
    arguments = _arguments()
    if os.geteuid():
        _tell("only root can")
        return 2
    if is_kept(LAB):
        _tell(f"a lab called {LAB.name} is up: {VARIABLE}={LAB.name} ./loushan lab down")
        return 2
    # The lab goes also when this process is killed in a way that it cannot answer.
    os.environ[OWNER_VARIABLE] = str(os.getpid())
    results = {size: Runs() for size in SITES}
    try:
        with polite_kill_is_an_end(), tempfile.TemporaryDirectory() as folder:
            plan = _plan(Path(folder) / "plan")
            for number in range(arguments.rounds):
                for size, runs in results.items():
                    _tell(f"round {number + 1} of {arguments.rounds}, {size} gateways")
                    _round(plan, size, runs)
    except KeyboardInterrupt:
        _tell("ended; the lab is taken away")
        return 130
    except Refused as refused:
        _tell("; ".join(problem.text(Language.EN) for problem in refused.problems))
        return 2
    bars = judged(results)
    sys.stdout.write(f"{table(bars)}\n{details(results)}\n")
    return int(arguments.strict and not all(bar.met for bar in bars))


def judged(results: dict[int, Runs]) -> list[Bar]:
    """Hold what was measured against the bars."""
    growth = _growth(results)
    largest = results[LARGE]
    again = ratio(cpus(largest.second), cpus(largest.first))
    changed = sum(runs.changed for runs in results.values())
    return [
        Bar(
            f"CPU-seconds for each host, {LARGE} ÷ {SMALL} hosts",
            f"≤ {_MOST_GROWTH}",
            str(growth),
            growth.middle <= _MOST_GROWTH,
        ),
        Bar("what the second runs changed", "0", str(changed), changed == 0),
        Bar(
            f"second run ÷ first, {LARGE} hosts",
            f"≤ {_MOST_SECOND}",
            str(again),
            again.middle <= _MOST_SECOND,
        ),
    ]


def details(results: dict[int, Runs]) -> str:
    """Give what stands behind the bars as Markdown."""
    lines = ["| hosts | run | seconds | CPU-s | CPU-s for each host | ÷ smallest run | ÷ first |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for size, runs in results.items():
        for name, costs in (
            ("smallest", runs.smallest),
            ("first", runs.first),
            ("second", runs.second),
        ):
            wall = spread([cost.wall_seconds for cost in costs])
            each = spread([cpu / size for cpu in cpus(costs)])
            cells = (
                *(str(size), name, str(wall), str(spread(cpus(costs))), shown(each.middle)),
                str(ratio(cpus(costs), cpus(runs.smallest))),
                str(ratio(cpus(costs), cpus(runs.first))),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _growth(results: dict[int, Runs]) -> Spread:
    """Give how much dearer one host is among many, round by round."""
    small = [cpu / SMALL for cpu in cpus(results[SMALL].first)]
    return ratio([cpu / LARGE for cpu in cpus(results[LARGE].first)], small)


def _plan(folder: Path) -> Path:
    """Give a plan of twelve gateways: the lab's, with townships added as users add them."""
    copytree(ROOT / "policy" / "lab", folder)
    for name, title in MORE.items():
        township = ["--kind", "township", "--title", title, "--hub", "suiyang"]
        words = ["site", "add", str(folder), name, *township, "--write"]
        command = [sys.executable, "-I", "-m", "gateway.cli", *words]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def _round(plan: Path, size: int, runs: Runs) -> None:
    with booted(LAB, Wanted(plan, SITES[size], bare=True), Quiet()) as blueprint:
        hosts = [host.name for host in blueprint.hosts if host.role is Role.GATEWAY]
        if len(hosts) != size:
            message = f"{len(hosts)} gateways instead of {size}: {' '.join(hosts)}"
            raise AssertionError(message)
        runs.smallest.append(_cost(blueprint, partial(smallest_run, LAB))[1])
        runs.first.append(_cost(blueprint, _provision)[1])
        said, cost = _cost(blueprint, _provision)
        runs.second.append(cost)
        if changed := sum(map(int, re.findall(r"\bchanged=(\d+)", said))):
            runs.changed += changed
            _tell(f"the second run changed something:\n{_changes(said)}")


def _changes(said: str) -> str:
    """Give the tasks that changed something, and where."""
    task, found = "", []
    for line in said.splitlines():
        if line.startswith("TASK ["):
            task = line.strip("* ")
        elif line.startswith("changed:"):
            found.append(f"  {task} {line}")
    return "\n".join(found)


def _cost(blueprint: Blueprint, work: Callable[[], str]) -> tuple[str, Cost]:
    """Measure the controller, what it does in hosts, and what the hosts do of it themselves."""
    before = _hosts_cpu_seconds(blueprint)
    said, cost = measured(work)
    hosts = _hosts_cpu_seconds(blueprint) - before
    return said, Cost(cost.cpu_seconds + hosts, cost.wall_seconds)


def _hosts_cpu_seconds(blueprint: Blueprint) -> float:
    """Give what the gateways' own services have used; what Ansible runs there is its child."""
    gateways = [host.name for host in blueprint.hosts if host.role is Role.GATEWAY]
    used = 0
    for name in gateways:
        stat = (cgroup_of(LAB) / name / "cpu.stat").read_text("ascii")
        used += int(dict(line.split() for line in stat.splitlines())["usage_usec"])
    return used / 1e6


def _provision() -> str:
    return play(LAB, "provision")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.provision", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--strict", action="store_true", help="fail where a bar is not met")
    return parser.parse_args()


def _tell(doing: str) -> None:
    sys.stderr.write(f"benchmarks: {doing}\n")


if __name__ == "__main__":
    sys.exit(main())
