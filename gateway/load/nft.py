"""The one door to nf_tables: text in, one transaction, or the kernel's refusal.

Each call opens its own netlink context, so it acts in the network namespace
that the calling thread is in at that moment.  What the text means is not this
module's business.
"""

import json
import subprocess
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from gateway.errors import Refused, problem

#: Where Debian puts python3-nftables, which is on no package index.
DEBIAN_MODULE = Path("/usr/lib/python3/dist-packages/nftables/nftables.py")

NFT = "/usr/sbin/nft"

#: A refusal repeats the text that was refused, which may be ten thousand lines.
LONGEST_ERROR_LINES = 12


class _Answer(NamedTuple):
    status: int
    output: str
    error: str


def run(text: str) -> None:
    """Run the text as one transaction: all of it, or nothing.

    Raises:
        Refused: ZG501 with the kernel's error; nothing was changed.
    """
    _accepted(_ask(_context(), text))


def check(text: str) -> None:
    """Have the kernel judge the text as `run` would, and change nothing.

    Raises:
        Refused: ZG501 with the kernel's error.
    """
    context = _context()
    if not hasattr(context, "set_dry_run"):
        _accepted(_check_by_command(text))
        return
    context.set_dry_run(True)
    _accepted(_ask(context, text))


def list_json(*what: str) -> list[dict[str, Any]] | None:
    """Give what `nft --json list ...` lists, without the line about nft itself.

    None where nft cannot say it.  The command is asked, not the library: where a
    name or a comment in the kernel is not UTF-8, nft 1.1.3 aborts.

    Raises:
        Refused: ZG513, the listing is not JSON.
    """
    asked = subprocess.run([NFT, "--json", "list", *what], capture_output=True, check=False)
    if asked.returncode != 0:
        return None
    try:
        objects = json.loads(asked.stdout)["nftables"]
    except (ValueError, KeyError, TypeError) as fault:
        raise Refused(problem("ZG513", what=" ".join(what))) from fault
    return [thing for thing in objects if "metainfo" not in thing]


def list_text(what: str) -> str:
    """Give what `nft --handle --stateless --terse list ...` lists.

    That is without counts and without the elements of named sets and maps.

    Raises:
        Refused: ZG501, there is no such thing.
    """
    context = _context()
    context.set_handle_output(True)
    context.set_stateless_output(True)
    context.set_terse_output(True)
    return _accepted(_ask(context, f"list {what}"))


def _context() -> Any:  # noqa: ANN401 - python3-nftables ships no types
    return _module().Nftables()


@cache
def _module() -> ModuleType:
    """Load the library's file itself: no environment can put another in its place."""
    spec = spec_from_file_location("nftables_of_debian", DEBIAN_MODULE)
    if spec is None or spec.loader is None or not DEBIAN_MODULE.exists():
        raise Refused(problem("ZG502"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _ask(context: Any, text: str) -> _Answer:  # noqa: ANN401 - see `_context`
    status, output, error = context.cmd(text.encode())
    return _Answer(status, _readable(output), _readable(error))


def _readable(output: bytes) -> str:
    """Give what nft says, with whatever somebody wrote into the kernel that is no text escaped."""
    return output.decode(errors="backslashreplace")


def _check_by_command(text: str) -> _Answer:
    """Ask the command instead, which has had `--check` from its beginning."""
    asked = subprocess.run(
        [NFT, "--check", "--file", "-"], input=text, capture_output=True, text=True, check=False
    )
    return _Answer(asked.returncode, asked.stdout, asked.stderr)


def _accepted(answer: _Answer) -> str:
    if answer.status != 0:
        lines = answer.error.strip().splitlines() or ["(the kernel gave no reason)"]
        raise Refused(problem("ZG501", error="\n  ".join(lines[:LONGEST_ERROR_LINES])))
    return answer.output
