"""The ground that gates stand on: certificates, an application behind them, a namespace for each.

Whoever asks is in the gate's own namespace and comes over its loopback; the application is one
more HAProxy, whose cost nobody counts, and every gate has a wire of its own to it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from benchmarks import rights
from benchmarks.road import PREFIX
from benchmarks.servers import of_debian_13, serving, wait_for_port
from benchmarks.star import KEY, PASSPHRASE, certified
from lab import namespace
from pki.initialise import initialise, root_key_in_file
from pki.names import Realm
from pki.state import CERTIFICATE, ROOT, State, open_state

#: Where every gate listens, each in its own namespace.
GATE = "10.1.255.1"

#: What an application answers ends so.
END = "made.\n"
_ANSWER_BYTES = 1024

_CLIENTS, _SERVICES = "clients.pem", "services.pem"

_APPLICATION = """\
global
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
    tune.ssl.cachesize 0
defaults
    mode http
    timeout client 10m
    timeout connect 4s
    timeout server 10m
    timeout http-request 10s
    timeout http-keep-alive 10m
frontend application
    bind {address}:{port} ssl crt {host}.pem ca-file services.pem verify required
    http-request return status 200 content-type text/plain file answer
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What all gates have in common: the image, a folder, what they are given, who asks."""

    tree: Path
    folder: Path
    given: Mapping[str, bytes]
    askers: tuple[Path, ...]
    far: str

    @property
    def authorities(self) -> Path:
        """Whom those trust who ask."""
        return self.folder / _SERVICES

    @contextmanager
    def place(self, number: int) -> Iterator[str]:
        """Have a namespace with a wire to the application, and with the address that asks."""
        name = f"{PREFIX}{os.getpid()}-{number}"
        near, there = f"169.254.{number}.1", f"169.254.{number}.2"
        application, source = rights.place().application, rights.place().source
        namespace.add([name])
        try:
            namespace.ip([f"link add app type veth peer name gate{number} netns {self.far}"], name)
            namespace.ip([
                "link set lo up", "link set app up", f"address add {near}/30 dev app",
                *(f"address add {each}/32 dev lo" for each in (source, GATE)),
                f"route add {application}/32 via {there}",
            ], name)  # fmt: skip
            lines = [f"link set gate{number} up", f"address add {there}/30 dev gate{number}"]
            namespace.ip(lines, self.far)
            yield name
        finally:
            namespace.remove([name])


@contextmanager
def prepared(folder: Path, tree: Path) -> Iterator[Ground]:
    """Have certificates and the application for a while.

    Raises:
        NotMeasured: the application does not answer.
    """
    far = f"{PREFIX}{os.getpid()}-app"
    given, askers = _certificates(folder)
    place = rights.place()
    namespace.add([far])
    try:
        application = place.application
        namespace.ip(["link set lo up", f"address add {application}/32 dev lo"], far)
        text = _APPLICATION.format(address=application, port=place.gate.port, host=place.gate.host)
        (folder / "application.cfg").write_text(text)
        (folder / "answer").write_text(END.rjust(_ANSWER_BYTES, "."))
        program = of_debian_13(tree, "usr/sbin/haproxy")
        with serving(far, [*program, "-db", "-f", "application.cfg"], folder) as server:
            wait_for_port(server, far, application, place.gate.port)
            yield Ground(tree, folder, given, askers, far)
    finally:
        namespace.remove([far])


def _certificates(folder: Path) -> tuple[dict[str, bytes], tuple[Path, ...]]:
    """Make the authorities, the host's certificate and those of all who ask."""
    now, plan = datetime.now(UTC), rights.plan()
    made = folder / "authorities"
    initialise(made, Realm(plan.name, plan.title), root_key_in_file(KEY, PASSPHRASE), now)
    state = open_state(made, now)
    above = {
        name: (made / name / CERTIFICATE).read_bytes() for name in (ROOT, "people", "services")
    }
    host = rights.place().gate.host
    service = _pem(state, "services", "service", host.partition(".")[0], above)
    given = {
        f"certificates/{host}.pem": service,
        "gateway.pem": service,
        _CLIENTS: b"".join(above.values()),
        _SERVICES: above[ROOT] + above["services"],
    }
    (folder / f"{host}.pem").write_bytes(service)
    (folder / _SERVICES).write_bytes(given[_SERVICES])
    askers = tuple(folder / f"{rights.asker(number)}.pem" for number in range(rights.ASKERS))
    for file in askers:
        file.write_bytes(_pem(state, "people", "person", file.stem, above))
    return given, askers


def _pem(
    state: State, authority: str, profile: str, name: str, above: Mapping[str, bytes]
) -> bytes:
    key, certificate = certified(state, authority, profile, name)
    return certificate.public_bytes(Encoding.PEM) + above[authority] + key
