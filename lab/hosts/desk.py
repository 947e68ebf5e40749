"""People at their desks in a booted city: who they are, what they ask for, what they are answered.

A person has a key and a certificate on a zone's host, as on a card, and asks a
gate over a connection that stands until the person gets up.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from gateway.errors import Refused, problem
from gateway.policy.gates import Gate
from gateway.policy.model import Address
from lab.hosts.machine import entering
from lab.hosts.places import Places
from lab.hosts.signing import certify

#: Where a host has the cards of who sits there.
_CARDS = "/root/cards"

_PATIENCE_SECONDS = 30

#: Asks line by line, over one connection; says what came, and when it ended.
_CLIENT = """
import http.client, json, socket, ssl, sys, time
seat = json.loads(sys.stdin.readline())
context = ssl.create_default_context(cafile=seat["trusted"])
context.load_cert_chain(seat["card"])
plain = socket.create_connection((seat["address"], seat["port"]), 10)
with context.wrap_socket(plain, server_hostname=seat["host"]) as connection:
    for line in sys.stdin:
        asked = json.loads(line)
        body = asked["body"].encode()
        words = [f"{asked['method']} {asked['path']} HTTP/1.1", *asked["headers"],
                 f"Host: {seat['host']}:{seat['port']}", f"Content-Length: {len(body)}", "", ""]
        began = time.monotonic()
        try:
            connection.sendall("\\r\\n".join(words).encode() + body)
            answer = http.client.HTTPResponse(connection, method=asked["method"])
            answer.begin()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as fault:
            print(json.dumps({"closed": repr(fault)}), flush=True)
            break
        print(json.dumps({"status": answer.status, "headers": dict(answer.getheaders()),
                          "text": text, "seconds": time.monotonic() - began}), flush=True)
"""

_JSON = ("Accept: application/json",)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered with; `decision` and `reason` are what the gate said of it."""

    status: int
    decision: str
    reason: str
    text: str
    seconds: float

    @classmethod
    def read(cls, line: str) -> Self:
        """Read what the client wrote.

        Raises:
            Refused: ZG659, there is no answer.
        """
        said: dict[str, Any] = json.loads(line) if line else {"closed": "-"}
        if "closed" in said:
            raise Refused(problem("ZG659", error=said["closed"]))
        try:
            refused = json.loads(said["text"])
        except ValueError:
            refused = {}
        refused = refused if isinstance(refused, dict) else {}
        headers = {name.lower(): value for name, value in said["headers"].items()}
        decision = headers.get("loushan-decision", refused.get("decision", ""))
        return cls(
            said["status"],
            str(decision),
            str(refused.get("reason", "")),
            said["text"],
            said["seconds"],
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """A host of a zone, the card of who sits there, and the gate that is asked."""

    places: Places
    host: str
    name: str
    address: Address
    gate: Gate

    @contextmanager
    def connected(self) -> Iterator["Sitting"]:
        """Have a connection to the gate while the block runs."""
        command = entering(self.places, self.host, ["python3", "-c", _CLIENT])
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            sitting = Sitting(process)
            sitting.say(
                {
                    "trusted": f"{_CARDS}/root.pem",
                    "card": f"{_CARDS}/{self.name}.pem",
                    "address": str(self.address),
                    "host": self.gate.host,
                    "port": self.gate.port,
                }
            )
            try:
                yield sitting
            finally:
                process.kill()

    def ask(self, method: str, path: str, body: str = "", headers: Sequence[str] = _JSON) -> Answer:
        """Ask once, over a connection of its own.

        Raises:
            Refused: ZG659, the connection was closed, or could not be made.
        """
        with self.connected() as sitting:
            return sitting.ask(method, path, body, headers)


@dataclass(frozen=True, slots=True)
class Sitting:
    """A connection that stands."""

    process: subprocess.Popen[str]

    def say(self, what: dict[str, object]) -> None:
        """Tell the client; that it is gone shows when it is to answer."""
        try:
            print(json.dumps(what), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return

    def ask(self, method: str, path: str, body: str = "", headers: Sequence[str] = _JSON) -> Answer:
        """Ask over the connection.

        Raises:
            Refused: ZG659, it was closed, or could not be made.
        """
        self.say({"method": method, "path": path, "body": body, "headers": list(headers)})
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line and self.process.stderr:
            said = self.process.stderr.read().strip().splitlines()
            raise Refused(problem("ZG659", error=said[-1] if said else "-"))
        return Answer.read(line)


def give_card(places: Places, host: str, name: str, profile: str = "person") -> None:
    """Have who sits at a host certified, by a key that is made there; once.

    Raises:
        Refused: ZG676, the authority does not; or the host cannot be told.
    """
    if _run(places, host, f"test ! -s {_CARDS}/{name}.pem || echo there"):
        return
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes"]
    request = _run(places, host, f"mkdir -pm 700 {_CARDS} && openssl req -new {' '.join(new)} "
                   f"-keyout {_CARDS}/{name}.key -subj /CN={name}")  # fmt: skip
    with TemporaryDirectory(prefix="loushan-card-") as beside:
        card = certify(places.authorities, name, request, Path(beside), profile)
    root = (places.authorities / "root" / "authority.pem").read_text("ascii")
    _run(places, host, f"cat - {_CARDS}/{name}.key >{_CARDS}/{name}.pem", card)
    _run(places, host, f"cat >{_CARDS}/root.pem", root)


def lend_card(places: Places, name: str, host: str, other: str) -> None:
    """Have somebody's card at another host, as who finds it or is given it would.

    Raises:
        Refused: ZG659, there is none.
    """
    for file in (f"{_CARDS}/{name}.pem", f"{_CARDS}/root.pem"):
        text = _run(places, host, f"cat {file}")
        _run(places, other, f"mkdir -pm 700 {_CARDS} && cat >{file}", text)


def _run(places: Places, host: str, script: str, text: str = "") -> str:
    done = subprocess.run(
        entering(places, host, ["sh", "-c", script]),
        input=text,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise Refused(problem("ZG659", error=done.stderr.strip()))
    return done.stdout
