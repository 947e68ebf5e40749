"""The machine of whoever keeps the authorities: it answers gateways that renew and fetch lists.

It stands in the city's operations zone, as the plan has it: the server runs in the
network of that zone's host.  The root's key is taken away first, as it is in a
ceremony; the server would not start beside it.
"""

import subprocess
import sys
import time
from pathlib import Path

from gateway.errors import Refused, problem
from gateway.policy.model import Plan
from gateway.policy.names import enrolment_server
from lab.hosts.beside import begin_beside, log_of
from lab.hosts.places import Places
from lab.hosts.signing import certify
from lab.layout import Layout

#: Where it stands, and the plan's service that leads there.
ZONE, SERVICE = "city.operations", "enrolment"

_PATIENCE_SECONDS = 20
_LOOK_SECONDS = 0.05


def has_authority(layout: Layout) -> bool:
    """Tell whether a city that stands has a place for it."""
    return ZONE in {zone.name for zone in layout.zones} and SERVICE in layout.plan.services


def begin(places: Places, plan: Plan, layout: Layout) -> None:
    """Take the root's key away, and have the server answer.

    Raises:
        Refused: ZG676, it is not certified; ZG685, it does not answer.
    """
    take_root_away(places)
    certificate, key = _certified(places, plan)
    address = layout.address(plan.zones[ZONE], 4)
    port = plan.services[SERVICE].ports[0].low
    serve = ["pki", "serve", str(places.authorities), "--listen", f"{address}:{port}"]
    known = ["--certificate", str(certificate), "--key", str(key)]
    inside = ["ip", "netns", "exec", places.namespace(ZONE)]
    command = [*inside, sys.executable, "-I", "-m", "gateway.cli", *serve, *known]
    process = begin_beside(places, "authority", command)
    look = [*inside, "ss", "--no-header", "--listening", "--tcp", "--numeric", f"sport = :{port}"]
    end = time.monotonic() + _PATIENCE_SECONDS
    while not subprocess.run(look, capture_output=True, check=False).stdout:
        if process.poll() is not None or time.monotonic() > end:
            raise Refused(problem("ZG685", log=log_of(places, "authority")))
        time.sleep(_LOOK_SECONDS)


def take_root_away(places: Places) -> None:
    """Carry the root's key to where nobody but its keepers goes; once."""
    key = places.authorities / "root" / "authority.key"
    if key.exists():
        places.root_key.parent.mkdir(mode=0o700, exist_ok=True)
        key.rename(places.root_key)


def _certified(places: Places, plan: Plan) -> tuple[Path, Path]:
    """Have the server certified by its name; its key is made here."""
    folder = places.disk / "authority"
    folder.mkdir(mode=0o700, exist_ok=True)
    key, request = folder / "server.key", folder / "server.csr"
    name = enrolment_server(plan.name).partition(".")[0]
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", str(key)]
    subprocess.run(
        ["/usr/bin/openssl", "req", "-new", *new, "-subj", f"/CN={name}", "-out", str(request)],
        capture_output=True,
        check=True,
    )
    certificate = folder / "server.pem"
    text = certify(places.authorities, name, request.read_text("ascii"), folder, "service")
    certificate.write_text(text, "ascii")
    return certificate, key
