"""What hosts boot from: a Debian 13 as the installer leaves it, with the packages of our roles.

Built once and kept; its name is the digest of what it is made of, so that
another list of packages is another image.  The packages are those that the
roles name, so that provisioning a host of the lab needs no network.

What few hosts need, such as a database, is not installed: it lies on the disk
as the one source that apt has there, and a role installs it as on any machine.
In a bare image that is so with all packages of our roles.
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

import yaml

from gateway.errors import Refused, problem

SUITE = "trixie"

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
    """A built image; `tree` is its root folder, never written to."""

    digest: str
    tree: Path


def ensure(
    tell: Callable[[str], None], *, anew: bool = False, bare: bool = False, kernel: bool = False
) -> Image:
    """Give the image, built if it is not there yet.

    Args:
        tell: hears what is going on, a line each.
        anew: whether to build it even if it is there, for newer packages.
        bare: whether the packages of every host are offered to apt too, and not installed.
        kernel: whether it has a kernel, to boot in a virtual machine.

    Raises:
        Refused: ZG674, it could not be built; the log says why.
    """
    own, roles = {*_INSTALLED, *_TOOLS}, set(_named_by_roles("packages"))
    masked = [unit for unit in _MASKED if not (kernel and unit in (*_AUDIT, *_HARDWARE))]
    if kernel:
        own.add(_KERNEL)
    recipe: dict[str, object] = {"recipe": _RECIPE, "suite": SUITE, "masked": masked}
    installed = own if bare else own | roles
    # The virtual machines are gateways, and nothing else.
    software = () if kernel else _named_by_roles("software")
    recipe["packages"] = sorted(installed)
    recipe["offered"] = sorted({*roles, *software} - installed)
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


def _named_by_roles(kind: str) -> Iterator[str]:
    """Give what the roles install: the variables called `<role>_packages`, or `…_software`.

    The packages are of every host; the software is of the few that are for it.
    """
    for defaults in sorted(_ROLES.glob("*/defaults/main.yml")):
        name = f"{defaults.parents[1].name}_{kind}"
        yield from (yaml.safe_load(defaults.read_text("utf-8")) or {}).get(name, [])


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
    _logged([*alone, "mmdebstrap", *wanted, SUITE, str(tree), _mirror()], tell)
    _furnish(tree, _words(recipe["masked"]))
    if offered:
        _offer(tree)
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


def _offer(tree: Path) -> None:
    """Make of the downloaded packages the one source that apt knows on these hosts."""
    folder, paragraphs = tree / _OFFERED, []
    for package in sorted(folder.glob("*.deb")):
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        # apt would read the percent sign of an epoch in a file's name as its own.
        named = package.rename(folder / f"{digest[:16]}.deb")
        asked = ["dpkg-deb", "--field", str(named)]
        field = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        place = f"Filename: ./{named.name}\nSize: {named.stat().st_size}\nSHA256: {digest}"
        paragraphs.append(f"{field}\n{place}\n")
    (folder / "Packages").write_text("\n".join(paragraphs), "utf-8")
    for known in (tree / "etc/apt/sources.list.d").iterdir():
        known.unlink()
    source = f"deb [trusted=yes] file:/{_OFFERED} ./\n"
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


def _mirror() -> str:
    """Give where this machine gets Debian from."""
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(RELEASE) $(REPO_URI)",
        "Created-By: Packages",
    ]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    mirrors = (line.split()[1] for line in told.splitlines() if "security" not in line)
    for mirror in mirrors:
        if mirror.rstrip("/").endswith("debian"):
            return mirror
    raise Refused(problem("ZG675"))


def _forget_old() -> None:
    kept = sorted(CACHE.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    in_use = {Path(json.loads(lab.read_text("utf-8"))["tree"]).parent for lab in _labs()}
    for old in kept[_KEPT:]:
        if old not in in_use:
            shutil.rmtree(old, ignore_errors=True)


def _labs() -> Iterator[Path]:
    """Give what is written down of each lab that is up: its hosts' disks lie on an image."""
    yield from Path("/run/loushan-lab").glob("*/lab.json")
