"""strongSwan from the lab's image in a namespace, set up as the role `link` sets it up.

It is the program of the image's packages with the role's own configuration; its connections
are what is compiled.  What is not there is systemd: its limits, and its starting it again.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Template

from benchmarks.contestants import NotMeasured
from benchmarks.daemons import Daemon, running
from benchmarks.star import HUB
from gateway.compile.links import compile_links
from gateway.policy.model import Plan
from gateway.vici import Section, Vici, ViciRefused

_CONFIGURATION = Path(__file__).parents[1] / "roles/link/templates/strongswan.conf.j2"

#: Its connections, once here and once as it sees them.
_CONNECTIONS = "swanctl/links.conf"

_START_SECONDS = 10
_LOOK_SECONDS = 0.05

#: $1 is the image, $2 an empty folder, $3 what comes into `/etc`.
_SCRIPT = """
mount -t tmpfs loushan "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay loushan -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
cp -r "$3/." "$2/root/etc/"
mount --bind /dev "$2/root/dev"
mount -t proc proc "$2/root/proc"
exec chroot "$2/root" /usr/sbin/charon-systemd
"""


@dataclass(frozen=True, slots=True)
class StrongSwan:
    """One that answers, and has its keys; it has no connections before `connect`."""

    daemon: Daemon

    @property
    def socket(self) -> Path:
        """Where it is spoken to."""
        return self.daemon.path("/run/charon.vici")

    def connect(self) -> None:
        """Load the connections; those begin at once that this end begins.

        Raises:
            NotMeasured: it does not take them.
        """
        self.daemon.say("swanctl", "--load-conns", "--file", f"/etc/{_CONNECTIONS}")

    def standing(self) -> int:
        """Count the links that stand."""
        counted = self._ask("stats")["ikesas"]
        if not isinstance(counted, dict):
            raise TypeError(counted)
        return int(str(counted["total"])) - int(str(counted["half-open"]))

    def wait_for(self, links: int, seconds: float) -> None:
        """Wait until so many links stand.

        Raises:
            NotMeasured: they do not within that time.
        """
        end = time.monotonic() + seconds
        while (standing := self.standing()) < links:
            if time.monotonic() > end:
                message = f"{standing} of {links} links stand after {seconds} s"
                raise NotMeasured(message)
            time.sleep(_LOOK_SECONDS)

    def _ask(self, command: str) -> Section:
        try:
            with Vici(self.socket) as vici:
                return vici.ask(command)
        except ViciRefused as refused:
            raise NotMeasured(str(refused)) from refused


def configure(folder: Path, plan: Plan, sites: Sequence[str]) -> None:
    """Write the role's configuration, and the connections of one gateway, or of several as one.

    Where several are one, each connection is called as its site, and not as the hub.
    """
    text = Template(_CONFIGURATION.read_text("utf-8")).render(link_engine="program")
    (folder / "strongswan.conf").write_text(text, "utf-8")
    blocks = [_block(plan, site) for site in sites]
    text = "\n".join(["connections {", *blocks, "}", ""])
    (folder / _CONNECTIONS).write_text(text, "utf-8")


@contextmanager
def strongswan(place: str, tree: Path, etc: Path) -> Iterator[StrongSwan]:
    """Have strongSwan running in a namespace for a while, with its keys loaded.

    Args:
        place: the namespace.
        tree: the image.
        etc: what `/etc` has of ours; beside it lies the disk.

    Raises:
        NotMeasured: it does not answer, or does not take its keys.
    """
    disk = etc.with_name(f"{etc.name}.disk")
    disk.mkdir(exist_ok=True)
    with running(place, _SCRIPT, str(tree), str(disk), str(etc)) as daemon:
        made = StrongSwan(daemon)
        end = time.monotonic() + _START_SECONDS
        while not _answers(made):
            if time.monotonic() > end:
                message = "strongSwan does not answer"
                raise NotMeasured(message)
            time.sleep(_LOOK_SECONDS)
        daemon.say("swanctl", "--load-creds", "--noprompt")
        yield made


def _answers(made: StrongSwan) -> bool:
    try:
        made.standing()
    except NotMeasured:
        return False
    return True


def _block(plan: Plan, site: str) -> str:
    """Give a gateway's compiled connections without what is around them."""
    lines = compile_links(plan, site).text.splitlines()[1:-1]
    text = "\n".join(lines)
    return text if site == HUB else text.replace(f" {HUB} {{", f" {site} {{")
