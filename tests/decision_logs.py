"""Decision lines as the proxy writes them, and a follower that takes them, for tests."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.observe.chain import Chain
from gateway.observe.follow import Follower
from gateway.observe.records import Record
from gateway.observe.settings import Settings

ORIGIN = "city-gw.gw.lab.internal/decisions"
START = 1764081000

#: A morning in China.
NOW = 1764118800.0


def decision(number: int, **changes: object) -> dict[str, Any]:
    """Give what the proxy says of a request that a grant lets pass."""
    return {
        "id": f"city-gw.{START}.{number}",
        "at": 1764118800123,
        "gate": "city.business/https",
        "source": "10.11.1.9",
        "zone": "tax.office",
        "authority": "people",
        "name": "tax-clerk",
        "number": "5f3a",
        "serial": "3A0F",
        "subject": "tax_clerk",
        "method": "GET",
        "path": f"/cases/{number}",
        "resource": "cases",
        "grant": "tax_decides_cases",
        "verdict": "ACCEPT",
        "reason": "grant",
        "revision": 7,
        "status": 200,
        **changes,
    }


def refusal(number: int, reason: str = "no_grant", **changes: object) -> dict[str, Any]:
    """Give what it says of one that no grant lets pass."""
    told = {"verdict": "DROP", "reason": reason, "grant": "", "status": 403, **changes}
    return decision(number, **told)


def line(data: dict[str, Any]) -> bytes:
    """Write it as the proxy does: in an order of its own, with an end."""
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def lines(*numbers: int) -> bytes:
    """Give the lines of decisions with these numbers."""
    return b"".join(line(decision(number)) for number in numbers)


def records(folder: Path) -> list[Record]:
    """Give every record of a log."""
    return [
        Record.read(each)
        for file in sorted(folder.glob("*.jsonl"))
        for each in file.read_bytes().splitlines()
    ]


def recorded(folder: Path) -> list[int]:
    """Give the numbers of all decisions in a log, as they stand."""
    return [
        int(each.body["id"].rsplit(".", 1)[1])
        for each in records(folder)
        if each.kind in {"decision", "repeated"}
    ]


@dataclass(slots=True)
class Site:
    """A folder with a raw file and a follower, whose clock the test sets."""

    base: Path
    now: float = NOW
    changes: dict[str, Any] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        """Begin with an empty raw file."""
        self.raw.touch()
        self.begin()

    @property
    def raw(self) -> Path:
        """Give what the proxy appends to."""
        return self.base / "decisions.raw"

    @property
    def log(self) -> Path:
        """Give the log's folder."""
        return self.base / "log"

    @property
    def settings(self) -> Settings:
        """Give the settings; the test's own go first."""
        usual: dict[str, Any] = {
            "raw": self.raw,
            "folder": self.log,
            "key": self.base / "key.pem",
            "status": self.base / "status.json",
            "reserve_bytes": 1,
        }
        return Settings(ORIGIN, **{**usual, **self.changes})

    @property
    def chain(self) -> Chain:
        """Give what the follower's log has come to."""
        return self.follower.store.chain

    @property
    def status(self) -> dict[str, Any]:
        """Read what the follower says of itself."""
        body: dict[str, Any] = json.loads((self.base / "status.json").read_text("utf-8"))
        return body

    def begin(self) -> None:
        """Start a follower, as after a boot."""
        self.follower = Follower(self.settings, self.told.append, clock=lambda: self.now)

    def again(self) -> None:
        """Start another one after this, which ends as a killed one does."""
        self.follower.store.close()
        self.follower.raw.close()
        self.begin()

    def write(self, content: bytes) -> None:
        """Append to the raw file, as the proxy does."""
        with self.raw.open("ab") as file:
            file.write(content)

    def go(self) -> None:
        """Have everything taken that is there."""
        before = -1
        while before != self.chain.tree.size:
            before = self.chain.tree.size
            self.follower.once()

    def take(self, content: bytes) -> None:
        """Append, and have it taken."""
        self.write(content)
        self.go()

    def sign(self) -> None:
        """Have a checkpoint made."""
        self.now += self.settings.checkpoint_seconds
        self.go()
