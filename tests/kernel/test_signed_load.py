"""From a signed folder into the kernel and back, as an administrator does it, by commands."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.cli.main import main
from pki.signers import make_signers
from tests.plans import LAB, ROOT

GATEWAY = "huichuan"


@dataclass(frozen=True)
class Desk:
    """Where a plan is written and signed, and the host it is for."""

    folder: Path
    namespace: str

    @property
    def trust(self) -> Path:
        """The signers' folder."""
        return self.folder / "signers"

    def copy(self, source: Path, name: str) -> Path:
        """Give a copy of a plan, without what was signed about it."""
        return Path(
            shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns("release"))
        )

    def sign(self, plan: Path, role: str, *options: str) -> int:
        """Sign by command; give its status."""
        words = ["policy", "sign", str(plan), "--as", role, "--yes", "--trust", str(self.trust)]
        key, certificate = self.trust / f"{role}.key", self.trust / f"{role}.pem"
        return main([*words, "--key", str(key), "--certificate", str(certificate), *options])

    def signed(self, plan: Path, *options: str) -> Path:
        """Have both sign, the first time or against a base."""
        compared = [o for o in options if o == "--first" or o.startswith("--base=")]
        assert self.sign(plan, "author", *options) == 0
        assert self.sign(plan, "bureau", *compared) == 0
        return plan

    def host(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on the host."""
        command = ["ip", "netns", "exec", self.namespace, sys.executable, "-m", "gateway.cli"]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=environment,
        )

    def load(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Load on the host."""
        places = ["--state", str(self.folder / "state"), "--run", str(self.folder / "run")]
        return self.host("load", *words, "--trust", str(self.trust), *places)

    def verify(self, plan: Path) -> "subprocess.CompletedProcess[str]":
        """Prove on the host."""
        words = [str(plan), "--gateway", GATEWAY, "--trust", str(self.trust), "--json"]
        return self.host("verify", *words)

    def nft(self, command: str) -> None:
        """Tamper with the host."""
        subprocess.run(
            ["ip", "netns", "exec", self.namespace, "nft", command], check=True, cwd=ROOT
        )


@pytest.fixture(name="desk")
def _desk(tmp_path: Path) -> Iterator[Desk]:
    namespace = f"lst-signed-{os.getpid()}"
    make_signers(tmp_path / "signers", "ed25519", None, datetime.now(UTC))
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        yield Desk(tmp_path, namespace)
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)


def _change(plan: Path, name: str, old: str, new: str) -> None:
    file = plan / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_two_signatures_bring_a_policy_into_force(desk: Desk) -> None:
    """Unsigned: refused.  One signature: refused.  Both: in force and proven."""
    plan = desk.copy(LAB, "one")
    unsigned = desk.load(str(plan), "--gateway", GATEWAY)
    desk.sign(plan, "author", "--first")
    half = desk.load(str(plan), "--gateway", GATEWAY)
    desk.sign(plan, "bureau", "--first")
    loaded = desk.load(str(plan), "--gateway", GATEWAY)
    proof = desk.verify(plan)

    assert (unsigned.returncode, "ZG301" in unsigned.stderr) == (1, True)
    assert (half.returncode, "ZG330" in half.stderr) == (1, True)
    assert (loaded.returncode, "in force and proven: lab revision 1" in loaded.stdout) == (0, True)
    assert json.loads(proof.stdout)["holds"] is True


def test_what_is_wrong_leaves_the_last_good_policy_in_force(desk: Desk) -> None:
    """An altered, a bombed and a foreign plan are refused; what was proven still is."""
    plan = desk.signed(desk.copy(LAB, "one"), "--first")
    desk.load(str(plan), "--gateway", GATEWAY)
    altered = Path(shutil.copytree(plan, desk.folder / "altered"))
    _change(altered, "conduits.yml", "services: [video]", "services: [ssh]")
    bombed = Path(shutil.copytree(plan, desk.folder / "bombed"))
    (bombed / "zz.yml").write_text("a: &a [x]\nb: *a\n", "utf-8")
    foreign = desk.copy(LAB, "foreign")
    _change(foreign, "plan.yml", "name: lab", "name: other")
    desk.signed(foreign, "--first", "--revision=7")

    refused = {
        "ZG311": desk.load(str(altered), "--gateway", GATEWAY),
        "ZG017": desk.load(str(bombed), "--gateway", GATEWAY),
        "ZG363": desk.load(str(foreign), "--gateway", GATEWAY),
    }
    proof = desk.verify(plan)

    for code, answer in refused.items():
        assert (answer.returncode, code in answer.stderr) == (1, True), answer.stderr
    assert json.loads(proof.stdout)["holds"] is True


def test_a_policy_does_not_go_back(desk: Desk) -> None:
    """The first release was truly signed; after the second it is refused all the same."""
    first = desk.signed(desk.copy(LAB, "one"), "--first")
    second = desk.copy(LAB, "two")
    _change(second, "conduits.yml", "services: [exchange, https]", "services: [exchange]")
    desk.signed(second, f"--base={first}")
    twin = desk.copy(LAB, "twin")
    _change(twin, "conduits.yml", "services: [video]", "services: [https]")
    desk.signed(twin, f"--base={first}")
    late = desk.copy(LAB, "late")
    desk.signed(late, f"--base={first}", "--revision=3")
    desk.load(str(first), "--gateway", GATEWAY)

    taken = desk.load(str(second), "--gateway", GATEWAY)
    back = desk.load(str(first), "--gateway", GATEWAY)
    other = desk.load(str(twin), "--gateway", GATEWAY)
    unseen = desk.load(str(late), "--gateway", GATEWAY)

    assert (taken.returncode, "revision 2" in taken.stdout) == (0, True), taken.stderr
    assert (back.returncode, "ZG505" in back.stderr) == (1, True)
    assert (other.returncode, "ZG506" in other.stderr) == (1, True)
    assert (unseen.returncode, "ZG362" in unseen.stderr) == (1, True)
    assert json.loads(desk.verify(second).stdout)["holds"] is True


def test_a_host_that_was_tampered_with_is_found_and_put_right(desk: Desk) -> None:
    """The proof names the packet; loading again restores what was signed."""
    plan = desk.signed(desk.copy(LAB, "one"), "--first")
    desk.load(str(plan), "--gateway", GATEWAY)
    desk.nft("insert rule inet loushan forward tcp dport 22 accept")

    found = desk.verify(plan)
    again = desk.load(str(plan), "--gateway", GATEWAY)

    answer = json.loads(found.stdout)
    assert (found.returncode, answer["holds"]) == (1, False)
    assert any("22/tcp" in finding["en"] for finding in answer["findings"])
    assert again.returncode == 0
    assert json.loads(desk.verify(plan).stdout)["holds"] is True


def test_a_host_says_what_is_in_force(desk: Desk) -> None:
    """Before a policy: none, and everything refused.  After: which."""
    before = desk.load()
    plan = desk.signed(desk.copy(LAB, "one"), "--first")
    desk.load(str(plan), "--gateway", GATEWAY)
    after = desk.load()

    assert "no policy is in force" in before.stdout
    assert "in force: lab revision 1" in after.stdout


def test_the_bureau_signs_only_what_it_was_shown(desk: Desk) -> None:
    """A difference that is not there, or another base, is not countersigned."""
    plan = desk.copy(LAB, "one")
    desk.sign(plan, "author", "--first")
    _change(plan, "conduits.yml", "services: [video]", "services: [https]")
    changed_since = desk.sign(plan, "bureau", "--first")
    base = desk.signed(desk.copy(LAB, "base"), "--first")
    other = desk.copy(LAB, "other")
    desk.sign(other, "author", "--first")

    assert changed_since == 1
    assert desk.sign(other, "bureau", f"--base={base}") == 1
    assert desk.sign(other, "author", "--first") == 0


def test_a_base_that_two_people_did_not_sign_is_no_base(desk: Desk) -> None:
    """Else a change could hide in a base that the Bureau never saw."""
    one = desk.signed(desk.copy(LAB, "one"), "--first")
    hidden = desk.copy(LAB, "hidden")
    _change(hidden, "conduits.yml", "services: [video]", "services: [video, https]")
    assert desk.sign(hidden, "author", f"--base={one}", "--revision=50") == 0
    harmless = desk.copy(hidden, "harmless")
    _change(harmless, "plan.yml", "# A small city", "# The small city")

    assert desk.sign(harmless, "author", f"--base={hidden}") == 1
    assert desk.sign(harmless, "author", f"--base={one}") == 0
    assert desk.sign(harmless, "bureau", f"--base={hidden}") == 1


def test_another_plan_is_refused_also_where_the_record_is_lost(desk: Desk) -> None:
    """The kernel's stamp says which plan the host follows."""
    plan = desk.signed(desk.copy(LAB, "one"), "--first")
    desk.load(str(plan), "--gateway", GATEWAY)
    (desk.folder / "state" / "accepted.json").unlink()
    foreign = desk.copy(LAB, "foreign")
    _change(foreign, "plan.yml", "name: lab", "name: other")
    desk.signed(foreign, "--first")

    answer = desk.load(str(foreign), "--gateway", GATEWAY)

    assert (answer.returncode, "ZG363" in answer.stderr) == (1, True), answer.stderr
    assert json.loads(desk.verify(plan).stdout)["holds"] is True
