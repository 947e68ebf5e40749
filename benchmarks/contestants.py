"""The same policy as others would enforce it, and how they are installed.

aerleon goes into an environment of its own and foomuuri's package is only
unpacked, both below a folder that git does not see.  Each rule of theirs is
one entry of ours, and what no rule permits is dropped.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path

from benchmarks.synthetic import EAST, PORTS, WEST, Entry
from gateway.errors import Language, Refused

CACHE = Path(__file__).with_name(".cache")

AERLEON = "aerleon>=1.18,<2"

#: The first Debian release that has foomuuri.
_FOOMUURI_RELEASE = "trixie"

_SOURCES = Path("/etc/apt/sources.list.d")


class Contestant(StrEnum):
    """Who is measured beside whom."""

    NONE = "no firewall"
    CONNTRACK = "conntrack only"
    LOUSHAN = "loushan"
    AERLEON = "aerleon"
    FOOMUURI = "foomuuri"


#: The floor of every stateful filter: it follows connections and looks no further.
CONNTRACK_ONLY = """
table inet floor {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop, untracked : drop }
		accept
	}
}
"""


class NotMeasured(Exception):  # noqa: N818 - what the row then says
    """A contestant cannot be had; says why."""


@contextmanager
def absence(absent: dict[str, str], what: str) -> Iterator[None]:
    """Write down why something was not measured, and go on."""
    try:
        yield
    except NotMeasured as why:
        absent[what] = str(why)
    except Refused as refused:
        absent[what] = "; ".join(p.text(Language.EN) for p in refused.problems)


@dataclass(frozen=True, slots=True)
class Generator:
    """Another's generator: writes its own documents, and makes nft text of them.

    `write` puts the documents into a folder; `command` is what makes the text
    from it, which is then in the file `made`.
    """

    write: Callable[[Path, Sequence[Entry]], None]
    command: Callable[[Path], Sequence[str]]
    made: str

    def generate(self, folder: Path) -> str:
        """Run the command and give the text.

        Raises:
            NotMeasured: it failed; says its last words.
        """
        _run(self.command(folder))
        return (folder / self.made).read_text("utf-8")


def aerleon() -> Generator:
    """Install aerleon where it is not, from the machine's package index.

    Raises:
        NotMeasured: it cannot be installed.
    """
    home = _cache() / "aerleon"
    command = home / "bin" / "aclgen"
    if not command.exists():
        venv.create(home, clear=True, with_pip=True)
        _run([str(home / "bin" / "pip"), "install", "--quiet", AERLEON])
    return Generator(_write_aerleon, lambda folder: _aclgen(command, folder), "out/policy.nft")


def foomuuri() -> Generator:
    """Unpack foomuuri's package where it is not, from the machine's own Debian archive.

    Raises:
        NotMeasured: it cannot be had.
    """
    home = _cache() / "foomuuri"
    script = home / "usr" / "sbin" / "foomuuri"
    if not script.exists():
        _unpack_foomuuri(home)
    return Generator(_write_foomuuri, lambda folder: _foomuuri(home, folder), "state/next.fw")


def environment(requirements: Sequence[str], name: str) -> Path:
    """Make an environment with these packages where it is not; give its Python.

    Raises:
        NotMeasured: they cannot be installed.
    """
    home, stamp = _cache() / name, "\n".join([*requirements, ""])
    has = home / "stamp"
    if not has.exists() or has.read_text() != stamp:
        venv.create(home, clear=True, with_pip=True)
        _run([str(home / "bin/pip"), "install", "--quiet", "--only-binary=:all:", *requirements])
        has.write_text(stamp)
    return home / "bin/python"


def unpacked(package: str, release: str = "") -> Path:
    """Unpack a package of a Debian release, or the machine's, where it is not; give the folder.

    Raises:
        NotMeasured: it cannot be had.
    """
    home = _cache() / "-".join(filter(None, (package, release)))
    if home.exists():
        return home
    if release:
        _unpack_of(release, package, home)
    else:
        with tempfile.TemporaryDirectory(dir=_cache()) as work:
            # The folder is ours alone; apt's own user cannot look into it.
            get = ["apt-get", "-oAPT::Sandbox::User=root", "download", package]
            _run(get, where=Path(work))
            for file in Path(work).glob("*.deb"):
                _run(["dpkg-deb", "--extract", str(file), str(home)])
    return home


def _write_aerleon(folder: Path, entries: Sequence[Entry]) -> None:
    definitions, policies = folder / "definitions", folder / "policies" / "pol"
    for each in (definitions, policies, folder / "out"):
        each.mkdir(parents=True)
    networks = {network for entry in entries for network in (entry.source, entry.destination)}
    lines = [f"{_token(network)} = {network}" for network in sorted(networks)]
    (definitions / "plan.net").write_text("\n".join([*lines, ""]))
    (definitions / "plan.svc").write_text("".join(f"TCP{p} = {p}/tcp\n" for p in PORTS))
    terms = [
        f"term {entry.name.replace('_', '-')} {{\n"
        f"  source-address:: {_token(entry.source)}\n"
        f"  destination-address:: {_token(entry.destination)}\n"
        f"  destination-port:: TCP{entry.port}\n"
        "  protocol:: tcp\n"
        "  action:: accept\n}\n"
        for entry in entries
    ]
    header = "header {\n  target:: nftables inet forward\n}\n"
    (policies / "policy.pol").write_text(header + "".join(terms))


def _aclgen(command: Path, folder: Path) -> list[str]:
    # `--base_directory` is where folders called `pol` are looked for.
    return [
        str(command),
        f"--base_directory={folder / 'policies'}",
        f"--definitions_directory={folder / 'definitions'}",
        f"--output_directory={folder / 'out'}",
    ]


def _write_foomuuri(folder: Path, entries: Sequence[Entry]) -> None:
    for name in ("etc", "state", "run"):
        (folder / name).mkdir(parents=True)
    rules = [
        f"  tcp {entry.port} saddr {entry.source} daddr {entry.destination} accept"
        for entry in entries
    ]
    # `any-any { drop }` would take every rule above it away, and the check would pass.
    others = ("localhost-west", "localhost-east", "west-localhost", "east-localhost", "east-west")
    lines = [
        *("zone {", "  localhost", f"  {WEST} {WEST}", f"  {EAST} {EAST}", "}"),
        *(f"{WEST}-{EAST} {{", *rules, "  drop", "}"),
        *(f"{other} {{\n  drop\n}}" for other in others),
    ]
    (folder / "etc" / "plan.conf").write_text("\n".join([*lines, ""]))


def _foomuuri(home: Path, folder: Path) -> list[str]:
    return [
        sys.executable,
        "-c",
        _FOOMUURI_WITHOUT_DESKTOP,
        str(home / "usr" / "sbin" / "foomuuri"),
        f"--set=share_dir={home / 'usr' / 'share' / 'foomuuri'}",
        *(f"--set={name}_dir={folder / name}" for name in ("etc", "state", "run")),
        # Ours does not ask the routing table for each packet either.
        "--set=rpfilter=no",
        # Only the text is wanted; the kernel is asked when it is loaded.
        "--set=nft_bin=/bin/true",
        "--quiet",
        "check",
    ]


#: Generating needs none of what foomuuri imports for its desktop service.
_FOOMUURI_WITHOUT_DESKTOP = """
import runpy, sys, types
names = ("dbus", "dbus.mainloop", "dbus.mainloop.glib", "dbus.service", "requests", "gi",
         "gi.repository")
for name in names:
    sys.modules[name] = types.ModuleType(name)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])
sys.modules["dbus"].DBusException = Exception
service = sys.modules["dbus.service"]
service.Object = type("Object", (), {})
service.method = service.signal = lambda *words, **more: lambda function: function
sys.modules["gi.repository"].GLib = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _unpack_foomuuri(home: Path) -> None:
    installed = Path("/usr/sbin/foomuuri")
    if installed.exists():
        shutil.copytree("/usr/share/foomuuri", home / "usr" / "share" / "foomuuri")
        (home / "usr" / "sbin").mkdir(parents=True)
        shutil.copy(installed, home / "usr" / "sbin")
        return
    _unpack_of(_FOOMUURI_RELEASE, "foomuuri", home)


def _unpack_of(release: str, package: str, home: Path) -> None:
    work = _cache() / "apt"
    shutil.rmtree(work, ignore_errors=True)
    for part in ("lists/partial", "archives/partial"):
        (work / part).mkdir(parents=True)
    sources = work / "debian.sources"
    sources.write_text(_sources_of_release(release))
    options = [
        f"-oDir::Etc::SourceList={sources}",
        "-oDir::Etc::SourceParts=-",
        f"-oDir::State::Lists={work / 'lists'}",
        f"-oDir::Cache={work}",
        # The folder is ours alone; apt's own user cannot look into it.
        "-oAPT::Sandbox::User=root",
    ]
    _run(["apt-get", *options, "update"])
    _run(["apt-get", *options, "download", package], where=work)
    for file in work.glob(f"{package}_*.deb"):
        _run(["dpkg-deb", "--extract", str(file), str(home)])
    shutil.rmtree(work)


def _sources_of_release(release: str) -> str:
    """Give the machine's own Debian sources, of another release."""
    facts = Path("/etc/os-release").read_text("utf-8").splitlines()
    own = next((f.partition("=")[2] for f in facts if f.startswith("VERSION_CODENAME=")), "")
    texts = [
        file.read_text("utf-8")
        for file in sorted(_SOURCES.glob("*.sources"))
        if own
        and own in file.read_text("utf-8")
        and "debian-archive-keyring" in file.read_text("utf-8")
    ]
    if not texts:
        message = "the machine's Debian sources are not in the form that apt has since Debian 12"
        raise NotMeasured(message)
    return "\n".join(texts).replace(own, release)


def _cache() -> Path:
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    return CACHE


def _token(network: IPv4Network) -> str:
    return "NET_" + str(network).replace(".", "_").replace("/", "_")


def _run(command: Sequence[str], where: Path | None = None) -> None:
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(
            command, cwd=where, env=quiet, capture_output=True, text=True, check=False
        )
    except OSError as fault:
        raise NotMeasured(str(fault)) from fault
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["no reason given"]
        message = f"{Path(command[0]).name}: {words[-1]}"
        raise NotMeasured(message)
