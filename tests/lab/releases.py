"""Releases of the city's plan, signed by the lab's own signers, and brought to a gateway."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from lab.hosts.machine import entering
from lab.hosts.signing import sign_plan
from tests.lab.town import Done, Town

#: Where a release lies on a gateway until the agent has taken it.
THERE = "/root/release"


def sign_next(
    town: Town,
    folder: Path,
    edit: Callable[[Path], None],
    *,
    keep: bool,
    days: int | None = None,
) -> Path:
    """Change a copy of the city's plan and have it signed as the next revision.

    With `keep` it takes the place of the city's plan, so that the next one follows it. It holds
    for so many `days`, or as long as is usual.
    """
    changed, signed = folder / "changed", folder / "signed"
    shutil.rmtree(changed, ignore_errors=True)
    shutil.copytree(town.places.plan, changed, ignore=shutil.ignore_patterns("release"))
    edit(changed)
    sign_plan(changed, signed, town.places.signers, town.places.plan, days)
    if keep:
        shutil.rmtree(town.places.plan)
        shutil.copytree(signed, town.places.plan)
    return signed


def carry(town: Town, host: str, folder: Path) -> None:
    """Lay a release on a host's disk, at its console."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(folder, arcname="release")
    script = f"rm -rf {THERE} && tar --extract --no-same-owner --directory=/root"
    command = entering(town.places, host, ["sh", "-c", script])
    subprocess.run(command, input=archive.getvalue(), check=True)


def enforce(town: Town, host: str, *words: str) -> Done:
    """Hand the release that lies on a gateway to its agent, at the console."""
    return town.run(host, "loushan", "agent", "enforce", THERE, *words)


def retitle(text: str) -> Callable[[Path], None]:
    """Change what changes no packet: the plan's title."""

    def edit(plan: Path) -> None:
        file = plan / "plan.yml"
        lines = file.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("title:")]
        file.write_text("".join([*kept, f"title: {text}\n"]), "utf-8")

    return edit


def without(conduit: str, kind: str) -> Callable[[Path], None]:
    """Take a kind of site out of the far end of a conduit."""

    def edit(plan: Path) -> None:
        file = plan / "conduits.yml"
        before, name, rest = file.read_text("utf-8").partition(f"name: {conduit}\n")
        entry, mark, after = rest.partition("services:")
        file.write_text(before + name + entry.replace(f" {kind},", "") + mark + after, "utf-8")

    return edit
