"""What hosts boot from: a Debian 13 as the installer leaves it, with the packages of our roles.

Built once and kept; its name is the digest of what it is made of, so that
another list of packages is another image.  The packages are those that the
roles name, so that provisioning a host of the lab needs no network.

What few hosts need, such as a database, is not installed: it lies on the disk
as the one source that apt has there, and a role installs it as on any machine.
Of a bare image all packages of our roles lie beside it: a bundle brings them to its hosts.
An image with a kernel is for a virtual machine, which has hardware and a boot of its own.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.bundle.debian import SUITE, main_mirror
from gateway.bundle.needs import PACKAGES, SOFTWARE, named_by_roles
from gateway.bundle.packages import index
from gateway.errors import Refused, problem

CACHE = Path("/var/cache/loushan/images")
LOG = Path("/var/log/loushan-image.log")

_ROLES = Path(__file__).resolve().parents[2] / "roles"

#: What a host has from the installer, beside what is essential.
_INSTALLED = ("dbus", "iproute2", "openssh-server", "python3", "python3-apt", "systemd-sysv")

#: What people and tests in the lab look and knock with.
_TOOLS = ("iputils-arping", "iputils-ping", "netcat-openbsd", "procps", "tcpdump")

#: Debian's own kernel for machines whose hardware is virtual.
_KERNEL = "linux-image-cloud-amd64"

#: What finds a machine's hardware.
_HARDWARE = ("systemd-udev-trigger.service", "systemd-udevd.service")

#: What records what the kernel's audit says: a container has none.
_AUDIT = ("audit-rules.service", "auditd.service")

#: A container has no such hardware, and thirty of these would only keep each other busy.
_MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "getty.target",
    "haproxy.service",
    "ldconfig.service",
    "man-db.timer",
    "prometheus-node-exporter.service",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-firstboot.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-networkd-wait-online.service",
    "systemd-timesyncd.service",
    "unattended-upgrades.service",
    *_AUDIT,
    *_HARDWARE,
)

#: So many images are kept; the oldest goes.
_KEPT = 4

_RECIPE = 7

#: Where a host finds the packages that it does not have.
_OFFERED = "srv/packages"

#: Each host makes its own key when it first boots, and none leaves it.
_HOST_KEYS = """\
[Unit]
Description=Make this host's SSH keys
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True, slots=True)
class Image:
    """A built image; `tree` is its root folder, never written to.

    `packages` has what a bare one's hosts do not have yet.
    """

    digest: str
    tree: Path

    @property
    def packages(self) -> Path:
        """Where a bare image has the packages of our roles."""
        return self.tree.parent / "packages"

    @property
    def installed(self) -> Path:
        """What its hosts have, as dpkg lists it."""
        return self.tree / "var/lib/dpkg/status"


def ensure(
    tell: Callable[[str], None], *, anew: bool = False, bare: bool = False, kernel: bool = False
) -> Image:
    """Give the image, built if it is not there yet.

    Args:
        tell: hears what is going on, a line each.
        anew: whether to build it even if it is there, for newer packages.
        bare: whether hosts have none of the packages of our roles, and no source for them.
        kernel: whether it has a kernel, to boot in a virtual machine.

    Raises:
        Refused: ZG674, it could not be built; the log says why.
    """
    own, roles = {*_INSTALLED, *_TOOLS}, set(named_by_roles(_ROLES, PACKAGES))
    masked = [unit for unit in _MASKED if not (kernel and unit in (*_AUDIT, *_HARDWARE))]
    if kernel:
        own.add(_KERNEL)
    recipe: dict[str, object] = {"recipe": _RECIPE, "suite": SUITE, "masked": masked}
    installed = own if bare else own | roles
    # The virtual machines are gateways, and nothing else.
    software = () if kernel else named_by_roles(_ROLES, SOFTWARE)
    recipe["packages"] = sorted(installed)
    recipe["offered"] = sorted({*roles, *software} - installed)
    if bare:
        recipe["beside"] = "packages"
    digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    folder = CACHE / digest
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "building").open("w") as lock:
        # Whoever comes while another builds waits, and finds it built.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if anew or not (folder / "manifest.json").exists():
            _build(folder, recipe, tell)
            _forget_old()
        os.utime(folder)
    return Image(digest, folder / "tree")


def _build(folder: Path, recipe: dict[str, object], tell: Callable[[str], None]) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    tree = new / "tree"
    packages, offered = (_words(recipe.get(name, [])) for name in ("packages", "offered"))
    wanted = ["--variant=minbase", f"--include={','.join(packages)}"]
    if offered:
        wanted.append(f"--customize-hook={_download(offered)}")
    # What it mounts goes with it, also where it is killed.
    alone = ["unshare", "--mount", "--propagation", "private"]
    _logged([*alone, "mmdebstrap", *wanted, SUITE, str(tree), main_mirror()], tell)
    _furnish(tree, _words(recipe["masked"]))
    if offered:
        index(tree / _OFFERED, SUITE)
        if "beside" in recipe:
            (tree / _OFFERED).rename(new / str(recipe["beside"]))
        _set_source(tree)
    listing = ["dpkg-query", f"--admindir={tree}/var/lib/dpkg", "--show"]
    versions = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    manifest = {**recipe, "versions": dict(line.split("\t") for line in versions.splitlines())}
    (new / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _words(names: object) -> list[str]:
    if not isinstance(names, list):
        raise TypeError(names)
    return names


def _download(packages: list[str]) -> str:
    """Give the line with which packages are downloaded for a system, and not installed."""
    asked = f"install --yes --no-install-recommends --download-only {' '.join(packages)}"
    return (
        # What was installed lies there too.
        'rm -f "$1"/var/cache/apt/archives/*.deb'
        f' && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get {asked}'
        f' && mkdir -p "$1/{_OFFERED}"'
        f' && mv "$1"/var/cache/apt/archives/*.deb "$1/{_OFFERED}/"'
    )


def _set_source(tree: Path) -> None:
    """Have apt know no source but the packages that lie on the host, if there are any."""
    for known in (tree / "etc/apt/sources.list.d").iterdir():
        known.unlink()
    there = (tree / _OFFERED).exists()
    source = f"deb [trusted=yes] file:/{_OFFERED} ./\n" if there else ""
    (tree / "etc/apt/sources.list").write_text(source, "ascii")
    # As the installer does: a dry run reads the lists, and may not renew them.
    update = ["chroot", str(tree), "apt-get", "update"]
    subprocess.run(update, capture_output=True, check=True)


def _furnish(tree: Path, masked: Iterable[str]) -> None:
    """Make of the packages what an installer leaves: no keys, no identity, no timers."""
    units = tree / "etc/systemd/system"
    for unit in masked:
        (units / unit).symlink_to("/dev/null")
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (tree / "etc/machine-id").write_text("")
    # The name of the machine that built it; a host is called as its boot says.
    (tree / "etc/hostname").unlink(missing_ok=True)
    # And whom it asks for names: nobody in the city answers, and each question would be waited for.
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (units / "host-keys.service").write_text(_HOST_KEYS)
    enabled = units / "multi-user.target.wants/host-keys.service"
    enabled.parent.mkdir(exist_ok=True)
    enabled.symlink_to("../host-keys.service")
    # Nothing of ours is to be found running before a role has said so.
    ours = {f"{name}.service" for name in ("chrony", "nftables", "ssh", "strongswan", "ulogd2")}
    # Both who wants them and what else they are called; by what is written in the links, for what
    # they lead to is not there seen from here.
    for link in (*units.glob("*/*.service"), *units.glob("*.service")):
        if link.is_symlink() and link.readlink().name in ours:
            link.unlink()


def _logged(command: list[str], tell: Callable[[str], None]) -> None:
    """Run a command; its words go to the log and to whoever listens."""
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            tell(line.strip())
    if process.returncode:
        raise Refused(problem("ZG674", log=LOG))


def _forget_old() -> None:
    kept = sorted(CACHE.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    in_use = {Path(json.loads(lab.read_text("utf-8"))["tree"]).parent for lab in _labs()}
    for old in kept[_KEPT:]:
        if old not in in_use:
            shutil.rmtree(old, ignore_errors=True)


def _labs() -> Iterator[Path]:
    """Give what is written down of each lab that is up: its hosts' disks lie on an image."""
    yield from Path("/run/loushan-lab").glob("*/lab.json")
