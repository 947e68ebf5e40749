"""An agent and its loader keep a host on its signed policy, whatever others do to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.ask import ask
from gateway.agent.requests import Ask, Request
from gateway.agent.signed import read_delivered
from gateway.cli.main import main
from gateway.errors import Refused
from gateway.policy.release import read_release, write_release
from gateway.policy.signature import Release, sign
from gateway.policy.signers import SignerRole, load_certificate, load_key
from pki.signers import make_signers
from tests.plans import LAB, ROOT

pytestmark = pytest.mark.kernel

GATEWAY = "huichuan"
PATIENCE_SECONDS = 120.0
EXCHANGE = ("conduits.yml", "services: [exchange, https]", "services: [exchange]")
VIDEO = ("conduits.yml", "services: [video]", "services: [https]")


@dataclass
class Gateway:
    """A host with the two services in a network namespace, and the desk where plans are signed."""

    folder: Path
    namespace: str
    services: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self, on_drift: str = "repair") -> None:
        """Start the services, as after a boot or a crash."""
        settings = f'gateway = "{GATEWAY}"\non_drift = "{on_drift}"\n'
        (self.folder / "agent.toml").write_text(settings)
        command = ["ip", "netns", "exec", self.namespace, sys.executable]
        words = ["-m", "tests.kernel.gateway_services", str(self.folder)]
        with (self.folder / "journal").open("ab") as journal:
            self.services = subprocess.Popen([*command, *words], cwd=ROOT, stderr=journal)
        self.until(lambda s: not s["doing"] and s["written"] > 0)

    def kill(self) -> None:
        """Kill the agent, and with it the loader's door."""
        assert self.services is not None
        self.services.kill()
        self.services.wait()
        (self.folder / "status.json").unlink(missing_ok=True)

    def kill_loader(self) -> None:
        """Kill whoever is at work for the agent."""
        with suppress(ProcessLookupError):
            os.kill(int((self.folder / "loader.pid").read_text()), signal.SIGKILL)

    def kill_all_loaders(self) -> None:
        """Kill who forks, and whoever is at work; as systemd does when the first was killed."""
        self.tell_loaders(signal.SIGKILL)
        self.kill_loader()

    def tell_loaders(self, number: signal.Signals) -> None:
        """Tell something to who forks for each request."""
        os.kill(self.loaders(), number)

    def loaders(self) -> int:
        """Give the number of who forks for each request."""
        return int((self.folder / "loaders.pid").read_text() or 0)

    def imported(self) -> list[str]:
        """Give what requests had to import themselves."""
        return (self.folder / "imported").read_text().split()

    def signed(self, name: str, base: Path | None = None, change: tuple[str, ...] = ()) -> Path:
        """Give a plan that both signed."""
        plan = self.folder / name
        shutil.copytree(LAB, plan, ignore=shutil.ignore_patterns("release"))
        if change:
            file, old, new = change
            text = (plan / file).read_text("utf-8")
            assert old in text
            (plan / file).write_text(text.replace(old, new, 1), "utf-8")
        compared = f"--base={base}" if base else "--first"
        for role in ("author", "bureau"):
            trust = self.folder / "trust"
            words = ["policy", "sign", str(plan), "--as", role, "--yes", "--trust", str(trust)]
            key = ["--key", str(trust / f"{role}.key")]
            certificate = ["--certificate", str(trust / f"{role}.pem")]
            assert main([*words, *key, *certificate, compared]) == 0
        return plan

    def ask(self, request: Request, content: bytes = b"") -> Mapping[str, Any]:
        """Ask the agent."""
        return ask(request, content, path=self.folder / "agent.sock")

    def enforce(self, plan: Path, within: int = 0) -> Mapping[str, Any]:
        """Deliver a plan; 0 is without a probation."""
        files = read_delivered(plan).files()
        sizes = tuple((name, len(content)) for name, content in files.items())
        return self.ask(Request(Ask.LOAD, sizes, within), b"".join(files.values()))

    def nft(self, command: str) -> str:
        """Do something to the host, or look at it."""
        words = ["ip", "netns", "exec", self.namespace, "nft", command]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def shell(self, command: str) -> None:
        """Do anything else to the host."""
        words = ["ip", "netns", "exec", self.namespace, "sh", "-c", command]
        subprocess.run(words, check=True)

    def sysctl(self, name: str) -> str:
        """Read a setting of the host."""
        words = ["ip", "netns", "exec", self.namespace, "cat", f"/proc/sys/{name}"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def status(self) -> dict[str, Any]:
        """Read what the agent says."""
        status: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        return status

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the agent says so."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            with suppress(FileNotFoundError):
                if holds(self.status()):
                    return self.status()
            time.sleep(0.05)
        pytest.fail(f"{self.status()}\n{(self.folder / 'journal').read_text()}")

    def in_force(self, revision: int) -> bool:
        """Tell whether the host has a revision in its kernel, and proves it."""
        if f"revision {revision} " not in self.nft("list chain inet loushan forward"):
            return False
        return bool(self.ask(Request(Ask.PROVE))["result"]["proven"])


@pytest.fixture(name="gateway")
def _gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, f"lst-agent-{os.getpid()}")
    make_signers(tmp_path / "trust", "ed25519", None, datetime.now(UTC))
    subprocess.run(["ip", "netns", "add", gateway.namespace], check=True)
    try:
        gateway.start()
        yield gateway
    finally:
        if gateway.services is not None:
            if (tmp_path / "loader.pid").exists():
                gateway.kill_loader()
            gateway.kill()
        subprocess.run(["ip", "netns", "delete", gateway.namespace], check=True)


def refused(work: Callable[[], object]) -> set[str]:
    """Give the codes that something is refused with."""
    with pytest.raises(Refused) as given:
        work()
    return {each.code for each in given.value.problems}


def test_a_first_policy_is_in_force_at_once_and_again_changes_nothing(gateway: Gateway) -> None:
    """There is nothing to go back to; and who delivers twice is told so."""
    one = gateway.signed("one")

    first, again = gateway.enforce(one, 60), gateway.enforce(one, 60)

    assert (first["result"]["changed"], again["result"]["changed"]) == (True, False)
    assert gateway.in_force(1)
    assert gateway.sysctl("net/ipv4/ip_forward") == "1"


def test_what_two_people_did_not_sign_is_refused(gateway: Gateway) -> None:
    """The loader looks itself; the agent is not asked to."""
    one = gateway.signed("one")
    gateway.enforce(one)
    altered = gateway.folder / "altered"
    shutil.copytree(one, altered)
    file = altered / "conduits.yml"
    file.write_text(file.read_text("utf-8").replace("[video]", "[ssh]"), "utf-8")

    assert "ZG311" in refused(lambda: gateway.enforce(altered))
    assert gateway.in_force(1)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("insert rule inet loushan forward tcp dport 22 accept", id="a rule more"),
        pytest.param("add chain inet loushan input { policy accept ; }", id="a policy"),
        pytest.param("add table inet other", id="another table"),
        pytest.param("delete table inet loushan", id="ours deleted"),
        pytest.param("flush ruleset", id="everything deleted"),
    ],
)
def test_tampering_is_found_recorded_and_put_back(gateway: Gateway, command: str) -> None:
    """Nobody has to ask."""
    gateway.enforce(gateway.signed("one"))
    gateway.until(lambda s: s["proven"] and not s["doing"])

    gateway.nft(command)

    status = gateway.until(lambda s: s["drift"]["count"] > 0 and s["proven"] and not s["doing"])
    assert status["drift"]["last"]["did"] == "repair"
    assert status["drift"]["last"]["what"]["zh"]
    assert gateway.in_force(1)


@pytest.mark.parametrize("setting", ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"])
def test_forwarding_that_was_switched_off_is_found_and_put_back(
    gateway: Gateway, setting: str
) -> None:
    """What was signed passes, in both families; a proof that stays silent about it is none."""
    gateway.enforce(gateway.signed("one"))
    gateway.until(lambda s: s["proven"] and not s["doing"])

    gateway.shell(f"echo 0 > /proc/sys/{setting}")
    found = gateway.ask(Request(Ask.PROVE))["result"]

    # A proof that the agent has begun by itself may find it first, and put it back.
    status = gateway.until(lambda s: s["drift"]["count"] > 0 and s["proven"] and not s["doing"])
    codes = [each["code"] for each in found["findings"]]
    assert (codes, found["proven"]) in ((["ZG821"], False), ([], True))
    assert status["drift"]["last"]["what"]["code"] == "ZG821"
    assert gateway.sysctl(setting) == "1"


def test_tampering_is_not_hidden_in_its_number(gateway: Gateway) -> None:
    """What is found may be more than an answer holds, and is put back in one piece all the same."""
    gateway.enforce(gateway.signed("one"))
    gateway.until(lambda s: s["proven"] and not s["doing"])
    tables = "".join(f"add table inet other_{n:0100}\n" for n in range(2_500))

    (gateway.folder / "many.nft").write_text(tables)
    gateway.nft(f'include "{gateway.folder / "many.nft"}"')

    gateway.until(lambda s: s["drift"]["count"] > 0 and s["proven"] and not s["doing"])
    assert gateway.nft("list tables") == "table inet loushan\n"


def test_a_policy_that_follows_is_on_probation(gateway: Gateway) -> None:
    """Confirmed it stays; taken back or forgotten it goes."""
    one = gateway.signed("one")
    two = gateway.signed("two", one, EXCHANGE)
    gateway.enforce(one)

    forgotten = gateway.enforce(two, 1)
    gateway.until(lambda s: s["probation"] is None and s["proven"] and not s["doing"])
    assert forgotten["probation"]["revision"] == 2
    assert gateway.in_force(1)

    gateway.enforce(two, 60)
    assert "ZG809" in refused(lambda: gateway.enforce(one))
    assert gateway.ask(Request(Ask.ROLLBACK))["result"]["taken_back"]["revision"] == 2
    assert gateway.in_force(1)

    gateway.enforce(two, 60)
    assert "ZG811" in refused(lambda: gateway.ask(Request(Ask.CONFIRM, revision=3)))
    assert gateway.ask(Request(Ask.CONFIRM, revision=2))["result"]["proven"]
    assert gateway.in_force(2)
    assert "ZG810" in refused(lambda: gateway.ask(Request(Ask.CONFIRM)))
    assert "ZG505" in refused(lambda: gateway.enforce(one))


def test_a_policy_is_on_probation_once(gateway: Gateway) -> None:
    """Taken back at once when told to, and at the first deadline when nobody comes."""
    one = gateway.signed("one")
    two = gateway.signed("two", one, EXCHANGE)
    gateway.enforce(one)

    gateway.enforce(two, 30)
    began = time.monotonic()
    gateway.ask(Request(Ask.ROLLBACK))
    assert time.monotonic() - began < 15

    gateway.enforce(two, 3)
    gateway.until(lambda s: s["probation"] is None and not s["doing"])
    assert (gateway.folder / "journal").read_text().count('"probation": {') == 2
    assert gateway.in_force(1)


def test_what_was_tampered_with_on_probation_is_not_confirmed(gateway: Gateway) -> None:
    """The old policy comes back, and whole."""
    one = gateway.signed("one")
    gateway.enforce(one)
    gateway.enforce(gateway.signed("two", one, EXCHANGE), 60)

    gateway.nft("insert rule inet loushan forward tcp dport 22 accept")
    with suppress(Refused):
        gateway.ask(Request(Ask.CONFIRM))

    gateway.until(lambda s: s["probation"] is None and s["proven"] and not s["doing"])
    assert gateway.in_force(1)


@pytest.mark.parametrize("whom", ["loader", "all loaders", "agent"])
def test_a_kill_on_probation_ends_with_the_old_policy(gateway: Gateway, whom: str) -> None:
    """Nobody confirmed the new one."""
    one = gateway.signed("one")
    gateway.enforce(one)
    gateway.enforce(gateway.signed("two", one, EXCHANGE), 60)

    if whom == "loader":
        gateway.kill_loader()
    elif whom == "all loaders":
        gateway.kill_all_loaders()
    else:
        gateway.kill()
        gateway.start()

    gateway.until(lambda s: s["probation"] is None and s["proven"] and not s["doing"])
    gateway.until(lambda _: not (gateway.folder / "state" / "probation.json").exists())
    assert gateway.in_force(1)
    assert gateway.sysctl("net/ipv4/ip_forward") == "1"


def test_a_loader_that_is_told_to_end_takes_back_what_is_on_probation(gateway: Gateway) -> None:
    """Before it ends: the agent, which would ask the next one to, is held meanwhile."""
    one = gateway.signed("one")
    gateway.enforce(one)
    gateway.enforce(gateway.signed("two", one, EXCHANGE), 60)
    assert gateway.services is not None
    before = gateway.loaders()

    gateway.services.send_signal(signal.SIGSTOP)
    gateway.tell_loaders(signal.SIGTERM)
    end = time.monotonic() + PATIENCE_SECONDS
    while gateway.loaders() == before and time.monotonic() < end:
        time.sleep(0.05)
    held = gateway.nft("list chain inet loushan forward")
    is_left = (gateway.folder / "state" / "probation.json").exists()
    gateway.services.send_signal(signal.SIGCONT)

    assert gateway.loaders() != before
    assert "revision 1 " in held
    assert not is_left
    gateway.until(lambda s: s["probation"] is None and s["proven"] and not s["doing"])
    assert gateway.in_force(1)


def test_each_request_reads_settings_and_trust_anew(gateway: Gateway) -> None:
    """Nothing of one request is known to the next; what is imported is imported before both."""
    one = gateway.signed("one")
    gateway.enforce(one)
    two = gateway.signed("two", one, EXCHANGE)
    file = gateway.folder / "agent.toml"
    settings = file.read_text()

    file.write_text(settings.replace(GATEWAY, "nowhere"))
    elsewhere = refused(lambda: gateway.enforce(two))
    file.write_text(settings)
    (gateway.folder / "trust").rename(gateway.folder / "away")
    without_trust = refused(lambda: gateway.enforce(two))
    (gateway.folder / "away").rename(gateway.folder / "trust")

    assert "ZG701" in elsewhere
    assert "ZG353" in without_trust
    gateway.enforce(two)
    assert gateway.in_force(2)
    imported = {name.partition(".")[0] for name in gateway.imported()}
    assert imported <= sys.stdlib_module_names


def test_after_a_restart_the_accepted_policy_comes_back(gateway: Gateway) -> None:
    """Also when its signers were revoked or its time is over meanwhile: it was accepted."""
    gateway.enforce(gateway.signed("one"))
    gateway.kill()
    gateway.nft("flush ruleset")
    shutil.rmtree(gateway.folder / "trust")

    gateway.start()

    gateway.until(lambda s: s["proven"])
    assert gateway.in_force(1)


def test_a_kept_release_that_was_altered_is_not_loaded(gateway: Gateway) -> None:
    """Nothing passes: nobody can say what was accepted."""
    gateway.enforce(gateway.signed("one"))
    gateway.kill()
    file = gateway.folder / "state" / "release" / "conduits.yml"
    file.write_text(file.read_text("utf-8").replace("[video]", "[ssh]"), "utf-8")

    gateway.start()

    status = gateway.until(lambda s: s["closed"] and not s["doing"])
    assert "ZG801" in {finding["code"] for finding in status["findings"]}
    assert gateway.sysctl("net/ipv4/ip_forward") == "0"
    assert "revision" not in gateway.nft("list table inet loushan")


def test_where_drift_is_refused_the_host_is_closed_until_an_operator_comes(
    gateway: Gateway,
) -> None:
    """A restart of the agent does not open it."""
    one = gateway.signed("one")
    gateway.enforce(one)
    gateway.kill()
    gateway.start("refuse")
    gateway.until(lambda s: s["proven"])

    gateway.nft("add table inet other")
    gateway.until(lambda s: s["closed"] and not s["doing"])
    assert gateway.sysctl("net/ipv4/ip_forward") == "0"
    assert "revision" not in gateway.nft("list table inet loushan")

    gateway.nft("delete table inet other")
    gateway.enforce(one)
    assert gateway.in_force(1)


def test_a_signed_difference_that_is_not_the_true_one_is_refused(gateway: Gateway) -> None:
    """The base is on the host, so the loader compares anew."""
    one = gateway.signed("one")
    gateway.enforce(one)
    other = gateway.signed("other", one, EXCHANGE)
    two = gateway.signed("two", one, VIDEO)
    stored = gateway.folder / "state" / "release" / "release" / "difference.json"

    # Two signers who agree can sign what was never compared; here they did, in what is kept.
    assert stored.exists()
    forged = _with_difference_of(gateway, two, other)

    assert "ZG380" in refused(lambda: gateway.enforce(forged))
    assert gateway.in_force(1)


def _with_difference_of(gateway: Gateway, plan: Path, other: Path) -> Path:
    """Sign a plan together with the difference of another, as only its signers can."""
    release, _ = read_release(plan)
    _, difference = read_release(other)
    statement = replace(release.statement, difference=sha256(difference).hexdigest())
    trust = gateway.folder / "trust"
    signatures = tuple(
        sign(
            statement,
            role,
            load_key(trust / f"{role.value}.key", None),
            load_certificate(trust / f"{role.value}.pem"),
            datetime.now(UTC),
        )
        for role in SignerRole
    )
    write_release(plan, Release(statement, signatures), difference)
    return plan
