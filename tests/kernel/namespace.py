"""Loads a ruleset where nothing else is, and gives what the kernel then lists.

The network namespace has no name and ends with the commands that ran in it.
"""

import subprocess
import tempfile
from pathlib import Path

from gateway.artefacts import Ruleset
from gateway.verify.kernel import COMMAND

STAMP = "made revision 1 sha256 0123456789abcdef"


def stamped(ruleset: Ruleset, stamp: str = STAMP) -> str:
    """Give a whole ruleset whose hooks say which policy they hold."""
    return ruleset.stamped(stamp)


def listed(text: str, *commands: str) -> str:
    """Load a text, then commands; give nft's JSON."""
    with tempfile.TemporaryDirectory() as folder:
        loaded, changes = Path(folder, "ruleset.nft"), Path(folder, "changes.nft")
        loaded.write_text(text, encoding="utf-8")
        changes.write_text("\n".join([*commands, ""]), encoding="utf-8")
        script = f"nft -f {loaded} && nft -f {changes} && exec {' '.join(COMMAND)}"
        done = subprocess.run(
            ["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
