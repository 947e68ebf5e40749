"""One virtual machine: its hardware emulated by qemu, booted from Debian's own kernel.

It knows no plan.  Its disk is the image's tree as a file system, and what it
writes there is gone with it.
"""

import base64
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.parity.talk import console

EMULATOR = "/usr/bin/qemu-system-x86_64"
MAKE_FILE_SYSTEM = "/usr/sbin/mke2fs"

#: Where a machine's own hardware leaves room.
_FIRST_SLOT = 0x10

#: So long may a test take with no clock falling behind what is certified meanwhile.
_AHEAD = timedelta(hours=6)

_MEMORY = "1024M"
_DISK = "1500M"

#: The channel on which it is told what to do.
_CHANNEL = "loushan.console"

#: What the kernel is told. Against attacks by the processor it has no use for walls: there is none.
_KERNEL_WORDS = "root=/dev/vda rw console=ttyS0 quiet mitigations=off systemd.wants=answers.service"

_UNIT = f"""\
[Unit]
Description=Does what the console says
[Service]
ImportCredential=answers
ExecStart=/usr/bin/python3 -I ${{CREDENTIALS_DIRECTORY}}/answers /dev/virtio-ports/{_CHANNEL}
Restart=always
RestartSec=1
StandardOutput=journal+console
"""


@dataclass(frozen=True, slots=True)
class Disk:
    """What a machine boots from."""

    kernel: Path
    initrd: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Card:
    """One network card, and what its cable is plugged into; an empty cable is a loose one."""

    mac: str
    cable: tuple[str, ...] = ()

    @property
    def plug(self) -> str:
        """Give the words that plug the cable in."""
        names = [word for words in self.cable[1:2] for word in words.split(",")]
        return "".join(f",netdev={n.partition('=')[2]}" for n in names if n.startswith("id="))


def make_disk(tree: Path, folder: Path) -> Disk:
    """Make a file system of an image's tree, beside its kernel.

    Raises:
        subprocess.CalledProcessError: it cannot be made.
    """
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    (initrd,) = (tree / "boot").glob("initrd.img-*")
    root = folder / "root.ext4"
    command = [MAKE_FILE_SYSTEM, "-q", "-t", "ext4", "-d", str(tree), str(root), _DISK]
    subprocess.run(command, check=True, capture_output=True)
    return Disk(kernel, initrd, root)


def line(name: str, own: Path, far: Path, dump: Path | None = None) -> tuple[str, ...]:
    """Plug a cable between two machines into a card; what is on it is written down, if asked."""
    ends = f"local.type=unix,local.path={own},remote.type=unix,remote.path={far}"
    heard = ("-object", f"filter-dump,id={name}-dump,netdev={name},file={dump}") if dump else ()
    return ("-netdev", f"dgram,id={name},{ends}", *heard)


def segment(name: str, number: int) -> tuple[str, ...]:
    """Plug a card into a segment inside one machine."""
    return ("-netdev", f"hubport,id={name},hubid={number}")


def start(folder: Path, host: str, disk: Disk, cards: Iterable[Card]) -> "subprocess.Popen[bytes]":
    """Switch a machine on; it is off when we are gone, however we go.

    Raises:
        OSError: it cannot be started.
    """
    with (folder / f"{host}.log").open("wb") as log:
        return subprocess.Popen(
            # Its disk's changes are beside its sockets, and gone with them.
            ["/usr/bin/setpriv", "--pdeathsig", "KILL", *_hardware(folder, host, disk, cards)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)},
        )


def _hardware(folder: Path, host: str, disk: Disk, cards: Iterable[Card]) -> Iterator[str]:
    yield from (EMULATOR, "-name", host, "-nodefaults", "-no-user-config", "-display", "none")
    # Software alone: what is shown does not hang on what this host can do.
    yield from ("-accel", "tcg", "-machine", "q35,sata=off,usb=off,smbus=off")
    yield from ("-cpu", "max", "-smp", "1", "-m", _MEMORY, "-device", "virtio-rng-pci")
    # Its clock counts instructions: where this host is busy, its time goes slower, and nothing in
    # it comes too late. Where it has nothing to do, its time is ours.
    yield from ("-icount", "shift=0", "-rtc", f"base={_begins():%Y-%m-%dT%H:%M:%S},clock=vm")
    yield from ("-kernel", str(disk.kernel), "-initrd", str(disk.initrd))
    yield from ("-append", _KERNEL_WORDS)
    yield from ("-drive", f"file={disk.root},if=virtio,format=raw,snapshot=on")
    yield from ("-chardev", f"file,id=screen,path={folder / f'{host}.screen'}")
    yield from ("-serial", "chardev:screen")
    yield from ("-chardev", f"socket,id=ask,path={console(folder, host)},server=on,wait=off")
    yield from ("-device", "virtio-serial-pci")
    yield from ("-device", f"virtserialport,chardev=ask,name={_CHANNEL}")
    for name, text in _credentials():
        value = base64.b64encode(text.encode()).decode("ascii")
        yield from ("-smbios", f"type=11,value=io.systemd.credential.binary:{name}={value}")
    for number, card in enumerate(cards):
        yield from card.cable
        # Eight functions of a slot; nothing is booted from the network.
        place = f"addr={_FIRST_SLOT + number // 8:#x}.{number % 8},multifunction=on"
        yield from ("-device", f"virtio-net-pci,{place},mac={card.mac},romfile={card.plug}")


def _begins() -> datetime:
    """Give the time at which a machine's clock begins: ahead, for it will fall behind.

    What was signed or certified just now would else not be valid yet.
    """
    return datetime.now(UTC) + _AHEAD


def _credentials() -> Iterator[tuple[str, str]]:
    yield ("systemd.extra-unit.answers.service", _UNIT)
    yield ("answers", Path(__file__).with_name("answers.py").read_text("utf-8"))
