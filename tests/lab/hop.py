"""The gateway's part before an application: its certificate, its tokens, its connection.

The certificate is issued by the lab's authority in the gateway's name, for a key of
the test's own; so is the key of the tokens, which the application is told of beside
the gateway's.  The connection is opened on a host of the lab, from that host's address.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from applications.identity import HEADER
from gateway.load.identity_tokens import Asking, TokenSigner, key_set
from gateway.policy.names import gate_host, gateway_identity
from pki.parts import make_key
from playbooks.plugins.action.service_identity import chain_for
from tests.authorities import request
from tests.lab.town import Town

#: Where the applications stand, as the lab has it.
HOST, SITE, GATEWAY = "city.applications", "city", "city-gw"
PORTS: Mapping[str, int] = {"approval": 8443, "supervision": 8444}

_KEYS = "/etc/loushan-app/gateway.jwks"

#: Runs on a host, which has Debian's Python; it says what came of one request, as JSON.
_SCRIPT = """
import json, os, socket, ssl, sys, tempfile
asked = json.load(sys.stdin)
context = ssl.create_default_context(cadata=asked["root"])
context.minimum_version = ssl.TLSVersion.TLSv1_3
with tempfile.NamedTemporaryFile("w", dir="/dev/shm") as shown:
    if asked["shown"]:
        shown.write(asked["shown"])
        shown.flush()
        context.load_cert_chain(shown.name)
try:
    source = (asked["source"], 0) if asked["source"] else None
    plain = socket.create_connection((asked["address"], asked["port"]), 4, source)
    with context.wrap_socket(plain, server_hostname=asked["host"]) as secured:
        secured.sendall(asked["request"].encode())
        said = b""
        while piece := secured.recv(65536):
            said += piece
    print(json.dumps({"said": said.decode()}))
except OSError as fault:
    print(json.dumps({"fault": f"{type(fault).__name__}: {fault}"}))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status and a body, or the fault with which the connection ended."""

    status: int
    body: Any = None
    fault: str = ""


@dataclass(frozen=True)
class Hop:
    """Who asks an application in the gateway's place, and what they have.

    `shown` is a certificate with its chain and key, as PEM; `key` signs tokens; `host` asks, and
    where it is empty, whichever gateway of the pair is active; `source` is an address of it to ask
    from, any where it is empty; `family` is 4 or 6.
    """

    town: Town
    shown: str
    key: ec.EllipticCurvePrivateKey
    host: str = ""
    source: str = ""
    family: int = 4
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def other(self, **fields: Any) -> "Hop":  # noqa: ANN401 - any of its fields
        """Give the same with something else in some places."""
        return replace(self, **fields)

    def decision(self) -> str:
        """Give what a decision is called that nobody has used."""
        return f"city-gw.{int(datetime.now(UTC).timestamp())}.{next(self.numbers)}"

    def ask(  # noqa: PLR0913 - a request, and who asks it
        self,
        application: str,
        method: str,
        path: str,
        subject: str = "",
        body: object = None,
        *,
        decision: str = "",
    ) -> Answer:
        """Ask an application something for a subject of the plan; for nobody where none is said."""
        gate = gate_host(self.town.plan.name, HOST)
        head = [f"{method} {path} HTTP/1.1", f"Host: {gate}", "Accept: application/json"]
        head += ["Connection: close", "Accept-Language: en"]
        if subject:
            named = decision or self.decision()
            head.append(f"{HEADER}: {self._token(subject)} decision={named}; number=")
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        if text:
            head += ["Content-Type: application/json", f"Content-Length: {len(text.encode())}"]
        asked = {
            "root": (self.town.places.authorities / "root" / "authority.pem").read_text("ascii"),
            "shown": self.shown,
            "source": self.source,
            "address": str(self.town.address(HOST, self.family)),
            "port": PORTS[application],
            "host": gate,
            "request": "\r\n".join([*head, "", text]),
        }
        host = self.host or self.town.active(SITE)
        said = self.town.must(host, "python3", "-c", _SCRIPT, text=json.dumps(asked))
        return _answer(json.loads(said))

    def _token(self, subject: str) -> str:
        plan = self.town.plan
        who, gate = plan.subjects[subject], gate_host(plan.name, HOST)
        signer = TokenSigner(gateway_identity(plan.name, SITE), 1, self.key)
        tokens = signer.tokens([who], [gate], datetime.now(UTC))
        return tokens[Asking(subject, who.zones[0], gate)]


def _answer(said: Mapping[str, str]) -> Answer:
    if "fault" in said:
        return Answer(0, fault=said["fault"])
    head, _, text = said["said"].partition("\r\n\r\n")
    if not head:
        return Answer(0, fault="closed without a word")
    return Answer(int(head.split()[1]), json.loads(text) if text else None)


def stand_in(town: Town) -> Hop:
    """Give who can play the gateway's part: certified in its name, and with a key for tokens."""
    return Hop(town, certified(town, GATEWAY), ec.generate_private_key(ec.SECP256R1()))


@contextmanager
def believed(hop: Hop) -> Iterator[None]:
    """Have the applications believe this key beside the gateway's, and afterwards no more."""
    before = hop.town.must(HOST, "cat", _KEYS)
    keys = json.loads(before)
    keys["keys"] += json.loads(key_set(hop.key.public_key()))["keys"]
    try:
        _tell(hop.town, json.dumps(keys))
        yield
    finally:
        _tell(hop.town, before)


def certified(town: Town, name: str) -> str:
    """Have the lab's authority of services certify a name, and give all that is shown of it."""
    key = make_key("ecdsa-p384")
    asked = request(name, key).decode()
    chain = chain_for(town.places.authorities, name, asked, is_old=False)
    return chain + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _tell(town: Town, keys: str) -> None:
    """Write the keys as a whole: an application reads them whenever they are others."""
    town.must(HOST, "sh", "-c", f"cat >{_KEYS}.new && mv {_KEYS}.new {_KEYS}", text=keys)
